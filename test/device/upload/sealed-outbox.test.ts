// A clip that only its recipient can read lies in the outbox as it is sent: the same bytes after any restart, readable to its recipient and
// to nobody else.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { sha256, sha256Hex } from '../../../device/base/keys.ts';
import { contentsOf } from '../../../device/clip/seal-to-recipient.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { areNamed, sealedBytesOf, writeContents } from '../../../device/contract/sealing.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { type CountingProxy, startCountingProxy } from '../../support/counting-proxy.ts';
import { filesThatShow, slicesOf } from '../../support/readable-traces.ts';
import {
  contentKeyOf,
  GRANTED_VALUES,
  HOME_VALUES,
  openedByRecipient,
  plainClip,
  type SealedErrand,
  sealErrand,
  sealedGrant,
  sentBytes,
} from './support/sealed-errand.ts';
import { clipOf, liveFor, makeErrand, papersOf, Sender } from './support/sender.ts';

/** Bytes that one request brings at most. */
const CHUNK_BYTES = 196_608;

let fixture: BridgeFixture;
let request: string;
let sender: Sender;
let errand: SealedErrand;
beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
});
afterAll(() => fixture.close());
beforeEach(async () => {
  sender = await Sender.open(fixture);
  errand = await sealErrand(sender, request, { plain: plainClip(300_000) });
});
afterEach(() => sender.close());

const pathOf = ({ item }: SealedErrand) => join(sender.folder, `${item.grant}.clip`);
const opened = (of: SealedErrand, bytes = of.parcel.clip) => openedByRecipient(fixture, bytes, of.item.grant, of);

