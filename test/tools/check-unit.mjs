// `npm run check:unit`: the installed unit of a doorbell under this machine's systemd: start, button press, kill, hang, camera unplugged,
// uninstall. Its last line is `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { plugOf } from './camera-plug.mjs';
import { offeredBy } from './report.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const doorsill = join(root, 'sim/cli/doorsill.mjs');

const USAGE = `Usage: npm run check:unit -- [CAMERA]

  CAMERA     a camera whose driver can be unbound (default /dev/video0); e.g. the test driver: modprobe vivid n_devs=1

Takes root, systemd as process 1, python3 and the module uinput. Everything is made under the unit name doorsill-check and
removed at the end. It lasts about four minutes; the watchdog's 60 s are waited for.`;

const NAME = 'doorsill-check';
const DATA = `/var/lib/${NAME}`;
const UNIT = `/etc/systemd/system/${NAME}.service`;
const CREDENTIAL = `/run/credstore/${NAME}.enrolment-code`;
/** Generous: a board may be slow, and an emulated one slower. */
const STEP_MS_MAX = 300_000;
/** systemd's range of dynamic users (systemd.exec(5), DynamicUser=). */
const DYNAMIC_USERS = { first: 61_184, last: 65_519 };

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean', default: false } },
});
const camera = positionals[0] ?? '/dev/video0';

const counts = { passed: 0, failed: 0 };
const ensure = (holds, otherwise) => {
  if (!holds) throw new Error(otherwise);
};

/** Runs one proof; whatever it throws is its failure. Resolves with whether it passed. */
async function prove(what, run) {
  const startedAt = performance.now();
  const said = (outcome, figure) => {
    counts[outcome] += 1;
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
    console.log(`  ${outcome}  ${what}${figure ? `: ${figure}` : ''} (${seconds} s)`);
  };
  try {
    said('passed', await run());
    return true;
  } catch (thrown) {
    said('failed', thrown.message.replaceAll(/\s+/g, ' '));
    return false;
  }
}

/** Polls `look` until it returns something. */
async function until(what, look, ms = STEP_MS_MAX) {
  for (const lateMs = performance.now() + ms; ; await sleep(250)) {
    const found = await look();
    if (found) return found;
    ensure(performance.now() < lateMs, `${what} did not come; ${lastWords()}`);
  }
}

const run = (command, args, input) => spawnSync(command, args, { encoding: 'utf8', input, timeout: STEP_MS_MAX });
const systemctl = (...args) => run('systemctl', args);
const lastWords = () =>
  `journal: ${run('journalctl', ['-u', NAME, '-n', '20', '-o', 'cat', '--no-pager']).stdout.trim()}`;

function properties() {
  const names = ['ActiveState', 'SubState', 'MainPID', 'NRestarts', 'Result', 'ExecMainStatus'];
  const { stdout } = systemctl('show', NAME, ...names.map((name) => `--property=${name}`));
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/=(.*)/s, 2)),
  );
}

const runningPid = () => {
  const { ActiveState, SubState, MainPID } = properties();
  return ActiveState === 'active' && SubState === 'running' ? Number(MainPID) : 0;
};

function verb(args, input) {
  const done = run(process.execPath, [doorsill, ...args, '--json'], input);
  ensure(done.status === 0, `doorsill ${args.join(' ')} ended with ${done.status}: ${done.stderr}`);
  return JSON.parse(done.stdout.trim().split('\n').at(-1));
}

/** Processes whose command line or environment holds `text`. */
function showing(text) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) =>
      ['cmdline', 'environ'].some((file) => {
        try {
          return readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(text);
        } catch {
          return false;
        }
      }),
    );
}

/** A virtual button, made with the kernel's uinput. */
async function plugButton() {
  run('modprobe', ['uinput']);
  const child = spawn('python3', [join(root, 'test/tools/uinput-button.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const node = await new Promise((resolve, reject) => {
    lines.once('line', resolve);
    child.once('close', () => reject(new Error('the button could not be made')));
  });
  return { node, press: () => child.stdin.write('press\n'), unplug: () => child.stdin.end() };
}

/** The broker of the home, and the device's folder as an operator would set them up: settings and the account to use. */
async function layOut(device, seams, button) {
  // In the device's folder, the only one that the service may write: pairing makes the owner's account.
  const place = join(DATA, 'broker');
  const accounts = join(place, 'accounts');
  mkdirSync(accounts, { recursive: true, mode: 0o700 });
  const broker = spawn(process.execPath, [doorsill, 'bridge', 'broker', '--data', place, '--port', '0', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: broker.stdout }).once('line', resolve);
    broker.once('close', () => reject(new Error('the broker did not start')));
  });
  const { publicKey } = await device.loadOrCreateDeviceKey(seams.disk, seams.random, DATA);
  const id = device.actorId('device', device.sha256Hex(publicKey));
  const account = await device.issueAccount(seams.disk, seams.random, accounts, { role: 'device-home', id });
  const settings = {
    camera: `${camera}?size=320x180&rate=10`,
    ring: { bytes: 64 * 1024 * 1024 },
    motion: { enabled: false },
    home: { url: JSON.parse(line).url, ...account, accounts },
    buttons: [{ kind: 'evdev', name: 'gate', device: button.node, keys: [28] }],
  };
  writeFileSync(join(DATA, 'device.json'), JSON.stringify(settings, null, 2), { mode: 0o600 });
  return broker;
}

