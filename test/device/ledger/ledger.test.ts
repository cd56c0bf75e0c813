import { appendFile, mkdir, mkdtemp, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { LEDGER_RESERVE_BYTES, Ledger, walkLedger } from '../../../device/ledger/ledger.ts';
import type { LedgerBody, LedgerEntry } from '../../../device/ledger/ledger-entry.ts';
import { makeParty } from '../../support/parties.ts';
import { FullDisk } from '../consent/full-disk.ts';
import { ProbingDisk } from '../ring/probing-disk.ts';

const device = makeParty('device', new SystemRandom());
let folder: string;
let disk: FullDisk;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-ledger-'));
  disk = new FullDisk();
});
const opened: Ledger[] = [];
afterEach(async () => {
  for (const ledger of opened.splice(0)) await ledger.stop();
  await rm(folder, { recursive: true });
});

function ledgerOf(
  changes: { bytesMax?: number; key?: typeof device.key } = {},
  clock = new ManualClock(1_790_000_000_000_000),
): Ledger {
  const key = changes.key ?? device.key;
  const bytesMax = changes.bytesMax === undefined ? {} : { bytesMax: changes.bytesMax };
  const ledger = new Ledger({ disk, clock, folder, device: { id: device.id, key }, boot: 'boot-1', ...bytesMax });
  opened.push(ledger);
  return ledger;
}

const said = (on: boolean): LedgerBody => ({
  type: 'privacy-set',
  body: { jti: 'command-1', token: 'x'.repeat(400), on },
});
const file = (name: string) => join(folder, name);

/** A stopped ledger of `count` entries. */
async function written(count: number): Promise<void> {
  const ledger = ledgerOf();
  await ledger.start(() => undefined);
  for (let at = 0; at < count; at += 1) await ledger.append(said(at % 2 === 0));
  await ledger.stop();
}

async function reopened(): Promise<{ entries: LedgerEntry[]; ledger: Ledger }> {
  const entries: LedgerEntry[] = [];
  const ledger = ledgerOf();
  await ledger.start((entry) => entries.push(entry));
  return { entries, ledger };
}

const damagedCode = { code: 'consent_ledger_damaged' };

describe('a ledger and a head that its owner kept', () => {
  const walked = (kept: { entries: number; hash: string }) =>
    walkLedger(disk, folder, { id: device.id, key: device.key.publicKey }, () => undefined, kept).then(
      ({ head }) => head.entries,
      ({ message }: Error) => message,
    );
  const heads: { entries: number; hash: string }[] = [];
  beforeEach(async () => {
    heads.splice(0);
    const ledger = ledgerOf();
    await ledger.start(() => undefined);
    heads.push(ledger.head);
    for (let at = 0; at < 4; at += 1) {
      await ledger.append(said(at % 2 === 0));
      heads.push(ledger.head);
    }
    await ledger.stop();
  });

  it('is complete with each head that it ever had', async () => {
    expect(heads).toHaveLength(5);
    for (const head of heads) expect(await walked(head), String(head.entries)).toBe(4);
  });

  it('was replaced by an old copy and went on: the number of entries fits, but not their hashes', async () => {
    const [last] = heads.splice(-1);
    await rm(folder, { recursive: true });
    await mkdir(folder);
    const ledger = ledgerOf();
    await ledger.start(() => undefined);
    for (let at = 0; at < 6; at += 1) await ledger.append(said(at % 3 === 0));
    await ledger.stop();
    expect(await walked(last ?? { entries: 0, hash: '' })).toMatch(/not the chain that the kept receipt names/);
  });

  it('was replaced by an old copy: entries are missing', async () => {
    expect(await walked({ entries: 5, hash: 'a'.repeat(64) })).toMatch(/4 of 5 entries are left/);
    await rm(folder, { recursive: true });
    expect(await walked({ entries: 1, hash: 'a'.repeat(64) })).toMatch(/the file is missing/);
    await mkdir(folder);
  });
});

