// How late a viewer of the live picture gets a frame that the porch has just drawn, and what making live pictures costs the processor while
// nobody watches, over the same capture without them.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SystemClock } from '../../device/base/clock.ts';
import { silentLog } from '../../device/base/log.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { SystemPrograms } from '../../device/base/system-programs.ts';
import { Capture } from '../../device/camera/capture.ts';
import { findFfmpeg } from '../../device/camera/find-ffmpeg.ts';
import { parseCameraSource } from '../../device/camera/sources.ts';
import { ALL_CAMERAS } from '../../sim/porch/porch-camera.ts';
import { FPS, makeEncoded, makeUncompressed } from './footage.ts';
import { compare, type Row, type Run } from './measure.ts';
import type { Recorded } from './recording.ts';

/** How long delays are taken. */
const WATCHED_SECONDS = 20;

/** How long each run of the cost takes, at the source's own pace: frames that come one by one cost more than the same in a heap. */
const SECONDS = 40;

/** Every pair takes twice as long as its footage. */
const PAIRS_MAX = 3;

export async function liveRows({ folder, pairs }: Run): Promise<Row[]> {
  const { path } = await findFfmpeg();
  const encoded = await makeUncompressed(path, folder, SECONDS);
  const copied = await makeEncoded(path, folder, SECONDS);
  return [
    await delayRow('without sound', 'synthetic?audio=off'),
    await delayRow('with sound', 'synthetic'),
    await costRow('encoded', encoded, { most: 1.03 }, { folder, pairs }),
    // All that it costs is decoding for motion: printed only, for a little more of almost nothing is much.
    await costRow('copied', copied, null, { folder, pairs }),
  ];
}

/** From the wall time that the porch gives a frame to the call that gives a viewer its fragment. */
async function delayRow(which: string, camera: string): Promise<Row> {
  const clock = new SystemClock();
  const delaysMs: number[] = [];
  const capture = new Capture(
    {
      source: parseCameraSource(camera, {}, ALL_CAMERAS),
      ffmpeg: await findFfmpeg(),
      clock,
      random: new SystemRandom(),
      log: silentLog(),
      programs: new SystemPrograms(),
      boot: 'bench',
      clockTrusted: () => true,
    },
    { segment: () => Promise.resolve(), gray: () => {}, state: () => {} },
  );
  capture.live.subscribe({
    init: () => {},
    fragment: ({ startUs }) => void delaysMs.push((clock.wallUs() - (startUs ?? Number.NaN)) / 1000),
    ended: () => {},
  });
  const stopping = new AbortController();
  await capture.start(stopping.signal);
  await clock.sleep(WATCHED_SECONDS * 1000, stopping.signal);
  await capture.stop();
  if (delaysMs.length < (WATCHED_SECONDS - 2) * FPS) throw new Error(`only ${delaysMs.length} frames came`);
  // While ffmpeg starts, frames wait for it: the first second is no picture of the rest.
  const sorted = delaysMs.slice(FPS).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return {
    group: 'live',
    what: `Live: a drawn frame's way to a viewer, 720p15 ${which}, p95`,
    ours: `${at(0.5).toFixed(0)} ms at the median`,
    baseline: `${(1000 / FPS).toFixed(0)} ms from frame to frame`,
    figure: at(0.95),
    unit: 'ms',
    target: { most: 400 },
  };
}

async function costRow(how: string, source: string, target: Row['target'], { folder, pairs }: Run): Promise<Row> {
  const cost = (live: 'live' | 'still') => async () => {
    const place = await mkdtemp(join(folder, 'run-'));
    try {
      const program = join(import.meta.dirname, 'recording.ts');
      const { stdout } = await promisify(execFile)(process.execPath, [
        ...process.execArgv,
        program,
        `file:${source}?once`,
        place,
        live,
      ]);
      const recorded: Recorded = JSON.parse(stdout);
      if (recorded.segments < SECONDS) throw new Error(`it recorded ${stdout}`);
      return recorded.processorMs;
    } finally {
      await rm(place, { recursive: true });
    }
  };
  const { work, baseline, ratio } = await compare(Math.min(pairs, PAIRS_MAX), cost('live'), cost('still'));
  const percent = (ms: number) => (ms / (SECONDS * 10)).toFixed(2);
  return {
    group: 'live',
    what: `Live: processor time of a capture that nobody watches, 720p15 ${how}`,
    ours: `${percent(work)} % of a core`,
    baseline: `${percent(baseline)} % without live pictures`,
    figure: ratio,
    unit: 'x',
    target,
  };
}
