// @module-tag long
// A clip designed to cost its reader time or memory is refused within bounds, by reading its metadata only.
// @own-process: it measures its memory
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkStructure } from '../../../cloud-bridge/intake/clip-files.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import * as mp4 from '../../../device/clip/mp4-boxes.ts';
import type { ClipFacts } from '../../../device/contract/clip-facts.ts';
import { isFailure } from '../../../device/contract/errors.ts';
import { PPS, SPS } from '../../support/plain-mp4.ts';
import { proved } from '../../support/proved.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-bombs-'));
});
afterAll(() => rm(folder, { recursive: true }));

type Part = Uint8Array | string | number;

/** Numbers become 32-bit words, texts their letters. */
function bytesOf(parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(part, 'latin1');
      if (typeof part !== 'number') return part;
      const word = Buffer.alloc(4);
      word.writeUInt32BE(part);
      return word;
    }),
  );
}

function box(type: string, ...parts: Part[]): Buffer {
  const body = bytesOf(parts);
  return bytesOf([body.length + 8, type, body]);
}

/** A table of `count` rows of 32-bit words. */
function words(count: number, row: (at: number) => number): Buffer {
  const bytes = Buffer.allocUnsafe(count * 4);
  for (let at = 0; at < count; at += 1) bytes.writeUInt32BE(row(at), at * 4);
  return bytes;
}

const FTYP = mp4.ftyp();

interface Tables {
  stts?: Buffer;
  stss?: Buffer;
  stsc?: Buffer;
  stsz?: Buffer;
  stco?: Buffer;
  more?: Buffer[];
}

/** A video track with these tables, otherwise as the device writes it. */
function trak({ stts, stss, stsc, stsz, stco, more = [] }: Tables): Uint8Array {
  const stbl = box(
    'stbl',
    mp4.fullBox('stsd', 0, 0, mp4.u32([1]), mp4.avc1(SPS, mp4.avcC([SPS], [PPS]))),
    stts ?? box('stts', 0, 0),
    stss ?? box('stss', 0, 1, 1),
    stsc ?? box('stsc', 0, 0),
    stsz ?? box('stsz', 0, 0, 0),
    stco ?? box('stco', 0, 0),
    ...more,
  );
  const minf = box('minf', mp4.vmhd(), mp4.dinf(), stbl);
  const mdia = box('mdia', mp4.mdhd(90_000, chunks), mp4.hdlr('vide'), minf);
  return box('trak', mp4.videoTkhd(1, chunks, SPS, 0), mdia);
}

const chunks = 4_000_000;
const mvhd = mp4.mvhd(chunks, 2);
const moov = (tables: Tables) => box('moov', mvhd, trak(tables));
/** A million of a box in a row, or nested. */
const side = (empty: Buffer) => Buffer.alloc(MANY * 8, empty);
function deep(type: string): Buffer {
  const bytes = Buffer.alloc(MANY * 8, box(type));
  for (let at = 0; at < MANY; at += 1) bytes.writeUInt32BE((MANY - at) * 8, at * 8);
  return bytes;
}
const MANY = 1_000_000;

const LARGE = 2 ** 32 - 1;
/** That many samples of one byte, and the position of each chunk. */
const ones = () =>
  box(
    'stsz',
    0,
    0,
    chunks,
    words(chunks, () => 1),
  );
const chunkTable = (place: (at: number) => number) => box('stco', 0, chunks, words(chunks, place));

