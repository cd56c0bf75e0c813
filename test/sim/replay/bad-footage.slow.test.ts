// @module-tag long
// Replays bad input: strange footage is shown whole, broken footage is named, every run ends by itself and leaves nothing behind.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { processesNaming, Running, runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('bad-footage');
/** Holds the command's temporary files. */
const scratch = temporaryFolder('bad-footage-scratch');
const inFolder = (name: string) => join(folder.path, name);
const environment = { TMPDIR: scratch.path };
const replay = (...args: string[]) => runCommand(['replay', ...args, '--json'], { environment, seconds: 40 });

const SMALL = 'testsrc2=size=320x180:rate=15';
const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
const drawn = (what: string) => ['-f', 'lavfi', '-i', what];
const SOUND = drawn('sine=440');

let ffmpegPath = '';
function make(name: string, ...args: string[]): string {
  execFileSync(ffmpegPath, ['-y', '-v', 'error', '-nostdin', ...args, inFolder(name)]);
  return inFolder(name);
}

beforeAll(async () => {
  ffmpegPath = (await findFfmpeg()).path;
  make('base.mp4', ...drawn(SMALL), ...SOUND, '-t', '6', ...X264, '-c:a', 'aac');
});
afterAll(() => {
  folder.dispose();
  scratch.dispose();
});
afterEach(async () => {
  expect(readdirSync(scratch.path).filter((name) => name.startsWith('doorsill-replay-'))).toEqual([]);
  // An ffmpeg without a reader ends at its next picture.
  await expect.poll(() => processesNaming(folder.path), { timeout: 3_000 }).toEqual([]);
});

describe('shows strange footage whole', () => {
  it.each<[string, string[], number]>([
    ['one.mp4', [...drawn(SMALL), '-frames:v', '1', ...X264], 1 / 15],
    ['fps1.mp4', [...drawn('testsrc2=size=320x180:rate=1'), '-t', '12', ...X264], 12],
    ['fps240.mp4', [...drawn('testsrc2=size=320x180:rate=240'), '-t', '3', ...X264], 3],
    ['huge.mp4', [...drawn('testsrc2=size=7680x4320:rate=5'), '-frames:v', '3', ...X264], 0.6],
    ['odd.mkv', [...drawn('testsrc2=size=321x181:rate=15'), '-t', '3', '-c:v', 'ffv1'], 3],
    ['tiny.mp4', [...drawn('testsrc2=size=2x2:rate=15'), '-t', '3', ...X264], 3],
    ['raw.h264', [...drawn(SMALL), '-t', '3', ...X264], 3],
    ['reordered.mp4', [...drawn(SMALL), '-t', '3', '-c:v', 'libx264', '-bf', '3', '-pix_fmt', 'yuv420p'], 3],
    ['few-keys.mp4', [...drawn(SMALL), '-t', '70', ...X264, '-g', '900', '-sc_threshold', '0'], 70],
    ['short-sound.mp4', [...drawn(SMALL), ...drawn('sine=440:duration=1'), '-t', '5', ...X264, '-c:a', 'aac'], 5],
    ['long-sound.mp4', [...drawn(`${SMALL}:duration=2`), ...SOUND, '-t', '9', ...X264, '-c:a', 'aac'], 2],
    ['late-sound.mp4', [...drawn(SMALL), '-itsoffset', '3', ...SOUND, '-t', '6', ...X264, '-c:a', 'aac'], 6],
    ['late-video.mp4', ['-itsoffset', '3', ...drawn(SMALL), ...SOUND, '-t', '6', ...X264, '-c:a', 'aac'], 6],
    ['moving.gif', [...drawn(SMALL), '-t', '3'], 3],
  ])('%s', async (name, args, lengthS) => {
    const ran = await replay(make(name, ...args));
    expect(ran).toMatchObject({ status: 0, last: { event: 'replayed' } });
    expect(Math.abs(Number(ran.last?.['lengthS']) - lengthS)).toBeLessThan(0.1);
  });

  it('with times that go back', async () => {
    const once = readFileSync(make('once.ts', ...drawn(SMALL), '-t', '3', ...X264));
    writeFileSync(inFolder('twice.ts'), Buffer.concat([once, once]));
    const { last } = await replay(inFolder('twice.ts'));
    expect(Math.abs(Number(last?.['lengthS']) - 6)).toBeLessThan(0.2);
  });
});

describe('footage whose times jump by 26 hours', () => {
  const jump = ['-vf', "setpts='PTS+gte(N,45)*93600/TB'", '-fps_mode', 'passthrough'];
  it.each([
    ['jump.mp4', ['-video_track_timescale', '15360']],
    ['jump.mkv', []],
    ['jump.ts', []],
  ])('%s, is shown whole: both parts, and no gap', async (name, more) => {
    const ran = await replay(
      make(name, ...drawn(SMALL), '-t', '6', ...jump, ...X264, ...more),
      '--out',
      inFolder(`${name}-out`),
    );
    expect(ran).toMatchObject({ status: 0, last: { event: 'replayed' } });
  });
});

