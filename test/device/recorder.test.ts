// @module-tag long
import { afterEach, expect, it } from 'vitest';
import { EARLIEST_WALL_US, ManualClock, SystemClock } from '../../device/base/clock.ts';
import { type LogFacts, silentLog } from '../../device/base/log.ts';
import { SeededRandom } from '../../device/base/random.ts';
import { SystemPrograms } from '../../device/base/system-programs.ts';
import { findFfmpeg } from '../../device/camera/find-ffmpeg.ts';
import type { CameraSource } from '../../device/camera/source-interfaces.ts';
import { parseCameraSource } from '../../device/camera/sources.ts';
import { failure } from '../../device/contract/errors.ts';
import { ContinuousRecorder } from '../../device/recorder.ts';
import { RingMemory } from '../../device/ring/ring-memory.ts';
import { ALL_CAMERAS } from '../../sim/porch/porch-camera.ts';
import { LiveViewer } from './camera/support/live-viewer.ts';
import { ffmpegChildren } from './camera/support/recorder.ts';

afterEach(() => expect(ffmpegChildren()).toEqual([]));

/** A viewer that records the shutter's moves, too. */
class ViewerAtTheDoor extends LiveViewer {
  readonly events: string[] = [];
  /** Calls of `filming`, and the number of programs that filmed at that time. */
  readonly signs: { isFilming: boolean; privacy: boolean; programs: number }[] = [];

  override ended(): void {
    this.events.push('ended');
    super.ended();
  }
}

async function recorder(viewer: ViewerAtTheDoor) {
  const [clock, random, log] = [new SystemClock(), new SeededRandom(1), silentLog()];
  const ring = new RingMemory({ clock, random, bytesMax: 8_000_000, retentionS: 600, cipher: 'aes-256-gcm' });
  await ring.start();
  const source = parseCameraSource('synthetic?size=320x180', {}, ALL_CAMERAS);
  const seams = { ffmpeg: await findFfmpeg(), clock, random, log, programs: new SystemPrograms() };
  const made = new ContinuousRecorder({
    camera: { ...seams, source, boot: 'boot-1', clockTrusted: () => true },
    ring,
    clock,
    log,
    sinks: {
      gray: () => {},
      camera: ({ state }) => {
        if (state === 'off') viewer.events.push('off');
      },
      filming: (isFilming, privacy) =>
        void viewer.signs.push({ isFilming, privacy, programs: ffmpegChildren().length }),
      shutter: async (closed) => void viewer.events.push(closed ? 'lid closed' : 'lid open'),
      storage: () => {},
    },
  });
  made.live.subscribe(viewer);
  return { recorder: made, ring, clock };
}

it('shows and holds no live picture from the moment that privacy is on, and begins again after it', async () => {
  const viewer = new ViewerAtTheDoor();
  const { recorder: door, ring, clock } = await recorder(viewer);
  door.start(false);
  await viewer.until(() => viewer.fragments.length >= 20);
  door.privacy(true);
  // One turn of the microtask queue, in which ffmpeg cannot have written anything.
  await Promise.resolve();
  expect(viewer.told.at(-1)).toBe('ended');
  expect(door.live.holds).toEqual({ fragments: 0, bytes: 0 });
  const seen = viewer.fragments.length;
  const late = new LiveViewer();
  door.live.subscribe(late);
  await clock.sleep(1_000, new AbortController().signal);
  expect(ffmpegChildren()).toEqual([]);
  expect(viewer.fragments.length).toBe(seen);
  expect(late.told).toEqual([]);
  expect(door.live.holds).toEqual({ fragments: 0, bytes: 0 });
  expect(viewer.events).toEqual(['lid open', 'ended', 'off', 'lid closed']);
  expect(viewer.signs.at(-1)).toEqual({ isFilming: false, privacy: true, programs: 0 });
  // Earlier footage stays.
  expect(ring.stats().segments).toBeGreaterThan(0);
  // Its age is that of the last stored segment, and grows.
  expect(door.newest?.window.endUs).toBe(ring.coverage().at(-1)?.endUs);
  const ageMs = door.newest?.ageMs ?? 0;
  await clock.sleep(50);
  expect(door.newest?.ageMs).toBeGreaterThanOrEqual(ageMs + 40);

  door.privacy(false);
  await late.until(() => late.fragments.length >= 3);
  await door.stop();
  expect(late.told).toEqual(['init', 'frames', 'ended']);
  // `isFilming` is true whenever a program films, with or without privacy.
  expect(viewer.signs.filter(({ isFilming, programs }) => !isFilming && programs > 0)).toEqual([]);
  expect(viewer.signs).toContainEqual({ isFilming: true, privacy: true, programs: 1 });
  expect(viewer.signs.at(-1)).toEqual({ isFilming: false, privacy: false, programs: 0 });
  expect(viewer.told).toEqual(['init', 'frames', 'ended', 'init', 'frames', 'ended']);
  await ring.stop();
});

it('shows no live picture while privacy is on from the start', async () => {
  const viewer = new ViewerAtTheDoor();
  const { recorder: door, ring, clock } = await recorder(viewer);
  door.start(true);
  await clock.sleep(500, new AbortController().signal);
  await door.stop();
  expect(viewer.told).toEqual([]);
  expect(viewer.events).toEqual(['lid closed']);
  expect(viewer.signs.filter(({ isFilming, privacy }) => isFilming || !privacy)).toEqual([]);
  await ring.stop();
});

it('logs a camera that stays lost once, and not while privacy is on', async () => {
  const [clock, random] = [new ManualClock(EARLIEST_WALL_US), new SeededRandom(1)];
  const warned: [string, LogFacts | undefined][] = [];
  const log = { ...silentLog(), warn: (message: string, facts?: LogFacts) => void warned.push([message, facts]) };
  const why = failure('camera_unreachable', { source: 'rtsp://camera/door', detail: 'no answer' });
  const tryOnce = () => Promise.reject(why);
  const source: CameraSource = {
    ...{ kind: 'rtsp', shown: 'rtsp://camera/door', settings: {}, tryOnce },
    open: () => ({
      ...{ policy: { atEnd: 'lost', retriesMax: null, forgiveAfter: 1 }, live: true, unchanging: false },
      ...{ open: tryOnce, learn: () => false, explain: () => null },
    }),
  };
  const ring = new RingMemory({ clock, random, bytesMax: 8_000_000, retentionS: 600, cipher: 'aes-256-gcm' });
  const states: string[] = [];
  const seams = { ffmpeg: await findFfmpeg(), clock, random, log, programs: new SystemPrograms() };
  const door = new ContinuousRecorder({
    ...{ camera: { ...seams, source, boot: 'boot-1', clockTrusted: () => true }, ring, clock, log },
    sinks: {
      ...{ gray: () => {}, filming: () => {}, shutter: async () => {}, storage: () => {} },
      camera: ({ state }) => void states.push(state),
    },
  });
  const becomes = (state: string) => expect.poll(() => states.at(-1)).toBe(state);
  door.start(false);
  await becomes('lost');
  await clock.advance(29_000);
  door.privacy(true);
  await becomes('off');
  await clock.advance(120_000);
  expect(warned).toEqual([]);
  door.privacy(false);
  await becomes('lost');
  await clock.advance(3_600_000);
  const { code, message: detail, advice } = why;
  expect(warned).toEqual([
    ['the camera does not record, and no footage is stored until it does', { code, detail, advice, forS: 30 }],
  ]);
  await door.stop();
});
