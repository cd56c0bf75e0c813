// A sealed file returns the exact bytes at any position, or `state_damaged`; never wrong ones.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { integerBelow, SystemRandom } from '../../../device/base/random.ts';
import { generateSealKey } from '../../../device/base/seal.ts';
import {
  openSealedFile,
  readSealedFile,
  SEALED_CHUNK_BYTES,
  type SealedFile,
  writeSealedFile,
} from '../../../device/base/sealed-file.ts';
import { osError, ProbingDisk } from '../ring/probing-disk.ts';

const random = new SystemRandom();
const HEADER = 24;
const STEP = SEALED_CHUNK_BYTES + 16;

let folder: string;
let disk: ProbingDisk;
const key = generateSealKey(random);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-sealed-'));
  disk = new ProbingDisk();
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const identity = (name: string) => ({ path: join(folder, name), key, id: `clip-${name}` });

/** The bytes in parts of uneven length. */
function* inParts(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0, length = 1; at < bytes.length; at += length, length = (length * 7) % 100_003) {
    yield bytes.subarray(at, at + length);
  }
}

async function write(name: string, bytes: Uint8Array): Promise<void> {
  expect(await writeSealedFile(disk, random, identity(name), inParts(bytes))).toBe(bytes.length);
}

async function readWhole(name: string, given = identity(name)): Promise<Uint8Array> {
  const file = await openSealedFile(disk, given);
  try {
    return await file.read(0, file.sizeBytes);
  } finally {
    await file.close();
  }
}

