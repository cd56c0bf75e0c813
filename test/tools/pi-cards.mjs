// What `npm run check:pi -- --cards` shows: the doorbell's folder on a second disk that is full, slow, failing or read-only.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DATA,
  ensure,
  findings,
  isRecording,
  notHere,
  prove,
  ran,
  run,
  shell,
  show,
  status,
  systemctl,
  UNIT,
  until,
  withSettings,
} from './pi-board.mjs';
import { GATE, gpioChip, pressed } from './pi-hardware.mjs';

/** A card of the doorbell's own: the second disk, by the label that check-pi gave it; through the device mapper where that is there. */
const CARD_LABEL = 'doorsill-card';
const CARD = '/mnt/card';
/** Where systemd keeps what is in DATA. */
const KEPT = '/var/lib/private/doorsill';
/** What a chime leaves where no card is needed. */
const RUNG_IN_MEMORY = '/dev/shm/doorsill-rung';
/** The least that a ring takes. */
const RING_BYTES = 8 * 1_048_576;
const ON_CARD = { buttons: [GATE], chime: { command: ['touch', RUNG_IN_MEMORY] }, ring: { bytes: RING_BYTES } };
const card = { disk: '', sectors: '', isMapped: false, isReady: false };

const cardDevice = () => (card.isMapped ? `/dev/mapper/${CARD_LABEL}` : card.disk);
const linear = () => `0 ${card.sectors} linear ${card.disk} 0`;
const storage = () => status().health?.storage.state;

/** Puts another table before the disk, whatever is under way. */
function mapCard(table) {
  ran('dmsetup suspend', run('dmsetup', ['suspend', '--nolockfs', CARD_LABEL]));
  ran('dmsetup load', run('dmsetup', ['load', CARD_LABEL, '--table', table]));
  ran('dmsetup resume', run('dmsetup', ['resume', CARD_LABEL]));
}

const mountCard = () =>
  ran('mount', shell(`mount -o errors=remount-ro ${cardDevice()} ${CARD} && mount --bind ${CARD}/doorsill ${KEPT}`));
const unmountCard = () => shell(`umount ${KEPT}; umount ${CARD}`);

/** Moves the doorbell's folder to the card, with a small ring that is made there. */
async function ontoCard() {
  gpioChip();
  card.disk = run('blkid', ['-L', CARD_LABEL]).stdout.trim();
  if (card.disk === '') throw notHere('the rig has no second disk');
  run('modprobe', ['-r', 'gpio_keys']);
  await withSettings(ON_CARD);
  ran('stop', systemctl('stop', UNIT));
  card.sectors = ran('blockdev', run('blockdev', ['--getsz', card.disk])).trim();
  card.isMapped = shell('command -v dmsetup && modprobe -a dm-mod dm-delay dm-flakey').status === 0;
  if (card.isMapped) ran('dmsetup create', run('dmsetup', ['create', CARD_LABEL, '--table', linear()]));
  mkdirSync(CARD, { recursive: true });
  const copy = `mount ${cardDevice()} ${CARD} && rm -f ${KEPT}/ring && cp -a ${KEPT} ${CARD}/doorsill && umount ${CARD}`;
  ran('copy', shell(copy));
  mountCard();
  ran('start', systemctl('start', UNIT));
  await until('a recording on the card', isRecording);
  card.isReady = true;
  return `${card.disk}${card.isMapped ? ', through the device mapper' : ''}`;
}

/** Its folder is where it was, as the page's commands left it. */
async function offCard() {
  systemctl('stop', UNIT);
  unmountCard();
  if (card.isMapped) run('dmsetup', ['remove', CARD_LABEL]);
  await withSettings({});
}

/** It rings although nothing can be written. */
async function ringsOn() {
  rmSync(RUNG_IN_MEMORY, { force: true });
  await pressed('the chime', () => existsSync(RUNG_IN_MEMORY));
}

/** A fault of the card is told as `told`, a press rings, nothing is started anew; all is well once the card is, where `remounts` after a mount. */
async function badCard({ plant, mend, told, remounts = false }) {
  if (!card.isReady) throw notHere('there is no card');
  const device = readFileSync(`${DATA}/device.key`);
  plant();
  const pid = show('MainPID');
  try {
    await until(`storage that is ${told}`, () => storage() === told);
    await ringsOn();
    ensure(show('MainPID') === pid, 'it was started anew');
  } finally {
    mend();
  }
  if (remounts) {
    ran('stop', systemctl('stop', UNIT));
    unmountCard();
    mountCard();
    ran('start', systemctl('start', UNIT));
  }
  await until('storage that is well', () => storage() === 'ok');
  await until('a recording', isRecording);
  ensure(device.equals(readFileSync(`${DATA}/device.key`)), 'it has another identity');
  return `told as ${told}, a press rang, well again ${remounts ? 'once mounted anew' : 'by itself'}`;
}

