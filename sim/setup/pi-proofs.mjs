// Owns: the proofs of `npm run check:pi` that run inside the emulated board, as root under its systemd; one line `PI {...}` for each.
// Not here: booting it, the table (check-pi.mjs).
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const PACKAGE = '/opt/doorsill/node_modules/doorsill';
const DATA = '/var/lib/doorsill';
const UNIT = 'doorsill.service';
/** Generous: the board is emulated. */
const STEP_MS_MAX = 300_000;
const STOP_S_MAX = 5;
/** The unit's own limit. */
const RESTARTS_MAX = 5;
const RESTARTS_WITHIN_MS = 300_000;
const MEMORY_BYTES_MAX = 350 * 1_048_576;
const EXPOSURE_MAX = 2.0;

const commands = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const say = (by, outcome, figure) => console.log(`PI ${JSON.stringify({ by, outcome, figure })}`);
const ensure = (holds, otherwise) => {
  if (!holds) throw new Error(otherwise);
};

/** Runs one proof; whatever it throws is its failure. */
async function prove(by, run) {
  try {
    say(by, 'passed', await run());
  } catch (thrown) {
    say(by, thrown.isOpen ? 'not shown' : 'failed', thrown.message.replaceAll(/\s+/g, ' ').slice(0, 600));
  }
}

/** For what this machine cannot show. */
const notHere = (why) => Object.assign(new Error(why), { isOpen: true });

const run = (command, args, environment = {}) =>
  spawnSync(command, args, { encoding: 'utf8', timeout: STEP_MS_MAX, env: { ...process.env, ...environment } });
const shell = (line) => run('bash', ['-c', line]);
const systemctl = (...args) => run('systemctl', args);
const doorsill = (...args) => run('doorsill', args);

function ran(what, { status, stdout, stderr }) {
  ensure(status === 0, `${what} ended with ${status}: ${stdout.slice(-300)} ${stderr.slice(-300)}`);
  return stdout;
}

function show(property) {
  return systemctl('show', UNIT, `--property=${property}`, '--value').stdout.trim();
}

async function until(what, look, ms = STEP_MS_MAX) {
  for (const lateMs = performance.now() + ms; ; await sleep(500)) {
    const found = await look();
    if (found) return found;
    ensure(
      performance.now() < lateMs,
      `${what} did not come; ${shell(`journalctl -u ${UNIT} -n 8 -o cat --no-pager`).stdout}`,
    );
  }
}

const status = () => JSON.parse(doorsill('device', 'status', '--json').stdout.trim().split('\n').at(-1) || '{}');
const isRecording = () => status().health?.camera.state === 'recording';
const isContainer = run('systemd-detect-virt', ['--container']).stdout.trim() !== 'none';

/** The camera of the kernel's test driver; null where there is none. */
function testCamera() {
  if (isContainer) return null;
  run('modprobe', ['vivid', 'n_devs=1', 'node_types=0x1']);
  return existsSync('/dev/video0') ? '/dev/video0?size=640x360&rate=5' : null;
}

/** README's command as it is run here: as root already, no packages from a network, a camera that is there. */
function here(command, camera) {
  if (/^sudo (apt-get|npm) install/.test(command)) return null;
  return command.replaceAll(/\bsudo /g, '').replace(/--camera \S+/, `--camera '${camera}'`);
}

async function readme(camera) {
  mkdirSync('/root/porch', { recursive: true });
  const done = [];
  for (const command of commands) {
    const line = here(command, camera);
    if (line === null) continue;
    // A slow board's doorbell has started before it has reached its broker.
    if (line === 'doorsill device status') await until(line, () => shell(line).status === 0);
    else ran(command, shell(`cd /root/porch && ${line}`));
    done.push(command);
  }
  ensure(done.length >= 6, `README has ${done.length} commands to run`);
  return `${done.length} commands of ${commands.length}; the others fetch packages`;
}

function exposure() {
  const text = run('systemd-analyze', ['security', '--no-pager', UNIT]).stdout;
  const found = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(text)?.[1]);
  ensure(found <= EXPOSURE_MAX, `it is ${found}`);
  return String(found);
}

