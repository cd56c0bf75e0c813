// @module-tag long
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { findFfmpeg, probeFile, SystemClock, SystemDisk, silentLog } from '../../../device/index.ts';
import { missedInReplay } from '../../../sim/record/check-recording.ts';
import { RecordFolder } from '../../../sim/record/record-folder.ts';
import { writeFootage } from '../../../sim/record/write-footage.ts';
import { readFootage } from '../../../sim/replay/footage.ts';
import type { ReplayedDoorbell } from '../../../sim/replay/replayed-doorbell.ts';
import { runReplay } from '../../../sim/replay/run-replay.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('write-footage');
afterAll(folder.dispose);
const clock = new SystemClock();
const disk = new SystemDisk();
const START_US = Date.UTC(2026, 5, 1, 9) * 1_000;

/** Footage of two sizes in one ring, and what `use` does with it when all of it is there. */
async function withTwoFormats(use: (doorbell: ReplayedDoorbell) => Promise<void>): Promise<void> {
  let isUsed = false;
  const footage = await readFootage(['synthetic?seconds=3&size=320x192', 'synthetic?seconds=3&size=640x368']);
  await runReplay(
    { cameras: [{ name: 'front', footage }], startUs: START_US, seed: 1, settings: {} },
    { disk, log: silentLog() },
    {
      begins: () => undefined,
      event: () => undefined,
      keep: async (doorbell, { event }) => {
        if (event.type !== 'event-window' || isUsed) return;
        isUsed = true;
        await use(doorbell);
      },
    },
    new AbortController().signal,
  );
  expect(isUsed).toBe(true);
}

it('writes a file for each format, one after the other, and a scenario that shows both', async () => {
  const out = await RecordFolder.make(join(folder.path, 'out'), disk);
  const window = { startUs: START_US, endUs: START_US + 6_000_000 };
  const ffmpeg = await findFfmpeg();
  await withTwoFormats(({ session }) =>
    out.keep({ session, window, events: [], end: { why: 'time' } }, { audio: false, zones: [] }, { ffmpeg, clock }),
  );
  expect(out.kept).toMatchObject({ window, files: ['footage.mp4', 'footage-2.mp4', 'scenario.yaml', 'events.jsonl'] });
  expect(readFileSync(join(out.path, 'scenario.yaml'), 'utf8')).toContain('{ files: footage-2.mp4, at: 3s }');
  for (const name of ['footage.mp4', 'footage-2.mp4']) {
    const path = join(out.path, name);
    const source = { kind: 'file', path, shown: name, audio: true, loop: false, pace: 'own' } as const;
    const facts = await probeFile(ffmpeg, source, { clock, signal: new AbortController().signal });
    expect([name, facts.plan.video, facts.plan.audio]).toEqual([name, 'copy', 'none']);
  }
  expect(await missedInReplay(out.path, out.lines, disk, new AbortController().signal)).toEqual([]);
});

it('leaves no file of which a part is missing', async () => {
  const path = join(folder.path, 'broken');
  mkdirSync(path);
  const window = { startUs: START_US, endUs: START_US + 6_000_000 };
  const broken = { path: '/bin/false', release: [7, 1] } as unknown as Awaited<ReturnType<typeof findFfmpeg>>;
  await withTwoFormats(async ({ session }) => {
    const written = writeFootage(session, window, path, { audio: false, zones: [] }, { ffmpeg: broken, clock });
    await expect(written).rejects.toMatchObject({ code: 'ffmpeg_failed' });
  });
  expect(readdirSync(path)).toEqual([]);
});