describe('an encrypted clip in the outbox', () => {
  it('is named by hash and size of the file on the disk, and exactly that file is sent', async () => {
    const { item, plain } = errand;
    const file = await readFile(pathOf(errand));
    expect(item).toMatchObject({ isSentSealed: true, clipSha256: sha256Hex(file), clipBytes: file.length });
    expect(item.clipBytes).toBe(sealedBytesOf(plain.length));
    const reader = await sender.outbox.reader(item.grant);
    expect(reader.sizeBytes).toBe(file.length);
    const pieces = [
      [0, file.length],
      [0, 1],
      [10, 20],
      [23, 2],
      [24, 65_552],
      [65_575, 2],
      [CHUNK_BYTES, file.length - CHUNK_BYTES],
      [file.length - 1, 1],
      [file.length, 0],
    ] as const;
    for (const [position, length] of pieces) {
      const due = file.subarray(position, position + length);
      expect(sha256Hex(await reader.read(position, length)), `${length} at ${position}`).toBe(sha256Hex(due));
    }
    await expect(reader.read(file.length, 1)).rejects.toThrow(RangeError);
    await reader.close();
  });

  it('tells the device the facts in it, which are those that its manifest names', async () => {
    const contents = await sender.outbox.contents(errand.item.grant);
    expect(contents).toEqual(errand.contents);
    expect(contents?.disclosed).toEqual(GRANTED_VALUES);
    expect(contents && areNamed(contents, errand.claims, sha256)).toBe(true);
    const plain = makeErrand(fixture, request, 20_000);
    await sender.seal(plain);
    expect(await sender.outbox.contents(plain.live.id)).toBeNull();
  });

  it('is the same item, of the same bytes and facts, after a restart', async () => {
    const { item, parcel, contents } = errand;
    for (let starts = 0; starts < 2; starts += 1) {
      await sender.restart();
      expect(sender.outbox.list()).toEqual({ items: [item], damaged: [], unread: [] });
      expect(sha256Hex(await sentBytes(sender, item))).toBe(sha256Hex(parcel.clip));
      expect(await sender.outbox.contents(item.grant)).toEqual(contents);
    }
  });

  it('is never made anew, even from other footage and with other facts', async () => {
    const { live } = liveFor(fixture, request, errand.parcel.grantToken);
    const other = contentsOf(live, { ...HOME_VALUES, address: '99 Oak Avenue' }, fixture.random);
    const block = other && writeContents(other);
    const unasked = () => Promise.reject(new Error('it must not be asked'));
    const second = await sender.outbox.seal(live, clipOf(plainClip(1_000)), unasked, block);
    expect(second).toEqual(errand.item);
    expect((await sender.outbox.contents(live.id))?.disclosed).toEqual(GRANTED_VALUES);
  });

  it('shows neither clip nor facts to whoever has the disk', async () => {
    const secrets = [...slicesOf(errand.plain), ...Object.values(HOME_VALUES)];
    const { files, showing } = await filesThatShow(sender.folder, secrets);
    expect([files, showing]).toEqual([4, []]);
  });

  it.each<[string, (size: number) => number]>([
    ['the first byte', () => 0],
    ['the salt', () => 12],
    ['the facts', () => 200],
    ['what follows the facts', () => 8_300],
    ['the last chunk but one of the first request', () => 100_000],
    ['the last chunk of the first request', () => 190_000],
    ['the last byte', (size) => size - 1],
  ])('is not sent at all once %s is flipped on the disk', async (_what, at) => {
    const { item, live } = errand;
    await flip(pathOf(errand), at(item.clipBytes));
    await expect(sender.uploader.send(live, item)).rejects.toMatchObject({ code: 'outbox_damaged' });
    expect(sender.told.map(({ sentBytes: sent }) => sent)).toEqual(sender.told.map(() => 0));
    await expect(sender.outbox.contents(item.grant)).rejects.toMatchObject({ code: 'outbox_damaged' });
    expect(sender.outbox.list()).toEqual({ items: [], damaged: [item.grant], unread: [] });
    expect(await stored()).not.toContain(errand.parcel.clipId);
  });

  it('is sent no further than to a byte that is flipped on the disk', async () => {
    const { item, live } = errand;
    await flip(pathOf(errand), 250_000);
    await expect(sender.uploader.send(live, item)).rejects.toMatchObject({ code: 'outbox_damaged' });
    expect(sender.told.at(-1)).toMatchObject({ state: 'stopped', sentBytes: CHUNK_BYTES });
    expect(await stored()).not.toContain(errand.parcel.clipId);
  });

  it.each<[string, () => Promise<Uint8Array>]>([
    ['was cut short', async () => errand.parcel.clip.subarray(0, errand.item.clipBytes - 1)],
    ['was extended', async () => new Uint8Array([...errand.parcel.clip, 0])],
    ['is another encrypted clip', async () => (await sealErrand(sender, request)).parcel.clip],
    ['is the clip itself', async () => errand.plain],
  ])('is damaged at a start when its file %s', async (_what, bytes) => {
    const { item } = errand;
    await fixture.disk.replaceFile(pathOf(errand), await bytes());
    await sender.restart();
    expect(sender.outbox.list().damaged).toEqual([item.grant]);
    expect(() => sender.outbox.item(item.grant)).toThrow(expect.objectContaining({ code: 'outbox_damaged' }));
    await expect(sender.outbox.reader(item.grant)).rejects.toMatchObject({ code: 'outbox_damaged' });
    await expect(sender.outbox.contents(item.grant)).rejects.toMatchObject({ code: 'outbox_damaged' });
  });
});

