// The page's calls to its device: pairing, an owner's session (opened again when it has ended), requests, footage, and signed orders with
// their receipts.

import { toBase64url, utf8 } from '@doorsill/contract/bytes';
import {
  challengeSchema,
  orderAnswerSchema,
  type orderSchema,
  PairingState,
  pairingProofInput,
  pinsSchema,
  serverFactsSchema,
  sessionAnswerSchema,
  sessionProofInput,
} from '@doorsill/contract/console-messages';
import {
  type Failure,
  failure,
  isErrorCode,
  isFailure,
  reportedFailure,
  TOKEN_FAULT_CODES,
} from '@doorsill/contract/errors';
import { DeviceState, Receipt, requestListSchema } from '@doorsill/contract/home-messages';
import { exchangeJson, type JsonRequest } from '@doorsill/contract/json-client';
import { assembleToken, openToken, signingInput, type TokenType } from '@doorsill/contract/jws';
import {
  type Author,
  claimsHead,
  contentKeyClaims,
  denialClaims,
  type GrantChoice,
  grantClaims,
  revokeClaims,
} from '@doorsill/contract/owner-claims';
import { type CommandAction, mustNameLastOrder, type Revoke } from '@doorsill/contract/owner-orders';
import { parseJson } from '@doorsill/contract/parse-json';
import { failureOf } from '@doorsill/contract/problem';
import { type OwnerTrust, readNotice, type VerifiedNotice } from '@doorsill/contract/read-request-notice';
import type { PublishedRequest } from '@doorsill/contract/request';
import { OwnersContentKey } from '@doorsill/contract/sealing';
import type { z } from 'zod';
import { clock, freshId } from './browser-seams.ts';
import { type OwnerKey, sign } from './owner-key.ts';
import type { SessionSecret } from './session-secret.ts';
import { tokenCrypto } from './token-crypto.ts';

const SESSION_HEADER = 'x-doorsill-session';
/** Allows for a slow link and for a phone's clock that is slightly wrong. */
const ORDER_LIFE_S = 120;

/** The device's public identity; needs no session. */
export async function fetchServerFacts() {
  return serverFactsSchema.parse(await exchange('/api/v1/server', { method: 'GET' }));
}

/** Offers a key with the token from the device's pairing code. Throws the device's refusal. */
export async function offerKey(key: OwnerKey, token: string, name: string): Promise<PairingState> {
  const { challenge } = challengeSchema.parse(await exchange('/api/v1/challenges', { method: 'POST' }));
  const proof = toBase64url(await sign(key, pairingProofInput(key.device, challenge, key.publicKey, name)));
  const body = { token, key: key.publicKey, name, challenge, proof };
  return PairingState.parse(await exchange('/api/v1/pairings', { method: 'POST', body }));
}

export async function fetchPairingState(pairing: string): Promise<PairingState> {
  return PairingState.parse(await exchange(`/api/v1/pairings/${pairing}`, { method: 'GET' }));
}

/** An owner's calls. A call without a session opens one first; a call whose session has ended is made once more in a new one. */
export class DeviceClient {
  readonly key: OwnerKey;
  private readonly secret: SessionSecret;
  private opening: Promise<void> | null = null;

  constructor(key: OwnerKey, secret: SessionSecret) {
    this.key = key;
    this.secret = secret;
  }

  /** One call; parses its answer. Throws the refusal, or `unreachable`. */
  async call<S extends z.ZodType>(schema: S, path: string, request: Partial<JsonRequest> = {}): Promise<z.output<S>> {
    return this.inSession(async (session) => {
      const answer = await exchange(path, { method: 'GET', ...request, headers: { [SESSION_HEADER]: session } });
      return schema.parse(answer);
    });
  }

