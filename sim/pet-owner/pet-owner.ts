import { extname } from 'node:path';
import { sha256Hex } from '@doorsill/base/keys';
import { fromBase64url } from '@doorsill/contract/bytes';
import { actorId } from '@doorsill/contract/ids';
import { exchangeJson } from '@doorsill/contract/json-client';
import type { Manifest, Statement } from '@doorsill/contract/manifest';
import { plainJpegSize } from '@doorsill/contract/plain-jpeg';
import { verifyClip } from '@doorsill/device/clip/verify-clip';
import type { PairedDevice } from '@doorsill/device/owner/paired-devices';
import { makeSearch, makeSearchCall, type SearchChoice, type Signer } from '@doorsill/device/owner/sign-owner-messages';
import { failure } from '../errors.ts';
import { type Answers, call, operationUrl } from '../officer/service-client.ts';
import { BRIDGE_OPERATIONS, type SearchPosted } from '../officer/service-operations.ts';

/** Where a pet owner posts: the bridge that their own doorbell is enrolled with. */
export interface PetOwner {
  signer: Signer;
  home: PairedDevice;
  bridgeUrl: string;
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

/** One clip with its verified statement. Throws `verify_failed` when the statement does not verify or covers other bytes. */
export async function fetchClip(
  owner: PetOwner,
  { clip, sha256 }: GrantedClip,
): Promise<{ bytes: Uint8Array; manifest: Manifest | Statement; manifestToken: string }> {
  const bearer = () => makeSearchCall(owner.signer, bridgeOf(owner), { action: 'see', clip }).token;
  const service = { url: urlOf(owner), bearer: bearer() };
  const { manifest: manifestToken } = await call(service, 'readFoundClipManifest', { clip });
  const response = await fetch(operationUrl(service.url, 'downloadFoundClip', { clip }), {
    headers: { authorization: `Bearer ${bearer()}` },
    redirect: 'error',
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (!response.ok) throw failure('verify_failed', { detail: 'the bridge refuses the clip' });
  const { manifest } = await verifyClip(once(bytes), manifestToken);
  if (manifest.aud !== actorId('owner', sha256Hex(owner.signer.key.publicKey)) || manifest.clipSha256 !== sha256)
    throw failure('verify_failed', { detail: 'the clip is not the one that was granted to you' });
  return { bytes, manifest, manifestToken };
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