describe('the content key of an encrypted clip', () => {
  const keyFile = (grant: string) => fixture.disk.readFile(join(sender.folder, `${grant}.key`), 65_536);

  it('outlives the clip, sealed and over a restart, until it is dropped', async () => {
    const { grant, clipSha256 } = errand.item;
    await sender.outbox.remove(grant);
    await sender.restart();
    const kept = await sender.outbox.contentKeyOf(grant);
    expect(kept).toEqual({ clipSha256, contentKey: contentKeyOf(errand), version: 1 });
    const secret = Buffer.from(kept?.contentKey.secret ?? []);
    const stored = Buffer.from((await keyFile(grant)) ?? []);
    for (const form of [secret, secret.toString('base64url'), secret.toString('hex')])
      expect(stored).not.toContain(form);
    await sender.outbox.drop('content key', grant);
    expect([await sender.outbox.contentKeyOf(grant), await keyFile(grant)]).toEqual([null, null]);
    await sender.outbox.drop('content key', grant);
  });

  it('is kept for the named grants, and for no other', async () => {
    const other = await sealErrand(sender, request);
    await sender.outbox.keepOnly('content key', new Set([other.item.grant]));
    expect(await sender.outbox.contentKeyOf(errand.item.grant)).toBeNull();
    expect(await sender.outbox.contentKeyOf(other.item.grant)).not.toBeNull();
    expect(await sender.outbox.recallOf(errand.item.grant)).not.toBeNull();
  });

  it('of another grant, or altered, is not used', async () => {
    const other = await sealErrand(sender, request);
    const path = join(sender.folder, `${errand.item.grant}.key`);
    await fixture.disk.replaceFile(path, (await keyFile(other.item.grant)) ?? new Uint8Array());
    expect(await sender.outbox.contentKeyOf(errand.item.grant)).toBeNull();
    await flip(join(sender.folder, `${other.item.grant}.key`), 40);
    expect(await sender.outbox.contentKeyOf(other.item.grant)).toBeNull();
  });

  it('is stored for no clip that is sent as it is', async () => {
    const plain = makeErrand(fixture, request, 20_000);
    await sender.seal(plain);
    expect(await sender.outbox.contentKeyOf(plain.live.id)).toBeNull();
  });

  it('is destroyed when the grant ends while the clip is being stored', async () => {
    const { live, end } = liveFor(fixture, request, sealedGrant(fixture, request));
    const names: string[] = [];
    class EndingDisk extends SystemDisk {
      override async replaceFile(path: string, bytes: Uint8Array): Promise<void> {
        await super.replaceFile(path, bytes);
        names.push(path.slice(path.lastIndexOf('.')));
        if (path.endsWith('.commit')) end('revoked');
      }
    }
    const papers = () => papersOf(errand.parcel);
    const outbox = sender.makeOutbox(new EndingDisk());
    await outbox.start();
    const refused = outbox.seal(live, clipOf(plainClip(1_000)), papers, writeContents(errand.contents));
    await expect(refused).rejects.toMatchObject({ code: 'grant_dead' });
    expect(names).toEqual(['.recall', '.key', '.commit']);
    expect([await outbox.contentKeyOf(live.id), await keyFile(live.id)]).toEqual([null, null]);
    expect(outbox.item(live.id)).toBeNull();
  });
});

