// Owns: what an exact clip costs, cut, sealed and checked as the device does it, over encoding the window anew.
// Not here: whether it is exact (test/device/clip).
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { silentLog } from '../../device/base/log.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { generateSealKey } from '../../device/base/seal.ts';
import { type Ffmpeg, findFfmpeg } from '../../device/camera/find-ffmpeg.ts';
import type { ClipDeps } from '../../device/clip/clip-deps.ts';
import type { Clip } from '../../device/clip/finished-clip.ts';
import type { CutDeps } from '../../device/clip/recent-encodings.ts';
import { RecentEncodings } from '../../device/clip/recent-encodings.ts';
import { SelfCheck } from '../../device/clip/self-check.ts';
import { trim } from '../../device/clip/trim.ts';
import type { Ring } from '../../device/ring/ring-interface.ts';
import { Outbox } from '../../device/upload/outbox.ts';
import { liveGrantFor } from '../support/live-grant.ts';
import { FPS, makeEncoded } from './footage.ts';
import { compare, type Row, type Run, timed, timeMs } from './measure.ts';
import { openRing, record } from './recording.ts';

/** A window starts this far into its first second: half of a GOP is encoded again, which is the mean. */
export const INTO_GOP_US = 466_000;
const FOOTAGE_S = 124;

export async function trimRows({ folder, pairs }: Run): Promise<Row[]> {
  const ffmpeg = await findFfmpeg();
  const source = await makeEncoded(ffmpeg.path, folder, FOOTAGE_S);
  const ring = openRing(folder);
  await ring.start();
  await record(`file:${source}?once&pace=fast`, ring);
  try {
    return [
      await row({ ring, ffmpeg, source, folder, pairs }, 30, 0.09),
      await row({ ring, ffmpeg, source, folder, pairs }, 120, 0.035),
    ];
  } finally {
    await ring.stop();
  }
}

interface Footage extends Run {
  ring: Ring;
  ffmpeg: Ffmpeg;
  source: string;
}

async function row(footage: Footage, seconds: number, most: number): Promise<Row> {
  const { ring, ffmpeg, source, folder, pairs } = footage;
  const cut = () => cutOnce(ring, ffmpeg, folder, seconds);
  const from = 1 + INTO_GOP_US / 1e6;
  const encode = () =>
    promisify(execFile)(ffmpeg.path, [
      ...['-hide_banner', '-loglevel', 'error', '-y', '-ss', String(from), '-t', String(seconds), '-i', source],
      ...['-c:v', 'libx264', '-preset', 'veryfast', join(folder, 'anew.mp4')],
    ]);
  const { work, baseline, ratio } = await compare(pairs, cut, timed(encode));
  return {
    group: 'trim',
    what: `Trim: exact clip of ${seconds} s, sealed and checked`,
    ours: `${work.toFixed(0)} ms, warm`,
    baseline: `${(baseline / 1000).toFixed(2)} s, full veryfast`,
    figure: ratio,
    unit: 'x',
    target: { most },
  };
}

/** Cuts, seals and checks a window that starts inside the ring's second GOP; milliseconds that it took. */
export async function cutOnce(ring: Ring, ffmpeg: Ffmpeg, folder: string, seconds: number): Promise<number> {
  const [clock, disk, random, log] = [new SystemClock(), new SystemDisk(), new SystemRandom(), silentLog()];
  const outboxFolder = await mkdtemp(join(folder, 'outbox-'));
  const outbox = new Outbox({ disk, random, log, folder: outboxFolder, key: generateSealKey(random) });
  await outbox.start();
  const ringStartUs = ring.coverage()[0]?.startUs ?? 0;
  const startUs = ringStartUs + 1_000_000 + INTO_GOP_US;
  const { live } = liveGrantFor({ window: { startUs, endUs: startUs + seconds * 1_000_000 } });
  const segments: ClipDeps['segments'] = (window) => ring.read(window);
  // Of its own: what an earlier cut encoded must not count.
  const recent = new RecentEncodings(clock);
  const deps: CutDeps = { segments, ffmpeg, clock, log, recode: 'when-needed', recent };
  let clip: Clip | null = null;
  const took = await timeMs(async () => {
    const cut = await trim(live, deps);
    clip = cut;
    const check = new SelfCheck(live, cut, deps);
    const sealing = outbox.seal(live, cut, async (sealed) => {
      await check.run(sealed.reader);
      return { manifest: 'manifest', statement: 'statement', certificate: 'certificate', homeRecall: 'recall' };
    });
    await sealing.finally(() => check.stop());
  });
  recent.forget();
  await rm(outboxFolder, { recursive: true });
  assertCut(clip, seconds);
  return took;
}

function assertCut(clip: Clip | null, seconds: number): void {
  if (clip?.method !== 'smart-cut' || clip.frames !== seconds * FPS) {
    throw new Error(`the clip is ${clip?.method} with ${clip?.frames} frames`);
  }
}