/** A fake bridge searches every process for the secret before it answers the device's enrolment call, and refuses the call. */
async function proveEnrolment(device) {
  const seen = [];
  const secret = 'TheSecretOfTheCode-0123456789';
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      seen.push({ isOurs: JSON.parse(body).secret === secret, shown: showing(secret), device: showing(DATA).length });
      response.writeHead(403).end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const code = device.printEnrolmentCode({ url, bridge: 'a'.repeat(64), registry: 'b'.repeat(64), secret });
  try {
    verb(['device', 'enrol', '--name', NAME], `${code}\n`);
    systemctl('start', '--no-block', NAME);
    const [call] = await until('the device’s call', () => (seen.length > 0 ? seen : null));
    ensure(call.isOurs, 'it used another code');
    ensure(call.device > 0, 'the device itself was not among the processes that were looked at');
    ensure(call.shown.length === 0 && showing(code).length === 0, `the code is shown by ${call.shown.join(', ')}`);
    return 'handed over as a credential, used, shown by 0 processes';
  } finally {
    systemctl('stop', NAME);
    systemctl('reset-failed', NAME);
    rmSync(CREDENTIAL, { force: true });
    server.close();
  }
}

function proveUser(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const numbers = (name) => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1].split(/\s+/) ?? [];
  const [uid] = numbers('Uid').map(Number);
  ensure(uid >= DYNAMIC_USERS.first && uid <= DYNAMIC_USERS.last, `it runs as ${uid}`);
  ensure(/^0+$/.test(numbers('CapEff')[0]), `it has capabilities ${numbers('CapEff')}`);
  ensure(numbers('NoNewPrivs')[0] === '1', 'it may gain privileges');
  ensure(statSync(realData()).uid === uid, 'its folder is not its own');
  ensure((statSync(realData()).mode & 0o077) === 0, 'its folder is open to others');
  const script = `require('fs').writeFileSync(${JSON.stringify(join(root, 'written-by-the-service'))}, '')`;
  const inside = run('nsenter', ['-t', String(pid), '-m', '-S', String(uid), process.execPath, '-e', script]);
  ensure(/EROFS/.test(inside.stderr), `the checkout is not read-only to it: ${inside.stderr.slice(-200)}`);
  return `user ${uid}, no capabilities, read-only checkout`;
}

const realData = () => `/var/lib/private/${NAME}`;

/** The events and state that the owner receives from the device. */
class Listener {
  events = [];
  state = null;

  constructor(session) {
    session.listen({ event: (event) => this.events.push(event), state: (state) => (this.state = state) });
  }

  /** An event after the first `since` that `holds`. */
  event(what, holds, since) {
    return until(what, () => this.events.slice(since).find(holds));
  }

  recording(what, since = 0) {
    return until(what, () => {
      const { camera: seen, ring } = this.state ?? {};
      return seen?.state === 'recording' && (ring?.coverage.at(-1)?.endUs ?? 0) > since ? this.state : null;
    });
  }

  get footageUs() {
    return this.state?.ring?.coverage.at(-1)?.endUs ?? 0;
  }
}

async function provePress(owner, button) {
  const since = owner.events.length;
  const rung = owner.event('the press', (event) => event.type === 'ring', since);
  await sleep(1_500);
  button.press();
  const press = await rung;
  ensure(press.button === 'gate' && press.source === 'evdev', `it is told as ${JSON.stringify(press)}`);
  return `button ${press.button} by ${press.source}`;
}

/** Ends the running process by `how`; resolves once systemd has started another that records. */
async function proveRestart(owner, how, result) {
  const pid = await until('a process', () => runningPid() || null);
  const before = { us: owner.footageUs, restarts: Number(properties().NRestarts) };
  const startedAt = performance.now();
  how(pid);
  if (result) await until(`the end by ${result}`, () => properties().Result === result);
  const next = await until('a new process', () => {
    const now = runningPid();
    return now !== 0 && now !== pid ? now : null;
  });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  ensure(Number(properties().NRestarts) === before.restarts + 1, 'systemd did not count a restart');
  await owner.recording('footage after it', before.us);
  return `process ${pid} became ${next} within ${seconds} s, and records`;
}

