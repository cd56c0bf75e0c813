// @module-tag long
import { expect, it } from 'vitest';
import { type Clock, SystemClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { SystemPrograms } from '../../../device/base/system-programs.ts';
import { runFfmpeg } from '../../../device/camera/ffmpeg-run.ts';
import { type Ffmpeg, findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import type { SceneMotion } from '../../../device/camera/source-interfaces.ts';
import { parseCameraSource } from '../../../device/camera/sources.ts';
import { RecentEncodings } from '../../../device/clip/recent-encodings.ts';
import { trim } from '../../../device/clip/trim.ts';
import { concatBytes } from '../../../device/contract/bytes.ts';
import { parseFragment, parseInit } from '../../../device/contract/media/fragment.ts';
import { ContinuousRecorder } from '../../../device/recorder.ts';
import { RingMemory } from '../../../device/ring/ring-memory.ts';
import { DEFAULT_SCENE, makeLoop } from '../../../sim/fleet/loop.ts';
import { LOOP_CAMERA, LoopCamera, type LoopTimebase } from '../../../sim/fleet/loop-camera.ts';
import { DueQueue } from '../../../sim/fleet/loop-schedule.ts';
import { readFrameNumber } from '../../../sim/porch/frame-number.ts';
import { CYCLE_FRAMES } from '../../../sim/porch/scene.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';
import { liveGrantFor } from '../../support/live-grant.ts';

const START_US = Date.UTC(2026, 2, 1) * 1_000;
const [WIDTH, HEIGHT] = [640, 360];
const real = await findFfmpeg();
const scene = {
  ...DEFAULT_SCENE,
  camera: `synthetic?size=${WIDTH}x${HEIGHT}`,
  width: WIDTH,
  height: HEIGHT,
  kbitPerS: 600,
};
const loop = await makeLoop(
  scene,
  { ffmpeg: real, clock: new SystemClock(), log: silentLog() },
  new AbortController().signal,
);

interface Door {
  recorder: ContinuousRecorder;
  ring: RingMemory;
  camera: LoopCamera;
  motions: SceneMotion[];
  /** Wall times up to which footage was stored, and the time then. */
  stored: { endUs: number; atUs: number }[];
}

/** The parts of a doorbell that film, store and receive motions. */
function doorOf(
  timebase: LoopTimebase,
  clock: Clock,
  options: ConstructorParameters<typeof LoopCamera>[2],
  ffmpeg?: Ffmpeg,
): Door {
  const camera = new LoopCamera(loop, timebase, options);
  const [random, log] = [new SeededRandom(1), silentLog()];
  const ring = new RingMemory({ clock, random, bytesMax: 32_000_000, retentionS: 3_600, cipher: 'aes-256-gcm' });
  const [motions, stored]: [SceneMotion[], Door['stored']] = [[], []];
  const source = parseCameraSource(LOOP_CAMERA, {}, [camera.kind]);
  const recorder = new ContinuousRecorder({
    camera: {
      ...{ source, ffmpeg: camera.ffmpeg(ffmpeg ?? real), clock, random, log },
      ...{ programs: new SystemPrograms(), boot: 'boot-1', clockTrusted: () => true },
    },
    ...{ ring, clock, log },
    sinks: {
      gray: () => expect.unreachable('a loop gives no gray frames'),
      camera: () => undefined,
      filming: () => undefined,
      shutter: async () => undefined,
      storage: (fault) => expect(fault).toBeNull(),
      sceneMotion: (motion) => void motions.push(motion),
      stored: ({ endUs }) => void stored.push({ endUs, atUs: clock.wallUs() }),
    },
  });
  return { recorder, ring, camera, motions, stored };
}

/** Films with some cameras for this many seconds of a simulated world. */
async function filmed(seconds: number, starts: readonly number[], more: object = {}): Promise<Door[]> {
  const world = new VirtualClock({ startUs: START_US });
  const timebase = { queue: new DueQueue(world), clock: world, beganMs: world.monotonicMs() };
  const doors = starts.map((startAtUs) => doorOf(timebase, world, { startAtUs, ...more }));
  for (const { ring, recorder } of doors) {
    await ring.start();
    recorder.start(false);
  }
  const over = world.sleep(seconds * 1_000);
  const running = world.run();
  await over;
  await Promise.all(doors.map(({ recorder }) => recorder.stop()));
  timebase.queue.stop();
  world.stop();
  await running;
  return doors;
}

async function segmentsOf({ ring }: Door) {
  const segments = [];
  for await (const segment of ring.read({ startUs: 0, endUs: Number.MAX_SAFE_INTEGER })) segments.push(segment);
  return segments;
}

it('gives a doorbell each GOP at its end, from the next one on, endlessly', async () => {
  const [door] = await filmed(60.5, [2_300_000]);
  const segments = door ? await segmentsOf(door) : [];
  // 2.3 s into the loop, the next GOP begins after 0.7 s, and is there after 1.7 s.
  expect(segments.map(({ startUs }) => startUs - START_US)).toEqual(segments.map((_, at) => 700_000 + at * 1_000_000));
  expect(segments).toHaveLength(59);
  for (const { endUs, atUs } of door?.stored ?? []) {
    expect(atUs).toBeGreaterThanOrEqual(endUs);
    expect(atUs - endUs).toBeLessThan(5_000);
  }
  expect(door?.camera.counts).toEqual({ due: 59, lost: 0 });
  expect(new Set(segments.map(({ recording }) => recording)).size).toBe(1);
});

it('gives each doorbell its own position in the loop; the doorbell seals it under its own keys', async () => {
  const [one, other] = await filmed(12, [0, 5_000_000]);
  const picturesOf = async (door: Door | undefined) =>
    (door ? await segmentsOf(door) : []).map(({ init, fragment }) =>
      Buffer.concat(parseFragment(parseInit(init), fragment).video.map(({ data }) => data)).toString('base64'),
    );
  const [first, second] = [await picturesOf(one), await picturesOf(other)];
  expect(first.slice(5, 11)).toEqual(second.slice(0, 6));
  expect(first[0]).not.toBe(second[0]);
});

it('keeps eight GOPs for a doorbell that reads none, shared with other doorbells, and drops later ones', async () => {
  const world = new VirtualClock({ startUs: START_US });
  const timebase = { queue: new DueQueue(world), clock: world, beganMs: world.monotonicMs() };
  const camera = new LoopCamera(loop, timebase, { startAtUs: 0 });
  const filming = camera.ffmpeg(real).start?.(['-i', LOOP_CAMERA], {});
  const over = world.sleep(30_500);
  const running = world.run();
  await over;
  expect(camera.counts).toEqual({ due: 30, lost: 22 });
  const next = (): unknown => filming?.child.stdout?.read();
  expect(next()).toBe(loop.init);
  for (let gop = 0; gop < 8; gop += 1) expect(next()).toBe(loop.fragment(gop));
  expect(next()).toBeNull();
  filming?.kill();
  timebase.queue.stop();
  world.stop();
  await running;
});

it('reports the motions of the loop, all of them or as many as are asked for', async () => {
  const starts = loop.motions.filter(({ moves }) => moves).length;
  expect(starts).toBeGreaterThan(0);
  const [door] = await filmed(48, [0]);
  expect(door?.motions.filter(({ moves }) => moves)).toHaveLength(2 * starts);
  const [first] = loop.motions;
  expect((door?.motions[0]?.atUs ?? 0) - START_US - (first?.atUs ?? 0)).toBeLessThan(5_000);
  const [silent] = await filmed(48, [0], { reports: 'some' });
  expect(silent?.motions).toEqual([]);
});

it('reports one motion if one is asked for', async () => {
  const world = new VirtualClock({ startUs: START_US });
  const timebase = { queue: new DueQueue(world), clock: world, beganMs: world.monotonicMs() };
  const door = doorOf(timebase, world, { startAtUs: 0, reports: 'some' });
  await door.ring.start();
  door.recorder.start(false);
  world.after(30_000, () => door.camera.reportNextMotion());
  const over = world.sleep(100_000);
  const running = world.run();
  await over;
  await door.recorder.stop();
  world.stop();
  await running;
  expect(door.motions.map(({ moves }) => moves)).toEqual([true, false]);
  expect((door.motions[0]?.atUs ?? 0) - START_US).toBeGreaterThan(30_000_000);
});

it('continues after privacy as a new recording', async () => {
  const world = new VirtualClock({ startUs: START_US });
  const timebase = { queue: new DueQueue(world), clock: world, beganMs: world.monotonicMs() };
  const door = doorOf(timebase, world, { startAtUs: 0 });
  await door.ring.start();
  door.recorder.start(false);
  world.after(5_100, () => door.recorder.privacy(true));
  world.after(9_000, () => door.recorder.privacy(false));
  const over = world.sleep(20_500);
  const running = world.run();
  await over;
  const segments = await segmentsOf(door);
  await door.recorder.stop();
  world.stop();
  await running;
  const places = segments.map(({ startUs }) => (startUs - START_US) / 1_000_000);
  expect(places).toEqual([0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  expect(new Set(segments.map(({ recording }) => recording)).size).toBe(2);
});

/** The numbers drawn into the pictures of a clip. */
async function numbersIn(clip: Uint8Array): Promise<(number | null)[]> {
  const size = WIDTH * HEIGHT;
  const luma = await runFfmpeg(real, {
    ...{
      doing: 'decoding a clip',
      stdin: clip,
      stdoutBytesMax: 600 * size,
      timeoutMs: 30_000,
      clock: new SystemClock(),
    },
    args: [
      '-ignore_editlist',
      '1',
      '-f',
      'mov',
      '-i',
      'pipe:0',
      '-an',
      '-pix_fmt',
      'gray',
      '-fps_mode',
      'passthrough',
      '-f',
      'rawvideo',
      'pipe:1',
    ],
  });
  return Array.from({ length: luma.length / size }, (_, at) =>
    readFrameNumber(luma.subarray(at * size, (at + 1) * size), WIDTH, HEIGHT),
  );
}

it('is cut exactly by the real ffmpeg, also over the end of the loop', async () => {
  const [door] = await filmed(40, [0]);
  if (!door) return expect.unreachable();
  // From picture 5 of second 22 up to picture 9 of second 26, that one left out: the loop of 24 s ends between them.
  const window = { startUs: START_US + 22_333_333, endUs: START_US + 26_600_000 };
  const clock = new SystemClock();
  const { live } = liveGrantFor({ window, audio: true, byteLimit: 50_000_000 });
  const clip = await trim(live, {
    ...{ segments: (of) => door.ring.read(of), clock, log: silentLog(), recode: 'when-needed' },
    recent: new RecentEncodings(clock),
    ffmpeg: door.camera.ffmpeg(real),
  });
  const parts = [];
  for await (const part of clip.parts()) parts.push(part);
  const wanted = Array.from(
    { length: 26 * 15 + 9 - 22 * 15 - 5 },
    (_, at) => CYCLE_FRAMES + ((22 * 15 + 5 + at) % CYCLE_FRAMES),
  );
  expect(await numbersIn(concatBytes(parts))).toEqual(wanted);
  expect(clip.method).toBe('smart-cut');
});
