import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Disk, type DiskFile, SystemDisk } from '../../../device/base/disk.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { generateSealKey, open, seal } from '../../../device/base/seal.ts';
import { Outbox, type StoredClip } from '../../../device/upload/outbox.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { clipOf, type Errand, liveFor, makeErrand, papersOf, Sender } from './support/sender.ts';

const disk = new SystemDisk();
let fixture: BridgeFixture;
let request: string;
let sender: Sender;
let errand: Errand;
beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
});
afterAll(() => fixture.close());
beforeEach(async () => {
  sender = await Sender.open(fixture);
  errand = makeErrand(fixture, request, 1_100_000);
});
afterEach(() => sender.close());

/** Files of clips; recalls outlive them. */
const names = async (folder = sender.folder) => (await disk.list(folder)).filter((name) => !name.endsWith('.recall'));

/** A disk on which writing fails with a system error code from the given step on. */
function failingDisk(code: string, allowedSteps: number): Disk {
  let steps = 0;
  const step = () => {
    steps += 1;
    if (steps > allowedSteps) throw Object.assign(new Error(code), { code });
  };
  const inner = new SystemDisk();
  const wrapFile = (file: DiskFile): DiskFile => ({
    size: () => file.size(),
    read: (position, length, into) => file.read(position, length, into),
    write: async (position, bytes) => {
      step();
      await file.write(position, bytes);
    },
    writeDurably: async (position, bytes) => {
      step();
      await file.writeDurably(position, bytes);
    },
    sync: async () => {
      step();
      await file.sync();
    },
    truncate: (length) => file.truncate(length),
    close: () => file.close(),
  });
  return {
    open: async (path, options) => wrapFile(await inner.open(path, options)),
    readFile: (path, bytesMax) => inner.readFile(path, bytesMax),
    readSecret: (path, bytesMax, rules) => inner.readSecret(path, bytesMax, rules),
    replaceFile: async (path, bytes) => {
      step();
      await inner.replaceFile(path, bytes);
    },
    rename: (from, to) => inner.rename(from, to),
    remove: (path) => inner.remove(path),
    makeFolder: (path) => inner.makeFolder(path),
    list: (path) => inner.list(path),
    sizeOf: (path) => inner.sizeOf(path),
    freeBytes: (path) => inner.freeBytes(path),
  };
}

/** The number of steps of a complete seal on a disk that does not fail. */
async function stepsOfSeal(): Promise<number> {
  for (let allowed = 0; ; allowed += 1) {
    const outbox = sender.makeOutbox(failingDisk('ENOSPC', allowed));
    await outbox.start();
    const sealed = await outbox
      .seal(errand.live, clipOf(errand.parcel.clip), () => papersOf(errand.parcel))
      .then(
        () => true,
        () => false,
      );
    await outbox.remove(errand.live.id).catch(() => undefined);
    for (const name of await names()) await disk.remove(join(sender.folder, name));
    if (sealed) return allowed;
  }
}

/** The machine's disk, which counts open files. */
class CountedFiles extends SystemDisk {
  opened = 0;
  override async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    const file = await super.open(path, options);
    const close = file.close.bind(file);
    this.opened += 1;
    file.close = async () => {
      this.opened -= 1;
      await close();
    };
    return file;
  }
}