async function restarted(how, result) {
  const pid = show('MainPID');
  const restarts = Number(show('NRestarts'));
  const device = readFileSync(`${DATA}/device.key`);
  how();
  if (result) await until(`the end by ${result}`, () => show('Result') === result);
  await until('another process', () => show('ActiveState') === 'active' && !['0', pid].includes(show('MainPID')));
  ensure(Number(show('NRestarts')) === restarts + 1, 'systemd did not count a restart');
  ensure(device.equals(readFileSync(`${DATA}/device.key`)), 'it has another identity');
  await until('a recording', isRecording);
  return `process ${pid} became ${show('MainPID')}, and records`;
}

/** Kills it until systemd starts it no more; then the doctor says so, and it is started by hand. */
async function limited() {
  let kills = 0;
  const startedAt = performance.now();
  const isDown = () => show('ActiveState') === 'failed';
  while (!isDown()) {
    // So many starts must fit into the five minutes, with those before this began.
    if ((performance.now() - startedAt) * (1 + 2 / RESTARTS_MAX) > RESTARTS_WITHIN_MS)
      throw notHere('this board starts it too seldom in five minutes');
    ensure(kills < RESTARTS_MAX, `it was started again after ${kills} ends`);
    const pid = await until('a process or none', () => isDown() || Number(show('MainPID')));
    if (pid === true) break;
    systemctl('kill', '-s', 'SIGKILL', UNIT);
    kills += 1;
    await until('its end', () => Number(show('MainPID')) !== pid);
  }
  const found = diagnose(DATA, {}).find(({ what }) => what === 'service');
  ensure(/has failed/.test(found?.detail ?? ''), `the doctor says ${found?.detail}`);
  ran('reset-failed', systemctl('reset-failed', UNIT));
  ran('start', systemctl('start', UNIT));
  await until('a recording', isRecording);
  return `it stays down after ${kills} more ends, and the doctor says so`;
}

function stopped() {
  const startedAt = performance.now();
  ran('stop', systemctl('stop', UNIT));
  const seconds = (performance.now() - startedAt) / 1_000;
  ensure(show('Result') === 'success', `it ended by ${show('Result')}`);
  ensure(seconds <= STOP_S_MAX, `it took ${seconds.toFixed(1)} s`);
  return `${seconds.toFixed(1)} s`;
}

async function memory() {
  await until('a recording', isRecording);
  const bytes = Number(show('MemoryPeak'));
  if (!Number.isFinite(bytes) || bytes === 0) throw notHere('the kernel does not count it here');
  ensure(bytes <= MEMORY_BYTES_MAX, `${(bytes / 1_048_576).toFixed(0)} MB`);
  return `${(bytes / 1_048_576).toFixed(0)} MB at most`;
}

/** The name that the drawn code opens. */
async function announced() {
  const hardware = readdirSync('/sys/class/net').filter((name) => existsSync(`/sys/class/net/${name}/device`));
  if (hardware.length === 0) throw notHere('this machine has no network hardware');
  const shown = () => JSON.parse(doorsill('pair', '--show', '--json', '--socket', `${DATA}/run/pairing.sock`).stdout);
  const host = await until('a name', () => shown().announced?.host);
  ensure(shown().pairingUrl.startsWith(`https://${host}:`), `the code opens ${shown().pairingUrl}`);
  return host;
}

/** It boots without a time, films, and is told the time later. */
async function withoutClock() {
  if (isContainer) throw notHere('its clock is another machine’s');
  const nowS = Math.floor(Date.now() / 1_000);
  const beganMs = performance.now();
  ran('stop', systemctl('stop', UNIT));
  try {
    ran('date', shell('date -s @86400'));
    ran('start', systemctl('start', UNIT));
    await until('a recording', isRecording);
    ensure(status().health.clockTrusted === false, 'it trusts a clock of 1970');
    const before = await until('footage of 1970', () =>
      status().health.ring.segments > 2 ? status().health.ring : null,
    );
    ran('date', shell(`date -s @${nowS + Math.round((performance.now() - beganMs) / 1_000)}`));
    await until('its trust in the clock', () => status().health?.clockTrusted);
    const { segments } = await until('footage of today', () => {
      const { ring } = status().health;
      return ring.segments > before.segments ? ring : null;
    });
    return `${before.segments} segments of 1970, ${segments} once the time was set; the same process`;
  } finally {
    shell(`date -s @${nowS + Math.round((performance.now() - beganMs) / 1_000)}`);
  }
}

const ffmpegsOf = (pid) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter((child) => child !== '' && readFileSync(`/proc/${child}/comm`, 'utf8').trim() === 'ffmpeg');

