// What an exact clip costs, cut, sealed and checked as the device does it, over encoding the window anew.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { generateSealingKey } from '../../device/base/hpke.ts';
import { silentLog } from '../../device/base/log.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { generateSealKey } from '../../device/base/seal.ts';
import { type Ffmpeg, findFfmpeg } from '../../device/camera/find-ffmpeg.ts';
import type { ClipDeps } from '../../device/clip/clip-deps.ts';
import type { Clip } from '../../device/clip/finished-clip.ts';
import type { CutDeps } from '../../device/clip/recent-encodings.ts';
import { RecentEncodings } from '../../device/clip/recent-encodings.ts';
import { contentsOf, sealedClaims } from '../../device/clip/seal-to-recipient.ts';
import { SelfCheck } from '../../device/clip/self-check.ts';
import { trim } from '../../device/clip/trim.ts';
import { type Sealing, writeContents } from '../../device/contract/sealing.ts';
import type { Ring } from '../../device/ring/ring-interface.ts';
import { Outbox } from '../../device/upload/outbox.ts';
import { liveGrantFor } from '../support/live-grant.ts';
import { FPS, makeEncoded } from './footage.ts';
import { compare, median, type Row, type Run, timed } from './measure.ts';
import { openRing, record } from './recording.ts';

/** A window starts this far into its first second: half of a GOP is encoded again, which is the mean. */
export const INTO_GOP_US = 466_000;
const FOOTAGE_S = 124;
/** What the device knows of its home. */
const HOME = { address: '12 Elm Street, Springfield', email: 'casey@home.example' };
const SECONDS_OF_STEPS = 30;

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
      ...(await stepRows({ ring, ffmpeg, source, folder, pairs })),
      await sealedRow({ ring, ffmpeg, source, folder, pairs }),
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

/** Where a clip's time goes, over an encode of its first frames and nothing else; and what the second grant of a window costs. */
async function stepRows({ ring, ffmpeg, source, folder, pairs }: Footage): Promise<Row[]> {
  const steps: Steps[] = [];
  const cut = async () => {
    const taken = await cutSteps(ring, ffmpeg, folder, SECONDS_OF_STEPS);
    steps.push(taken);
    return taken.all;
  };
  const frames = Math.round((1 - INTO_GOP_US / 1e6) * FPS);
  const bare = () =>
    promisify(execFile)(ffmpeg.path, [
      ...['-hide_banner', '-loglevel', 'error', '-y', '-ss', String(1 + INTO_GOP_US / 1e6), '-i', source],
      ...['-frames:v', String(frames), '-an', '-c:v', 'libx264', '-preset', 'veryfast', join(folder, 'head.h264')],
    ]);
  const overBare = await compare(pairs, cut, timed(bare));
  const recent = new RecentEncodings(new SystemClock());
  await cutSteps(ring, ffmpeg, folder, SECONDS_OF_STEPS, { recent });
  const again = async () => (await cutSteps(ring, ffmpeg, folder, SECONDS_OF_STEPS, { recent })).all;
  const overFirst = await compare(pairs, again, cut);
  recent.forget();
  const at = (step: keyof Steps) => median(steps.map((taken) => taken[step])).toFixed(0);
  return [
    {
      group: 'trim',
      what: `Trim: exact clip of ${SECONDS_OF_STEPS} s over a bare encode of its first ${frames} frames`,
      ours: `cut after ${at('cut')} ms, sealed ${at('sealed')}, checked ${at('checked')}, committed ${at('all')}`,
      baseline: `${overBare.baseline.toFixed(0)} ms`,
      figure: overBare.ratio,
      unit: 'x',
      target: { most: 1.5 },
    },
    {
      group: 'trim',
      what: 'Trim: a further grant of the same window over the first',
      ours: `${overFirst.work.toFixed(0)} ms`,
      baseline: `${overFirst.baseline.toFixed(0)} ms`,
      figure: overFirst.ratio,
      unit: 'x',
      target: { most: 0.75 },
    },
  ];
}