describe('a sealed file', () => {
  it.each([
    ...[0, 1, SEALED_CHUNK_BYTES - 1, SEALED_CHUNK_BYTES, SEALED_CHUNK_BYTES + 1, 3 * SEALED_CHUNK_BYTES, 300_000],
    ...[8 * SEALED_CHUNK_BYTES, 8 * SEALED_CHUNK_BYTES + 1, 20 * SEALED_CHUNK_BYTES + 5],
  ])('gives back %i bytes', async (length) => {
    const bytes = random.bytes(length);
    await write('a', bytes);
    expect(Buffer.compare(await readWhole('a'), bytes)).toBe(0);
    expect((await stat(join(folder, 'a'))).mode & 0o777).toBe(0o600);
  });

  it('gives each of two readers at once its own bytes', async () => {
    const bytes = random.bytes(40 * SEALED_CHUNK_BYTES);
    await write('a', bytes);
    const file = await openSealedFile(disk, identity('a'));
    const length = 10 * SEALED_CHUNK_BYTES;
    const places = Array.from({ length: 60 }, (_, at) => at * 30_011);
    const read = await Promise.all(places.map((at) => file.read(at, length)));
    const wrong = places.filter((at, number) =>
      Buffer.compare(read[number] ?? new Uint8Array(0), bytes.subarray(at, at + length)),
    );
    expect(wrong).toEqual([]);
    await file.close();
  });

  it('reads any range, and refuses one beyond its end', async () => {
    const bytes = random.bytes(200_000);
    await write('a', bytes);
    const file = await openSealedFile(disk, identity('a'));
    for (const [at, length] of [
      [0, 10],
      [65_530, 12],
      [65_536, 65_536],
      [1, 199_999],
      [200_000, 0],
    ] as const) {
      expect(Buffer.compare(await file.read(at, length), bytes.subarray(at, at + length))).toBe(0);
    }
    expect(Buffer.compare(await file.chunk(3), bytes.subarray(3 * SEALED_CHUNK_BYTES))).toBe(0);
    await expect(file.read(199_999, 2)).rejects.toThrow(RangeError);
    await expect(file.chunk(4)).rejects.toThrow(RangeError);
    await file.close();
  });

  it('holds nothing of its plain bytes', async () => {
    await write('a', new Uint8Array(100_000).fill(65));
    expect((await readFile(join(folder, 'a'))).includes('AAAA')).toBe(false);
  });

  it('does not open when a chunk was removed, repeated, moved, altered or taken from another file', async () => {
    await write('a', random.bytes(4 * SEALED_CHUNK_BYTES));
    await write('b', random.bytes(4 * SEALED_CHUNK_BYTES));
    const [a, b] = [await readFile(join(folder, 'a')), await readFile(join(folder, 'b'))];
    const chunk = (of: Buffer, index: number) => of.subarray(HEADER + index * STEP, HEADER + (index + 1) * STEP);
    const head = a.subarray(0, HEADER);
    const flipped = Buffer.from(a);
    flipped[HEADER + STEP + 5] = (flipped[HEADER + STEP + 5] ?? 0) ^ 1;
    const forgeries = {
      cut: Buffer.concat([head, chunk(a, 0), chunk(a, 1), chunk(a, 2)]),
      cutInside: a.subarray(0, a.length - 1),
      cutToHeader: head,
      empty: Buffer.alloc(0),
      doubled: Buffer.concat([a, chunk(a, 3)]),
      extended: Buffer.concat([a, Buffer.alloc(16)]),
      moved: Buffer.concat([head, chunk(a, 1), chunk(a, 0), chunk(a, 2), chunk(a, 3)]),
      mixed: Buffer.concat([head, chunk(a, 0), chunk(b, 1), chunk(a, 2), chunk(a, 3)]),
      flipped,
      otherSalt: Buffer.concat([b.subarray(0, HEADER), a.subarray(HEADER)]),
      otherFile: b,
      noMagic: Buffer.concat([Buffer.from('DSSEAL02'), a.subarray(8)]),
    };
    for (const [what, bytes] of Object.entries(forgeries)) {
      await writeFile(join(folder, 'a'), bytes);
      const outcome = await readWhole('a').then(
        () => 'opened',
        (thrown: { code: string }) => thrown.code,
      );
      expect([what, outcome]).toEqual([what, 'state_damaged']);
    }
    await writeFile(join(folder, 'a'), a);
    expect((await readWhole('a')).length).toBe(4 * SEALED_CHUNK_BYTES);
  });

  it('does not open under another key or another name', async () => {
    await write('a', random.bytes(10));
    await expect(readWhole('a', { ...identity('a'), key: generateSealKey(random) })).rejects.toMatchObject({
      code: 'state_damaged',
    });
    await expect(readWhole('a', { ...identity('a'), id: 'clip-b' })).rejects.toMatchObject({ code: 'state_damaged' });
    await expect(readWhole('missing')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('leaves nothing when the disk is full or its source fails', async () => {
    disk.onWrite = ({ position }) => {
      if (position > STEP) throw osError('ENOSPC');
    };
    const source = [random.bytes(1_200_000)];
    await expect(writeSealedFile(disk, random, identity('a'), source)).rejects.toMatchObject({ code: 'ENOSPC' });
    disk.onWrite = () => undefined;
    const failing = (async function* () {
      yield random.bytes(200_000);
      throw new Error('the cut failed');
    })();
    await expect(writeSealedFile(disk, random, identity('a'), failing)).rejects.toThrow('the cut failed');
    expect(await readdir(folder)).toEqual([]);
  });

  it('is durable before it is reported as complete', async () => {
    let synced = 0;
    disk.onSync = () => {
      synced += 1;
    };
    await write('a', random.bytes(10));
    expect(synced).toBe(1);
  });
});

describe('a sealed file’s own bytes', () => {
  /** Opens a new sealed file of so many plain bytes, for a test to read, with the bytes on the disk. */
  async function withFile(plainBytes: number, test: (file: SealedFile, bytes: Uint8Array) => Promise<void>) {
    await write('a', random.bytes(plainBytes));
    const file = await openSealedFile(disk, identity('a'));
    try {
      await test(file, await readFile(join(folder, 'a')));
    } finally {
      await file.close();
    }
  }

  it.each([0, 1, SEALED_CHUNK_BYTES, SEALED_CHUNK_BYTES + 1, 300_000, 20 * SEALED_CHUNK_BYTES + 5])(
    'of %i plain ones are read at any position',
    async (plainBytes) => {
      await withFile(plainBytes, async (file, bytes) => {
        const size = bytes.length;
        expect(file.fileBytes).toBe(size);
        const chosen = Array.from({ length: 60 }, () => {
          const at = integerBelow(random, size + 1);
          return [at, integerBelow(random, size - at + 1)] as const;
        });
        const edges = [0, 1, HEADER - 1, HEADER, HEADER + 1, HEADER + STEP - 1, HEADER + STEP, HEADER + STEP + 1, size];
        const within = edges.filter((edge) => edge <= size);
        const between = within.flatMap((at) => within.filter((end) => end >= at).map((end) => [at, end - at] as const));
        for (const [at, length] of [...chosen, ...between, [size, 0] as const])
          expect(
            Buffer.compare(await file.readSealed(at, length), bytes.subarray(at, at + length)),
            `${length} bytes at ${at}`,
          ).toBe(0);
      });
    },
  );

  it.each([
    [-1, 1],
    [0, -1],
    [0, HEADER + STEP + 16 + 11],
    [HEADER + STEP + 16 + 9, 2],
    [HEADER + STEP + 16 + 10, 1],
    [HEADER + STEP + 16 + 11, 0],
  ])('are not read at %i when %i are asked for, which is beyond its end', async (at, length) => {
    await withFile(SEALED_CHUNK_BYTES + 10, async (file, bytes) => {
      expect(bytes).toHaveLength(HEADER + STEP + 16 + 10);
      await expect(file.readSealed(at, length)).rejects.toThrow(RangeError);
    });
  });

  it.each<[string, number]>([
    ['the first byte of a chunk', HEADER + STEP],
    ['a byte in the middle of a chunk', HEADER + STEP + 30_000],
    ['the last byte of a chunk’s tag', HEADER + 2 * STEP - 1],
  ])('are not given out when %s has changed, and those of other chunks are', async (_what, changed) => {
    await withFile(4 * SEALED_CHUNK_BYTES, async (file, bytes) => {
      const spoilt = Buffer.from(bytes);
      spoilt[changed] = (spoilt[changed] ?? 0) ^ 1;
      await writeFile(join(folder, 'a'), spoilt);
      for (const [at, length] of [
        [HEADER + STEP, 1],
        [HEADER + 2 * STEP - 1, 1],
        [HEADER + STEP - 1, 2],
        [HEADER + 2 * STEP - 1, 2],
        [0, bytes.length],
      ] as const)
        await expect(file.readSealed(at, length), `${length} bytes at ${at}`).rejects.toMatchObject({
          code: 'state_damaged',
        });
      for (const [at, length] of [
        [0, HEADER + STEP],
        [HEADER + 2 * STEP, 2 * STEP],
      ] as const)
        expect(Buffer.compare(await file.readSealed(at, length), bytes.subarray(at, at + length))).toBe(0);
    });
  });

  describe.each([
    ['its magic', 7],
    ['its salt', 8],
    ['the end of its salt', HEADER - 1],
  ])('when %s has changed', (_what, changed) => {
    const spoil = async (bytes: Uint8Array) => {
      const spoilt = Buffer.from(bytes);
      spoilt[changed] = (spoilt[changed] ?? 0) ^ 1;
      await writeFile(join(folder, 'a'), spoilt);
    };

    it('are not given out', async () => {
      await write('a', random.bytes(100_000));
      await spoil(await readFile(join(folder, 'a')));
      await expect(openSealedFile(disk, identity('a'))).rejects.toMatchObject({ code: 'state_damaged' });
    });

    it('are given out as they were, if it is open already', async () => {
      await withFile(100_000, async (file, bytes) => {
        await spoil(bytes);
        expect(Buffer.compare(await file.readSealed(0, HEADER + 1), bytes.subarray(0, HEADER + 1))).toBe(0);
      });
    });
  });

  it('are decrypted from elsewhere, too, given their number; a cut or longer file is found when its last chunk is read', async () => {
    const plain = random.bytes(3 * SEALED_CHUNK_BYTES + 9);
    await write('a', plain);
    const bytes = await readFile(join(folder, 'a'));
    const from = (source: Uint8Array, fileBytes = source.length) => {
      const read = async (position: number, length: number) => source.subarray(position, position + length);
      return readSealedFile({ read, close: async () => undefined }, identity('a'), fileBytes);
    };
    expect(Buffer.compare(await (await from(bytes)).read(0, plain.length), plain)).toBe(0);
    expect(Buffer.compare(await (await from(bytes)).read(70_000, 9), plain.subarray(70_000, 70_009))).toBe(0);
    const cut = await from(bytes.subarray(0, HEADER + STEP));
    await expect(cut.read(0, 1)).rejects.toMatchObject({ code: 'state_damaged' });
    const longer = await from(Buffer.concat([bytes, bytes.subarray(HEADER, HEADER + STEP)]));
    await expect(longer.read(3 * SEALED_CHUNK_BYTES, 9)).rejects.toMatchObject({ code: 'state_damaged' });
    await expect(from(bytes, HEADER + 15)).rejects.toMatchObject({ code: 'state_damaged' });
    await expect(from(new Uint8Array(bytes.length))).rejects.toMatchObject({ code: 'state_damaged' });
  });

  it.each([0, 1, SEALED_CHUNK_BYTES, 300_000, 20 * SEALED_CHUNK_BYTES + 5])(
    'of %i plain ones are reported in order while it is written',
    async (plainBytes) => {
      const pieces: Buffer[] = [];
      // Copied at once: the writer uses its buffer again.
      const written = (bytes: Uint8Array) => void pieces.push(Buffer.from(bytes));
      await writeSealedFile(disk, random, identity('a'), inParts(random.bytes(plainBytes)), written);
      expect(Buffer.compare(Buffer.concat(pieces), await readFile(join(folder, 'a')))).toBe(0);
    },
  );

  it('are not reported when the disk does not take them', async () => {
    const taken: number[] = [];
    disk.onWrite = ({ position }) => {
      if (position > STEP) throw osError('ENOSPC');
    };
    const written = (bytes: Uint8Array) => void taken.push(bytes.length);
    const source = [random.bytes(1_200_000)];
    await expect(writeSealedFile(disk, random, identity('a'), source, written)).rejects.toMatchObject({
      code: 'ENOSPC',
    });
    expect(taken).toEqual([HEADER, 8 * STEP]);
  });
});
