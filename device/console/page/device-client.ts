// Owns: the page's calls to its own device: pairing, the session that is opened again when it has ended, answers, pictures, signed orders
// with their receipts. Not here: keys (owner-key.ts), what is shown.
import type { z } from 'zod';
import { toBase64url, utf8 } from '../../base/bytes.ts';
import { parseJson } from '../../base/parse-json.ts';
import {
  challengeSchema,
  orderAnswerSchema,
  type PairingState,
  pairingProofInput,
  pairingStateSchema,
  serverFactsSchema,
  sessionProofInput,
  sessionSchema,
} from '../../protocol/console-messages.ts';
import {
  type Failure,
  failure,
  isErrorCode,
  isFailure,
  reportedFailure,
  TOKEN_FAULT_CODES,
} from '../../protocol/errors.ts';
import { type Receipt, receiptSchema, stateSchema } from '../../protocol/home-messages.ts';
import { exchangeJson, type JsonRequest } from '../../protocol/json-client.ts';
import { assembleToken, openToken, parseToken, signingInput } from '../../protocol/jws.ts';
import { type CommandAction, mustNameLastOrder } from '../../protocol/owner-orders.ts';
import { failureOf } from '../../protocol/problem.ts';
import { clock, freshId } from './browser-seams.ts';
import { isSignedBy, type OwnerKey, sign } from './owner-key.ts';
import type { SessionSecret } from './session-secret.ts';

const SESSION_HEADER = 'x-doorsill-session';
/** Long enough for a slow link, and for a phone's clock that is a little wrong. */
const ORDER_LIFE_S = 120;

/** Which device this is: for anyone. */
export async function serverFacts() {
  return serverFactsSchema.parse(await exchange('/api/v1/server', { method: 'GET' }));
}

/** Offers a key with the token that the device draws. Throws what the device refuses with. */
export async function offerKey(key: OwnerKey, token: string, name: string): Promise<PairingState> {
  const { challenge } = challengeSchema.parse(await exchange('/api/v1/challenges', { method: 'POST' }));
  const proof = toBase64url(await sign(key, pairingProofInput(key.device, challenge, key.publicKey, name)));
  const body = { token, key: key.publicKey, name, challenge, proof };
  return pairingStateSchema.parse(await exchange('/api/v1/pairings', { method: 'POST', body }));
}

export async function pairingState(pairing: string): Promise<PairingState> {
  return pairingStateSchema.parse(await exchange(`/api/v1/pairings/${pairing}`, { method: 'GET' }));
}

/** An owner's calls. Each opens a session first where there is none, and once more where it has ended. */
export class DeviceClient {
  readonly key: OwnerKey;
  private readonly secret: SessionSecret;
  private opening: Promise<void> | null = null;

  constructor(key: OwnerKey, secret: SessionSecret) {
    this.key = key;
    this.secret = secret;
  }

  /** One call with its answer, checked. Throws the refusal, or `unreachable`. */
  async call<S extends z.ZodType>(schema: S, path: string, request: Partial<JsonRequest> = {}): Promise<z.output<S>> {
    return this.inSession(async (session) => {
      const answer = await exchange(path, { method: 'GET', ...request, headers: { [SESSION_HEADER]: session } });
      return schema.parse(answer);
    });
  }

  /** An answer that is no JSON: a picture, footage, the stream of messages. Throws the refusal, or `unreachable`. */
  async fetch(path: string, signal?: AbortSignal): Promise<Response> {
    return this.inSession(async (session) => {
      const options = { headers: { [SESSION_HEADER]: session }, ...(signal ? { signal } : {}) };
      const response = await fetch(path, options).catch((thrown: unknown) => {
        signal?.throwIfAborted();
        throw unreachable(String(thrown));
      });
      if (response.ok) return response;
      throw failureOf(parseJson(await response.text())) ?? unreachable(`it answered with status ${response.status}`);
    });
  }

  /** The live picture's socket. Its refusal cannot be read, so the session is made sure of before. */
  async liveSocket(): Promise<WebSocket> {
    await this.call(stateSchema, '/api/v1/state');
    return new WebSocket('/api/v1/live', ['doorsill-live', `session.${this.secret.value ?? ''}`]);
  }

  /**
   * Signs and gives a command; returns the device's receipt, whose signature was checked. Signs once more when another order came
   * first. Throws what the device refuses with.
   */
  async command(action: CommandAction): Promise<Receipt> {
    const names = mustNameLastOrder(action);
    const head = names ? (await this.call(stateSchema, '/api/v1/state')).lastOrder : null;
    const first = await this.give(action, head);
    const again = names && first.code === 'consent_order_stale' ? await this.give(action, first.lastOrder) : first;
    if (again.outcome === 'refused') throw refusalIn(again);
    return again;
  }

  private async give(action: CommandAction, after: string | null): Promise<Receipt> {
    const { device, publicKey } = this.key;
    const iat = Math.floor(clock.wallUs() / 1_000_000);
    const claims = {
      ...{ iss: publicKey, aud: device, iat, exp: iat + ORDER_LIFE_S, jti: freshId('command'), command: action },
      ...(after === null ? {} : { after }),
    };
    const input = signingInput('doorsill-command+jws', claims);
    const token = assembleToken(input, await sign(this.key, utf8(input)));
    const body = { kind: 'command', token };
    const { receipt } = await this.call(orderAnswerSchema, '/api/v1/orders', { method: 'POST', body });
    return this.readReceipt(receipt);
  }

  private async readReceipt(token: string): Promise<Receipt> {
    const { deviceKey } = this.key;
    const parsed = parseToken(token);
    const isTheirs = parsed !== null && (await isSignedBy(deviceKey, parsed.signed, parsed.signature));
    const opened = openToken(token, {
      ...{ typ: 'doorsill-receipt+jws', schema: receiptSchema, audience: 'owner', keys: [deviceKey] },
      verify: () => isTheirs,
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
    const { session } = sessionSchema.parse(await exchange('/api/v1/sessions', { method: 'POST', body }));
    this.secret.keep(session);
  }
}

function exchange(path: string, request: JsonRequest): Promise<unknown> {
  return exchangeJson(new URL(path, location.origin).href, request);
}

function unreachable(detail: string): Failure {
  return failure('unreachable', { what: 'the doorbell', where: location.origin, detail });
}

/** A receipt's refusal in the words of the table of errors. */
function refusalIn({ code, detail = '' }: Receipt): Failure {
  return code && isErrorCode(code) ? reportedFailure(code, detail) : failure('console_order_refused');
}
