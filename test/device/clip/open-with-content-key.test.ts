// With the content key that its device kept, an owner opens the very file that was sent, and sees whether it is the clip that was granted.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../device/base/keys.ts';
import { openWithContentKey } from '../../../device/clip/open-with-content-key.ts';
import { verifyClip } from '../../../device/clip/verify-clip.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { isFailure } from '../../../device/contract/errors.ts';
import { Manifest, Statement } from '../../../device/contract/manifest.ts';
import type { OwnersContentKey } from '../../../device/contract/sealing.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { claimsOf } from '../../support/parties.ts';
import { GRANTED_VALUES, type SealedErrand, sealErrand } from '../upload/support/sealed-errand.ts';
import { Sender } from '../upload/support/sender.ts';

let fixture: BridgeFixture;
let request: string;
let sender: Sender;
let errand: SealedErrand;
let key: OwnersContentKey;
beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
});
afterAll(() => fixture.close());
beforeEach(async () => {
  sender = await Sender.open(fixture);
  errand = await sealErrand(sender, request);
  await sender.outbox.remove(errand.item.grant);
  key = await keyOf(errand);
});
afterEach(() => sender.close());

/** The content key as the device gives it to its owner. */
async function keyOf({ item }: SealedErrand): Promise<OwnersContentKey> {
  const kept = await sender.outbox.contentKeyOf(item.grant);
  if (!kept) throw new Error('no content key was kept');
  const { clipSha256, contentKey } = kept;
  return { grant: item.grant, clipSha256, contentKey: toBase64url(contentKey.secret) };
}

const statementOf = ({ item }: SealedErrand) => Statement.parse(claimsOf(item.papers?.statement ?? ''));
const manifestOf = ({ item }: SealedErrand) => Manifest.parse(claimsOf(item.manifest));

function open(bytes = errand.parcel.clip, stated: Manifest | Statement = statementOf(errand), with_ = key) {
  const read = async (position: number, length: number) => bytes.slice(position, position + length);
  return openWithContentKey({ read, sizeBytes: bytes.length }, stated, with_);
}

const outcome = (opening: Promise<unknown>) =>
  opening.then(
    () => 'opened',
    (thrown: unknown) =>
      isFailure(thrown) ? [thrown.code, thrown.facts['outcome']].filter(Boolean).join(' ') : thrown,
  );

async function* once(bytes: Uint8Array) {
  yield bytes;
}

describe('an owner who has the file that was sent and its content key', () => {
  it.each([
    ['the statement', statementOf],
    ['the manifest', manifestOf],
  ])(
    'reads with %s the clip, the facts and the zones, after the device has deleted its own copy',
    async (_by, read) => {
      const { clip, contents } = await open(errand.parcel.clip, read(errand));
      const bytes = await clip.read(0, clip.sizeBytes);
      expect(sha256Hex(bytes)).toBe(sha256Hex(errand.plain));
      expect([contents.disclosed, contents.zones]).toEqual([GRANTED_VALUES, errand.contents.zones]);
      const { chain } = await verifyClip(once(bytes), errand.item.papers?.statement ?? '');
      expect(chain).toBe('statement');
    },
  );

  it.each<[string, string | null, () => Promise<unknown>]>([
    ['a file that was altered', null, () => open(flipped(300))],
    ['a file that was cut', null, () => open(errand.parcel.clip.subarray(0, -1))],
    ['another clip’s content key', 'key', async () => open(undefined, undefined, await another())],
    [
      'another key under this clip’s name',
      'file',
      async () => open(undefined, undefined, { ...key, contentKey: (await another()).contentKey }),
    ],
    ['a short key', 'file', () => open(undefined, undefined, { ...key, contentKey: key.contentKey.slice(0, 10) })],
    ['what is no key', 'file', () => open(undefined, undefined, { ...key, contentKey: 'ö' })],
    ['another clip’s statement', 'key', async () => open(undefined, statementOf(await sealErrand(sender, request)))],
    [
      'a statement of a clip that is not encrypted',
      null,
      () => open(undefined, { ...statementOf(errand), sealed: undefined }),
    ],
    ['a statement of other facts', 'contents', () => open(undefined, withSealed({ zones: 'a'.repeat(64) }))],
    [
      'a statement of another clip in the file',
      'clip',
      () => open(undefined, withSealed({ clipSha256: 'a'.repeat(64) })),
    ],
    ['a statement of other frames', 'recording', () => open(undefined, { ...statementOf(errand), frames: 29 })],
  ])('does not take %s for it', async (_what, why, opening) => {
    expect(await outcome(opening())).toBe(why === null ? 'verify_failed' : `clip_unopened ${why}`);
  });

  it('hears of a disk’s error as such', async () => {
    const read = () => Promise.reject(new Error('EIO'));
    const stated = statementOf(errand);
    const opening = openWithContentKey({ read, sizeBytes: stated.clipBytes }, stated, key);
    await expect(opening).rejects.toThrow('EIO');
  });
});

function flipped(at: number): Uint8Array {
  const bytes = Uint8Array.from(errand.parcel.clip);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

async function another(): Promise<OwnersContentKey> {
  return keyOf(await sealErrand(sender, request));
}

function withSealed(changes: object): Statement {
  const stated = statementOf(errand);
  return Statement.parse({ ...stated, sealed: { ...stated.sealed, ...changes } });
}