  /**
   * A call whose answer is not one JSON document: a picture, footage, a stream of lines. With `body` it is a POST; `range` asks for a part
   * (RFC 9110 §14.2). Throws the refusal, or `unreachable`.
   */
  async fetch(
    path: string,
    signal?: AbortSignal,
    { body, range }: { body?: object; range?: string } = {},
  ): Promise<Response> {
    return this.inSession(async (session) => {
      const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
      const headers = {
        [SESSION_HEADER]: session,
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...(range ? { range } : {}),
      };
      const response = await fetch(path, { ...sent, headers, ...(signal ? { signal } : {}) }).catch(
        (thrown: unknown) => {
          signal?.throwIfAborted();
          throw unreachable(String(thrown));
        },
      );
      if (response.ok) return response;
      throw failureOf(parseJson(await response.text())) ?? unreachable(`it answered with status ${response.status}`);
    });
  }

  /** The live picture's socket. A refused WebSocket gives no reason, so another call renews the session first. */
  async liveSocket(): Promise<WebSocket> {
    await this.call(DeviceState, '/api/v1/state');
    return new WebSocket('/api/v1/live', ['doorsill-live', `session.${this.secret.value ?? ''}`]);
  }

  /**
   * Signs and sends a command; returns the device's verified receipt. Signs once more when another order came first. Throws the device's
   * refusal.
   */
  async command(action: CommandAction): Promise<Receipt> {
    const names = mustNameLastOrder(action);
    const head = names ? (await this.call(DeviceState, '/api/v1/state')).lastOrder : null;
    const first = await this.giveCommand(action, head);
    const again =
      names && first.code === 'consent_order_stale' ? await this.giveCommand(action, first.lastOrder) : first;
    return accepted(again);
  }

  /**
   * `requests`: unanswered requests that verify against the pinned keys. `unread`: how many do not verify; they are never shown.
   * `answered`: open requests that an owner has answered, not verified here. `trust` is null before enrolment. Throws the device's refusal.
   */
  async requests(): Promise<{
    requests: VerifiedNotice[];
    answered: PublishedRequest[];
    unread: number;
    trust: OwnerTrust | null;
  }> {
    const [{ requests, answered }, pins] = await Promise.all([
      this.call(requestListSchema, '/api/v1/requests'),
      this.call(pinsSchema, '/api/v1/pins'),
    ]);
    if (pins.trust === null) return { requests: [], answered, unread: requests.length, trust: null };
    const trust = { ...pins.trust, device: this.key.device, serveStateAgencies: pins.serveStateAgencies };
    const reading = { nowS: nowS(), ...tokenCrypto };
    const read = requests.flatMap((notice) => {
      try {
        return [readNotice(JSON.stringify(notice), trust, reading)];
      } catch {
        return [];
      }
    });
    return { requests: read, answered, unread: requests.length - read.length, trust };
  }

  /** Signs consent to one clip; does not send it, because it is stored first (answer-store.ts). */
  signedGrant(notice: VerifiedNotice, choice: GrantChoice): Promise<string> {
    return this.signed('doorsill-grant+jws', grantClaims(this.author, notice, choice, tokenCrypto.sha256Hex));
  }

  /** The same for a revocation of any owner's grant. */
  signedRevoke(named: Pick<Revoke, 'request' | 'grant' | 'grantSha256'>): Promise<string> {
    return this.signed('doorsill-revoke+jws', revokeClaims(this.author, this.key.device, named));
  }

  /** Sends a signed grant or revocation; returns the device's receipt. The same token may be sent again. Throws the device's refusal. */
  async answer(kind: 'grant' | 'revoke', request: string, token: string): Promise<Receipt> {
    return accepted(await this.give({ kind, request, token }));
  }

  /** Signs and sends a revocation; returns the device's receipt. Throws the device's refusal. */
  async revoke(named: Pick<Revoke, 'request' | 'grant' | 'grantSha256'>): Promise<Receipt> {
    return this.answer('revoke', named.request, await this.signedRevoke(named));
  }

  /** Signs and sends a denial, which stays on the device; returns the device's receipt. Throws the device's refusal. */
  async deny(notice: VerifiedNotice): Promise<Receipt> {
    const claims = denialClaims(this.author, notice);
    const token = await this.signed('doorsill-denial+jws', claims);
    return accepted(await this.give({ kind: 'deny', request: claims.request, token }));
  }