/** What the kernel would end first, and what comes of that. */
async function outOfMemory() {
  const pid = show('MainPID');
  const restarts = show('NRestarts');
  const ffmpegs = ffmpegsOf(pid);
  ensure(ffmpegs.length > 0, 'no ffmpeg runs');
  const score = (one) => Number(readFileSync(`/proc/${one}/oom_score`, 'utf8'));
  const [own, ...theirs] = [pid, ...ffmpegs].map(score);
  ensure(
    theirs.every((one) => one > own),
    `the device has ${own}, ffmpeg ${theirs.join(', ')}`,
  );
  for (const one of ffmpegs) process.kill(Number(one), 'SIGKILL');
  await until('another ffmpeg', () => ffmpegsOf(pid).some((one) => !ffmpegs.includes(one)));
  await until('a recording', isRecording);
  ensure(show('MainPID') === pid && show('NRestarts') === restarts, 'the device was started anew');
  return `${own} for the device, ${theirs.join(', ')} for ffmpeg`;
}

/** Entries of the service's own that are warnings or worse, and ends that nobody asked for; before any fault is planted. */
function journal() {
  const ends = shell(`journalctl -u ${UNIT} -o cat --no-pager | grep -c 'Failed with result'`).stdout.trim();
  ensure(ends === '0', `the service has failed ${ends} times`);
  const lines = shell(`journalctl -u ${UNIT} _SYSTEMD_UNIT=${UNIT} -p warning -o cat --no-pager`).stdout.trim();
  ensure(lines === '', lines.slice(0, 400));
  return 'no warning, no error, no end';
}

/** The doorbell with these settings besides its own, started anew; resolves once it records. What it was given before is taken back. */
let settingsBefore = null;
async function withSettings(more) {
  settingsBefore ??= readFileSync(`${DATA}/device.json`, 'utf8');
  // Into the file that is there, which stays the service's.
  writeFileSync(`${DATA}/device.json`, JSON.stringify({ ...JSON.parse(settingsBefore), ...more }));
  ran('restart', systemctl('restart', UNIT));
  await until('a recording', isRecording);
}

const troubles = (part) => (status().health?.hardware ?? []).filter((one) => one.part === part);

/** Has whoever runs the board press its power button, which is line 3 of its GPIO chip, until `come` says that it has had its effect. */
async function pressed(what, come) {
  await until(what, () => {
    console.log('PI-PRESS');
    return come();
  });
}

/** The chime of these proofs leaves this file. */
const RUNG = `${DATA}/rung`;
const chime = { command: ['touch', RUNG] };
const LAMP = { kind: 'gpio', line: 5 };
const GATE = { kind: 'gpio', name: 'gate', line: 3, pull: 'none', activeLow: false };

function gpioChip() {
  if (isContainer || !existsSync('/dev/gpiochip0')) throw notHere('there is no GPIO chip');
  // Else systemd ends the board at a press of its power button.
  shell('systemctl mask --runtime --now systemd-logind');
}

/** The input device of the kernel's driver for keys on GPIO lines. */
function gpioKeys() {
  shell('modprobe gpio_keys');
  const event = readdirSync('/sys/class/input').find(
    (name) =>
      /^event\d+$/.test(name) && readFileSync(`/sys/class/input/${name}/device/name`, 'utf8').trim() === 'gpio-keys',
  );
  return event === undefined ? null : `/dev/input/${event}`;
}

async function evdevButton() {
  gpioChip();
  const device = gpioKeys();
  if (device === null) throw notHere('the kernel has no driver for keys on GPIO lines');
  await withSettings({ buttons: [{ kind: 'evdev', name: 'gate', device, keys: [116] }], chime });
  rmSync(RUNG, { force: true });
  await pressed('the chime after a key', () => existsSync(RUNG));
  return `${device}: a key, and the chime`;
}

/** First the kernel's driver has the line; then that lets it go. */
async function gpioButton() {
  gpioChip();
  const isTaken = gpioKeys() !== null;
  await withSettings({ buttons: [GATE], chime, lights: { recording: LAMP } });
  if (isTaken) {
    await until('a line that is taken', () => troubles('button').some(({ code }) => code === 'gpio_line_taken'));
    ran('modprobe -r', run('modprobe', ['-r', 'gpio_keys']));
  }
  await until('a button that works', () => troubles('button').length === 0);
  rmSync(RUNG, { force: true });
  await pressed('the chime after a press of 100 ms', () => existsSync(RUNG));
  return `a press of 100 ms on a real line${isTaken ? ', once the kernel’s driver had let it go' : ''}`;
}

