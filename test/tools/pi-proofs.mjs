// The proofs of `npm run check:pi` that run inside the emulated board, as root under its systemd: a doorbell installed as
// docs/raspberry-pi.md says, and its service.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  DATA,
  diagnose,
  doorsill,
  ensure,
  isContainer,
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
} from './pi-board.mjs';
import { cards } from './pi-cards.mjs';
import { doctor } from './pi-doctor.mjs';
import { hardware } from './pi-hardware.mjs';
import { compilesNothing, documented, installFiles, recordedCamera, testCamera } from './pi-install.mjs';
import { updates } from './pi-updates.mjs';

const STOP_S_MAX = 5;
/** The unit's own limit. */
const RESTARTS_MAX = 5;
const RESTARTS_WITHIN_MS = 300_000;
const MEMORY_BYTES_MAX = 350 * 1_048_576;
const EXPOSURE_MAX = 2.0;

function exposure() {
  const text = run('systemd-analyze', ['security', '--no-pager', UNIT]).stdout;
  const found = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(text)?.[1]);
  ensure(found <= EXPOSURE_MAX, `it is ${found}`);
  return String(found);
}

async function restarted(how, result) {
  const pid = await until('a process', () => Number(show('MainPID')) > 0 && show('MainPID'));
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
  // The first of the starts that are counted: those of the proofs before may be too long ago on a slow board.
  ran('reset-failed', systemctl('reset-failed', UNIT));
  ran('restart', systemctl('restart', UNIT));
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
function uninstalled() {
  systemctl('start', UNIT);
  const pid = show('MainPID');
  ran('uninstall', doorsill('uninstall'));
  rmSync(`/etc/systemd/system/${UNIT}.d`, { recursive: true, force: true });
  ensure(installFiles().length === 0, `it left ${installFiles().join(', ')}`);
  ensure(pid !== '0' && !existsSync(`/proc/${pid}`), 'it still runs, or did not');
  ensure(existsSync(`${DATA}/device.key`), 'its keys are gone');
  ran('uninstall --with-data', doorsill('uninstall', '--with-data'));
  ensure(!existsSync(DATA) && !existsSync('/var/lib/private/doorsill'), 'its data is still there');
  return 'files gone, keys stayed; gone as well with --with-data';
}

function installed() {
  const again = JSON.parse(ran('install', doorsill('install', '--json')).trim().split('\n').at(-1));
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
  const { status: ended, stdout } = doorsill('status');
  ensure(ended === 0, stdout.slice(0, 400));
  return 'It works.';
}

async function main(commandsFile, ...options) {
  const commands = JSON.parse(readFileSync(commandsFile, 'utf8'));
  const camera = testCamera();
  await prove('compiles-nothing', compilesNothing);
  await prove('documented', () => documented(commands, camera ?? recordedCamera()));
  await prove('install', installed);
  await prove('exposure', exposure);
  await prove('before-network', beforeNetwork);
  await prove('camera', async () => {
    await until('a recording', isRecording);
    if (camera === null) throw notHere('no vivid: a file was recorded instead');
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
  await prove('hung', () =>
    restarted(() => ran('SIGSTOP', systemctl('kill', '--kill-whom=main', '-s', 'SIGSTOP', UNIT)), 'watchdog'),
  );
  await prove('limited', limited);
  await prove('stopped', stopped);
  await prove('doctor', doctor);
  if (options.includes('cards')) await cards();
  if (options.includes('updates')) await updates(join(dirname(commandsFile), 'releases'));
  await prove('uninstall', uninstalled);
}

await main(...process.argv.slice(2));