/** The camera of a doorbell of 720p15: pictures of noise, of as many bytes a second, and fewer and smaller, so that the board keeps up. */
const NOISE = '/opt/doorsill-noise.mp4';
const NOISE_COMMAND = `ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=640x360:rate=5:duration=20 -vf noise=alls=100:allf=t,format=yuv420p \
  -c:v libx264 -preset ultrafast -tune zerolatency -b:v 2M -minrate 2M -maxrate 2M -bufsize 2M -x264-params nal-hrd=cbr -g 5 ${NOISE}`;
const WRITES_MS = 120_000;
/** What the issue of a Pi allows. */
const WRITES_OFF_MAX = 0.05;
const SECTOR_BYTES = 512;

/** Bytes written so far, by the doorbell's own count, which the doctor reads, and by the kernel's of the disk (its Documentation/block/stat.rst). */
function countWrites() {
  const bytes = status().health.written;
  ran('sync', run('sync', ['-f', CARD]));
  const stat = readFileSync(`/sys/class/block/${card.disk.slice('/dev/'.length)}/stat`, 'utf8')
    .trim()
    .split(/\s+/);
  return {
    ring: bytes.ring ?? 0,
    said: Object.values(bytes).reduce((sum, some) => sum + some, 0),
    kernel: Number(stat[6]) * SECTOR_BYTES,
  };
}

/** On a disk that nobody else writes to, once the ring has gone round: its first lap writes zeros besides. */
async function writes() {
  if (!card.isReady) throw notHere('there is no card');
  ran('footage', shell(NOISE_COMMAND));
  await withSettings({ ...ON_CARD, camera: `file:${NOISE}?loop`, motion: { enabled: false } });
  await until('a ring that has gone round', () => countWrites().ring > 2.1 * RING_BYTES);
  const [before, beganMs] = [countWrites(), performance.now()];
  await sleep(WRITES_MS);
  const after = countWrites();
  const hours = (performance.now() - beganMs) / 3_600_000;
  const [said, kernel] = [after.said - before.said, after.kernel - before.kernel];
  const off = (kernel - said) / kernel;
  const anHour = (bytes) => `${(bytes / hours / 1e6).toFixed(0)} MB an hour`;
  const doctor = findings(DATA).find(({ what }) => what === 'writes').detail;
  const figure = `by the doorbell’s count ${anHour(said)}, by the kernel’s ${anHour(kernel)}, ${(100 * off).toFixed(1)} % off; doctor, since its start: ${doctor}`;
  ensure(said > 0 && Math.abs(off) <= WRITES_OFF_MAX, figure);
  return figure;
}

/** The ring, which is made at the start, finds no room. */
function fillCard() {
  ran('stop', systemctl('stop', UNIT));
  shell(
    `rm -f ${CARD}/doorsill/ring; dd if=/dev/zero of=${CARD}/full bs=1M; dd if=/dev/zero of=${CARD}/full bs=4k oflag=append conv=notrunc`,
  );
  ran('start', systemctl('start', UNIT));
}

/** As the kernel does it where a card answers nonsense. */
function failCard() {
  const name = run('basename', [run('realpath', [cardDevice()]).stdout.trim()]).stdout.trim();
  writeFileSync(`/sys/fs/ext4/${name}/trigger_fs_error`, '1');
}

function mappedCard(table) {
  if (card.isReady && !card.isMapped) throw notHere('the board has no dmsetup');
  return badCard({ plant: () => mapCard(table()), mend: () => mapCard(linear()), told: 'failed', remounts: true });
}

/** Each write takes 300 ms longer. */
async function slowCard() {
  if (!card.isReady || !card.isMapped) throw notHere(card.isReady ? 'the board has no dmsetup' : 'there is no card');
  const pid = show('MainPID');
  mapCard(`0 ${card.sectors} delay ${card.disk} 0 0 ${card.disk} 0 300`);
  try {
    const before = status().health.ring.segments;
    await until('more footage', () => status().health?.ring.segments > before);
    await ringsOn();
  } finally {
    mapCard(linear());
  }
  ensure(show('MainPID') === pid, 'it was started anew');
  return 'it records on, and a press rang';
}

export async function cards() {
  await prove('card', ontoCard);
  await prove('writes', writes);
  if (card.isReady) await withSettings(ON_CARD);
  const makeRoom = () => rmSync(`${CARD}/full`, { force: true });
  await prove('card-full', () => badCard({ plant: fillCard, mend: makeRoom, told: 'full' }));
  await prove('card-slow', slowCard);
  await prove('card-flakey', () => mappedCard(() => `0 ${card.sectors} flakey ${card.disk} 0 2 8 1 error_writes`));
  await prove('card-error', () => mappedCard(() => `0 ${card.sectors} error`));
  const readOnly = { plant: failCard, mend: () => {}, told: 'failed', remounts: true };
  await prove('card-read-only', () => badCard(readOnly));
  if (card.disk !== '') await offCard();
}