/** In the run of the GPIO button. */
async function lights() {
  gpioChip();
  shell('mount -t debugfs debugfs /sys/kernel/debug');
  const held = /\(\s*\|gpioset\s*\) (out \w+)/;
  await until('a lit lamp', () => held.exec(readFileSync('/sys/kernel/debug/gpio', 'utf8'))?.[1] === 'out hi');
  return `line ${LAMP.line} is high while it records`;
}

const DING = ['-f', 'lavfi', '-i', 'sine=880:duration=2'];

/** A speaker of the kernel's that is heard at its other end; then that is pulled out. */
async function speaker() {
  gpioChip();
  if (run('modprobe', ['snd-aloop']).status !== 0) throw notHere('the kernel has no snd-aloop');
  run('modprobe', ['-r', 'gpio_keys']);
  const card = 'plughw:Loopback,0';
  const hasAplay = shell('command -v aplay').status === 0;
  const wav = `${DATA}/ding.wav`;
  if (hasAplay) ran('ffmpeg', shell(`ffmpeg -loglevel error -y ${DING.join(' ')} ${wav} && chmod 644 ${wav}`));
  const command = hasAplay
    ? ['aplay', '-q', '-D', card, wav]
    : ['ffmpeg', '-nostdin', '-loglevel', 'error', ...DING, '-f', 'alsa', card];
  await withSettings({ buttons: [GATE], chime: { command, timeoutS: 60 } });
  const ear = ['-nostdin', '-f', 'alsa', '-i', 'hw:Loopback,1', '-af', 'volumedetect', '-t', '30', '-f', 'null', '-'];
  const listening = spawn('ffmpeg', ear, { stdio: ['ignore', 'ignore', 'pipe'] });
  let words = '';
  listening.stderr.on('data', (chunk) => (words += chunk));
  const ended = new Promise((resolve) => listening.once('close', resolve));
  await pressed('the end of listening', () => listening.exitCode !== null);
  await ended;
  const loudest = Number(/max_volume: (-?[\d.]+) dB/.exec(words)?.[1] ?? Number.NaN);
  ensure(loudest > -40, `the loudest that was heard is ${loudest} dB: ${words.slice(-300)}`);
  await until('a card that can be pulled', () => run('modprobe', ['-r', 'snd-aloop']).status === 0);
  await pressed('a chime that is told to be silent', () => troubles('chime').length > 0);
  ensure(isRecording(), 'it does not record any more');
  return `${loudest} dB at the other end by ${command[0]}; a card that is gone is told, and it records on`;
}

/** A firmware that says so stands in for heat. */
async function slowed(camera) {
  if (!existsSync('/sys/firmware/devicetree/base/model')) throw notHere('the machine has no device tree');
  written(fake, '#!/bin/sh\necho throttled=0x50004\n', 0o755);
  await withSettings({});
  await until('a slowed board', () => troubles('board').some(({ code }) => code === 'board_slowed'));
  if (camera !== null) await until('a lower rate', () => status().health?.camera.code === 'camera_rate_lowered');
  rmSync(fake);
  return camera === null ? 'told; no camera whose rate could be lowered' : 'told, and the camera’s rate was lowered';
}

/** A card of the doorbell's own: the second disk, by the label that check-pi gave it; through the device mapper where that is there. */
const CARD_LABEL = 'doorsill-card';
const CARD = '/mnt/card';
/** Where systemd keeps what is in DATA. */
const KEPT = '/var/lib/private/doorsill';
/** What a chime leaves where no card is needed. */
const RUNG_IN_MEMORY = '/dev/shm/doorsill-rung';
const RING_BYTES = 64 * 1_048_576;
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
  const chimeInMemory = { command: ['touch', RUNG_IN_MEMORY] };
  await withSettings({ buttons: [GATE], chime: chimeInMemory, ring: { bytes: RING_BYTES } });
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

/** Its folder is where it was, as README's commands left it. */
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

async function cards() {
  await prove('card', ontoCard);
  const makeRoom = () => rmSync(`${CARD}/full`, { force: true });
  await prove('card-full', () => badCard({ plant: fillCard, mend: makeRoom, told: 'full' }));
  await prove('card-slow', slowCard);
  await prove('card-flakey', () => mappedCard(() => `0 ${card.sectors} flakey ${card.disk} 0 2 8 1 error_writes`));
  await prove('card-error', () => mappedCard(() => `0 ${card.sectors} error`));
  const readOnly = { plant: failCard, mend: () => {}, told: 'failed', remounts: true };
  await prove('card-read-only', () => badCard(readOnly));
  if (card.disk !== '') await offCard();
}

