// How long a granted clip takes to the bridge: from the grant's publication to the clip visible there, over cutting, sealing and checking
// the same window alone. Device, bridge, registry and broker are processes of their own on loopback.
import { watch } from 'node:fs';
import { join } from 'node:path';
import { findFfmpeg } from '../../device/camera/find-ffmpeg.ts';
import { RunningTestbed } from '../support/running-testbed.ts';
import { makeEncoded } from './footage.ts';
import { compare, type Row, type Run } from './measure.ts';
import { openRing, record } from './recording.ts';
import { cutOnce, INTO_GOP_US } from './trim.ts';

const SECONDS = 30;
const FOOTAGE_S = 34;

export async function grantRows({ folder, pairs }: Run): Promise<Row[]> {
  const ffmpeg = await findFfmpeg();
  const source = await makeEncoded(ffmpeg.path, folder, FOOTAGE_S);
  const camera = `file:${source}?once&pace=fast`;
  const ring = openRing(folder);
  await ring.start();
  await record(camera, ring);
  const testbed = new RunningTestbed(camera);
  try {
    await testbed.start();
    const { endUs } = await testbed.footage((FOOTAGE_S - 1) * 1_000_000);
    const startUs = endUs - FOOTAGE_S * 1_000_000 + 1_000_000 + INTO_GOP_US;
    const window = { startUs, endUs: startUs + SECONDS * 1_000_000 };
    const { work, baseline, ratio } = await compare(
      pairs,
      () => grantToVisibleMs(testbed, window),
      () => cutOnce(ring, ffmpeg, folder, SECONDS),
    );
    return [
      {
        group: 'grant',
        what: `Grant published to clip visible at the bridge, ${SECONDS} s`,
        ours: `${work.toFixed(0)} ms`,
        baseline: `${baseline.toFixed(0)} ms, the trim alone`,
        figure: ratio,
        unit: 'x',
        target: { most: 1.5 },
      },
    ];
  } finally {
    await testbed.stop();
    testbed.dispose();
    await ring.stop();
  }
}

async function grantToVisibleMs(testbed: RunningTestbed, window: { startUs: number; endUs: number }): Promise<number> {
  const notice = await testbed.ask();
  let visibleMs = Number.NaN;
  // A clip becomes visible by one rename of its folder; a later change is its hand-over.
  const watching = watch(join(testbed.data, 'bridge', 'clips'), () => {
    if (Number.isNaN(visibleMs)) visibleMs = performance.now();
  });
  try {
    const startMs = performance.now();
    const granted = testbed.grant(notice, window);
    await testbed.verify(granted, await granted.sent);
    return visibleMs - startMs;
  } finally {
    watching.close();
  }
}