describe('the recipient of an encrypted clip', () => {
  it('reads with its key the clip, byte for byte, with the granted facts in front', async () => {
    const { contents, clip } = await opened(errand);
    expect(contents).toEqual(errand.contents);
    expect(contents?.disclosed).toEqual(GRANTED_VALUES);
    expect(sha256Hex(clip)).toBe(sha256Hex(errand.plain));
    expect(errand.claims).toMatchObject({ clipSha256: sha256Hex(clip), clipBytes: clip.length });
  });

  it('reads the zones that were granted, and facts of none where none were', async () => {
    const zones = [{ left: 1, top: 2, width: 3, height: 4 }];
    const bare = await sealErrand(sender, request, {
      grantToken: sealedGrant(fixture, request, { zones, disclose: [] }),
    });
    const { contents } = await opened(bare);
    expect([contents?.zones, contents?.disclosed]).toEqual([zones, {}]);
    expect(bare.claims.facts).toEqual({});
    expect(bare.item.clipBytes).toBe(sealedBytesOf(bare.plain.length));
  });

  it('opens no clip with another key, and no content key as that of another grant or statement', () => {
    const { claims, home } = errand;
    expect(contentKeyOf(errand)).not.toBeNull();
    expect(contentKeyOf(errand, generateSealingKey(fixture.random))).toBeNull();
    expect(contentKeyOf({ home, claims: { ...claims, grantSha256: sha256Hex('another grant') } })).toBeNull();
    expect(contentKeyOf({ home: 'home-of-another-statement', claims })).toBeNull();
  });

  it('gets the same footage under two grants encrypted with two keys, and nothing that shows it is the same', async () => {
    const other = await sealErrand(sender, request, { plain: errand.plain });
    const [one, two] = [errand, other].map((each) => contentKeyOf(each)?.secret ?? new Uint8Array());
    expect(toBase64url(one ?? new Uint8Array())).not.toBe(toBase64url(two ?? new Uint8Array()));
    expect(sha256Hex((await opened(other)).clip)).toBe(sha256Hex((await opened(errand)).clip));
    await expect(opened(errand, other.parcel.clip)).rejects.toMatchObject({ code: 'state_damaged' });
    const pieces = slicesOf(errand.parcel.clip).map((piece) =>
      Buffer.from(other.parcel.clip).includes(Buffer.from(piece)),
    );
    expect(pieces).toEqual(pieces.map(() => false));
    const { contentKey, facts, zones } = errand.claims;
    const shared = JSON.stringify([other.claims.contentKey, other.claims.facts, other.claims.zones]);
    for (const value of [contentKey, zones, ...Object.values(facts)]) expect(shared).not.toContain(value);
  });
});

describe('an interrupted upload of an encrypted clip', () => {
  let proxy: CountingProxy;
  beforeEach(async () => {
    proxy = await startCountingProxy(Number(new URL(fixture.bridge.url).port));
    sender.bridgeUrl = proxy.url;
  });
  afterEach(() => proxy.stop());

  it('goes on after a restart with the very bytes that it began with', async () => {
    const { item, parcel, live, end } = errand;
    proxy.onSent = (sent) => {
      if (sent > 230_000) end('the device stops');
    };
    await expect(sender.uploader.send(live, item)).rejects.toMatchObject({ code: 'grant_dead' });
    await proxy.idle();
    const [staged = new Uint8Array()] = await Promise.all((await staging()).map((path) => readFile(path)));
    expect(staged.length).toBeGreaterThan(0);
    expect(sha256Hex(staged)).toBe(sha256Hex(parcel.clip.subarray(0, staged.length)));
    await sender.restart();
    proxy.onSent = null;
    const before = proxy.sentBytes;
    await sender.uploader.send(liveFor(fixture, request, parcel.grantToken).live, item);
    expect(proxy.sentBytes - before).toBeLessThan(item.clipBytes - staged.length + 60_000);
    const arrived = await readFile(join(fixture.bridgeFolder, 'clips', parcel.clipId, 'clip.mp4'));
    expect(sha256Hex(arrived)).toBe(item.clipSha256);
    expect(sha256Hex((await opened(errand, arrived)).clip)).toBe(sha256Hex(errand.plain));
  });
});

/** Names of the clips that the bridge shows. */
const stored = () => fixture.disk.list(join(fixture.bridgeFolder, 'clips'));

/** Paths of what the bridge has of this test's clip, while only a part has arrived. */
async function staging(): Promise<string[]> {
  const folder = join(fixture.bridgeFolder, 'staging');
  const url = sender.outbox.item(errand.item.grant)?.uploadUrl ?? '';
  return (await fixture.disk.list(folder)).filter((name) => url.endsWith(name)).map((name) => join(folder, name));
}

/** Changes one bit of a file. */
async function flip(path: string, at: number): Promise<void> {
  const file = await fixture.disk.open(path, { create: false });
  const [byte = 0] = await file.read(at, 1);
  await file.write(at, Uint8Array.of(byte ^ 1));
  await file.close();
}