describe('a file that grows while it is read', () => {
  it.each([['fast'], ['own']])(
    '%s, is shown as far as it goes when its end is reached, and the run ends',
    async (speed) => {
      const whole = readFileSync(make('grown.ts', ...drawn(SMALL), '-t', '8', ...X264));
      const growing = inFolder(`growing-${speed}.ts`);
      writeFileSync(growing, whole.subarray(0, whole.length / 2));
      const running = new Running(['replay', growing, '--speed', speed, '--json'], environment);
      for (let at = whole.length / 2; at < whole.length; at += 20_000) {
        appendFileSync(growing, whole.subarray(at, at + 20_000));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(await running.ended(30)).toBe(0);
      const { lengthS } = running.lines.at(-1) ?? {};
      expect(Number(lengthS)).toBeGreaterThan(3.5);
      expect(Number(lengthS)).toBeLessThanOrEqual(8.1);
    },
  );
});

describe('refuses at once what is not footage', () => {
  beforeAll(() => {
    make('sound-alone.mp4', ...SOUND, '-t', '2', '-c:a', 'aac');
    copyFileSync(inFolder('base.mp4'), inFolder('cut.mp4'));
    truncateSync(inFolder('cut.mp4'), 40_000);
    writeFileSync(inFolder('empty.mp4'), '');
    mkdirSync(inFolder('folder.mp4'));
    execFileSync('mkfifo', [inFolder('fifo.mp4')]);
    symlinkSync(inFolder('circle-b.mp4'), inFolder('circle-a.mp4'));
    symlinkSync(inFolder('circle-a.mp4'), inFolder('circle-b.mp4'));
  });
  it.each([
    ['sound-alone.mp4', 'camera_no_video'],
    ['cut.mp4', 'camera_no_video'],
    ['empty.mp4', 'camera_refused_format'],
    ['folder.mp4', 'replay_no_footage'],
    ['fifo.mp4', 'camera_refused_format'],
    ['circle-a.mp4', 'replay_no_footage'],
  ])('%s', async (name, code) => {
    const ran = await replay(inFolder(name));
    expect(ran).toMatchObject({ status: 6, stdout: '' });
    expect(ran.stderr).toContain(`"code":"${code}"`);
  });
});

describe('a file that is cut off', () => {
  it.each([
    ['mp4', ['-movflags', '+faststart']],
    ['mkv', []],
  ])('%s, is shown as far as it goes, and reported as cut off', async (format, more) => {
    const whole = make(`whole.${format}`, ...drawn(SMALL), '-t', '8', ...X264, ...more);
    const half = inFolder(`half.${format}`);
    copyFileSync(whole, half);
    truncateSync(half, Math.round(readFileSync(whole).length * 0.6));
    const ran = await replay(half);
    expect(ran.status).toBe(6);
    expect(ran.stderr).toContain('"code":"replay_footage_broken"');
    expect(ran.stderr).toContain('cut off');
    const { lengthS } = ran.lines.find(({ event }) => event === 'replayed') ?? {};
    expect(Number(lengthS)).toBeGreaterThan(2);
    expect(Number(lengthS)).toBeLessThan(7);
    expect((await replay(whole)).status).toBe(0);
  });
});

describe('a broken image', () => {
  const sequence = (format: string) => {
    mkdirSync(inFolder(format), { recursive: true });
    make(`${format}/%03d.${format}`, ...drawn(SMALL), '-frames:v', '12');
    return inFolder(format);
  };

  it.each([
    ['png', 'cut off', (bytes: Buffer) => bytes.subarray(0, 200)],
    ['png', 'empty', () => Buffer.alloc(0)],
    ['png', 'something else', () => Buffer.alloc(3_000, 7)],
    ['jpg', 'cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
  ])('%s, %s, is named, and the images before it were shown', async (format, _what, broken) => {
    const images = sequence(format);
    const path = join(images, `008.${format}`);
    writeFileSync(path, broken(readFileSync(path)));
    const ran = await replay(images);
    expect(ran.status).toBe(6);
    expect(ran.stderr).toContain('"code":"replay_footage_broken"');
    expect(ran.stderr).toContain(path);
    expect(ran.lines.some(({ event }) => event === 'replayed')).toBe(true);
  });

  it('is not reported if all are whole', async () => {
    for (const format of ['png', 'jpg'])
      expect(await replay(sequence(format))).toMatchObject({ status: 0, last: { lengthS: 0.8 } });
  });
});

describe('a disturbed run', () => {
  it('reports a killed ffmpeg, and keeps the events so far', async () => {
    const long = make('long.mp4', ...drawn('testsrc2=size=64x36:rate=1'), '-t', '36000', ...X264);
    const running = new Running(['replay', long, '--out', inFolder('kept'), '--json'], environment);
    await running.line('a recording', ({ state }) => state === 'recording');
    const { pid } = running.child;
    const own = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    for (const child of own) process.kill(Number(child), 'SIGKILL');
    expect(await running.ended(20)).toBe(6);
    expect(running.stderr).toContain('"code":"replay_footage_broken"');
    expect(readFileSync(inFolder('kept/events.jsonl'), 'utf8')).toContain('"state":"recording"');
    expect(readdirSync(inFolder('kept'))).toContain('report.html');
  });

  it.each([['fast'], ['own']])('ends on Ctrl-C, played %s and forever', async (speed) => {
    const running = new Running(['replay', inFolder('base.mp4'), '--speed', speed, '--loop', '--json'], environment);
    await running.line('a recording', ({ state }) => state === 'recording');
    running.child.kill('SIGINT');
    expect(await running.ended(30)).toBe(130);
  });

  it('ends when its stdout is closed', async () => {
    const args = ['replay', inFolder('base.mp4'), '--speed', 'own', '--loop', '--json'];
    const running = new Running(args, environment);
    await running.line('its first line', () => true);
    running.child.stdout?.destroy();
    expect(await running.ended(30)).toBe(0);
  });

  it('refuses a target where no folder can be made, and a second run into one folder', async () => {
    const nowhere = await replay(inFolder('base.mp4'), '--out', '/proc/doorsill');
    expect(nowhere.status).toBe(5);
    expect(nowhere.stderr).toContain('"code":"file_unusable"');
    const both = await Promise.all([1, 2].map(() => replay(inFolder('base.mp4'), '--out', inFolder('both'))));
    expect(both.map(({ status }) => status).sort()).toEqual([0, 2]);
  });
});