async function hardware(camera) {
  await prove('evdev', evdevButton);
  await prove('gpio', gpioButton);
  await prove('lights', lights);
  await prove('speaker', speaker);
  await prove('slowed', () => slowed(camera));
  // As README's commands left it, for what follows.
  if (settingsBefore !== null) await withSettings({});
}

const written = (path, text, mode = 0o644) => {
  mkdirSync(path.replace(/\/[^/]+$/, ''), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
};
const fake = '/usr/local/bin/vcgencmd';
const config = '/boot/firmware/config.txt';
const dropIn = `/etc/systemd/system/${UNIT}.d/broken.conf`;

/** Each fault: how it is planted and mended, what the doctor calls it, and a word of the fix. */
const FAULTS = {
  'wrong group for video': {
    plant: () => written('/dev/video9', '', 0o600),
    mend: () => rmSync('/dev/video9'),
    what: 'rights',
    fix: /device install/,
  },
  'no ffmpeg': { environment: { FFMPEG_PATH: '/no/such/ffmpeg' }, what: 'ffmpeg', fix: /ffmpeg/ },
  'full card': {
    plant: () => {
      mkdirSync('/mnt/doorsill', { recursive: true });
      shell('mount -t tmpfs -o size=8M tmpfs /mnt/doorsill');
    },
    mend: () => shell('umount /mnt/doorsill'),
    data: '/mnt/doorsill',
    what: 'disk',
    fix: /Free some space/,
  },
  'no time': {
    plant: () => {
      if (isContainer) throw notHere('its clock is another machine’s');
      shell('date -s @86400');
    },
    mend: (nowS) => shell(`date -s @${nowS}`),
    what: 'clock',
    fix: /timedatectl/,
  },
  throttled: {
    plant: () => written(fake, '#!/bin/sh\necho throttled=0x50005\n', 0o755),
    mend: () => rmSync(fake),
    what: 'power',
    fix: /power supply/,
  },
  'read-only root': {
    // The journal writes to the root all the time, so the kernel keeps it writable: the doctor has a view of its own.
    within: [
      'unshare',
      '--mount',
      'sh',
      '-c',
      'mount --rbind / /mnt && mount -o remount,ro,bind /mnt && exec chroot /mnt "$@"',
      'sh',
    ],
    what: 'root',
    also: ['disk'],
    fix: /remount,rw/,
  },
  'wrong overlay for the camera': {
    plant: () => written(config, 'dtoverlay=imx708\n'),
    mend: () => rmSync(config),
    what: 'overlay',
    fix: /camera_auto_detect=1/,
  },
  'taken port': { plant: takePort, mend: (_nowS, server) => server.close(), what: 'page', fix: /ss -tlnp/ },
  'dead mDNS': { plant: takeMdns, mend: (_nowS, socket) => socket.close(), what: 'name', fix: /disallow-other-stacks/ },
  'broken unit': {
    plant: () => {
      written(dropIn, '[Service]\nExecStart=\n');
      systemctl('daemon-reload');
    },
    mend: () => {
      rmSync(dropIn);
      systemctl('daemon-reload');
    },
    what: 'service',
    fix: /device install/,
  },
};

async function takePort() {
  const server = createServer();
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(8_480, resolve);
  });
  return server;
}

/** As a program does that lets no other one announce. */
async function takeMdns() {
  const socket = createSocket('udp4');
  await new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(5_353, resolve);
  });
  return socket;
}

function diagnose(data, environment, within = []) {
  const [command, ...args] = [...within, 'doorsill', 'doctor', '--data', data, '--json'];
  const { stdout } = run(command, args, environment);
  return JSON.parse(stdout.trim().split('\n').at(-1) || '{}').findings.filter(({ level }) => level === 'fault');
}

