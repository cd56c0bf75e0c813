// Owns: the agency's side: an officer's client that holds the agency's key, signs requests and fetches granted clips.
// Not here: whether the agency is eligible (the registry) and whether the request is published (the bridge).

import { join } from 'node:path';
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { generateSigningKey, importSigningKey, type SigningKey, sha256Hex } from '@doorsill/base/keys';
import { freshId, type Random } from '@doorsill/base/random';
import { readBySchema } from '@doorsill/base/schema-fault';
import type { AgencyAction } from '@doorsill/contract/agency-calls';
import { utf8 } from '@doorsill/contract/bytes';
import { actorId } from '@doorsill/contract/ids';
import { exchangeJson } from '@doorsill/contract/json-client';
import { signToken } from '@doorsill/contract/jws';
import { type Contact, type Polygon, Request } from '@doorsill/contract/request';
import type { DisclosureProfile, Window } from '@doorsill/contract/shared-claims';
import { z } from 'zod';
import { failure } from '../errors.ts';

/** What an officer's client stands on. */
export interface OfficerDeps {
  clock: Clock;
  random: Random;
  disk: Disk;
}

/** What an officer asks residents for. */
export interface Ask {
  investigation: string;
  incidentType: string;
  text: string;
  contact: Contact;
  area: Polygon;
  window: Window;
  profile: DisclosureProfile;
  retention: string;
  /** The partner whose channel carries the request. */
  partner?: string;
  expiresInS: number;
}

const KEY_BYTES_MAX = 1_000;

/** The file of an agency's key in its folder. */
export const KEY_NAME = 'agency.key';

/** Loads the agency's key from its folder, or makes it. */
export async function loadAgencyKey(deps: OfficerDeps, folder: string, name = KEY_NAME): Promise<SigningKey> {
  const path = join(folder, name);
  const stored = await deps.disk.readSecret(path, KEY_BYTES_MAX);
  if (stored) {
    const key = importSigningKey(new TextDecoder().decode(stored).trim());
    if (!key) throw failure('state_damaged', { file: path, detail: 'it is not a key' });
    return key;
  }
  await deps.disk.makeFolder(folder);
  const key = generateSigningKey(deps.random);
  await deps.disk.replaceFile(path, utf8(`${key.exportSecret()}\n`));
  return key;
}

/** An agency's id, derived from its key. */
export function agencyId(key: SigningKey): string {
  return actorId('agency', sha256Hex(key.publicKey));
}

/** Signs a request to residents, addressed to the bridge; throws `usage` when a field is out of limits. */
export function signRequest(
  deps: OfficerDeps,
  key: SigningKey,
  bridge: string,
  ask: Ask,
): { id: string; token: string } {
  const iat = wallSeconds(deps.clock);
  const id = freshId(deps.random, 'request');
  const { expiresInS, ...rest } = ask;
  const claims = {
    iss: key.publicKey,
    aud: bridge,
    iat,
    exp: iat + expiresInS,
    jti: id,
    agency: agencyId(key),
    ...rest,
  };
  const checked = readBySchema(Request, claims);
  if (!checked.ok) throw failure('usage', { detail: checked.fault });
  return { id, token: signToken('doorsill-request+jws', checked.data, key) };
}

const RequestView = z.object({
  request: z.string(),
  state: z.string(),
  findings: z.array(z.object({ kind: z.string(), words: z.string(), why: z.string() })).default([]),
  reason: z.string().optional(),
});
/** All a bridge tells an agency of its own request. */
export type RequestView = z.infer<typeof RequestView>;

/** A partner's channel at the bridge, and what opens it. */
export interface PartnerChannel {
  partner: string;
  bearer: string;
}

/**
 * Hands a signed request to the bridge, which publishes it or has a moderator look first; through a partner's channel where the request
 * names one. Throws the bridge's coded refusal.
 */
export async function postRequest(bridgeUrl: string, token: string, channel?: PartnerChannel): Promise<RequestView> {
  const path = channel ? `/v1/partners/${channel.partner}/requests` : '/v1/requests';
  const bearer = channel ? { bearer: channel.bearer } : {};
  return RequestView.parse(
    await exchangeJson(`${bridgeUrl}${path}`, { method: 'POST', body: { request: token }, ...bearer }),
  );
}

/** Reads or changes the agency's own request; returns its state. Throws the bridge's coded refusal. */
export async function callAboutRequest(
  deps: OfficerDeps,
  key: SigningKey,
  bridge: { id: string; url: string },
  request: string,
  verb: 'see' | 'submit' | 'withdraw' | 'resolve',
): Promise<RequestView> {
  const bearer = signAgencyCall(deps, key, bridge.id, { action: `${verb}-request`, request });
  const url = `${bridge.url}/v1/requests/${request}`;
  return RequestView.parse(
    await (verb === 'see'
      ? exchangeJson(url, { method: 'GET', bearer })
      : exchangeJson(`${url}/${verb}`, { method: 'POST', body: {}, bearer })),
  );
}

const CALL_LIFE_S = 240;

/** Signs one call by an agency to a registry or bridge. */
export function signAgencyCall(deps: OfficerDeps, key: SigningKey, audience: string, call: AgencyAction): string {
  const iat = wallSeconds(deps.clock);
  const claims = {
    iss: key.publicKey,
    aud: audience,
    iat,
    exp: iat + CALL_LIFE_S,
    jti: freshId(deps.random, 'call'),
    agency: agencyId(key),
    call,
  };
  return signToken('doorsill-agency+jws', claims, key);
}

/** A short-lived token for one stored clip (`all` for the list of the agency's clips). */
export function signAccess(
  deps: OfficerDeps,
  key: SigningKey,
  bridge: string,
  access: { clip: string; officer: string; reason: string },
): string {
  const iat = wallSeconds(deps.clock);
  const claims = {
    iss: key.publicKey,
    aud: bridge,
    iat,
    exp: iat + 240,
    jti: freshId(deps.random, 'access'),
    agency: agencyId(key),
    ...access,
  };
  return signToken('doorsill-access+jws', claims, key);
}

const ClipEntry = z.object({
  clip: z.string(),
  request: z.string(),
  bytes: z.int().positive(),
  sha256: z.string(),
});
const clipsSchema = z.object({ clips: z.array(ClipEntry), next: z.string().nullable() });
/** A clip as a bridge lists it. */
export type ClipEntry = z.infer<typeof ClipEntry>;

/** One page of the clips that an agency is shown at a bridge, the last one first. Throws the bridge's refusal, `unreachable`. */
export async function listClipPage(
  deps: OfficerDeps,
  key: SigningKey,
  bridge: { id: string; url: string },
  who: { officer: string; reason: string },
  cursor: string | null = null,
): Promise<z.infer<typeof clipsSchema>> {
  const bearer = signAccess(deps, key, bridge.id, { clip: 'all', ...who });
  const page = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`;
  return clipsSchema.parse(await exchangeJson(`${bridge.url}/v1/clips${page}`, { method: 'GET', bearer }));
}

/** The request of each clip that an agency is shown at a bridge, page after page. Throws the bridge's refusal, `unreachable`. */
export async function listClips(
  deps: OfficerDeps,
  key: SigningKey,
  bridge: { id: string; url: string },
  who: { officer: string; reason: string },
): Promise<string[]> {
  const requests: string[] = [];
  for (let page = await listClipPage(deps, key, bridge, who); ; ) {
    requests.push(...page.clips.map(({ request }) => request));
    if (page.next === null) return requests;
    page = await listClipPage(deps, key, bridge, who, page.next);
  }
}