async function provePull(owner, button) {
  const { how, unplug, replug } = plugOf(camera, null);
  const pid = runningPid();
  const since = owner.events.length;
  unplug();
  let isOut = true;
  try {
    const lost = await owner.event(
      'word that the camera is gone',
      ({ type, state }) => type === 'camera' && state === 'lost',
      since,
    );
    await provePress(owner, button);
    const footageUs = owner.footageUs;
    replug();
    isOut = false;
    await owner.recording('a recording anew', footageUs);
    ensure(runningPid() === pid, 'the service was started again');
    return `${how}: ${lost.code}, a press rang, recording again, same process`;
  } finally {
    if (isOut) replug();
  }
}

function proveRemoved() {
  const pid = runningPid();
  ensure(verb(['device', 'uninstall', '--name', NAME]).outcome === 'removed', 'it was not there');
  ensure(!existsSync(UNIT), 'the unit is still there');
  ensure(!existsSync(`/proc/${pid}`), 'it still runs');
  ensure(systemctl('is-enabled', NAME).stdout.trim() !== 'enabled', 'it is still enabled');
  ensure(systemctl('show', NAME, '--property=LoadState').stdout.includes('not-found'), 'systemd still knows it');
  ensure(existsSync(join(realData(), 'device.key')), 'its keys are gone');
  return 'stopped, disabled, unknown to systemd; its folder stays';
}

async function checkUnit(device, button) {
  const seams = { clock: new device.SystemClock(), random: new device.SystemRandom(), disk: new device.SystemDisk() };
  const broker = await layOut(device, seams, button);
  let session = null;
  try {
    await prove('installed by the verb', () => {
      ensure(verb(['device', 'install', '--name', NAME]).outcome === 'installed', 'it was there before');
      return UNIT;
    });
    await prove('its enrolment code is shown to nobody', () => proveEnrolment(device));
    const isUp = await prove('started, and says itself that it is ready', async () => {
      const started = systemctl('enable', '--now', NAME);
      ensure(started.status === 0, `${started.stderr} ${lastWords()}`);
      return `process ${await until('a running service', runningPid)}`;
    });
    if (!isUp) return;
    await prove('runs as a user of its own', () => proveUser(runningPid()));
    const key = await device.loadOrCreateOwnerKey(seams.disk, seams.random, join('/run', NAME, 'owner.key'));
    const home = await device.pairWithDevice(seams, device.pairingSocketPath(DATA), key, 'owner');
    session = new device.OwnerSession(home, { ...seams, log: device.silentLog() });
    const owner = new Listener(session);
    await session.start();
    await prove('records the camera', async () => {
      const { ring } = await owner.recording('a recording');
      return `${camera}, ${ring.coverage.length} span of footage`;
    });
    await prove('a key of a real input device rings', () => provePress(owner, button));
    await prove('killed, it is started again', () => proveRestart(owner, (pid) => process.kill(pid, 'SIGKILL')));
    await prove('hung, the watchdog ends it and it is started again', () =>
      proveRestart(owner, (pid) => process.kill(pid, 'SIGSTOP'), 'watchdog'),
    );
    await prove('rings after that, too', () => provePress(owner, button));
    await prove('its camera pulled out and put back', () => provePull(owner, button));
    await prove('removed by the verb', proveRemoved);
  } finally {
    await session?.stop();
    broker.kill('SIGINT');
  }
}

if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
const lacks = [
  ...(process.getuid?.() === 0 ? [] : ['root']),
  ...(existsSync('/run/systemd/system') ? [] : ['systemd as process 1']),
  ...(existsSync(camera) ? [] : [camera]),
  ...(existsSync(DATA) || existsSync(UNIT) ? [`no ${DATA} and no ${UNIT} from before`] : []),
];
if (lacks.length > 0) {
  console.log(`${USAGE}\n\nThis machine lacks: ${lacks.join(', ')}.\n\n0 passed, 1 failed`);
  process.exit(5);
}
const build = spawnSync(process.execPath, [join(root, 'sim/setup/prepare.mjs')], { stdio: ['ignore', 2, 2] });
if (build.status !== 0) process.exit(build.status ?? 1);
console.log(`== ${NAME}.service, ${run('systemctl', ['--version']).stdout.split('\n')[0]}`);
let button = null;
try {
  button = await plugButton();
  const parts = await offeredBy(
    'device/dist/index',
    ...['clock', 'disk', 'keys', 'log', 'mqtt-account-files', 'random'].map((name) => `device/base/dist/${name}`),
    ...['enrolment', 'ids'].map((name) => `device/contract/dist/${name}`),
  );
  await checkUnit(parts, button);
} catch (thrown) {
  await prove('the check itself', () => Promise.reject(thrown));
} finally {
  button?.unplug();
  run(process.execPath, [doorsill, 'device', 'uninstall', '--name', NAME]);
  rmSync(CREDENTIAL, { force: true });
  for (const path of [DATA, realData(), join('/run', NAME)]) rmSync(path, { recursive: true, force: true });
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
