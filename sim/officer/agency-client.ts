import { join } from 'node:path';
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { generateSigningKey, importSigningKey, type SigningKey, sha256Hex } from '@doorsill/base/keys';
import { freshId, type Random } from '@doorsill/base/random';
import { readBySchema } from '@doorsill/base/schema-fault';
import type { AgencyAction } from '@doorsill/contract/agency-calls';
import { utf8 } from '@doorsill/contract/bytes';
import { actorId } from '@doorsill/contract/ids';
import { signToken } from '@doorsill/contract/jws';
import { type Contact, type Polygon, Request } from '@doorsill/contract/request';
import type { DisclosureProfile, Window } from '@doorsill/contract/shared-claims';
import { failure } from '../errors.ts';
import { type Answers, call, pages, type Who } from './service-client.ts';
import type { RequestView } from './service-operations.ts';

export type { ClipEntry, RequestView } from './service-operations.ts';

/** The seams of an officer's client. */
export interface OfficerDeps {
  clock: Clock;
  random: Random;
  disk: Disk;
}

/** A request to residents before it is signed. */
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

/** The claims that each token of an agency begins with. */
function baseClaims(
  deps: OfficerDeps,
  key: SigningKey,
  token: { audience: string; kind: 'request' | 'call' | 'access'; lifeS: number },
) {
  const iat = wallSeconds(deps.clock);
  return {
    iss: key.publicKey,
    aud: token.audience,
    iat,
    exp: iat + token.lifeS,
    jti: freshId(deps.random, token.kind),
    agency: agencyId(key),
  };
}

/** Signs a request to residents, addressed to the bridge; throws `usage` when a field is out of limits. */
export function signFootageRequest(
  deps: OfficerDeps,
  key: SigningKey,
  bridge: string,
  ask: Ask,
): { id: string; token: string } {
  const { expiresInS, ...rest } = ask;
  const base = baseClaims(deps, key, { audience: bridge, kind: 'request', lifeS: expiresInS });
  const checked = readBySchema(Request, { ...base, ...rest });
  if (!checked.ok) throw failure('usage', { detail: checked.fault });
  return { id: base.jti, token: signToken('doorsill-request+jws', checked.data, key) };
}

const TOKEN_LIFE_S = 240;

/** Signs one call by an agency to a registry or bridge. */
export function signAgencyCall(deps: OfficerDeps, key: SigningKey, audience: string, action: AgencyAction): string {
  const base = baseClaims(deps, key, { audience, kind: 'call', lifeS: TOKEN_LIFE_S });
  return signToken('doorsill-agency+jws', { ...base, call: action }, key);
}

/** A short-lived token for one stored clip (`all` for the list of the agency's clips). */
export function signAccess(deps: OfficerDeps, key: SigningKey, bridge: string, access: { clip: string } & Who): string {
  const base = baseClaims(deps, key, { audience: bridge, kind: 'access', lifeS: TOKEN_LIFE_S });
  return signToken('doorsill-access+jws', { ...base, ...access }, key);
}

/** A partner's channel at the bridge, and the token that opens it. */
export interface PartnerChannel {
  partner: string;
  bearer: string;
}

/**
 * Posts a signed request to the bridge, which publishes it or has a moderator review it first; through a partner's channel where the request
 * names one. Throws the bridge's coded refusal.
 */
export function postRequest(bridgeUrl: string, token: string, channel?: PartnerChannel): Promise<RequestView> {
  const body = { request: token };
  if (channel === undefined) return call({ url: bridgeUrl }, 'postRequest', {}, body);
  const { partner, bearer } = channel;
  return call({ url: bridgeUrl, bearer }, 'postPartnerRequest', { partner }, body);
}

/** Reads or changes the agency's own request; returns its state. Throws the bridge's coded refusal. */
export function callAboutRequest(
  deps: OfficerDeps,
  key: SigningKey,
  bridge: { id: string; url: string },
  request: string,
  verb: 'see' | 'withdraw' | 'resolve',
): Promise<RequestView> {
  const bearer = signAgencyCall(deps, key, bridge.id, { action: `${verb}-request`, request });
  const service = { url: bridge.url, bearer };
  return verb === 'see' ? call(service, 'readRequest', { request }) : call(service, `${verb}Request`, { request }, {});
}

/** One page of the clips that an agency is shown at a bridge, the newest first. Throws the bridge's refusal, `unreachable`. */
export function listClipPage(
  deps: OfficerDeps,
  key: SigningKey,
  bridge: { id: string; url: string },
  who: Who,
  cursor: string | null = null,
): Promise<Answers['listClips']> {
  const bearer = signAccess(deps, key, bridge.id, { clip: 'all', ...who });
  return call({ url: bridge.url, bearer }, 'listClips', { cursor: cursor ?? undefined });
}

/** With what, and for which bridge a verdict is signed, and how it gets there. */
export interface VerdictReport {
  key: SigningKey;
  bridge: string;
  send(clip: string, verdict: string): Promise<unknown>;
}

/** Tells a bridge what the agency found in an encrypted clip, as `openSealedClip` does. */
export function verdictReport(
  deps: OfficerDeps,
  key: SigningKey,
  bridge: { id: string; url: string },
  who: Who,
): VerdictReport {
  const send = (clip: string, verdict: string) => {
    const bearer = signAccess(deps, key, bridge.id, { clip, ...who });
    return call({ url: bridge.url, bearer }, 'reportClip', { clip }, { verdict });
  };
  return { key, bridge: bridge.id, send };
}

/** The request of each clip that an agency is shown at a bridge, page after page. Throws the bridge's refusal, `unreachable`. */
export async function listClips(
  deps: OfficerDeps,
  key: SigningKey,
  bridge: { id: string; url: string },
  who: Who,
): Promise<string[]> {
  const requests: string[] = [];
  for await (const { clips } of pages((cursor) => listClipPage(deps, key, bridge, who, cursor)))
    requests.push(...clips.map(({ request }) => request));
  return requests;
}
