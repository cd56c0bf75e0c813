// @module-tag long
import { afterEach, expect, it } from 'vitest';
import { silentLog } from '../../../device/base/log.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { SystemPrograms } from '../../../device/base/system-programs.ts';
import { Capture, type CaptureChange } from '../../../device/camera/capture.ts';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { type Segment, wallTimeUs } from '../../../device/camera/segment.ts';
import { parseFragment } from '../../../device/contract/media/fragment.ts';
import { parseInit } from '../../../device/contract/media/init-segment.ts';
import { FaultSet, parseFault } from '../../../sim/camera-server/faults.ts';
import { parseSyntheticSource } from '../../../sim/porch/porch-camera.ts';
import { ReplayCamera } from '../../../sim/replay/replay-camera.ts';
import { DeviceClock } from '../../../sim/world/device-clock.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';
import { ffmpegChildren } from '../../device/camera/support/recorder.ts';

const START_US = Date.UTC(2026, 0, 15) * 1_000;
const FRAME_US = 1_000_000 / 15;
const ffmpeg = await findFfmpeg();

afterEach(() => expect(ffmpegChildren()).toEqual([]));

/** Shows four seconds of the drawn porch to a device's capture; returns its recording and its reported failures. */
async function shown(faults: readonly string[]) {
  const world = new VirtualClock({ startUs: START_US });
  const clock = new DeviceClock(world);
  const set = new FaultSet();
  for (const text of faults) set.add(parseFault(text));
  const porch = parseSyntheticSource('synthetic?size=320x180&seconds=4', { pace: 'own' });
  if (!porch) throw new Error('the drawn porch has a name');
  const footage = [{ source: { kind: 'porch', source: porch }, audio: true, fromUs: 0, loop: 1 }] as const;
  const wrong = faults.length === 0 ? {} : { faults: { set, seed: 7, log: silentLog() } };
  const camera = new ReplayCamera('front', footage, { world, clock, ...wrong });
  const source = camera.kind.name(camera.source, {});
  if (!source) throw new Error('a camera knows its own name');
  const segments: Segment[] = [];
  const changes: CaptureChange[] = [];
  const capture = new Capture(
    {
      ...{ source, ffmpeg, clock, log: silentLog(), programs: new SystemPrograms(), random: new SeededRandom(1) },
      ...{ boot: 'boot-1', clockTrusted: () => true },
    },
    {
      segment: async (segment) => void segments.push(segment),
      gray: () => undefined,
      state: (change) => void changes.push(change),
    },
  );
  const running = world.run();
  try {
    await capture.start(new AbortController().signal);
    await camera.over;
    await capture.settled();
  } finally {
    await capture.stop();
    world.stop();
    await running;
  }
  const samples = segments.flatMap((segment) => {
    const init = parseInit(segment.init);
    const at = (pts: number) => wallTimeUs(pts, init.video.timescale, segment.wallOffsetUs) - START_US;
    return parseFragment(init, segment.fragment).video.map(({ pts, data }) => ({ atUs: at(pts), data }));
  });
  const packets = segments.flatMap(({ init, fragment }) => parseFragment(parseInit(init), fragment).audio);
  const codes = changes.flatMap(({ state, failure }) => (state === 'recording' ? [failure?.code ?? null] : []));
  return { samples, packets, codes, frames: samples.map(({ atUs }) => Math.round(atUs / FRAME_US)) };
}

const all = Array.from({ length: 60 }, (_, at) => at);

it('has every picture at its time, changed only during a fault, with its sound', async () => {
  const { samples, packets, codes, frames } = await shown(['black@1s+1s', 'hidden-text=serial@0s']);
  expect(frames).toEqual(all);
  for (const [at, { atUs }] of samples.entries()) expect(Math.abs(atUs - at * FRAME_US)).toBeLessThan(100);
  const bytes = (from: number, to: number) => samples.slice(from, to).reduce((sum, { data }) => sum + data.length, 0);
  expect(bytes(16, 30)).toBeLessThan(bytes(1, 15) / 2);
  expect(samples.every(({ data }) => Buffer.from(data).includes('serial'))).toBe(true);
  expect(packets.length).toBeGreaterThan(170);
  expect(codes).toEqual([null]);
});

it('loses the same pictures in every run, reports the loss, and dates the others correctly', async () => {
  const first = await shown(['lost-frames=30%@1200ms+1800ms']);
  expect(first.frames.length).toBeLessThan(57);
  expect(first.frames.filter((frame) => frame < 18 || frame >= 45)).toEqual(all.filter((at) => at < 18 || at >= 45));
  expect(first.codes).toEqual([null, 'camera_pictures_damaged']);
  const again = await shown(['lost-frames=30%@1200ms+1800ms']);
  expect(again.samples).toEqual(first.samples);
});

it('changes nothing without a fault', async () => {
  const { frames, codes } = await shown([]);
  expect(frames).toEqual(all);
  expect(codes).toEqual([null]);
});
