// Owns: what a segment costs in the ring file, over the least anyone must pay who keeps it: an appended log with fdatasync.
// Not here: whether the ring is right (test/ring).
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { silentLog } from '../../device/base/log.ts';
import { SystemRandom } from '../../device/base/random.ts';
import type { Segment } from '../../device/camera/segment.ts';
import { FileDeviceKey } from '../../device/ring/keys.ts';
import { RingFile } from '../../device/ring/ring-file.ts';
import { fittingCipher } from '../../device/ring/seal.ts';
import { compare, type Row } from './measure.ts';

const PAIRS = 9;
const SEGMENTS = 40;
const SEGMENT_BYTES = 250_000;
const RING_BYTES = 32 * 1024 * 1024;

/** Append and restart of a ring that has gone round once. */
export async function ringRows(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-bench-'));
  const [clock, disk, random] = [new SystemClock(), new SystemDisk(), new SystemRandom()];
  const cipher = fittingCipher(clock);
  const wrapper = new FileDeviceKey(disk, random, join(folder, 'device.key'));
  const options = { disk, clock, random, log: silentLog(), wrapper, cipher, retentionS: 86_400 };
  const ring = new RingFile({ ...options, path: join(folder, 'ring'), bytesMax: RING_BYTES });
  const log = await open(join(folder, 'log'), 'a');
  const fragment = random.bytes(SEGMENT_BYTES);
  let number = 0;
  const append = async () => {
    for (let count = 0; count < SEGMENTS; count += 1) await ring.append(segmentOf(number++, fragment));
  };
  try {
    await ring.start();
    for (let lap = 0; lap < RING_BYTES / (SEGMENTS * SEGMENT_BYTES) + 1; lap += 1) await append();
    const { workMs, baselineMs, ratio } = await compare(PAIRS, append, async () => {
      for (let count = 0; count < SEGMENTS; count += 1) {
        await log.write(fragment);
        await log.datasync();
      }
    });
    const each = `${(workMs / SEGMENTS).toFixed(2)} ms sealed, ${(baselineMs / SEGMENTS).toFixed(2)} ms plain`;
    const restart = await restartRow(ring, join(folder, 'ring'));
    return [
      { what: 'ring append, 250 KB', ratio, unit: 'x append log + fdatasync', detail: `${each}, ${cipher}` },
      restart,
    ];
  } finally {
    await ring.stop();
    await log.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function restartRow(ring: RingFile, path: string): Promise<Row> {
  const { workMs, baselineMs, ratio } = await compare(
    PAIRS,
    async () => {
      await ring.stop();
      await ring.start();
    },
    async () => {
      const file = await open(path, 'r');
      await file.readFile();
      await file.close();
    },
  );
  const { segments } = ring.stats();
  const detail = `${workMs.toFixed(1)} ms for ${segments} segments, ${baselineMs.toFixed(1)} ms to read the file`;
  return { what: 'ring restart', ratio, unit: 'x reading the file', detail };
}

function segmentOf(index: number, fragment: Uint8Array): Segment {
  const startUs = 1_795_608_000_000_000 + index * 1_000_000;
  const times = { startUs, endUs: startUs + 1_000_000, wallOffsetUs: startUs };
  return {
    recording: 'bench',
    index,
    boot: 'bench',
    clockTrusted: true,
    ...times,
    init: fragment.subarray(0, 800),
    fragment,
  };
}
