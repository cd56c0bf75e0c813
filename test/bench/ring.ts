// What a segment costs in the ring file: bytes written, and time over a log that sealed segments are appended to, each with fdatasync; and
// how long a ring of many segments takes to open.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { silentLog } from '../../device/base/log.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { fittingCipher, generateSealKey, SEAL_NONCE_BYTES, sealWithNonce } from '../../device/base/seal.ts';
import type { Segment } from '../../device/camera/segment.ts';
import { RingFile } from '../../device/ring/ring-file.ts';
import { FileDeviceKey } from '../../device/ring/wrapped-key-files.ts';
import { type Comparison, compare, type DiskWrites, diskWrites, type Row, type Run, timed, timeMs } from './measure.ts';

/** A second of 2 Mbit/s. */
const SEGMENT_BYTES = 250_000;
const SEGMENTS = 40;
const RING_BYTES = 64 * 1024 * 1024;
/** The log goes round as the ring does, so that neither fills the disk: it begins anew when it is as long. */
const LOG_SEGMENTS = Math.floor(RING_BYTES / SEGMENT_BYTES);

const RECOVERED_SEGMENTS = 10_000;
const RECOVERED_BYTES = 25_000;

export async function ringRows(run: Run): Promise<Row[]> {
  return [...(await appendRows(run)), await recoveryRow(run)];
}

function ringIn(folder: string, name: string, bytesMax: number): RingFile {
  const [clock, disk, random] = [new SystemClock(), new SystemDisk(), new SystemRandom()];
  const wrapper = new FileDeviceKey(disk, random, join(folder, 'device.key'));
  const options = { disk, clock, random, log: silentLog(), wrapper, cipher: fittingCipher(clock), retentionS: 86_400 };
  return new RingFile({ ...options, path: join(folder, name), bytesMax });
}

/** Append to a ring that has gone round once. */
async function appendRows({ folder, pairs }: Run): Promise<Row[]> {
  const ring = ringIn(folder, 'ring', RING_BYTES);
  const random = new SystemRandom();
  const fragment = random.bytes(SEGMENT_BYTES);
  let log = await open(join(folder, 'log'), 'w');
  const key = generateSealKey(random, fittingCipher(new SystemClock()));
  const [name, nonce] = [random.bytes(16), Buffer.alloc(SEAL_NONCE_BYTES)];
  let nonceNext = 0;
  let logged = 0;
  let number = 0;
  const append = async () => {
    for (let count = 0; count < SEGMENTS; count += 1) await ring.append(segmentOf(number++, fragment));
  };
  const sealed = () => {
    nonce.writeBigUInt64BE(BigInt(nonceNext++));
    return sealWithNonce(key, nonce, fragment, name);
  };
  const logOf = (bytes: () => Uint8Array) => async () => {
    if (logged + SEGMENTS > LOG_SEGMENTS) {
      await log.close();
      log = await open(join(folder, 'log'), 'w');
      logged = 0;
    }
    return timeMs(async () => {
      for (let count = 0; count < SEGMENTS; count += 1) {
        await log.write(bytes());
        await log.datasync();
        logged += 1;
      }
    });
  };
  try {
    await ring.start();
    for (let lap = 0; lap < RING_BYTES / (SEGMENTS * SEGMENT_BYTES) + 1; lap += 1) await append();
    const card = await leastWrites(folder, 3 * pairs, append);
    const cardOfLog = await leastWrites(folder, 3 * pairs, logOf(sealed));
    const perByte = card.bytes / SEGMENT_BYTES;
    const same = await compare(2 * pairs, timed(append), logOf(sealed));
    const clear = await compare(
      2 * pairs,
      timed(append),
      logOf(() => fragment),
    );
    const rowOf = ({ work, baseline, ratio }: Comparison, how: string): Row => ({
      group: 'ring',
      what: `Ring: appends a second over append log + fdatasync, ${how}`,
      ours: `${(work / SEGMENTS).toFixed(2)} ms a segment`,
      baseline: `${(baseline / SEGMENTS).toFixed(2)} ms`,
      figure: 1 / ratio,
      unit: 'x',
      // Where the disk waits longest, both wait for the same; what holds for any disk is what it is given to write.
      target: null,
    });
    return [
      {
        group: 'ring',
        what: 'Ring: bytes written per byte',
        ours: `${Math.round(perByte * SEGMENT_BYTES)} B a segment`,
        baseline: `${SEGMENT_BYTES} B of footage`,
        figure: perByte,
        unit: 'x',
        target: { most: 1.02 },
      },
      cardRow(card, cardOfLog),
      rowOf(same, 'sealed as well'),
      rowOf(clear, 'in the clear'),
    ];
  } finally {
    await ring.stop();
    await log.close();
  }
}

/** What the disk is given for a segment: the least of several, for what others write to it meanwhile can only add. */
async function leastWrites(folder: string, rounds: number, append: () => Promise<unknown>): Promise<DiskWrites> {
  const least = {
    bytes: Number.POSITIVE_INFINITY,
    requests: Number.POSITIVE_INFINITY,
    flushes: Number.POSITIVE_INFINITY,
  };
  for (let round = 0; round < rounds; round += 1) {
    const before = diskWrites(folder);
    await append();
    const after = diskWrites(folder);
    for (const what of ['bytes', 'requests', 'flushes'] as const)
      least[what] = Math.min(least[what], (after[what] - before[what]) / SEGMENTS);
  }
  return least;
}

/** What a card feels besides the bytes: with each flush it writes anew what it keeps of its own. A log grows, and so writes its inode, too. */
function cardRow(ring: DiskWrites, log: DiskWrites): Row {
  const words = ({ bytes, requests, flushes }: DiskWrites) =>
    `${Math.round(bytes)} B, ${requests.toFixed(2)} writes, ${flushes.toFixed(2)} flushes`;
  return {
    group: 'ring',
    what: 'Ring: flushes of the disk a segment, beside append log + fdatasync',
    ours: words(ring),
    baseline: words(log),
    figure: ring.flushes,
    unit: 'flushes',
    // A hundredth of a flush may be somebody else's.
    target: { most: 1.02 },
  };
}

/** Opening a ring over reading its file: what an index rebuilt from the bodies would read at least. */
async function recoveryRow({ folder, pairs }: Run): Promise<Row> {
  const ring = ringIn(folder, 'recovered', RECOVERED_SEGMENTS * (RECOVERED_BYTES + 2 * 4_096));
  const fragment = new SystemRandom().bytes(RECOVERED_BYTES);
  await ring.start();
  for (let number = 0; number < RECOVERED_SEGMENTS; number += 1) await ring.append(segmentOf(number, fragment));
  let fewest = Number.POSITIVE_INFINITY;
  const { work, baseline } = await compare(
    pairs,
    async () => {
      await ring.stop();
      const startMs = await timeMs(() => ring.start());
      fewest = Math.min(fewest, ring.stats().segments);
      return startMs;
    },
    timed(async () => {
      const file = await open(join(folder, 'recovered'), 'r');
      await file.readFile();
      await file.close();
    }),
  );
  await ring.stop();
  if (fewest !== RECOVERED_SEGMENTS) throw new Error(`${fewest} of ${RECOVERED_SEGMENTS} segments were recovered`);
  return {
    group: 'ring',
    what: `Ring: recovery of ${RECOVERED_SEGMENTS} segments`,
    ours: `${work.toFixed(0)} ms`,
    baseline: `${baseline.toFixed(0)} ms to read the file`,
    figure: work / 1000,
    unit: 's',
    target: { most: 2 },
  };
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
