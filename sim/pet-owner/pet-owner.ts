// Owns: a pet owner's calls to the bridge: upload a photo, post a search, end it, fetch the clips granted to them.
// Not here: keys and files (cli/), what the bridge makes of it.

import { extname } from 'node:path';
import { sha256Hex } from '@doorsill/base/keys';
import { fromBase64url } from '@doorsill/contract/bytes';
import { actorId } from '@doorsill/contract/ids';
import { exchangeJson } from '@doorsill/contract/json-client';
import type { Manifest, Statement } from '@doorsill/contract/manifest';
import { plainJpegSize } from '@doorsill/contract/plain-jpeg';
import { verifyClip } from '@doorsill/device/clip/verify-clip';
import type { Home } from '@doorsill/device/owner/paired-devices';
import { makeSearch, makeSearchCall, type SearchChoice, type Signer } from '@doorsill/device/owner/sign-owner-messages';
import { z } from 'zod';
import { failure } from '../errors.ts';

/** Where a pet owner posts: the bridge that their own doorbell is enrolled with. */
export interface PetOwner {
  signer: Signer;
  home: Home;
  bridgeUrl: string;
}

const photoSchema = z.object({ photo: z.string() });
const SearchPosted = z.object({ search: z.string(), state: z.enum(['open', 'ended', 'expired']), expiresS: z.int() });
export type SearchPosted = z.infer<typeof SearchPosted>;
const clipsSchema = z.object({
  clips: z.array(z.object({ clip: z.string(), request: z.string(), bytes: z.int(), sha256: z.string() })),
});
export type GrantedClip = z.infer<typeof clipsSchema>['clips'][number];
const manifestAnswerSchema = z.object({ manifest: z.string() });

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
  const answer = await exchangeJson(at(owner, 'photos'), { method: 'POST', bearer, content });
  const plain = photoSchema.parse(answer).photo;
  const bytes = fromBase64url(plain);
  if (!bytes || !plainJpegSize(bytes))
    throw failure('search_photo_invalid', { detail: 'the bridge did not make it plain' });
  const search = makeSearch(signer, bridge, { ...choice, photoSha256: sha256Hex(bytes) });
  const body = { search: search.token, photo: plain, pairing };
  const posted = SearchPosted.parse(await exchangeJson(at(owner, 'searches'), { method: 'POST', body }));
  return { ...posted, photo: bytes };
}

/** Ends a search, as the pet is found: homes stop looking. */
export async function endSearch(owner: PetOwner, search: string): Promise<SearchPosted> {
  const bearer = makeSearchCall(owner.signer, bridgeOf(owner), { action: 'end', search }).token;
  return SearchPosted.parse(
    await exchangeJson(at(owner, `searches/${search}/end`), { method: 'POST', bearer, body: {} }),
  );
}

/** Clips that were granted to this pet owner. */
export async function grantedClips(owner: PetOwner): Promise<GrantedClip[]> {
  const bearer = makeSearchCall(owner.signer, bridgeOf(owner), { action: 'see', clip: 'all' }).token;
  return clipsSchema.parse(await exchangeJson(at(owner, 'clips'), { method: 'GET', bearer })).clips;
}

/** One clip with its verified statement. Throws `verify_failed` when the statement does not verify or covers other bytes. */
export async function fetchClip(
  owner: PetOwner,
  { clip, sha256 }: GrantedClip,
): Promise<{ bytes: Uint8Array; manifest: Manifest | Statement; manifestToken: string }> {
  const bearer = () => makeSearchCall(owner.signer, bridgeOf(owner), { action: 'see', clip }).token;
  const answer = await exchangeJson(at(owner, `clips/${clip}/manifest`), { method: 'GET', bearer: bearer() });
  const manifestToken = manifestAnswerSchema.parse(answer).manifest;
  const response = await fetch(at(owner, `clips/${clip}`), {
    headers: { authorization: `Bearer ${bearer()}` },
    redirect: 'error',
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (!response.ok) throw failure('verify_failed', { detail: 'the bridge does not give the clip' });
  const { manifest } = await verifyClip(once(bytes), manifestToken);
  if (manifest.aud !== actorId('owner', sha256Hex(owner.signer.key.publicKey)) || manifest.clipSha256 !== sha256)
    throw failure('verify_failed', { detail: 'the clip is not the one that was granted to you' });
  return { bytes, manifest, manifestToken };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function at({ bridgeUrl }: PetOwner, path: string): string {
  return `${bridgeUrl.replace(/\/+$/, '')}/v1/search-party/${path}`;
}

function bridgeOf({ home }: PetOwner): string {
  if (!home.trust) throw failure('device_not_enrolled');
  return actorId('bridge', sha256Hex(home.trust.bridgeKey));
}
