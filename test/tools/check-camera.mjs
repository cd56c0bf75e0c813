// `npm run check:camera`: the whole story with every real camera of a Linux machine, including unplug and replug. Its last line is `N
// passed, N failed, N skipped`.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { entry, Feeder, isLoopback, plugOf, Skip } from './camera-plug.mjs';
import { offeredBy } from './report.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const doorsill = join(root, 'sim/cli/doorsill.mjs');

const USAGE = `Usage: npm run check:camera -- [options] [CAMERA...]

  CAMERA           /dev/video0, /dev/v4l/by-id/..., rpicam:0; none: every /dev/video* of this machine
  --size WxH       asked of each camera (default 640x360)
  --rate N         frames a second (default 15)
  --mic DEVICE     a microphone to record with the first camera, e.g. alsa:plughw:1,0
  --no-unplug      leave drivers and modules alone

Unplugging takes root: the camera's driver is unbound and bound again. A v4l2loopback is fed here and its feeder stopped.
Examples:
  $ npm run check:camera
  $ sudo npm run check:camera -- --size 1280x720 /dev/video0`;

/** Generous: a board may be slow, and an emulated one slower. */
const STEP_MS_MAX = 600_000;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '640x360' },
    rate: { type: 'string', default: '15' },
    mic: { type: 'string' },
    'no-unplug': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    try: { type: 'string' },
  },
});
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}

const rows = [];
const note = (camera, what, outcome, figure = '') => {
  rows.push({ camera, what, outcome, figure });
  console.log(`  ${outcome.padEnd(7)} ${camera}  ${what}${figure ? `: ${figure}` : ''}`);
};

