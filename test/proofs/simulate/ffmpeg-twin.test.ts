import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Clock, SystemClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { SystemPrograms } from '../../../device/base/system-programs.ts';
import { Capture, type CaptureDeps } from '../../../device/camera/capture.ts';
import { runFfmpeg } from '../../../device/camera/ffmpeg-run.ts';
import { type Ffmpeg, findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import { parseCameraSource } from '../../../device/camera/sources.ts';
import { parseFragment, parseInit } from '../../../device/contract/media/fragment.ts';
import { settled } from '../../../sim/world/quiet.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';
import {
  drawFootage,
  type Footage,
  FRAME_US,
  ffmpegTwin,
  GOP_US,
  SIMULATED_CAMERA,
  simulatedCamera,
} from './ffmpeg-twin.ts';

const START_US = Date.UTC(2026, 2, 1) * 1_000;
const real = await findFfmpeg();
const footage = await drawFootage(real);

function depsOf(ffmpeg: Ffmpeg, clock: Clock, name: string): CaptureDeps {
  return {
    ...{ source: parseCameraSource(name, {}, name === SIMULATED_CAMERA ? [simulatedCamera] : undefined) },
    ...{ ffmpeg, clock, random: new SeededRandom(1), log: silentLog(), programs: new SystemPrograms() },
    ...{ boot: 'boot-1', clockTrusted: () => true },
  };
}

/** The first `count` segments that a capture stores. */
async function segmentsOf(deps: CaptureDeps, count: number): Promise<Segment[]> {
  const segments: Segment[] = [];
  let done: () => void = () => undefined;
  const enough = new Promise<void>((resolve) => {
    done = resolve;
  });
  const capture = new Capture(deps, {
    segment: async (segment) => {
      if (segments.length < count) segments.push(segment);
      if (segments.length === count) done();
    },
    gray: () => undefined,
    state: () => undefined,
  });
  await capture.start(new AbortController().signal);
  await enough;
  await capture.stop();
  return segments;
}

/** Each picture's bytes, its time in the recording in microseconds, and whether it is a keyframe. */
function picturesOf(segments: readonly Segment[]) {
  return segments.flatMap(({ init, fragment }) => {
    const info = parseInit(init);
    return parseFragment(info, fragment).video.map(({ data, pts, key }) => ({
      key,
      atUs: Math.round((pts * 1e6) / info.video.timescale),
      data: Buffer.from(data).toString('hex'),
    }));
  });
}

async function fromTwin(count: number): Promise<{ segments: Segment[]; filmed: number; passedUs: number }> {
  const world = new VirtualClock({ startUs: START_US, quiet: settled });
  const running = world.run();
  let filmed = 0;
  const twin = ffmpegTwin(footage, world, () => {
    filmed += 1;
  });
  const segments = await segmentsOf(depsOf(twin, world, SIMULATED_CAMERA), count);
  world.stop();
  await running;
  return { segments, filmed, passedUs: world.passedUs };
}

/** The same footage, copied from a file by a real ffmpeg. */
async function fromReal(drawn: Footage, count: number): Promise<Segment[]> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-twin-'));
  try {
    const path = join(folder, 'footage.mp4');
    await writeFile(path, Buffer.concat([drawn.init, ...drawn.fragments]));
    return await segmentsOf(depsOf(real, new SystemClock(), `file:${path}?pace=fast`), count);
  } finally {
    await rm(folder, { recursive: true });
  }
}

it('gives a capture the same pictures at the same times as a real ffmpeg', async () => {
  const { segments } = await fromTwin(4);
  const wanted = picturesOf(await fromReal(footage, 4));
  expect(wanted).toHaveLength((4 * GOP_US) / FRAME_US);
  expect(picturesOf(segments)).toEqual(wanted);
});

it('delivers GOPs in simulated time, without end', async () => {
  const { segments, filmed, passedUs } = await fromTwin(20);
  expect([filmed, passedUs]).toEqual([1, 20 * GOP_US]);
  expect(segments.map(({ startUs }) => startUs - START_US)).toEqual(segments.map((_, at) => at * GOP_US));
  expect(segments.map(({ endUs }) => endUs - START_US)).toEqual(segments.map((_, at) => (at + 1) * GOP_US));
  const [first, ninth] = [segments[0], segments[8]].map((segment) =>
    picturesOf(segment ? [segment] : []).map(({ data }) => data),
  );
  expect(ninth).toEqual(first);
});

it('marks each GOP by bytes that only its first picture contains', () => {
  for (const [at, mark] of footage.marks.entries()) {
    const holders = footage.fragments.flatMap((fragment, gop) =>
      Buffer.from(fragment).includes(Buffer.from(mark)) ? [gop] : [],
    );
    expect(holders).toEqual([at]);
  }
});

it('fails at every job except a capture', async () => {
  const world = new VirtualClock({ startUs: START_US });
  const twin = ffmpegTwin(footage, world, () => undefined);
  const job = {
    doing: 'encoding',
    args: ['-i', 'pipe:0', 'pipe:1'],
    stdoutBytesMax: 100,
    timeoutMs: 1_000,
    clock: world,
  };
  await expect(runFfmpeg(twin, job)).rejects.toMatchObject({ code: 'ffmpeg_failed' });
});