/** Name, bytes before the media, and number of media bytes. */
const bombs: [string, () => Buffer, number?][] = [
  ['a million boxes side by side', () => bytesOf([FTYP, side(box('free'))])],
  ['a million descriptions', () => bytesOf([FTYP, side(box('moov'))])],
  ['a million boxes in the description', () => bytesOf([FTYP, box('moov', side(box('trak')))])],
  ['boxes in boxes, a million deep', () => bytesOf([FTYP, deep('moov')])],
  ['tracks in tracks, a million deep', () => bytesOf([FTYP, box('moov', mvhd, deep('trak'))])],
  ['media in media, a million deep', () => bytesOf([FTYP, box('moov', mvhd, box('trak', deep('mdia')))])],
  ...[
    [0, 0],
    [0, 8],
    [0, 15],
    [0x7fff_ffff, LARGE],
    [0x8000_0000, 0],
    [LARGE, LARGE],
    [0x0020_0000, 0],
  ].map(([high = 0, low = 0]): [string, () => Buffer] => [
    `a box of ${(BigInt(high) << 32n) | BigInt(low)} bytes`,
    () => bytesOf([FTYP, 1, 'mdat', high, low]),
  ]),
  ['a box to the end of the file', () => bytesOf([FTYP, 0, 'mdat'])],
  ['a description longer than may be', () => bytesOf([FTYP, box('moov', Buffer.alloc(33 * 1024 * 1024))])],
  ['a file type as long as a film', () => bytesOf([box('ftyp', Buffer.alloc(8_000_000))])],
  ['four billion sample sizes', () => bytesOf([FTYP, moov({ stsz: box('stsz', 0, 0, LARGE) })])],
  ['four billion samples of one size', () => bytesOf([FTYP, moov({ stsz: box('stsz', 0, 1, LARGE) })])],
  [
    'samples of four billion bytes',
    () =>
      bytesOf([
        FTYP,
        moov({
          stsz: box(
            'stsz',
            0,
            0,
            chunks,
            words(chunks, () => LARGE),
          ),
          stco: box('stco', 0, 1, 0),
          stsc: box('stsc', 0, 1, 1, chunks, 1),
          stts: box('stts', 0, 1, chunks, 1),
        }),
      ]),
  ],
  ['four billion chunks', () => bytesOf([FTYP, moov({ stsz: box('stsz', 0, 0, 1, 1), stco: box('stco', 0, LARGE) })])],
  [
    'four billion chunk runs',
    () => bytesOf([FTYP, moov({ stsz: box('stsz', 0, 0, 1, 1), stsc: box('stsc', 0, LARGE) })]),
  ],
  [
    'four billion samples in a chunk',
    () =>
      bytesOf([
        FTYP,
        moov({
          stsz: box(
            'stsz',
            0,
            0,
            10,
            words(10, () => 1),
          ),
          stco: box('stco', 0, 1, 0),
          stsc: box('stsc', 0, 1, 1, LARGE, 1),
        }),
      ]),
  ],
  ['four billion durations', () => bytesOf([FTYP, moov({ stts: box('stts', 0, LARGE) })])],
  [
    'millions of keyframes and durations',
    () => {
      const frames = 2_000_000;
      return bytesOf([
        FTYP,
        moov({
          stts: box(
            'stts',
            0,
            frames,
            words(frames * 2, (at) => (at % 2 === 0 ? 1 : LARGE)),
          ),
          stss: box(
            'stss',
            0,
            frames,
            words(frames, (at) => at + 1),
          ),
          stsz: box(
            'stsz',
            0,
            0,
            frames,
            words(frames, () => 1),
          ),
          stco: box('stco', 0, 1, 48),
          stsc: box('stsc', 0, 1, 1, frames, 1),
        }),
      ]);
    },
  ],
  [
    'samples without end in a duration',
    () =>
      bytesOf([
        FTYP,
        moov({
          stsz: ones(),
          stco: box('stco', 0, 1, 48),
          stsc: box('stsc', 0, 1, 1, chunks, 1),
          stts: box('stts', 0, 1, LARGE, 1),
        }),
      ]),
  ],
  ['four billion composition offsets', () => bytesOf([FTYP, moov({ more: [box('ctts', 0, LARGE)] })])],
  [
    'millions of runs',
    () => {
      const runs = 2_000_000;
      return bytesOf([
        FTYP,
        moov({
          stsc: box(
            'stsc',
            0,
            runs,
            words(runs * 3, (at) => (at % 3 === 0 ? at / 3 + 1 : 1)),
          ),
        }),
      ]);
    },
  ],
  [
    'millions of empty chunks',
    () =>
      bytesOf([
        FTYP,
        moov({
          stsz: ones(),
          stco: chunkTable(() => 48),
          stsc: box('stsc', 0, 1, 1, 0, 1),
        }),
      ]),
  ],
  [
    'millions of chunks of one byte, all the same',
    () =>
      bytesOf([
        FTYP,
        moov({
          stsz: ones(),
          stco: chunkTable(() => 48),
          stsc: box('stsc', 0, 1, 1, 1, 1),
          stts: box('stts', 0, 1, chunks, 1),
        }),
      ]),
  ],
  [
    'millions of chunks, last one first',
    () => {
      return bytesOf([
        FTYP,
        moov({
          stsz: ones(),
          stco: chunkTable((at) => chunks - at),
          stsc: box('stsc', 0, 1, 1, 1, 1),
          stts: box('stts', 0, 1, chunks, 1),
        }),
      ]);
    },
    chunks,
  ],
];

/** The largest possible statement. */
const FACTS: ClipFacts = {
  window: { startUs: 0, endUs: 24 * 3_600_000_000 },
  ...{ coverage: { startUs: 0, endUs: 24 * 3_600_000_000 }, gaps: [], frames: chunks, audioPackets: 0 },
  ...{ method: 'copy', encodedFrames: 0, redacted: false },
};

const MEMORY_BYTES_MAX = 160 * 1024 * 1024;
const TIME_MS_MAX = 5_000;

it('each kind of bomb is refused within bounds', async (test) => {
  let worst = { bytes: 0, ms: 0 };
  for (const [name, make, mediaBytes = 16] of bombs) {
    const path = join(folder, 'bomb.mp4');
    const head = make();
    const handle = await open(path, 'w');
    await handle.write(head);
    // The media is a sparse hole: none of it is read.
    await handle.write(bytesOf([8 + mediaBytes, 'mdat']));
    await handle.truncate(head.length + 8 + mediaBytes);
    await handle.close();
    const file = await new SystemDisk().open(path, { create: false });
    const before = process.memoryUsage();
    const cpu = process.cpuUsage();
    const thrown = await checkStructure(file, await file.size(), FACTS).then(
      () => null,
      (fault: unknown) => fault,
    );
    const { user, system } = process.cpuUsage(cpu);
    const after = process.memoryUsage();
    await file.close();
    const bytes = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
    const ms = (user + system) / 1_000;
    worst = { bytes: Math.max(worst.bytes, bytes), ms: Math.max(worst.ms, ms) };
    expect([name, isFailure(thrown) && thrown.code]).toEqual([name, 'intake_structure']);
  }
  expect(worst.bytes).toBeLessThan(MEMORY_BYTES_MAX);
  expect(worst.ms).toBeLessThan(TIME_MS_MAX);
  proved(
    test,
    'clips laid out as bombs refused by the bridge within bounds',
    `${bombs.length} kinds; at most ${Math.ceil(worst.bytes / 2 ** 20)} MiB and ${Math.ceil(worst.ms)} ms of CPU`,
  );
}, 120_000);
