import { extname } from 'node:path';
import { sha256Hex } from '@doorsill/base/keys';
import type { SealingKeys } from '@doorsill/base/sealing-keys';
import { fromBase64url } from '@doorsill/contract/bytes';
import { actorId } from '@doorsill/contract/ids';
import { exchangeJson } from '@doorsill/contract/json-client';
import type { Statement } from '@doorsill/contract/manifest';
import { plainJpegSize } from '@doorsill/contract/plain-jpeg';
import type { DisclosedValues } from '@doorsill/contract/shared-claims';
import { type EncryptedFile, partsOf } from '@doorsill/device/clip/open-with-content-key';
import { verifyClip } from '@doorsill/device/clip/verify-clip';
import type { PairedDevice } from '@doorsill/device/owner/paired-devices';
import { makeSearch, makeSearchCall, type SearchChoice, type Signer } from '@doorsill/device/owner/sign-owner-messages';
import { failure } from '../errors.ts';
import { allOf } from '../officer/clip-file.ts';
import { openSealedClip, peekStatement } from '../officer/open-sealed-clip.ts';
import { type Answers, call, download, operationUrl } from '../officer/service-client.ts';
import { BRIDGE_OPERATIONS, type SearchPosted } from '../officer/service-operations.ts';

/** Where a pet owner posts: the bridge that their own doorbell is enrolled with. */
export interface PetOwner {
  signer: Signer;
  home: PairedDevice;
  bridgeUrl: string;
  /** Open clips that were encrypted for this owner's searches. */
  sealingKeys?: SealingKeys | [];
}

/** A clip or still that a camera's owner granted to the pet owner. */
export type GrantedClip = Answers['listFoundClips']['clips'][number];

const TYPES: Readonly<Record<string, string>> = { '.png': 'image/png', '.webp': 'image/webp' };

/** Posts a search: the bridge first sanitizes the photo; the search signs the hash of the result. */
export async function postSearch(
  owner: PetOwner,
  photo: { name: string; bytes: Uint8Array<ArrayBuffer> },
  choice: Omit<SearchChoice, 'photoSha256'>,
): Promise<SearchPosted & { photo: Uint8Array }> {
  const { signer } = owner;
  const { pairing } = owner.home;
  const bridge = bridgeOf(owner);
  if (pairing === undefined)
    throw failure('search_poster_unknown', { detail: 'pair with your doorbell once more first' });
  const content = { type: TYPES[extname(photo.name).toLowerCase()] ?? 'image/jpeg', bytes: photo.bytes };
  const bearer = makeSearchCall(signer, bridge, { action: 'photo', pairing }).token;
  const { method, answer } = BRIDGE_OPERATIONS.uploadPetPhoto;
  const address = operationUrl(urlOf(owner), 'uploadPetPhoto');
  const { photo: plain } = answer.parse(await exchangeJson(address, { method, bearer, content }));
  const bytes = fromBase64url(plain);
  if (!bytes || !plainJpegSize(bytes))
    throw failure('search_photo_invalid', { detail: 'the bridge did not return a plain JPEG' });
  const search = makeSearch(signer, bridge, { ...choice, photoSha256: sha256Hex(bytes) });
  const body = { search: search.token, photo: plain, pairing };
  return { ...(await call({ url: urlOf(owner) }, 'postSearch', {}, body)), photo: bytes };
}

/** Ends a search once the pet is found: homes stop looking. */
export async function endSearch(owner: PetOwner, search: string): Promise<SearchPosted> {
  const bearer = makeSearchCall(owner.signer, bridgeOf(owner), { action: 'end', search }).token;
  return call({ url: urlOf(owner), bearer }, 'endSearch', { search }, {});
}

/** Clips that were granted to this pet owner. */
export async function grantedClips(owner: PetOwner): Promise<GrantedClip[]> {
  const bearer = makeSearchCall(owner.signer, bridgeOf(owner), { action: 'see', clip: 'all' }).token;
  return (await call({ url: urlOf(owner), bearer }, 'listFoundClips')).clips;
}

/** A clip as its statement says, which has been verified. */
export interface FetchedClip {
  /** Of the clip itself, opened if it came encrypted. */
  bytes: Uint8Array;
  manifest: Statement;
  manifestToken: string;
  /** The facts that its home disclosed. */
  disclosed: DisclosedValues;
  /** Zones that are black in each frame, as was checked; null where they were not, because the statement alone does not name them. */
  zones: number | null;
  /** Whether the bridge recorded that an encrypted clip is as granted. */
  isReported: boolean;
}

/**
 * One clip with its verified statement. Throws `verify_failed` when the statement does not verify or covers other bytes, `clip_unopened` for
 * an encrypted clip that is not what it should be, or whose key is lost, `ffmpeg_missing`, the bridge's refusal and `unreachable`.
 */
export async function fetchClip(owner: PetOwner, { clip, sha256 }: GrantedClip): Promise<FetchedClip> {
  const service = () => ({
    url: urlOf(owner),
    bearer: makeSearchCall(owner.signer, bridgeOf(owner), { action: 'see', clip }).token,
  });
  const { manifest: manifestToken } = await call(service(), 'readFoundClipManifest', { clip });
  const manifest = peekStatement(manifestToken);
  if (manifest.aud !== actorId('owner', sha256Hex(owner.signer.key.publicKey)) || manifest.clipSha256 !== sha256)
    throw failure('verify_failed', { detail: 'the clip is not the one that was granted to you' });
  const { parts } = await download(service(), 'downloadFoundClip', { clip }, manifest.clipBytes);
  const received = await allOf(parts);
  if (manifest.sealed === undefined) {
    await verifyClip(once(received), manifestToken);
    const zones = manifest.redacted ? null : 0;
    return { bytes: received, manifest, manifestToken, disclosed: manifest.disclosed, zones, isReported: false };
  }
  const { signer, sealingKeys = [] } = owner;
  const send = (_clip: string, verdict: string) => call(service(), 'reportFoundClip', { clip }, { verdict });
  const report = { key: signer.key, bridge: bridgeOf(owner), send };
  const opened = await openSealedClip(signer, inMemory(received), manifestToken, { keys: sealingKeys, report });
  const { isReported } = opened;
  const { disclosed, zones } = opened.contents;
  const bytes = await allOf(partsOf(opened.clip));
  return { bytes, manifest, manifestToken, disclosed, zones: zones.length, isReported };
}

function inMemory(bytes: Uint8Array): EncryptedFile {
  return { sizeBytes: bytes.length, read: async (at, length) => bytes.subarray(at, at + length) };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function urlOf({ bridgeUrl }: PetOwner): string {
  return bridgeUrl.replace(/\/+$/, '');
}

function bridgeOf({ home }: PetOwner): string {
  if (!home.trust) throw failure('device_not_enrolled');
  return actorId('bridge', sha256Hex(home.trust.bridgeKey));
}