describe('a ledger', () => {
  it('gives back every entry, chained from the device’s own id', async () => {
    await written(5);
    const { entries, ledger } = await reopened();
    expect(entries.map((entry) => entry.sequence)).toEqual([0, 1, 2, 3, 4]);
    expect(entries[0]?.previousHash).toBe(sha256Hex(device.id));
    const lines = (await readFile(file('ledger.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(entries[4]?.previousHash).toBe(lines[3]?.slice(0, 64));
    expect(ledger.head).toEqual({ entries: 5, hash: lines[4]?.slice(0, 64) });
    await ledger.append(said(true));
    await ledger.stop();
    expect((await reopened()).entries).toHaveLength(6);
  });

  it('drops a last line that was torn at any byte, if it was never acknowledged', async () => {
    await written(2);
    const head = await readFile(file('ledger-head.json'));
    const before = (await readFile(file('ledger.jsonl'))).length;
    const { ledger } = await reopened();
    await ledger.append(said(true));
    await ledger.stop();
    const whole = await readFile(file('ledger.jsonl'));
    for (let cut = before + 1; cut < whole.length; cut += 37) {
      await writeFile(file('ledger.jsonl'), whole.subarray(0, cut));
      await writeFile(file('ledger-head.json'), head);
      const again = await reopened();
      expect(again.entries).toHaveLength(2);
      await again.ledger.append(said(false));
      await again.ledger.stop();
      const after = await reopened();
      expect(after.entries).toHaveLength(3);
      await after.ledger.stop();
    }
  });

  it('has each entry on the disk before its head, and both before it takes effect', async () => {
    const probing = new ProbingDisk();
    const steps: string[] = [];
    probing.onWrite = ({ path }) => void steps.push(`write ${basename(path)}`);
    probing.onSync = (path) => void steps.push(`flush ${basename(path)}`);
    const replace = probing.replaceFile.bind(probing);
    probing.replaceFile = async (path, bytes) => {
      steps.push(`replace ${basename(path)}`);
      await replace(path, bytes);
    };
    const clock = new ManualClock(1_790_000_000_000_000);
    const ledger = new Ledger({ disk: probing, clock, folder, device, boot: 'boot-1' });
    opened.push(ledger);
    await ledger.start(() => undefined);
    for (let count = 0; count < 2; count += 1) {
      steps.length = 0;
      await ledger.append(said(true));
      expect(steps).toEqual(['write ledger.jsonl', 'flush ledger.jsonl', 'replace ledger-head.json']);
    }
  });

  it('keeps an entry that became durable just before its head', async () => {
    await written(2);
    const head = await readFile(file('ledger-head.json'));
    const { ledger } = await reopened();
    await ledger.append(said(true));
    await ledger.stop();
    await writeFile(file('ledger-head.json'), head);
    const again = await reopened();
    expect(again.entries).toHaveLength(3);
    expect(again.ledger.head.entries).toBe(3);
    await again.ledger.stop();
  });

  it.each<[string, () => Promise<void>]>([
    [
      'one changed letter anywhere',
      async () => {
        const text = await readFile(file('ledger.jsonl'), 'utf8');
        await writeFile(file('ledger.jsonl'), text.replace('"on":true', '"on":tru3'));
      },
    ],
    [
      'an entry changed together with its hash',
      async () => {
        const lines = (await readFile(file('ledger.jsonl'), 'utf8')).split('\n');
        const text = (lines[1] ?? '').slice(65).replace('"on":false', '"on":true');
        lines[1] = `${sha256Hex(text)} ${text}`;
        await writeFile(file('ledger.jsonl'), lines.join('\n'));
      },
    ],
    [
      'a last entry changed together with its hash',
      async () => {
        const lines = (await readFile(file('ledger.jsonl'), 'utf8')).trimEnd().split('\n');
        const text = (lines[3] ?? '').slice(65).replace('"on":false', '"on":true');
        lines[3] = `${sha256Hex(text)} ${text}`;
        await writeFile(file('ledger.jsonl'), `${lines.join('\n')}\n`);
      },
    ],
    ['an acknowledged entry cut off', async () => truncate(file('ledger.jsonl'), 700)],
    [
      'the last acknowledged entry cut off cleanly',
      async () => {
        const lines = (await readFile(file('ledger.jsonl'), 'utf8')).trimEnd().split('\n');
        await writeFile(file('ledger.jsonl'), `${lines.slice(0, -1).join('\n')}\n`);
      },
    ],
    ['the last acknowledged entry torn', async () => cutLast(3)],
    [
      'two entries swapped',
      async () => {
        const [first = '', second = '', ...rest] = (await readFile(file('ledger.jsonl'), 'utf8')).split('\n');
        await writeFile(file('ledger.jsonl'), [second, first, ...rest].join('\n'));
      },
    ],
    [
      'entries that its head does not cover',
      async () => {
        const before = await readFile(file('ledger-head.json'));
        const { ledger } = await reopened();
        await ledger.append(said(true));
        await ledger.append(said(true));
        await ledger.stop();
        await writeFile(file('ledger-head.json'), before);
      },
    ],
    ['the whole file gone', async () => unlink(file('ledger.jsonl'))],
    ['the head gone', async () => unlink(file('ledger-head.json'))],
    ['a head that is no head', async () => writeFile(file('ledger-head.json'), '{"entries":4}')],
    [
      'a head with another count',
      async () => {
        const text = await readFile(file('ledger-head.json'), 'utf8');
        await writeFile(file('ledger-head.json'), text.replace('"entries":4', '"entries":3'));
      },
    ],
    ['bytes after the last entry', async () => appendFile(file('ledger.jsonl'), 'x\ny\n')],
  ])('is found damaged by %s', async (_what, spoil) => {
    await written(4);
    await spoil();
    await expect(reopened()).rejects.toMatchObject(damagedCode);
  });

  it('of another device is found damaged', async () => {
    await written(3);
    const other = makeParty('device', new SystemRandom());
    await expect(walkLedger(disk, folder, { id: device.id, key: other.key.publicKey }, () => {})).rejects.toMatchObject(
      damagedCode,
    );
  });

  it('accepts nothing while the disk is full, is complete afterwards, and goes on when there is room', async () => {
    const { ledger } = await reopened();
    await ledger.append(said(true));
    disk.isFull = true;
    for (let times = 0; times < 3; times += 1) {
      await expect(ledger.append(said(false))).rejects.toMatchObject({ code: 'consent_storage_failed' });
    }
    disk.isFull = false;
    await ledger.append(said(true));
    await ledger.stop();
    const { entries } = await reopened();
    expect(entries.map((entry) => (entry.type === 'privacy-set' ? entry.body.on : null))).toEqual([true, true]);
  });

  it('does not hold an entry whose head could not be written, now or after a restart', async () => {
    const { ledger } = await reopened();
    await ledger.append(said(true));
    disk.stuckFile = 'ledger-head.json';
    await expect(ledger.append(said(false))).rejects.toMatchObject({ code: 'consent_storage_failed' });
    await ledger.stop();
    const again = await reopened();
    expect(again.entries).toHaveLength(1);
    disk.stuckFile = null;
    const brief: LedgerBody = { type: 'forgot', body: { jti: 'x', segments: 0 } };
    await again.ledger.append(brief);
    await again.ledger.stop();
    expect((await reopened()).entries.map((entry) => entry.type)).toEqual(['privacy-set', 'forgot']);
  });

  it('does not hold an entry that was reported as failed, though the disk has no room for another head', async () => {
    const { ledger } = await reopened();
    await ledger.append(said(true));
    disk.doubtfulFile = 'ledger-head.json';
    await expect(ledger.append(said(false))).rejects.toMatchObject({ code: 'consent_storage_failed' });
    await ledger.stop();
    const again = await reopened();
    expect(again.entries).toHaveLength(1);
    expect(again.ledger.head.entries).toBe(1);
  });

  describe('that could not remove a refused entry', () => {
    let clock: ManualClock;
    let ledger: Ledger;
    const settled = () => new Promise(setImmediate);
    const fileHolds = async () => (await readFile(file('ledger.jsonl'), 'utf8')).trimEnd().split('\n').length;
    beforeEach(async () => {
      clock = new ManualClock(1_790_000_000_000_000);
      ledger = ledgerOf({}, clock);
      await ledger.start(() => undefined);
      await ledger.append(said(true));
      disk.stuckFile = 'ledger-head.json';
      disk.failsToCut = true;
      await expect(ledger.append(said(false))).rejects.toMatchObject({ code: 'consent_storage_failed' });
      expect(await fileHolds()).toBe(2);
      disk.stuckFile = null;
    });

    it('removes it by itself once the disk permits, though nothing else is written', async () => {
      for (let tried = 2; tried < 10; tried += 1) {
        await clock.advance(30_000);
        await expect.poll(() => disk.cuts).toBe(tried);
        await settled();
      }
      expect(await fileHolds()).toBe(2);
      disk.failsToCut = false;
      await clock.advance(30_000);
      await expect.poll(fileHolds).toBe(1);
      // As it would be found after a power cut now.
      const entries: LedgerEntry[] = [];
      await walkLedger(disk, folder, { id: device.id, key: device.key.publicKey }, (entry) => entries.push(entry));
      expect(entries).toHaveLength(1);
    });

    it('holds the next entry back until that is done, and accepts it then', async () => {
      disk.failsToCut = false;
      const retried = clock.advance(1_000);
      await Promise.all([retried, ledger.append(said(false))]);
      // One for the refused append, one for the removed entry: a later truncation would remove the next entry with it.
      expect(disk.cuts).toBe(2);
      await ledger.stop();
      expect((await reopened()).entries).toHaveLength(2);
    });

    it('tries once more when it stops', async () => {
      disk.failsToCut = false;
      await ledger.stop();
      expect(await fileHolds()).toBe(1);
    });

    it('does not try again once it has stopped', async () => {
      await ledger.stop();
      expect(disk.cuts).toBe(2);
      // An attempt begins with reading the head.
      const reads = vi.spyOn(disk, 'readFile');
      await clock.advance(600_000);
      expect(reads).not.toHaveBeenCalled();
    });
  });

  it('that is nearly full still accepts entries that end something, and none that open something', async () => {
    const ledger = ledgerOf({ bytesMax: LEDGER_RESERVE_BYTES + 900 });
    await ledger.start(() => undefined);
    await ledger.append(said(true));
    const key = device.key.publicKey;
    const opening: LedgerBody = { type: 'paired', body: { key, name: 'Alex', statement: 'x'.repeat(400) } };
    await expect(ledger.append(opening)).rejects.toMatchObject({ code: 'consent_storage_failed' });
    await expect(ledger.append(said(false))).rejects.toMatchObject({ code: 'consent_storage_failed' });
    await ledger.append({ type: 'failed', body: { request: 'request-1', grant: 'grant-1', code: 'clip_no_frames' } });
    expect(ledger.head.entries).toBe(2);
    await ledger.stop();
  });
});

/** Removes the last `bytes` bytes of the file. */
async function cutLast(bytes: number): Promise<void> {
  const whole = await readFile(file('ledger.jsonl'));
  await writeFile(file('ledger.jsonl'), whole.subarray(0, whole.length - bytes));
}