/** Runs one proof; whatever it throws is its failure, `Skip` aside. */
async function prove(camera, what, run) {
  try {
    note(camera, what, 'passed', (await run()) ?? '');
    return true;
  } catch (thrown) {
    note(camera, what, thrown instanceof Skip ? 'skipped' : 'failed', thrown.message.replaceAll(/\s+/g, ' '));
    return false;
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const text = (path) => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '');
const ensure = (holds, otherwise) => {
  if (!holds) throw new Error(otherwise);
};

/** Runs the command line to its end; `last` is its last line of JSON. */
async function command(args, ms = STEP_MS_MAX) {
  const child = spawn(process.execPath, [doorsill, ...args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGTERM'), ms);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (err += chunk));
  const status = await new Promise((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  const lines = (from) => from.split('\n').filter((line) => line.startsWith('{'));
  const json = (from) => JSON.parse(lines(from).at(-1) ?? 'null');
  return { status, last: json(out), error: json(err)?.error, words: err.trim().split('\n').slice(-3).join(' | ') };
}

// Cameras

function camerasHere() {
  return readdirSync('/dev')
    .filter((name) => /^video\d+$/.test(name))
    .sort((a, b) => a.length - b.length || a.localeCompare(b))
    .map((name) => `/dev/${name}`);
}

function specOf(camera, more = '') {
  const mark = camera.includes('?') ? '&' : '?';
  return `${camera}${mark}size=${options.size}&rate=${options.rate}${more}`;
}

/** A testbed with this camera, whose JSON output is kept. */
class Testbed {
  constructor(camera) {
    this.folder = mkdtempSync(join(tmpdir(), 'doorsill-camera-'));
    this.said = [];
    this.child = spawn(
      process.execPath,
      [doorsill, 'up', '--data', this.folder, '--camera', camera, '--no-ask', '--json'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.gone = new Promise((resolve) => this.child.on('close', resolve));
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) this.said.push(JSON.parse(line));
    });
  }

  /** Waits for an output event after the first `since`. */
  async until(what, holds, since = 0) {
    const lateMs = performance.now() + STEP_MS_MAX;
    for (;;) {
      const found = this.said.slice(since).find(holds);
      if (found) return found;
      ensure(this.child.exitCode === null, `the testbed has ended before ${what}`);
      ensure(performance.now() < lateMs, `${what} did not come: ${JSON.stringify(this.said.slice(since).slice(-3))}`);
      await sleep(200);
    }
  }

  async stop() {
    this.child.kill('SIGINT');
    await this.gone;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const isCamera = (state) => (word) => word.event === 'camera' && word.state === state;

// Proofs

async function proveDemo(camera, more) {
  const folder = mkdtempSync(join(tmpdir(), 'doorsill-camera-'));
  try {
    const args = ['demo', '--camera', specOf(camera, more), '--from', '2', '--to', '5', '--disclose', 'address'];
    const demo = await command([...args, '--data', join(folder, 'testbed')]);
    ensure(demo.status === 0, `demo ended with ${demo.status}: ${demo.error?.message ?? demo.words}`);
    const { clip, manifest, frames, method, sha256 } = demo.last;
    ensure(frames > 0 && statSync(clip).size > 0, 'the clip is empty');
    const hasSound = readFileSync(clip).includes('soun');
    ensure(hasSound || more === '', 'the clip has no sound');
    const verified = await command(['verify', clip, manifest]);
    ensure(verified.status === 0, `verify ended with ${verified.status}: ${verified.error?.message ?? verified.words}`);
    return `${frames} frames of 3 s${hasSound ? ' with sound' : ''} in the vault and verified, ${method}, sha256 ${sha256.slice(0, 12)}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function proveReplug(camera, feeder) {
  if (options['no-unplug']) throw new Skip('--no-unplug');
  const { how, unplug, replug } = plugOf(camera, feeder);
  const testbed = new Testbed(specOf(camera));
  let isOut = false;
  try {
    await testbed.until('a recording', isCamera('recording'));
    const before = testbed.said.length;
    isOut = true;
    await unplug();
    const lost = await testbed.until('word that the camera is gone', isCamera('lost'), before);
    ensure(
      typeof lost.code === 'string' && lost.code.startsWith('camera_'),
      `it carries no code: ${JSON.stringify(lost)}`,
    );
    const pressed = await command(['ring', '--data', testbed.folder]);
    ensure(pressed.status === 0, `ring ended with ${pressed.status}: ${pressed.error?.message ?? pressed.words}`);
    await testbed.until('the press', (word) => word.event === 'ring', before);
    const after = testbed.said.length;
    await replug();
    isOut = false;
    await testbed.until('a recording anew', isCamera('recording'), after);
    const watched = await command(['watch', '--once', '--data', testbed.folder]);
    const spans = (watched.last?.state ?? watched.last)?.ring?.coverage?.length ?? 0;
    ensure(spans >= 2, `it is not a recording of its own: ${spans} span(s) of footage`);
    return `${how}: ${lost.code}, a press rang, recording again as span ${spans}`;
  } finally {
    if (isOut) await replug();
    await testbed.stop();
  }
}

/** One camera check of the doctor, in a process of its own so that it can run as another user. */
async function tryOnce(spec) {
  const { findFfmpeg, isFailure, parseCameraSource, SystemClock, SystemPrograms } = await offeredBy(
    'device/dist/index',
    'device/base/dist/clock',
    'device/base/dist/system-programs',
    'device/contract/dist/errors',
  );
  const seams = { clock: new SystemClock(), programs: new SystemPrograms(), ffmpeg: await findFfmpeg() };
  try {
    const { gives, troubles } = await parseCameraSource(spec).tryOnce(seams);
    return { gives, troubles: troubles.map(({ code, message }) => ({ code, message })) };
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    return { code: thrown.code, message: thrown.message };
  }
}

function tried(spec, prefix = []) {
  const line = [...prefix, process.execPath, fileURLToPath(import.meta.url), '--try', spec];
  const done = spawnSync(line[0], line.slice(1), { encoding: 'utf8', timeout: STEP_MS_MAX });
  ensure(done.status === 0, `trying it ended with ${done.status}: ${done.stderr.slice(-300)}`);
  return JSON.parse(done.stdout.trim().split('\n').at(-1));
}

async function proveBusy(camera) {
  if (camera.startsWith('rpicam')) throw new Skip('its own program tells no busy camera from a missing one');
  const holder = spawn(
    process.env.FFMPEG_PATH ?? 'ffmpeg',
    ['-nostdin', '-loglevel', 'error', '-f', 'v4l2', '-i', camera, '-f', 'null', '-'],
    { stdio: 'ignore' },
  );
  const gone = new Promise((resolve) => holder.on('close', resolve));
  try {
    for (let tries = 0; tries < 6; tries += 1) {
      await sleep(5_000);
      ensure(holder.exitCode === null, 'it could not be held');
      const { code, gives } = tried(specOf(camera));
      if (code === 'camera_busy') return code;
      if (code !== undefined) throw new Error(`it says ${code}`);
      if (tries === 5) throw new Skip(`its driver lets two read it at once (${gives})`);
    }
  } finally {
    holder.kill('SIGKILL');
    await gone;
  }
  return '';
}

async function proveDenied(camera) {
  if (camera.startsWith('rpicam')) throw new Skip('its own program opens it');
  if (process.getuid() !== 0) throw new Skip('becoming somebody else takes root');
  const somebody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--'];
  const reads = spawnSync(somebody[0], [...somebody.slice(1), 'test', '-r', doorsill]);
  if (reads.status !== 0) throw new Skip('this checkout is closed to other users');
  const found = tried(specOf(camera), somebody);
  if (found.gives !== undefined) throw new Skip('everybody may open it here');
  ensure(found.code === 'camera_denied', `it says ${found.code}: ${found.message}`);
  return found.code;
}

/** What every program opens: itself, its libraries, system information. */
const OWN = /^(\/(usr|lib|lib64|proc|sys)\/|\/etc\/(ld\.so\.|ssl\/|localtime$|alsa\/)|\/dev\/(null|urandom|snd\/|dri))/;

/** Runs one camera check of the doctor under strace: which files ffmpeg opened, and which sockets. */
function proveReach(camera) {
  if (camera.startsWith('rpicam')) throw new Skip('its own program opens it');
  if (spawnSync('strace', ['-V']).status !== 0) throw new Skip('strace is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'doorsill-camera-'));
  try {
    const log = join(folder, 'trace');
    const found = tried(specOf(camera), ['strace', '-f', '-o', log, '-e', 'trace=open,openat,execve,socket,connect']);
    ensure(found.gives !== undefined, `${found.code}: ${found.message}`);
    const isReader = new Set();
    const [opens, calls] = [[], []];
    for (const line of readFileSync(log, 'utf8').split('\n')) {
      const [, pid, call = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
      // The shell that sets the limits execs ffmpeg; ffmpeg's threads have ids of their own and open nothing.
      if (/^execve\("[^"]*ffmpeg".* = 0$/.test(call)) isReader.add(pid);
      if (!isReader.has(pid)) continue;
      const path = /^open(?:at)?\((?:AT_FDCWD, )?"([^"]*)"/.exec(call)?.[1];
      if (path !== undefined && !OWN.test(path)) opens.push(path);
      if (/^(socket|connect)\(/.test(call) && !/AF_UNIX/.test(call)) calls.push(call);
    }
    const others = opens.filter((path) => path !== camera);
    ensure(opens.includes(camera), 'the trace shows no reading of it');
    ensure(others.length === 0 && calls.length === 0, `it reached ${[...others, ...calls].join(', ')}`);
    return `${isReader.size} runs of ffmpeg: other files 0, sockets 0`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function checkCamera(camera, isFirst) {
  console.log(`\n== ${camera}  ${camera.startsWith('/dev/') ? text(join(entry(camera), 'name')) : ''}`);
  const feeder = camera.startsWith('/dev/') && isLoopback(camera) ? new Feeder(camera, options) : null;
  try {
    await feeder?.start();
    const found = tried(specOf(camera));
    if (found.code === 'camera_not_capture') return note(camera, 'is a camera', 'skipped', found.message);
    if (
      !(await prove(camera, 'is found and gives a picture', () => {
        ensure(found.gives !== undefined, `${found.code}: ${found.message}`);
        return found.gives;
      }))
    )
      return;
    await prove(camera, 'the demo, to a verified clip', () =>
      proveDemo(camera, isFirst && options.mic ? `&mic=${options.mic}` : ''),
    );
    await prove(camera, 'a size that it lacks is refused', () => {
      const { code, gives } = tried(`${camera}?size=4096x32`);
      if (gives !== undefined) throw new Skip(`it has that size (${gives})`);
      ensure(code === 'camera_format_unsupported', `it says ${code}`);
      return code;
    });
    await prove(camera, 'is read by what opens nothing else', () => proveReach(camera));
    await prove(camera, 'is told busy while another program has it', () => proveBusy(camera));
    await prove(camera, 'is told closed to who is not in its group', () => proveDenied(camera));
    await prove(camera, 'unplugged and plugged in again', () => proveReplug(camera, feeder));
  } catch (thrown) {
    note(camera, 'can be checked', 'failed', thrown.message);
  } finally {
    await feeder?.stop();
  }
}

function printTable() {
  console.log('\n== what was proved');
  const width = (of) => Math.max(...rows.map((row) => of(row).length));
  const columns = [width((row) => row.camera), width((row) => row.what)];
  for (const { camera, what, outcome, figure } of rows) {
    console.log(`  ${outcome.padEnd(7)}  ${camera.padEnd(columns[0])}  ${what.padEnd(columns[1])}  ${figure}`);
  }
  const count = (outcome) => rows.filter((row) => row.outcome === outcome).length;
  console.log(`\n${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
  return count('failed') === 0 && count('passed') > 0;
}

if (options.try !== undefined) {
  console.log(JSON.stringify(await tryOnce(options.try)));
  process.exit(0);
}
const cameras = positionals.length > 0 ? positionals : camerasHere();
if (cameras.length === 0) {
  console.log('This machine has no camera: there is no /dev/video*.');
  console.log('Plug one in, or name a camera module: npm run check:camera -- rpicam:0');
  console.log('A camera that is software: modprobe vivid n_devs=1 (a test driver), or v4l2loopback.');
  console.log('\n0 passed, 1 failed, 0 skipped');
  process.exit(5);
}
const build = spawnSync(process.execPath, [join(root, 'sim/setup/prepare.mjs')], { stdio: ['ignore', 2, 2] });
if (build.status !== 0) process.exit(build.status ?? 1);
for (const [number, camera] of cameras.entries()) await checkCamera(camera, number === 0);
process.exitCode = printTable() ? 0 : 1;