  /** The content key of an encrypted clip that this browser granted. Throws the device's refusal. */
  async contentKey(grant: string): Promise<OwnersContentKey> {
    const call = await this.signed('doorsill-content-key+jws', contentKeyClaims(this.author, this.key.device, grant));
    const path = `/api/v1/departures/${grant}/content-key`;
    return this.call(OwnersContentKey, path, { method: 'POST', body: { call } });
  }

  private get author(): Author {
    return { publicKey: this.key.publicKey, nowS: nowS(), freshId };
  }

  private async signed(typ: TokenType, claims: object): Promise<string> {
    const input = signingInput(typ, claims);
    return assembleToken(input, await sign(this.key, utf8(input)));
  }

  private async giveCommand(action: CommandAction, after: string | null): Promise<Receipt> {
    const { author } = this;
    const claims = {
      ...claimsHead(author, this.key.device, 'command'),
      exp: author.nowS + ORDER_LIFE_S,
      command: action,
      ...(after === null ? {} : { after }),
    };
    return this.give({ kind: 'command', token: await this.signed('doorsill-command+jws', claims) });
  }

  private async give(order: z.input<typeof orderSchema>): Promise<Receipt> {
    const { receipt } = await this.call(orderAnswerSchema, '/api/v1/orders', { method: 'POST', body: order });
    return this.readReceipt(receipt);
  }

  /** A receipt's claims. Throws `token_*` when the device has not signed it. */
  readReceipt(token: string): Receipt {
    const { deviceKey } = this.key;
    const opened = openToken(token, {
      typ: 'doorsill-receipt+jws',
      schema: Receipt,
      audience: 'owner',
      keys: [deviceKey],
      verify: tokenCrypto.verify,
    });
    if (!opened.ok) throw failure(TOKEN_FAULT_CODES[opened.fault]);
    if (opened.claims.device !== this.key.device) throw failure('token_unknown_claims');
    return opened.claims;
  }

  private async inSession<Result>(call: (session: string) => Promise<Result>): Promise<Result> {
    const used = await this.session();
    try {
      return await call(used);
    } catch (thrown) {
      if (!isFailure(thrown) || thrown.code !== 'console_session_refused') throw thrown;
      this.secret.drop(used);
      return call(await this.session());
    }
  }

  private async session(): Promise<string> {
    if (this.secret.value === null) {
      this.opening ??= this.open().finally(() => {
        this.opening = null;
      });
      await this.opening;
    }
    return this.secret.value ?? '';
  }

  private async open(): Promise<void> {
    await this.secret.askOtherTabs();
    if (this.secret.value !== null) return;
    const { device, publicKey } = this.key;
    const { challenge } = challengeSchema.parse(await exchange('/api/v1/challenges', { method: 'POST' }));
    const input = sessionProofInput(device, location.origin, challenge, publicKey);
    const body = { key: publicKey, challenge, proof: toBase64url(await sign(this.key, input)) };
    const { session } = sessionAnswerSchema.parse(await exchange('/api/v1/sessions', { method: 'POST', body }));
    this.secret.keep(session);
  }
}

function exchange(path: string, request: JsonRequest): Promise<unknown> {
  return exchangeJson(new URL(path, location.origin).href, request);
}

function unreachable(detail: string): Failure {
  return failure('unreachable', { what: 'the doorbell', where: location.origin, detail });
}

/** Returns the receipt of an order that was carried out; throws a refusal as the coded error. */
function accepted(receipt: Receipt): Receipt {
  const { outcome, code, detail = '' } = receipt;
  if (outcome !== 'refused') return receipt;
  throw code && isErrorCode(code) ? reportedFailure(code, detail) : failure('console_order_refused');
}

function nowS(): number {
  return Math.floor(clock.wallUs() / 1_000_000);
}