describe('an outbox', () => {
  it.each<[string, () => never | Promise<never>]>([
    [
      'at once',
      () => {
        throw new Error('it fails its check');
      },
    ],
    ['later', () => Promise.reject(new Error('it fails its check'))],
  ])('leaves no file open when the check of a clip fails %s', async (_when, prepare) => {
    const counted = new CountedFiles();
    const outbox = sender.makeOutbox(counted);
    await outbox.start();
    const before = counted.opened;
    await expect(outbox.seal(errand.live, clipOf(errand.parcel.clip), prepare)).rejects.toThrow('it fails its check');
    expect(counted.opened).toBe(before);
    expect(await names()).toEqual([]);
  });

  it('keeps a clip with its hash, and shows exactly its bytes to the check before anything is signed', async () => {
    const { clip, manifestToken } = errand.parcel;
    let seen: StoredClip | null = null;
    const item = await sender.outbox.seal(errand.live, clipOf(clip), async (sealed) => {
      seen = sealed;
      expect(sha256Hex(await sealed.reader.read(0, sealed.reader.sizeBytes))).toBe(sha256Hex(clip));
      expect(sealed).toMatchObject({ sha256: sha256Hex(clip), bytes: clip.length });
      return papersOf(errand.parcel);
    });
    expect(seen).not.toBeNull();
    expect(item).toEqual({
      grant: errand.live.id,
      request: errand.live.facts.grant.request,
      clipSha256: sha256Hex(clip),
      clipBytes: clip.length,
      isSentSealed: false,
      manifest: manifestToken,
      manifestSha256: sha256Hex(manifestToken),
      papers: { statement: errand.parcel.statement, certificate: errand.parcel.certificate },
      uploadUrl: null,
    });
    await sender.restart();
    expect(sender.outbox.item(item.grant)).toEqual(item);
    const reader = await sender.outbox.reader(item.grant);
    expect(sha256Hex(await reader.read(1_000, 100_000))).toBe(sha256Hex(clip.subarray(1_000, 101_000)));
    await reader.close();
  });

  it('leaves nothing of the clip or of the home readable on the disk', async () => {
    const { clip } = errand.parcel;
    await sender.seal(errand);
    await sender.outbox.setUploadUrl(errand.live.id, 'https://bridge.example/v1/uploads/upload-1');
    for (const name of await names()) {
      const bytes = await readFile(join(sender.folder, name));
      // Patterns of at least eight bytes: sealed bytes are random, and three of them match once in a hundred runs.
      for (const open of ['12 Elm Street', 'eyJhbGci', 'uploads/', Buffer.from(clip.subarray(5_000, 5_032))]) {
        expect(bytes.includes(open), `${name} shows ${String(open)}`).toBe(false);
      }
    }
  });

  it('never cuts a clip twice: the existing one is returned', async () => {
    const first = await sender.seal(errand);
    await sender.restart();
    const { live } = liveFor(fixture, request, errand.parcel.grantToken);
    const second = await sender.outbox.seal(live, clipOf(new Uint8Array(10)), () => {
      throw new Error('it must not be asked');
    });
    expect(second).toEqual(first);
  });

  it('stores the address of an upload, and removes it, durably', async () => {
    const { grant } = await sender.seal(errand);
    await sender.outbox.setUploadUrl(grant, 'https://bridge.example/v1/uploads/upload-1');
    await sender.restart();
    expect(sender.outbox.item(grant)?.uploadUrl).toBe('https://bridge.example/v1/uploads/upload-1');
    await sender.outbox.setUploadUrl(grant, null);
    await sender.restart();
    expect(sender.outbox.item(grant)?.uploadUrl).toBeNull();
  });

  it('destroys a clip: neither files nor the key are left', async () => {
    const { grant } = await sender.seal(errand);
    const held = await disk.open(join(sender.folder, `${grant}.commit`), { create: false });
    const before = await held.read(0, 10_000);
    await sender.outbox.remove(grant);
    expect(await names()).toEqual([]);
    expect(sender.outbox.item(grant)).toBeNull();
    const after = await held.read(0, 10_000);
    expect(after.length).toBe(before.length);
    expect(Buffer.compare(after, before)).not.toBe(0);
    await held.close();
    await sender.outbox.remove(grant);
    await sender.outbox.remove('../escape');
  });

  it('keeps nothing of a clip whose grant ends while it is written, checked or committed', async () => {
    const { clip, grantToken } = errand.parcel;
    for (const moment of ['written', 'checked', 'committed']) {
      const { live, end } = liveFor(fixture, request, grantToken);
      const at = (now: string) => now === moment && end('revoked');
      const outbox = sender.makeOutbox({
        ...failingDisk('EIO', 1_000),
        replaceFile: async (path, bytes) => {
          await disk.replaceFile(path, bytes);
          at('committed');
        },
      });
      await outbox.start();
      const streaming = {
        ...clipOf(clip),
        async *parts() {
          yield clip.subarray(0, 100_000);
          at('written');
          yield clip.subarray(100_000);
        },
      };
      const sealing = outbox.seal(live, streaming, () => {
        at('checked');
        return papersOf(errand.parcel);
      });
      await expect(sealing, moment).rejects.toMatchObject({ code: 'grant_dead' });
      expect(await names(), moment).toEqual([]);
      await expect(
        outbox.seal(live, clipOf(clip), () => papersOf(errand.parcel)),
        moment,
      ).rejects.toMatchObject({
        code: 'grant_dead',
      });
    }
  });

  it('refuses a clip whose length differs from its cut’s, or that its check refuses', async () => {
    const { clip } = errand.parcel;
    for (const sizeBytes of [clip.length - 1, clip.length + 1]) {
      const wrong = { ...clipOf(clip), sizeBytes };
      await expect(sender.outbox.seal(errand.live, wrong, () => papersOf(errand.parcel))).rejects.toMatchObject({
        code: 'clip_check_failed',
      });
    }
    const refusing = sender.outbox.seal(errand.live, clipOf(clip), () => Promise.reject(new Error('a hidden frame')));
    await expect(refusing).rejects.toThrow('a hidden frame');
    expect(await names()).toEqual([]);
  });

  it.each([
    { errno: 'ENOSPC', code: 'outbox_full' },
    { errno: 'EIO', code: 'outbox_unusable' },
  ])('leaves nothing half-way when any write meets $errno, and works when there is none', async ({ errno, code }) => {
    const steps = await stepsOfSeal();
    expect(steps).toBeGreaterThan(4);
    for (let allowed = 0; allowed < steps; allowed += 1) {
      const outbox = sender.makeOutbox(failingDisk(errno, allowed));
      await outbox.start();
      await expect(
        outbox.seal(errand.live, clipOf(errand.parcel.clip), () => papersOf(errand.parcel)),
      ).rejects.toMatchObject({ code, retryable: true });
      expect(await names(), `failing after ${allowed} steps`).toEqual([]);
    }
    await sender.seal(errand);
  });

  it('does not start a clip for which there is no room', async () => {
    const full = sender.makeOutbox({ ...failingDisk('EIO', 1_000), freeBytes: () => Promise.resolve(1_000_000) });
    await full.start();
    await expect(
      full.seal(errand.live, clipOf(errand.parcel.clip), () => papersOf(errand.parcel)),
    ).rejects.toMatchObject({ code: 'outbox_full', facts: { path: sender.folder } });
    expect(await names()).toEqual([]);
  });

  it('recovers from a crash at any write: no clip, or the complete one', async () => {
    const steps = await stepsOfSeal();
    for (let allowed = 0; allowed <= steps; allowed += 1) {
      const folder = join(sender.folder, `crash-${allowed}`);
      const deps = { random: fixture.random, log: sender.log, folder, key: sender.key };
      const failing = failingDisk('EIO', allowed);
      // A dead process does not clean up either.
      const dying = new Outbox({ ...deps, disk: { ...failing, remove: async () => undefined } });
      await dying.start();
      const sealed = await dying
        .seal(errand.live, clipOf(errand.parcel.clip), () => papersOf(errand.parcel))
        .catch(() => null);
      const next = new Outbox({ ...deps, disk });
      await next.start();
      expect(next.list().damaged, `died after ${allowed} steps`).toEqual([]);
      expect(next.item(errand.live.id), `died after ${allowed} steps`).toEqual(sealed);
      expect(sealed !== null).toBe(allowed === steps);
      if (!sealed) expect(await names(folder)).toEqual([]);
    }
  });

  it('lists a clip that was truncated, altered, swapped or lost, never sends it, and can remove it', async () => {
    const { grant } = await sender.seal(errand);
    const path = (suffix: string) => join(sender.folder, grant + suffix);
    const [clip, commit] = [await readFile(path('.clip')), await readFile(path('.commit'))];
    const flipped = (bytes: Uint8Array, at: number) => {
      const copy = Uint8Array.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    };
    const other = makeErrand(fixture, request, 100_000);
    const otherItem = await sender.seal(other);
    const swapped = await readFile(join(sender.folder, `${otherItem.grant}.clip`));
    await sender.outbox.remove(otherItem.grant);
    const spoilings: [string, string, Uint8Array | null][] = [
      ['the clip is lost', '.clip', null],
      ['the clip is truncated', '.clip', clip.subarray(0, clip.length - 1_000)],
      ['the clip is another one', '.clip', swapped],
      ['its end is altered', '.clip', flipped(clip, clip.length - 5)],
      ['the record is altered', '.commit', flipped(commit, 40)],
      ['the record is truncated', '.commit', commit.subarray(0, 30)],
      ['the record is empty', '.commit', new Uint8Array(0)],
    ];
    for (const [what, suffix, bytes] of spoilings) {
      if (bytes) await disk.replaceFile(path(suffix), bytes);
      else await disk.remove(path(suffix));
      await sender.restart();
      expect(sender.outbox.list(), what).toEqual({ items: [], damaged: [grant], unread: [] });
      expect(() => sender.outbox.item(grant), what).toThrow(expect.objectContaining({ code: 'outbox_damaged' }));
      await expect(sender.seal(errand), what).rejects.toMatchObject({ code: 'outbox_damaged' });
      await disk.replaceFile(path('.clip'), clip);
      await disk.replaceFile(path('.commit'), commit);
    }
    await disk.replaceFile(path('.commit'), new Uint8Array(5));
    await sender.restart();
    await sender.outbox.remove(grant);
    expect(await names()).toEqual([]);
    expect(sender.outbox.item(grant)).toBeNull();
  });

  it.each(
    ['EIO', 'EMFILE', 'ENFILE'].flatMap((code) =>
      (['readFile', 'open', 'list', 'makeFolder'] as const).map((call) => ({ code, call })),
    ),
  )(
    'does not take $code at $call in its start for damage, and finds the clip when the error has passed',
    async ({ code, call }) => {
      const item = await sender.seal(errand);
      let fails = true;
      const refused = async () => {
        throw Object.assign(new Error(code), { code });
      };
      const flaky: Disk = {
        ...failingDisk('EIO', 1_000),
        ...(call === 'readFile' ? { readFile: (...args) => (fails ? refused() : disk.readFile(...args)) } : {}),
        ...(call === 'open' ? { open: (...args) => (fails ? refused() : disk.open(...args)) } : {}),
        ...(call === 'list' ? { list: (...args) => (fails ? refused() : disk.list(...args)) } : {}),
        ...(call === 'makeFolder' ? { makeFolder: (...args) => (fails ? refused() : disk.makeFolder(...args)) } : {}),
      };
      const outbox = sender.makeOutbox(flaky);
      const started = await outbox.start().then(
        () => null,
        (thrown: unknown) => thrown,
      );
      if (call === 'list' || call === 'makeFolder') expect(started).toMatchObject({ code: 'outbox_unusable' });
      else {
        expect(outbox.list()).toEqual({ items: [], damaged: [], unread: [item.grant] });
        expect(() => outbox.item(item.grant)).toThrow(expect.objectContaining({ code: 'outbox_unusable' }));
        await expect(outbox.load(item.grant)).rejects.toMatchObject({ code: 'outbox_unusable', retryable: true });
        const another = outbox.seal(errand.live, clipOf(new Uint8Array(10)), () => papersOf(errand.parcel));
        await expect(another).rejects.toMatchObject({ code: 'outbox_unusable' });
      }
      fails = false;
      const second = await outbox.seal(errand.live, clipOf(new Uint8Array(10)), () => papersOf(errand.parcel));
      expect(second).toEqual(item);
      expect(outbox.list()).toMatchObject({ damaged: [], unread: [] });
      expect(outbox.item('grant-that-never-was')).toBeNull();
      await outbox.load('grant-that-never-was');
    },
  );

  it('can remove a clip that it could not read', async () => {
    const { grant } = await sender.seal(errand);
    const refused = async () => {
      throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
    const outbox = sender.makeOutbox({ ...failingDisk('EIO', 1_000), readFile: refused });
    await outbox.start();
    await outbox.remove(grant);
    expect(await names()).toEqual([]);
    expect(outbox.list()).toEqual({ items: [], damaged: [], unread: [] });
  });

  it('opens nothing with another key, and does not destroy it either', async () => {
    await sender.seal(errand);
    const stranger = new Outbox({
      disk,
      random: fixture.random,
      log: sender.log,
      folder: sender.folder,
      key: generateSealKey(fixture.random),
    });
    await stranger.start();
    expect(stranger.list()).toEqual({ items: [], damaged: [errand.live.id], unread: [] });
    await sender.restart();
    expect(sender.outbox.item(errand.live.id)).not.toBeNull();
  });
});

describe('a recall', () => {
  it('outlives its clip, sealed and over a restart, until it is dropped', async () => {
    const { grant } = await sender.seal(errand);
    await sender.outbox.remove(grant);
    expect(await names()).toEqual([]);
    await sender.restart();
    expect(await sender.outbox.recallOf(grant)).toBe(errand.parcel.homeRecall);
    const bytes = await disk.readFile(join(sender.folder, `${grant}.recall`), 65_536);
    expect(Buffer.from(bytes ?? []).toString('latin1')).not.toContain(errand.parcel.homeRecall.slice(-60));
    await sender.outbox.drop('recall', grant);
    expect(await sender.outbox.recallOf(grant)).toBeNull();
    expect(await disk.list(sender.folder)).toEqual([]);
    await sender.outbox.drop('recall', grant);
  });

  it('is kept for revocable grants, and for no other', async () => {
    const other = makeErrand(fixture, request, 100_000);
    const [kept, gone] = [await sender.seal(errand), await sender.seal(other)];
    await sender.outbox.keepOnly('recall', new Set([kept.grant]));
    expect(await sender.outbox.recallOf(kept.grant)).toBe(errand.parcel.homeRecall);
    expect(await sender.outbox.recallOf(gone.grant)).toBeNull();
  });

  it('of another grant, or altered, is not used', async () => {
    const other = makeErrand(fixture, request, 100_000);
    const [first, second] = [await sender.seal(errand), await sender.seal(other)];
    const path = (grant: string) => join(sender.folder, `${grant}.recall`);
    const bytes = (await disk.readFile(path(first.grant), 65_536)) ?? new Uint8Array();
    await disk.replaceFile(path(second.grant), bytes);
    expect(await sender.outbox.recallOf(second.grant)).toBeNull();
    bytes[30] = (bytes[30] ?? 0) ^ 1;
    await disk.replaceFile(path(first.grant), bytes);
    expect(await sender.outbox.recallOf(first.grant)).toBeNull();
  });
});

it('accepts a clip that was sealed before statements existed, and keeps its bytes when it gets one', async () => {
  const { grant, papers: _papers, ...item } = await sender.seal(errand);
  // The records of commit 3614d38: the first version, without a recall.
  const path = join(sender.folder, `${grant}.commit`);
  const associated = new TextEncoder().encode(`outbox ${grant}`);
  const record = open(sender.key, (await disk.readFile(path, 98_304)) ?? new Uint8Array(), associated);
  const { papers: _later, ...former } = JSON.parse(new TextDecoder().decode(record ?? new Uint8Array()));
  const text = new TextEncoder().encode(JSON.stringify({ ...former, version: 1 }));
  await disk.replaceFile(path, seal(sender.key, text, associated, fixture.random));
  await disk.remove(join(sender.folder, `${grant}.recall`));
  await sender.restart();
  expect(sender.outbox.item(grant)).toEqual({ grant, ...item, papers: null });
  expect(await sender.outbox.recallOf(grant)).toBeNull();
  const { statement, certificate, homeRecall } = errand.parcel;
  const added = await sender.outbox.addStatement(grant, { statement, certificate, homeRecall });
  expect(added).toEqual({ grant, ...item, papers: { statement, certificate } });
  const again = await sender.outbox.addStatement(grant, { statement: 'other', certificate: 'c', homeRecall: 'r' });
  expect(again).toEqual(added);
  await sender.restart();
  expect(sender.outbox.item(grant)).toEqual(added);
  expect(await sender.outbox.recallOf(grant)).toBe(homeRecall);
});