/** The service is stopped: a doorbell that runs holds its port and reports itself. */
async function doctor() {
  const before = diagnose(DATA, {}).map(({ what }) => what);
  const found = [];
  const open = [];
  for (const [name, { plant, mend, data = DATA, environment = {}, within, what, also = [], fix }] of Object.entries(
    FAULTS,
  )) {
    const nowS = Math.floor(Date.now() / 1_000);
    try {
      const planted = await plant?.();
      const faults = diagnose(data, environment, within).filter((fault) => !before.includes(fault.what));
      await mend?.(nowS, planted);
      const [fault, ...others] = faults.filter((one) => !also.includes(one.what));
      ensure(
        fault?.what === what && others.length === 0,
        `${name}: it found ${faults.map((one) => one.what).join(', ') || 'nothing'}`,
      );
      ensure(fix.test(fault.advice), `${name}: its advice is ${fault.advice}`);
      found.push(name);
    } catch (thrown) {
      if (!thrown.isOpen) throw thrown;
      open.push(`${name} (${thrown.message})`);
    }
  }
  const figure = `${found.length} of ${Object.keys(FAULTS).length}`;
  if (open.length > 0) throw notHere(`${figure}; not ${open.join(', ')}`);
  return figure;
}

const installFiles = () =>
  ['/etc/systemd/system', '/etc/sysusers.d', '/etc/udev/rules.d', '/etc/systemd/system.conf.d'].flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name.includes('doorsill')) : [],
  );

function uninstalled() {
  systemctl('start', UNIT);
  const pid = show('MainPID');
  ran('uninstall', doorsill('device', 'uninstall'));
  rmSync(`/etc/systemd/system/${UNIT}.d`, { recursive: true, force: true });
  ensure(installFiles().length === 0, `it left ${installFiles().join(', ')}`);
  ensure(pid !== '0' && !existsSync(`/proc/${pid}`), 'it still runs, or did not');
  ensure(existsSync(`${DATA}/device.key`), 'its keys are gone');
  ran('uninstall --with-data', doorsill('device', 'uninstall', '--with-data'));
  ensure(!existsSync(DATA) && !existsSync('/var/lib/private/doorsill'), 'its data is still there');
  return 'files gone, keys stayed; gone as well with --with-data';
}

function compilesNothing() {
  symlinkSync(`${PACKAGE}/sim/cli/doorsill.mjs`, '/usr/local/bin/doorsill');
  // Whether it was compiled or not: all that follows runs without it.
  rmSync('/opt/doorsill/node_modules/better-sqlite3', { recursive: true, force: true });
  const node = ran('node', run('node', ['--version'])).trim();
  const version = ran('doorsill --version', doorsill('--version')).trim();
  return `doorsill ${version} on node ${node}, ${process.arch}, without the database driver`;
}

function installed() {
  const again = JSON.parse(
    ran('install', doorsill('device', 'install', '--json'))
      .trim()
      .split('\n')
      .at(-1),
  );
  ensure(again.outcome === 'unchanged', `a second run: ${again.outcome}`);
  ensure(/^gpio:/m.test(readFileSync('/etc/group', 'utf8')), 'there is no group gpio');
  return `${Object.keys(again.files).length} files, the second run changed nothing`;
}

function beforeNetwork() {
  const waits = show('After')
    .split(' ')
    .filter((unit) => /^(network|time-sync)/.test(unit));
  ensure(waits.length === 0, `it waits for ${waits.join(', ')}`);
  return 'it is ordered after none of them';
}

function tellsStatus() {
  const { status: ended, stdout } = doorsill('device', 'status');
  ensure(ended === 0, stdout.slice(0, 400));
  return 'It works.';
}

async function main() {
  const camera = testCamera();
  await prove('compiles-nothing', compilesNothing);
  await prove('readme', () => readme(camera ?? 'synthetic'));
  await prove('install', installed);
  await prove('exposure', exposure);
  await prove('before-network', beforeNetwork);
  await prove('camera', async () => {
    await until('a recording', isRecording);
    if (camera === null) throw notHere('no vivid: the drawn porch was recorded instead');
    return camera;
  });
  await prove('status', tellsStatus);
  await prove('journal', journal);
  await prove('memory', memory);
  await prove('mdns', announced);
  await prove('no-clock', withoutClock);
  await prove('out-of-memory', outOfMemory);
  await hardware(camera);
  await prove('killed', () => restarted(() => systemctl('kill', '-s', 'SIGKILL', UNIT)));
  await prove('hung', () => restarted(() => process.kill(Number(show('MainPID')), 'SIGSTOP'), 'watchdog'));
  await prove('limited', limited);
  await prove('stopped', stopped);
  await prove('doctor', doctor);
  if (process.argv[3] === 'cards') await cards();
  await prove('uninstall', uninstalled);
}

await main();
