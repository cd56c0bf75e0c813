// @module-tag long
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { probeFile } from '../../../device/camera/probe-file.ts';
import { missedInReplay } from '../../../sim/record/check-recording.ts';
import { RecordFolder } from '../../../sim/record/record-folder.ts';
import { writeFootage } from '../../../sim/record/write-footage.ts';
import { readFootage } from '../../../sim/replay/footage.ts';
import type { ReplayedDoorbell } from '../../../sim/replay/replayed-doorbell.ts';
import { runReplay } from '../../../sim/replay/run-replay.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { SmallDisk } from '../../support/small-disk.ts';

const folder = temporaryFolder('write-footage');
afterAll(folder.dispose);
const clock = new SystemClock();
const disk = new SystemDisk();
const START_US = Date.UTC(2026, 5, 1, 9) * 1_000;

/** Records footage of two sizes into one ring, then calls `use`. */
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

it('leaves no incomplete file', async () => {
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

it('keeps on a full disk the footage that fits, in whole groups of pictures', { tags: ['namespaces'] }, async () => {
  const ffmpeg = await findFfmpeg();
  const window = { startUs: START_US, endUs: START_US + 6_000_000 };
  const ring = { type: 'ring', id: 'event-1', device: 'device-1', button: 'front', source: 'local' } as const;
  const events = [1, 5].map((second) => ({ ...ring, atUs: START_US + second * 1_000_000 }));
  const copy = join(folder.path, 'fitted');
  let fitted = { lengthUs: 0, lines: new Map() as RecordFolder['lines'] };
  await withTwoFormats(async ({ session }) => {
    // Opened while the world's time stands still, because time waits for its process otherwise.
    const small = await SmallDisk.open(16 * 1024 * 1024);
    const path = join(small.outside, 'porch');
    const keep = async (freeBytes: number | null) => {
      rmSync(path, { recursive: true, force: true });
      const out = await RecordFolder.make(path, disk);
      if (freeBytes !== null) small.fill(freeBytes);
      const recording = { session, window, events, end: { why: 'time' } } as const;
      await out.keep(recording, { audio: false, zones: [] }, { ffmpeg, clock }).finally(() => small.empty());
      return out;
    };
    try {
      expect((await keep(null)).kept).toMatchObject({ isWhole: true, window });
      const [first = 0, second = 0] = ['footage.mp4', 'footage-2.mp4'].map((name) => statSync(join(path, name)).size);

      // Space for the first file and a part of the second.
      expect((await keep(first + second * 0.7)).kept).toMatchObject({ isWhole: false });
      expect(statSync(join(path, 'footage.mp4')).size).toBe(first);
      expect(readdirSync(path)).toEqual(['events.jsonl', 'footage-2.mp4', 'footage.mp4', 'scenario.yaml']);

      // Space for a part of the first file.
      const { kept, lines } = await keep(first * 0.7);
      expect(kept).toMatchObject({ isWhole: false, files: ['footage.mp4', 'scenario.yaml', 'events.jsonl'] });
      expect(kept?.bytes).toBe(statSync(join(path, 'footage.mp4')).size);
      const lengthUs = (kept?.window.endUs ?? 0) - START_US;
      expect([1_000_000, 2_000_000]).toContain(lengthUs);
      expect(kept?.expected).toMatchObject([{ type: 'ring', atUs: 1_000_000 }]);
      expect(readdirSync(path)).toEqual(['events.jsonl', 'footage.mp4', 'scenario.yaml']);
      cpSync(path, copy, { recursive: true });
      fitted = { lengthUs, lines };

      await expect(keep(8_192)).rejects.toMatchObject({ code: 'disk_full' });
      expect(existsSync(join(path, 'footage.mp4'))).toBe(false);
    } finally {
      await small.close();
    }
  });
  const source = { kind: 'file', path: join(copy, 'footage.mp4'), shown: 'footage', audio: true } as const;
  const signal = new AbortController().signal;
  const facts = await probeFile(ffmpeg, { ...source, loop: false, pace: 'own' }, { clock, signal });
  expect(facts.toldUs).toBe(fitted.lengthUs);
  expect(await missedInReplay(copy, fitted.lines, disk, signal)).toEqual([]);
});
