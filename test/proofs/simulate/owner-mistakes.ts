// Orders that owners sign by mistake, each of which a doorbell must refuse for a different reason.

import { wallSeconds } from '@doorsill/base/clock';
import { generateSealingKey } from '@doorsill/base/hpke';
import { sha256Hex } from '@doorsill/base/keys';
import { freshId, SeededRandom } from '@doorsill/base/random';
import { parseToken, signToken } from '@doorsill/contract/jws';
import type { Grant } from '@doorsill/contract/owner-orders';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import { Request } from '@doorsill/contract/request';
import { recipientOf } from '@doorsill/contract/request-or-search';
import type { Sealing } from '@doorsill/contract/sealing';
import type { Window } from '@doorsill/contract/shared-claims';
import {
  makeCommand,
  makeDenial,
  makeGrant,
  makeRevoke,
  type Signer,
} from '@doorsill/device/owner/sign-owner-messages';
import { GOP_US } from './ffmpeg-twin.ts';
import type { Mistake } from './plan.ts';

const DAY_S = 24 * 3_600;
/** Shorter than any picture is shown. */
const INSTANT_US = 500;
const CLIP_BYTES_MAX = 450_000_000;

/** An order sent to a home by mistake. */
export interface MistakenOrder {
  readonly kind: 'grant' | 'deny' | 'revoke' | 'command';
  readonly jti: string;
  readonly token: string;
  /** The request that it names; for a command, the request before it. */
  readonly request: string;
}

/** Makes a mistaken order instead of a good answer. `good`: the window of a good answer. */
export function mistakenOrder(mistake: Mistake, signer: Signer, notice: VerifiedNotice, good: Window): MistakenOrder {
  const { request: asked, device } = notice;
  const request = asked.jti;
  if (mistake === 'an order after another one') {
    const { jti, token } = makeCommand(signer, device, { action: 'privacy', on: false }, sha256Hex(''));
    return { kind: 'command', jti, token, request };
  }
  if (mistake === 'an announcement') {
    const { jti, token } = makeCommand(signer, device, { action: 'announce' });
    return { kind: 'command', jti, token, request };
  }
  const { claims } = makeGrant(signer, notice, { window: good });
  if (mistake === 'a revocation of nothing') {
    const named = { request, grant: claims.jti, grantSha256: sha256Hex('') };
    const { jti, token } = makeRevoke(signer, device, named);
    return { kind: 'revoke', jti, token, request };
  }
  if (mistake === 'a denial of other bytes') {
    const denial = { ...makeDenial(signer, notice).claims, requestSha256: sha256Hex('') };
    return { kind: 'deny', jti: denial.jti, token: signToken('doorsill-denial+jws', denial, signer.key), request };
  }
  const grant = { ...claims, ...changed(mistake, claims, asked.window) };
  const token = signToken('doorsill-grant+jws', grant, signer.key);
  return { kind: 'grant', jti: grant.jti, token, request: grant.request };
}

/** A grant of a request as signed by its agency, without a home's notice. Throws for a token that is no request. */
export function grantOf(
  signer: Signer,
  device: string,
  requestToken: string,
  {
    window,
    zones = [],
    sealing,
  }: { window?: Window | undefined; zones?: Grant['zones']; sealing?: Sealing | undefined } = {},
): SignedGrant {
  const request = Request.parse(parseToken(requestToken)?.claims);
  const { kind, key } = recipientOf(request, sha256Hex);
  const iat = wallSeconds(signer.clock);
  const claims: Grant = {
    ...{ iss: signer.key.publicKey, aud: device, iat, exp: iat + DAY_S, jti: freshId(signer.random, 'grant') },
    ...{ request: request.jti, requestSha256: sha256Hex(requestToken) },
    recipient: { kind, key, ...(sealing ? { sealing } : {}) },
    ...{ window: window ?? request.window, audio: false, zones, disclose: [], byteLimit: CLIP_BYTES_MAX },
  };
  return { jti: claims.jti, token: signToken('doorsill-grant+jws', claims, signer.key), request };
}

export interface SignedGrant {
  readonly jti: string;
  readonly token: string;
  readonly request: Request;
}

/** The wrong claims of a mistaken grant. */
function changed(mistake: Mistake, { iat, exp, jti, window, recipient }: Grant, asked: Window): Partial<Grant> {
  switch (mistake) {
    case 'a window outside of the request’s':
      return { window: { startUs: asked.startUs - GOP_US, endUs: window.endUs } };
    case 'no time at all':
      return { window: { startUs: window.startUs, endUs: window.startUs + INSTANT_US } };
    case 'time without footage':
      return { window: { startUs: asked.startUs, endUs: asked.startUs + GOP_US } };
    case 'more facts than were asked for':
      return { disclose: ['phone'] };
    case 'a fact that the home does not have':
      return { disclose: ['email'] };
    case 'a grant that has expired':
      return { exp: iat };
    case 'a grant for too long':
      return { exp: iat + 8 * DAY_S };
    case 'a grant of yesterday':
      return { iat: iat - 2 * DAY_S };
    case 'a grant of tomorrow':
      return { iat: iat + DAY_S, exp: exp + DAY_S };
    case 'a grant to somebody else':
      return { recipient: { kind: 'agency', key: OTHER_KEY } };
    case 'a grant to a neighbour':
      return { recipient: { kind: 'neighbor', key: OTHER_KEY } };
    case 'a grant of other bytes':
      return { requestSha256: sha256Hex('') };
    case 'a grant of another request':
      return { request: jti.replace(/^grant-/, 'request-') };
    case 'a grant of a clip that is encrypted otherwise':
      return { recipient: { ...recipient, sealing: { key: OTHER_SEALING_KEY, keeper: 'vault' } } };
    case 'a clip that nobody has looked at':
      return { clipSha256: sha256Hex('') };
    default:
      return {};
  }
}

/** A key of somebody else who can be encrypted to. */
const OTHER_SEALING_KEY = generateSealingKey(new SeededRandom(1)).publicKey;

/** 32 bytes that are nobody's key. */
const OTHER_KEY = `${'A'.repeat(42)}E`;
