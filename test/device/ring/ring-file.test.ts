// The ring in a file: the contract of every ring, and restart, keys, full disks, erasure.
import { link, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { BLOCK_BYTES, RecordSeal } from '../../../device/ring/record.ts';
import type { RingFileOptions } from '../../../device/ring/ring-file.ts';
import { RingKeyFile } from '../../../device/ring/ring-key.ts';
import { FileDeviceKey, WrappedFile } from '../../../device/ring/wrapped-key-files.ts';
import { osError, ProbingDisk } from './probing-disk.ts';
import { ringContract } from './ring-contract.ts';
import { RING_BYTES, RingFolder, SEGMENT_BYTES_MAX } from './ring-folder.ts';
import { NOON_US, numbersIn, readAll, SECOND_US, segmentOf, segmentsOf } from './segments.ts';

const contractFolder = new RingFolder();
ringContract('a file', {
  make: async (options) => {
    await contractFolder.make();
    return contractFolder.ring(options);
  },
  clean: () => contractFolder.remove(),
});

const second = (number: number, seconds = 1) => ({
  startUs: NOON_US + number * SECOND_US,
  endUs: NOON_US + (number + seconds) * SECOND_US,
});

let folder: RingFolder;

beforeEach(async () => {
  folder = new RingFolder();
  await folder.make();
});

afterEach(() => folder.remove());

const fill = (from: number, to: number) =>
  folder.with(async (ring) => {
    for (const segment of segmentsOf(from, to)) await ring.append(segment);
    return numbersIn(ring);
  });

describe('a restart', () => {
  it('finds every segment again, at any position of the lap', async () => {
    let kept: number[] = [];
    for (let number = 0; number < 70; number += 1) {
      kept = await folder.with(async (ring) => {
        expect(await numbersIn(ring)).toEqual(kept);
        await ring.append(segmentOf(number, { fragmentBytes: 1000 + ((number * 7919) % 20_000) }));
        return numbersIn(ring);
      });
      expect(kept.at(-1)).toBe(number);
    }
    const last = await folder.with(async (ring) => ({ segments: await readAll(ring), stats: ring.stats() }));
    expect(last.segments.at(-1)).toEqual(segmentOf(69, { fragmentBytes: 1000 + ((69 * 7919) % 20_000) }));
    expect(last.stats.damaged).toBe(0);
    expect((await stat(folder.ringPath)).size).toBe(RING_BYTES);
  });

  it('reads headers, not bodies', async () => {
    const bytesMax = 8 * 1024 * 1024;
    const options = { bytesMax, segmentBytesMax: 300_000 };
    await folder.with(async (ring) => {
      for (const segment of segmentsOf(0, 40, { fragmentBytes: 250_000 })) await ring.append(segment);
    }, options);
    folder.disk.bytesRead = 0;
    await folder.with(async (ring) => {
      expect(ring.stats().segments).toBeGreaterThan(25);
      // At most one segment after the newest, one stride of searching, the newest itself, and a block for each header.
      expect(folder.disk.bytesRead).toBeLessThan(3 * 300_000 + 40 * BLOCK_BYTES);
      expect(folder.disk.bytesRead).toBeGreaterThan(25 * BLOCK_BYTES);
    }, options);
  });

  it('keeps which footage has a doubtful time', async () => {
    await folder.with(async (ring) => {
      for (const number of [0, 1, 2]) await ring.append({ ...segmentOf(number), clockTrusted: number !== 1 });
    });
    const doubtful = await folder.with(async (ring) => [0, 1, 2].map((number) => ring.ambiguous(second(number))));
    expect(doubtful).toEqual([false, true, false]);
  });

  it('jumps ahead in its sequence numbers and never uses one twice under one salt', async () => {
    const used = new Set<string>();
    let written = 0;
    folder.disk.onWrite = ({ path, bytes }) => {
      if (path !== folder.ringPath || Buffer.from(bytes.subarray(0, 6)).toString() !== 'DSRING') return;
      used.add(Buffer.from(bytes.subarray(8, 44)).toString('hex'));
      written += 1;
    };
    await fill(0, 2);
    await fill(3, 5);
    folder.disk.onSync = () => {
      throw osError('EIO');
    };
    await expect(fill(6, 6)).rejects.toMatchObject({ code: 'ring_write_failed' });
    folder.disk.onSync = () => undefined;
    await fill(6, 8);
    expect(used.size).toBe(written);
    const sequences = [...used].map((clear) => Number.parseInt(clear.slice(-16), 16));
    expect(Math.max(...sequences) - Math.min(...sequences)).toBeGreaterThan(2 ** 21);
  });

  describe('after a boot', () => {
    const HOUR_MS = 3_600_000;
    const day = { retentionS: 24 * 3600 };
    /** Restarts with a wall clock this many hours after the footage was written. */
    const boot = (hours: number) => {
      folder.clock = new ManualClock(NOON_US + hours * 3600 * SECOND_US);
    };

    it('with a clock a day ahead destroys nothing, also when the clock is corrected', async () => {
      await fill(0, 3);
      boot(25);
      await folder.with(async (ring) => {
        expect(await numbersIn(ring)).toEqual([0, 1, 2, 3]);
        await folder.clock.advance(HOUR_MS / 2);
        await ring.append(segmentOf(4));
        folder.clock.setWallUs(NOON_US + 3600 * SECOND_US);
        await folder.clock.advance(2 * HOUR_MS);
        expect(await numbersIn(ring)).toEqual([0, 1, 2, 3, 4]);
      }, day);
      boot(4);
      expect(await folder.with(numbersIn, day)).toEqual([0, 1, 2, 3, 4]);
    });

    it('destroys footage that became too old while it was off once the clock has been right for an hour', async () => {
      await fill(0, 3);
      boot(25);
      await folder.with(async (ring) => {
        await folder.clock.advance(HOUR_MS - 60_000);
        expect(await numbersIn(ring)).toEqual([0, 1, 2, 3]);
        await folder.clock.advance(120_000);
        expect(await numbersIn(ring)).toEqual([]);
      }, day);
    });

    it('waits another hour if the clock was set meanwhile', async () => {
      await fill(0, 3);
      boot(25);
      await folder.with(async (ring) => {
        await folder.clock.advance(HOUR_MS / 2);
        folder.clock.setWallUs(NOON_US + 26 * 3600 * SECOND_US);
        await folder.clock.advance(HOUR_MS - 60_000);
        expect(await numbersIn(ring)).toEqual([0, 1, 2, 3]);
        await folder.clock.advance(120_000);
        expect(await numbersIn(ring)).toEqual([]);
      }, day);
    });

    it.each<[string, Partial<RingFileOptions>, boolean]>([
      ['is not set', {}, false],
      ['is not trusted', { clockTrusted: () => false }, true],
    ])(
      'keeps what may be too old while the clock %s, but no longer than its time since the boot',
      async (_, options, set) => {
        await fill(0, 3);
        boot(25);
        folder.clock.setWallUs(folder.clock.wallUs(), set);
        await folder.with(
          async (ring) => {
            await folder.clock.advance(24 * HOUR_MS);
            expect(await numbersIn(ring)).toEqual([0, 1, 2, 3]);
            await folder.clock.advance(60_000);
            expect(await numbersIn(ring)).toEqual([]);
          },
          { ...day, ...options },
        );
      },
    );
  });

  it('finds the end of a lap marked durably before its start was overwritten', async () => {
    const steps: string[] = [];
    folder.disk.onWrite = ({ path, position, bytes }) => {
      if (path === folder.ringPath && bytes[0] !== 0)
        steps.push(`${bytes[32] === 2 ? 'skip' : 'record'} at ${position}`);
    };
    folder.disk.onSync = (path) => {
      if (path === folder.ringPath) steps.push('sync');
    };
    await folder.with(async (ring) => {
      for (const segment of segmentsOf(0, 20, { fragmentBytes: 20_000 })) await ring.append(segment);
    });
    const skipped = steps.findIndex((step) => step.startsWith('skip'));
    expect(steps.slice(skipped + 1, skipped + 4)).toEqual(['sync', 'record at 0', 'sync']);
    expect(await folder.with(async (ring) => ring.stats().damaged)).toBe(0);
  });

  it('takes a larger or smaller size than before', async () => {
    await fill(0, 40);
    const larger = { bytesMax: 2 * RING_BYTES };
    const numbers = await folder.with(async (ring) => {
      for (const segment of segmentsOf(41, 80)) await ring.append(segment);
      return numbersIn(ring);
    }, larger);
    expect(numbers.length).toBeGreaterThan(30);
    expect(await folder.with(numbersIn, larger)).toEqual(numbers);
    const smaller = await folder.with(numbersIn);
    expect(smaller.length).toBeGreaterThan(5);
    expect(numbers).toEqual(expect.arrayContaining(smaller));
    expect((await stat(folder.ringPath)).size).toBeLessThanOrEqual(RING_BYTES);
    expect((await fill(81, 120)).at(-1)).toBe(120);
    expect(await folder.with(async (ring) => ring.stats().damaged)).toBe(0);
  });
});

describe('the key', () => {
  it('is readable by its user alone, like the ring', async () => {
    await fill(0, 1);
    for (const path of [folder.ringPath, folder.keyPath, folder.deviceKeyPath]) {
      expect((await stat(path)).mode & 0o777).toBe(0o600);
    }
  });

  it.each(['keyPath', 'deviceKeyPath'] as const)('is missed when %s is gone, and only a reset helps', async (which) => {
    await fill(0, 3);
    await unlink(folder[which]);
    const ring = folder.ring();
    await expect(ring.start()).rejects.toMatchObject({ code: 'ring_key_lost' });
    await expect(ring.append(segmentOf(4))).rejects.toMatchObject({ code: 'ring_key_lost' });
    await ring.reset();
    await ring.append(segmentOf(5));
    expect(await numbersIn(ring)).toEqual([5]);
    await ring.stop();
    expect(await folder.with(numbersIn)).toEqual([5]);
  });

  it('opens the ring again when it is restored', async () => {
    await fill(0, 3);
    const key = await readFile(folder.keyPath);
    await unlink(folder.keyPath);
    await expect(folder.with(numbersIn)).rejects.toMatchObject({ code: 'ring_key_lost' });
    await writeFile(folder.keyPath, key, { mode: 0o600 });
    expect(await folder.with(numbersIn)).toEqual([0, 1, 2, 3]);
  });

  it('may be lost while the ring is empty', async () => {
    await folder.with(async () => undefined);
    await unlink(folder.keyPath);
    expect(await fill(0, 0)).toEqual([0]);
  });
});

describe('erasure', () => {
  /** Every segment that can still be opened with the ring file and all keys, by searching each block. */
  const recoverable = async (ringBytes: Uint8Array) => {
    const disk = new ProbingDisk();
    const wrapper = new FileDeviceKey(disk, new SystemRandom(), folder.deviceKeyPath);
    const key = await new RingKeyFile(
      new WrappedFile(disk, wrapper, folder.keyPath, 'ring'),
      new SystemRandom(),
    ).load();
    if (!key) throw new Error('no key');
    const seal = new RecordSeal(key, new Uint8Array(16));
    const bodies: Uint8Array[] = [];
    for (let at = 0; at < ringBytes.length; at += BLOCK_BYTES) {
      const opened = seal.openHeader(ringBytes.subarray(at, at + BLOCK_BYTES), at);
      if (opened.what !== 'header') continue;
      const body = seal.openBody(
        ringBytes.subarray(at, at + seal.recordBytes(opened.header)),
        at,
        opened.header.sequence,
      );
      if (body) bodies.push(body);
    }
    return bodies.length;
  };

  it('of a window leaves nothing that can be opened with disk and keys', async () => {
    await fill(0, 9);
    expect(await recoverable(await readFile(folder.ringPath))).toBe(10);
    await folder.with((ring) => ring.forget(second(3, 4)));
    expect(await recoverable(await readFile(folder.ringPath))).toBe(6);
    expect(await folder.with(numbersIn)).toEqual([0, 1, 2, 7, 8, 9]);
  });

  it('of a window is not undone by a crash in the middle, or by putting the old file back', async () => {
    await fill(0, 9);
    const before = await readFile(folder.ringPath);
    folder.disk.onWrite = ({ path, bytes }) => {
      if (path === folder.ringPath && bytes[32] === 1) throw osError('EIO');
    };
    await folder.with(async (ring) => {
      await expect(ring.forget(second(3, 4))).rejects.toMatchObject({ code: 'ring_write_failed' });
      expect(await numbersIn(ring)).toEqual([0, 1, 2, 7, 8, 9]);
    });
    folder.disk.onWrite = () => undefined;
    expect(await folder.with(numbersIn)).toEqual([0, 1, 2, 7, 8, 9]);
    expect(await recoverable(await readFile(folder.ringPath))).toBe(6);
    await writeFile(folder.ringPath, before);
    expect(await folder.with(numbersIn)).toEqual([0, 1, 2, 7, 8, 9]);
  });

  it('of a window stops a reader that has already read the bytes', async () => {
    await fill(0, 3);
    await folder.with(async (ring) => {
      let release: () => void = () => undefined;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      folder.disk.onRead = () => held;
      const reading = ring.read(second(0, 4))[Symbol.asyncIterator]();
      const next = reading.next();
      await ring.forget(second(0, 3));
      release();
      expect((await next).value?.index).toBe(3);
      expect((await reading.next()).done).toBe(true);
      expect(ring.stats().damaged).toBe(0);
    });
  });

  it('of a window includes segments that could not be read before', async () => {
    await fill(0, 9);
    await folder.with(async (ring) => {
      folder.disk.onRead = () => {
        throw osError('EIO');
      };
      expect(await numbersIn(ring, second(3, 4))).toEqual([]);
      folder.disk.onRead = () => undefined;
      expect(await numbersIn(ring, second(3, 1))).toEqual([3]);
      expect(ring.stats().damaged).toBe(0);
      expect(await ring.forget(second(3, 4))).toBe(4);
    });
    expect(await recoverable(await readFile(folder.ringPath))).toBe(6);
  });

  it('of a window includes segments that the ring could not see at that moment', async () => {
    await fill(0, 9);
    const before = await readFile(folder.ringPath);
    const hidden = Buffer.from(before);
    // The fifth header's tag: without it the ring does not know segment 4.
    const tagAt = 4 * 4 * BLOCK_BYTES + 140;
    hidden[tagAt] = (hidden[tagAt] ?? 0) ^ 1;
    await writeFile(folder.ringPath, hidden);
    expect(await folder.with((ring) => ring.forget(second(2, 5)))).toBe(4);
    await writeFile(folder.ringPath, before);
    expect(await folder.with(numbersIn)).toEqual([0, 1, 7, 8, 9]);
  });

  it('by age leaves nothing that can be opened, either', async () => {
    await folder.with(async (ring) => {
      for (const segment of segmentsOf(0, 9)) await ring.append(segment);
      await folder.clock.advance(3_590_000);
      await ring.append(segmentOf(10));
      await folder.clock.advance(20_000);
      await ring.append(segmentOf(11));
    });
    expect(await recoverable(await readFile(folder.ringPath))).toBe(2);
  });

  it('by age happens without writes', async () => {
    await folder.with(async (ring) => {
      await ring.append(segmentOf(0));
      for (const passedMs of [3_590_000, 30_000, 30_000]) {
        await folder.clock.advance(passedMs);
        // An order that concerns no segment writes nothing, and resolves after all earlier tasks.
        await ring.forget(second(-10));
      }
      expect(await recoverable(await readFile(folder.ringPath))).toBe(0);
    });
  });

  it.each(['forget', 'reset'] as const)('by %s overwrites the key in place', async (how) => {
    await fill(0, 9);
    const oldKey = await readFile(folder.keyPath);
    const oldRing = await readFile(folder.ringPath);
    const formerBlocks = join(folder.path, 'former-blocks');
    await link(folder.keyPath, formerBlocks);
    await folder.with(async (ring) => {
      await ring[how]();
    });
    expect(await recoverable(oldRing)).toBe(0);
    const left = await readFile(formerBlocks);
    expect(left.length).toBe(oldKey.length);
    expect(left.equals(oldKey)).toBe(false);
  });

  it('by an interrupted reset is not taken for a lost key', async () => {
    await fill(0, 9);
    const before = await readFile(folder.ringPath);
    await folder.with((ring) => ring.reset());
    await writeFile(folder.ringPath, before);
    expect(await folder.with(numbersIn)).toEqual([]);
    expect(await fill(10, 11)).toEqual([10, 11]);
    expect(await folder.with(numbersIn)).toEqual([10, 11]);
  });
});

describe('a disk', () => {
  it('without room for the whole ring is reported at start, and the ring runs all the same', async () => {
    await fill(0, 3);
    folder.disk.free = 4096;
    const ring = folder.ring({ bytesMax: 64 * 1024 * 1024 });
    await expect(ring.start()).rejects.toMatchObject({ code: 'ring_full_disk' });
    expect(await numbersIn(ring)).toEqual([0, 1, 2, 3]);
    await ring.append(segmentOf(4));
    await ring.stop();
  });

  it('that is full when the ring is made is retried at each append', async () => {
    folder.disk.onWrite = () => {
      throw osError('ENOSPC');
    };
    const ring = folder.ring();
    await ring.start();
    await expect(ring.append(segmentOf(0))).rejects.toMatchObject({ code: 'ring_full_disk' });
    folder.disk.onWrite = () => undefined;
    await ring.append(segmentOf(1));
    expect(await numbersIn(ring)).toEqual([1]);
    await ring.stop();
    expect(await folder.with(numbersIn)).toEqual([1]);
  });

  it('that fails at a write or a flush loses only that segment', async () => {
    await folder.with(async (ring) => {
      await ring.append(segmentOf(0));
      folder.disk.onSync = () => {
        throw osError('EIO');
      };
      await expect(ring.append(segmentOf(1))).rejects.toMatchObject({ code: 'ring_write_failed' });
      folder.disk.onSync = () => undefined;
      folder.disk.onWrite = () => {
        throw osError('ENOSPC');
      };
      await expect(ring.append(segmentOf(2))).rejects.toMatchObject({ code: 'ring_full_disk' });
      folder.disk.onWrite = () => undefined;
      await ring.append(segmentOf(3));
      expect(await numbersIn(ring)).toEqual([0, 3]);
    });
    expect(await folder.with(numbersIn)).toEqual([0, 3]);
  });

  it('that is too slow makes appends fail', async () => {
    let release: () => void = () => undefined;
    const stuck = new Promise<void>((resolve) => {
      release = resolve;
    });
    await folder.with(async (ring) => {
      folder.disk.onSync = () => stuck;
      const outcomes = segmentsOf(0, 19).map((segment) =>
        ring.append(segment).then(
          () => 'stored',
          (thrown: { code: string }) => thrown.code,
        ),
      );
      release();
      const settled = await Promise.all(outcomes);
      const stored = settled.filter((outcome) => outcome === 'stored').length;
      expect(stored).toBe(Math.floor((2 * SEGMENT_BYTES_MAX) / 13_862));
      expect(settled.slice(stored).every((outcome) => outcome === 'ring_write_failed')).toBe(true);
      expect(await numbersIn(ring)).toEqual(segmentsOf(0, stored - 1).map(({ index }) => index));
    });
  });
});
