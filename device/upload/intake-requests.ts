// The requests to the bridge around an upload: open an intake, find the upload's address and status, revoke; and the meaning of its
// refusals.
import { verifySignature } from '@doorsill/base/keys';
import type { TlsSource } from '@doorsill/base/tls';
import { assert } from '@doorsill/contract/assert';
import { utf8 } from '@doorsill/contract/bytes';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { type IntakeReceipt, IntakeStatus } from '@doorsill/contract/manifest';
import { parseJson } from '@doorsill/contract/parse-json';
import { failureOf } from '@doorsill/contract/problem';
import { openIntake } from '@doorsill/contract/verify-intake-receipt';
import type { BridgeAnswer, BridgeHttp } from './bridge-http.ts';
import type { OutboxItem } from './outbox.ts';

/** The bridge as pinned at enrolment. */
export interface PinnedBridge {
  url: string;
  id: string;
  /** The public key of its receipts. */
  key: string;
  /** For an https address with a certificate from no public authority. */
  tls?: TlsSource | undefined;
}

const UPLOADS = '/v1/uploads';
const TUS = { 'Tus-Resumable': '1.0.0' } as const;

/** The bridge's address without a trailing slash; all paths are appended to it. */
export function baseOf(bridge: PinnedBridge): string {
  return bridge.url.replace(/\/+$/, '');
}

/** Opens an intake with the clip's documents; idempotent. Throws the bridge's refusal, `upload_unreachable`. */
export function openAtBridge(http: BridgeHttp, item: OutboxItem): Promise<IntakeStatus> {
  assert(item.papers !== null, 'a clip has its statement before it is sent');
  return askStatus(http, 'POST', '/v1/intakes', item.grant, { manifest: item.manifest, ...item.papers });
}

/** The clip's status at the bridge. Throws the bridge's refusal, `upload_unreachable`. */
export function statusAtBridge(http: BridgeHttp, grant: string): Promise<IntakeStatus> {
  return askStatus(http, 'GET', `/v1/intakes/${grant}`, grant);
}

/** A revocation as the bridge can verify it, even for a grant that it does not know. */
export interface RevocationBody {
  /** The owner's revocation token. */
  revocation: string;
  /** The device's statement that the signer is its owner. */
  pairing: string;
  /** Recalls the clip from a vault; signed with the clip's key. */
  homeRecall?: string;
}

/** Sends a revocation. Throws the bridge's refusal, `upload_unreachable`. */
export function revokeAtBridge(http: BridgeHttp, grant: string, body: RevocationBody): Promise<IntakeStatus> {
  return askStatus(http, 'POST', `/v1/intakes/${grant}/revocation`, grant, body);
}

async function askStatus(
  http: BridgeHttp,
  method: 'GET' | 'POST',
  path: string,
  grant: string,
  body?: object,
): Promise<IntakeStatus> {
  const request = http.createRequest(method, http.baseUrl + path);
  if (body) request.setHeader('Content-Type', 'application/json');
  const answer = await request.send(body && utf8(JSON.stringify(body)));
  if (answer.getStatus() !== 200) throw refusalOf(answer);
  const status = IntakeStatus.safeParse(parseJson(answer.getBody()));
  if (!status.success || status.data.grant !== grant) throw implausible('its status is not one of this clip');
  return status.data;
}

/**
 * The address of the clip's upload, which is created unless it exists. Only the upload's id is taken from the bridge's answer; the
 * address is built under the pinned one. Throws the bridge's refusal, `upload_unreachable`.
 */
export async function findUpload(http: BridgeHttp, item: OutboxItem): Promise<string> {
  const base = http.baseUrl;
  const asked = await http.createRequest('HEAD', `${base}/v1/intakes/${item.grant}`).send();
  if (asked.getStatus() !== 200) throw refusalOf(asked);
  const known = asked.getHeader('Location');
  if (known !== undefined) return uploadUrlOf(base, known);
  const creation = http.createRequest('POST', base + UPLOADS);
  for (const [name, value] of Object.entries(TUS)) creation.setHeader(name, value);
  creation.setHeader('Upload-Length', String(item.clipBytes));
  const created = await creation.send();
  if (created.getStatus() !== 201) throw refusalOf(created);
  return uploadUrlOf(base, created.getHeader('Location') ?? '');
}

/** Whether a stored address is an upload at this bridge's address, which may have changed since. */
export function isUploadUrl(base: string, url: string): boolean {
  return url.startsWith(`${base}${UPLOADS}/`) && !url.slice(base.length + UPLOADS.length + 1).includes('/');
}

function uploadUrlOf(base: string, location: string): string {
  const id = /^(?:https?:\/\/[^/?#]+)?(?:\/[^?#]*)?\/v1\/uploads\/([A-Za-z0-9_-]{1,128})$/.exec(location)?.[1];
  if (id === undefined) throw implausible('the address of its upload is not one of this bridge');
  return `${base}${UPLOADS}/${id}`;
}

/** The failure for an unexpected answer; its fact `retryAfterS` is the answer's Retry-After, from the bridge or a proxy. */
export function refusalOf(answer: Pick<BridgeAnswer, 'getStatus' | 'getBody' | 'getHeader'>): Failure {
  const status = answer.getStatus();
  const named = failureOf(parseJson(answer.getBody()));
  // RFC 9110 §10.2.3. Only seconds are read, not a date: the device's clock may be wrong.
  const asked = /^\d{1,6}$/.exec(answer.getHeader('Retry-After') ?? '');
  if (named) return asked ? failure(named.code, { ...named.facts, retryAfterS: Number(asked[0]) }) : named;
  if (status === 404 || status === 410) return failure('http_not_found');
  if (status >= 400 && status < 500 && !PASSING.has(status)) {
    return failure('upload_rejected', { code: `status ${status}` });
  }
  return failure('upload_unreachable', {
    detail: `it answered with status ${status}`,
    ...(asked ? { retryAfterS: Number(asked[0]) } : {}),
  });
}

/** Statuses after which the same request may succeed later: timeout, offset conflict, locked, too early, too many, checksum. */
const PASSING = new Set([408, 409, 423, 425, 429, 460]);

/** The failure for an answer that no honest bridge gives: retryable, because a proxy or attacker in between may have sent it. */
export function implausible(detail: string): Failure {
  return failure('upload_unreachable', { detail });
}

/** The signed receipt in a status. Throws `upload_unreachable` when it is missing, or not this bridge's for this grant. */
export function receiptIn(
  status: IntakeStatus,
  expected: { bridgeKey: string; device: string },
): { token: string; claims: IntakeReceipt } {
  const token = status.receipt ?? '';
  try {
    return { token, claims: openIntake(token, { ...expected, grant: status.grant, verify: verifySignature }) };
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    throw implausible(`its receipt does not verify (${thrown.code})`);
  }
}
