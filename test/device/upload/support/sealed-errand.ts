// A clip in an outbox that only its recipient can read, with papers that a real bridge accepts; and what its recipient does with it.
import { join } from 'node:path';
import { decryptWith, generateSealingKey, type SealingKeyPair } from '../../../../device/base/hpke.ts';
import { SystemRandom } from '../../../../device/base/random.ts';
import type { SealKey } from '../../../../device/base/seal.ts';
import { openSealedFile } from '../../../../device/base/sealed-file.ts';
import { contentsOf, sealedClaims } from '../../../../device/clip/seal-to-recipient.ts';
import { fromBase64url } from '../../../../device/contract/bytes.ts';
import type { Grant } from '../../../../device/contract/owner-orders.ts';
import {
  type ClipKeeper,
  contentKeyInfo,
  readContents,
  SEALED_CONTENTS_BYTES,
  type SealedClip,
  type SealedContents,
  writeContents,
} from '../../../../device/contract/sealing.ts';
import type { DisclosedValues } from '../../../../device/contract/shared-claims.ts';
import type { OutboxItem } from '../../../../device/upload/outbox.ts';
import type { BridgeFixture, Parcel } from '../../../support/bridge-fixture.ts';
import { makeParty, textClaim } from '../../../support/parties.ts';
import { plainMp4 } from '../../../support/plain-mp4.ts';
import { clipOf, type Errand, liveFor, papersOf, type Sender } from './sender.ts';

/** The private key of the recipient in these tests. */
export const RECIPIENT: SealingKeyPair = generateSealingKey(new SystemRandom());

/** What the device knows of its home; a grant discloses address and e-mail address. */
export const HOME_VALUES = {
  name: 'Casey Quill',
  address: '12 Elm Street, Springfield',
  email: 'casey@home.example',
  phone: '+1 555 0100',
} satisfies DisclosedValues;

/** The granted ones of these values. */
export const GRANTED_VALUES: DisclosedValues = { address: HOME_VALUES.address, email: HOME_VALUES.email };

/** A grant token whose clip is encrypted to `RECIPIENT`. */
export function sealedGrant(
  fixture: BridgeFixture,
  request: string,
  changes: Partial<Grant> = {},
  keeper: ClipKeeper = 'vault',
): string {
  const sealing = { key: RECIPIENT.publicKey, keeper };
  const recipient = { kind: 'agency', key: textClaim(request, 'iss'), sealing } as const;
  return fixture.cast.grant(request, { recipient, ...changes });
}

export interface SealedErrand extends Errand {
  /** The clip itself; the parcel's clip is what is sent. */
  plain: Uint8Array;
  item: OutboxItem;
  claims: SealedClip;
  home: string;
  contents: SealedContents;
}

export interface SealedErrandParts {
  plain?: Uint8Array;
  grantToken?: string;
  /** Replaces claims of the manifest, so that a bridge refuses it. */
  manifest?: (claims: SealedClip, contents: SealedContents) => object;
  statement?: object;
}

/** About `bytes` bytes of a clip that a bridge would accept. */
export const plainClip = (bytes: number) =>
  plainMp4({ frames: 30, audioPackets: 12, frameBytes: Math.ceil(bytes / 30) });

/** Puts an encrypted clip into a sender's outbox, as `Deliveries` does. */
export async function sealErrand(
  sender: Sender,
  request: string,
  parts: SealedErrandParts = {},
): Promise<SealedErrand> {
  const { fixture } = sender;
  const { random } = fixture;
  const { plain = plainClip(20_000), grantToken = sealedGrant(fixture, request), statement = {} } = parts;
  const { live, end } = liveFor(fixture, request, grantToken);
  const contents = contentsOf(live, HOME_VALUES, random);
  if (!contents) throw new Error('the grant encrypts nothing');
  const made: { claims: SealedClip; home: string; parcel: Parcel }[] = [];
  const home = makeParty('home', random);
  const item = await sender.outbox.seal(
    live,
    clipOf(plain),
    ({ sha256: clipSha256, bytes: clipBytes, sealed }) => {
      if (!sealed) throw new Error('the clip was not encrypted');
      const inner = { clipSha256, clipBytes, contentKey: sealed.contentKey, home: home.id };
      const claims = sealedClaims(live, contents, inner, random);
      const file = { clipSha256: sealed.sha256, clipBytes: sealed.bytes };
      const manifest = { ...file, sealed: claims, disclosed: {}, ...parts.manifest?.(claims, contents) };
      const parcel = fixture.parcel(request, { clip: plain, grantToken, manifest, statement, home });
      made.push({ claims, home: home.id, parcel });
      return papersOf(parcel);
    },
    writeContents(contents),
  );
  const [known] = made;
  if (!known) throw new Error('the grant had a clip already');
  const clip = await sentBytes(sender, item);
  return { ...known, parcel: { ...known.parcel, clip }, plain, item, contents, live, end };
}

/** All bytes that an outbox sends of a clip. */
export async function sentBytes({ outbox }: Sender, { grant }: Pick<OutboxItem, 'grant'>): Promise<Uint8Array> {
  const reader = await outbox.reader(grant);
  try {
    return await reader.read(0, reader.sizeBytes);
  } finally {
    await reader.close();
  }
}

/** What a statement says about the encryption of its clip. */
export type Stated = Pick<SealedErrand, 'home' | 'claims'>;

/** The content key that a manifest or statement names, as only the recipient can read it; null for anybody else. */
export function contentKeyOf({ home, claims }: Stated, pair: SealingKeyPair = RECIPIENT): SealKey | null {
  const info = contentKeyInfo({ home, grantSha256: claims.grantSha256 });
  const secret = decryptWith(pair, fromBase64url(claims.contentKey) ?? new Uint8Array(), { info });
  return secret && { cipher: 'aes-256-gcm', secret };
}

/** What its recipient reads in an encrypted file: the block in front of the clip, and the clip. */
export async function openedByRecipient(
  { disk, folder }: Pick<BridgeFixture, 'disk' | 'folder'>,
  bytes: Uint8Array,
  grant: string,
  stated: Stated,
): Promise<{ contents: SealedContents | null; clip: Uint8Array }> {
  const key = contentKeyOf(stated);
  if (!key) throw new Error('the content key does not open');
  const path = join(folder, 'opened-by-recipient');
  await disk.replaceFile(path, bytes);
  const file = await openSealedFile(disk, { path, key, id: grant });
  try {
    const contents = readContents(await file.read(0, SEALED_CONTENTS_BYTES));
    return { contents, clip: await file.read(SEALED_CONTENTS_BYTES, file.sizeBytes - SEALED_CONTENTS_BYTES) };
  } finally {
    await file.close();
    await disk.remove(path);
  }
}
