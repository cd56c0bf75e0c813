// @module-tag long
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { runFfmpeg } from '../../../device/camera/ffmpeg-run.ts';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { concatBytes } from '../../../device/contract/bytes.ts';
import { type FragmentSamples, parseFragment } from '../../../device/contract/media/fragment.ts';
import { DEFAULT_SCENE, Loop, type LoopScene, makeLoop } from '../../../sim/fleet/loop.ts';

const deps = { ffmpeg: await findFfmpeg(), clock: new SystemClock(), log: silentLog() };
const never = new AbortController().signal;
const SMALL: LoopScene = { ...DEFAULT_SCENE, width: 320, height: 180, kbitPerS: 200, loop: 17_000_000 };
const loop = await makeLoop({ ...SMALL, camera: 'synthetic?size=640x360' }, deps, never);

/** This number of GOPs of the endlessly repeated loop, from one of them on. */
const shown = (of: Loop, from: number, count: number) =>
  Array.from({ length: count }, (_, at) => parseFragment(of.info, of.fragment(from + at)));

const timesOf = (fragments: readonly FragmentSamples[], track: 'video' | 'audio') =>
  fragments.flatMap((fragment) => fragment[track].map(({ dts, duration }) => [dts, dts + duration]));

it('makes a loop whose length is a multiple of 8 s, with a GOP for each second', () => {
  expect([loop.gopCount, loop.lengthUs]).toEqual([16, 16_000_000]);
  for (const { video } of shown(loop, 0, 16)) {
    expect(video.map(({ key }) => key)).toEqual([true, ...new Array(14).fill(false)]);
  }
});

it('can be repeated: pictures and sound continue over its end without a gap, pass after pass', () => {
  const passes = shown(loop, 0, 40);
  for (const track of ['video', 'audio'] as const) {
    const times = timesOf(passes, track);
    for (const [at, [start]] of times.entries()) if (at > 0) expect(start).toBe(times[at - 1]?.[1]);
  }
  expect(timesOf(passes, 'video')).toHaveLength(40 * 15);
});

it('is decoded by a real ffmpeg over its end, every picture, without an error', async () => {
  const bytes = concatBytes([loop.init, ...Array.from({ length: 20 }, (_, at) => loop.fragment(at + 6))]);
  const complaints: string[] = [];
  const args = ['-f', 'mov', '-i', 'pipe:0', '-map', '0:v', '-f', 'framehash', '-hash', 'crc32', 'pipe:1'];
  const hashes = await runFfmpeg(deps.ffmpeg, {
    ...{ doing: 'decoding', args, stdin: bytes, stdoutBytesMax: 1_000_000, timeoutMs: 30_000, clock: deps.clock },
    onLine: (line) => {
      if (/\[(error|fatal|warning)\]/.test(line)) complaints.push(line);
    },
  });
  const pictures = new TextDecoder()
    .decode(hashes)
    .split('\n')
    .filter((line) => line.startsWith('0,'));
  expect(complaints).toEqual([]);
  expect(pictures).toHaveLength(20 * 15);
  // A GOP has the same pictures in the second pass.
  const hashOf = (at: number) => pictures[at]?.split(',').at(-1);
  for (let at = 0; at < 4 * 15; at += 1) expect(hashOf(at)).toBe(hashOf(at + 16 * 15));
});

it('gives every doorbell the same bytes, and keeps no more than two passes', () => {
  expect(loop.fragment(5)).toBe(loop.fragment(5));
  const first = loop.fragment(5);
  loop.fragment(21);
  loop.fragment(37);
  expect(loop.fragment(5)).not.toBe(first);
  expect(loop.fragment(5)).toEqual(first);
});

it('numbers its fragments as one ffmpeg would', () => {
  const numberOf = (gop: number) => new DataView(loop.fragment(gop).buffer).getUint32(20);
  expect([0, 15, 16, 100].map(numberOf)).toEqual([1, 16, 17, 101]);
});

it('makes the same bytes from the same scene', async () => {
  const again = await makeLoop({ ...SMALL, camera: 'synthetic?size=640x360' }, deps, never);
  expect(again.parts).toEqual(loop.parts);
});

it('finds the drawn visitor’s motion, and none in a scene without a visitor', async () => {
  const [first, ...others] = loop.motions;
  // The visitor comes in the first seconds and has gone after 12 s.
  expect(first?.moves).toBe(true);
  expect(first?.atUs).toBeLessThan(2_000_000);
  expect(others.at(-1)).toMatchObject({ moves: false });
  expect(others.at(-1)?.atUs).toBeGreaterThan(10_000_000);
  expect(others.at(-1)?.atUs).toBeLessThan(14_000_000);
  const empty = await makeLoop(
    { ...SMALL, camera: 'synthetic?play=nobody&size=640x360', loop: 8_000_000 },
    deps,
    never,
  );
  expect(empty.motions).toEqual([]);
});

it('makes a loop from a file with another size, rate and sound', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-loop-'));
  try {
    const path = join(folder, 'scene.mkv');
    const sources = ['-f', 'lavfi', '-i', 'testsrc=size=426x240:rate=25', '-f', 'lavfi', '-i', 'sine=r=44100'];
    const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', '-t', '9.4', path];
    await runFfmpeg(deps.ffmpeg, {
      ...{
        doing: 'making a file',
        args: [...sources, ...coding],
        stdoutBytesMax: 0,
        timeoutMs: 30_000,
        clock: deps.clock,
      },
      files: true,
    });
    const made = await makeLoop({ ...SMALL, camera: path, fps: 10 }, deps, never);
    expect([made.gopCount, made.info.video.width, made.info.video.height]).toEqual([8, 320, 180]);
    expect(timesOf(shown(made, 0, 8), 'video')).toHaveLength(80);
    expect(made.info.audio?.sampleRate).toBe(48_000);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('refuses a loop whose end does not meet its beginning, a gap, and a length option for the drawn porch', async () => {
  const { init, gops, motions } = loop.parts;
  const make = (from: readonly Uint8Array[]) => () => new Loop({ init, gops: from, motions });
  expect(make(gops.slice(0, 15))).toThrow(expect.objectContaining({ code: 'fleet_scene_unusable' }));
  expect(make([...gops.slice(0, 7), ...gops.slice(8), gops[7] ?? new Uint8Array()])).toThrow('gap');
  await expect(makeLoop({ ...SMALL, camera: 'synthetic?seconds=9' }, deps, never)).rejects.toMatchObject({
    code: 'camera_option_invalid',
  });
});

it('ends its ffmpeg when it is aborted', async () => {
  const ending = new AbortController();
  const made = makeLoop(DEFAULT_SCENE, deps, ending.signal);
  ending.abort(new Error('enough'));
  await expect(made).rejects.toThrow('enough');
  await expect.poll(() => process.getActiveResourcesInfo().filter((kind) => kind === 'ProcessWrap').length).toBe(0);
});