/** What it costs more that only the clip's recipient can read it. */
async function sealedRow({ ring, ffmpeg, folder, pairs }: Footage): Promise<Row> {
  const sealing = { key: generateSealingKey(new SystemRandom()).publicKey, keeper: 'vault' } as const;
  const { work, baseline, ratio } = await compare(
    pairs,
    async () => (await cutSteps(ring, ffmpeg, folder, SECONDS_OF_STEPS, { sealing })).all,
    () => cutOnce(ring, ffmpeg, folder, SECONDS_OF_STEPS),
  );
  return {
    group: 'trim',
    what: `Trim: exact clip of ${SECONDS_OF_STEPS} s for its recipient alone over one that the bridge can read`,
    ours: `${work.toFixed(0)} ms`,
    baseline: `${baseline.toFixed(0)} ms`,
    figure: ratio,
    unit: 'x',
    target: { most: 1.05 },
  };
}

/** Milliseconds from the start of a clip until each step was done. */
interface Steps {
  cut: number;
  sealed: number;
  checked: number;
  all: number;
}

/** Cuts, seals and checks a window that starts inside the ring's second GOP; milliseconds that it took. */
export async function cutOnce(ring: Ring, ffmpeg: Ffmpeg, folder: string, seconds: number): Promise<number> {
  return (await cutSteps(ring, ffmpeg, folder, seconds)).all;
}

/** `recent`: what earlier cuts encoded; absent: nothing. `sealing`: whose clip it is; absent: the bridge can read it. */
async function cutSteps(
  ring: Ring,
  ffmpeg: Ffmpeg,
  folder: string,
  seconds: number,
  { recent, sealing }: { recent?: RecentEncodings; sealing?: Sealing } = {},
): Promise<Steps> {
  const [clock, disk, random, log] = [new SystemClock(), new SystemDisk(), new SystemRandom(), silentLog()];
  const outboxFolder = await mkdtemp(join(folder, 'outbox-'));
  const outbox = new Outbox({ disk, random, log, folder: outboxFolder, key: generateSealKey(random) });
  await outbox.start();
  const ringStartUs = ring.coverage()[0]?.startUs ?? 0;
  const startUs = ringStartUs + 1_000_000 + INTO_GOP_US;
  const { live } = liveGrantFor({
    window: { startUs, endUs: startUs + seconds * 1_000_000 },
    ...(sealing === undefined ? {} : { sealing }),
  });
  const segments: ClipDeps['segments'] = (window) => ring.read(window);
  const own = recent ?? new RecentEncodings(clock);
  const deps: CutDeps = { segments, ffmpeg, clock, log, recode: 'when-needed', recent: own };
  const steps = { cut: 0, sealed: 0, checked: 0, all: 0 };
  const startMs = performance.now();
  const mark = (step: keyof Steps) => {
    steps[step] = performance.now() - startMs;
  };
  const cut = await trim(live, deps);
  mark('cut');
  const check = new SelfCheck(live, cut, deps);
  const contents = contentsOf(live, HOME, random);
  const storing = outbox.seal(
    live,
    cut,
    async ({ reader, sha256: clipSha256, bytes: clipBytes, sealed }) => {
      mark('sealed');
      await check.run(reader);
      mark('checked');
      const inner = sealed && { clipSha256, clipBytes, contentKey: sealed.contentKey, home: 'home-1' };
      if (contents && inner) sealedClaims(live, contents, inner, random);
      return { manifest: 'manifest', statement: 'statement', certificate: 'certificate', homeRecall: 'recall' };
    },
    contents && writeContents(contents),
  );
  await storing.finally(() => check.stop());
  mark('all');
  if (!recent) own.forget();
  await rm(outboxFolder, { recursive: true });
  assertCut(cut, seconds);
  return steps;
}

function assertCut(clip: Clip, seconds: number): void {
  if (clip.method !== 'smart-cut' || clip.frames !== seconds * FPS) {
    throw new Error(`the clip is ${clip?.method} with ${clip?.frames} frames`);
  }
}
