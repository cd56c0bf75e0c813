// Clients of an agency, with a secret, scopes and addresses, and their short-lived access tokens (RFC 6749 §4.4).
import { timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { addressList, networkOf } from '@doorsill/base/http/address-networks';
import { sha256Hex } from '@doorsill/base/keys';
import { freshId, type Random } from '@doorsill/base/random';
import { toBase64url, utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { z } from 'zod';
import type { RateLimit, RateLimits } from '../http/rate-limits.ts';
import type { AccessStore, Client, Doer, SuccessionStore } from './vault-store.ts';

/** `any` covers every unclassified item of the agency; a classified one also needs the scope of its class. */
export const SCOPES = [
  'evidence.any.read',
  'evidence.any.download',
  'evidence.any.update',
  'evidence.any.delete',
  'evidence.restricted.read',
  'evidence.confidential.read',
  'trail.any.read',
  'policy.any.update',
] as const;
export type Scope = (typeof SCOPES)[number];

/** An address, or a network in CIDR notation. */
const addressSchema = z
  .string()
  .max(49)
  .refine((text) => {
    const [address = '', bits, ...rest] = text.split('/');
    const kind = isIP(address);
    if (kind === 0 || rest.length > 0) return false;
    return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (kind === 4 ? 32 : 128));
  }, 'an IP address or a network such as 10.1.0.0/16');

export const clientBodySchema = z.strictObject({
  scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
  addresses: z.array(addressSchema).min(1).max(64),
});

/** From token and headers. */
export interface Actor extends Doer {
  agency: string;
  scopes: readonly string[];
}

/** From the token alone. */
export type Caller = Omit<Actor, 'officer' | 'reason'>;

export interface ClientsDeps {
  clock: Clock;
  random: Random;
  access: AccessStore;
  successions: SuccessionStore;
  tokenLifeS: number;
  requestsPerMinuteMax: number;
  limits: RateLimits;
}

/**
 * Invalid tokens and secrets from one address that get a specific refusal; later ones get `http_rate_limited`. Valid ones are always
 * served.
 */
const FAILURES_MAX = 20;
const FAILURE_SPAN_MS = 10 * 60_000;
const MINUTE_MS = 60_000;

export class Clients {
  private readonly deps: ClientsDeps;
  private readonly failures: RateLimit;
  private readonly requests: RateLimit;

  constructor(deps: ClientsDeps) {
    this.deps = deps;
    const { limits, requestsPerMinuteMax } = deps;
    this.failures = limits.limit('refused clients', FAILURES_MAX, FAILURE_SPAN_MS);
    this.requests = limits.limit('calls of a client', requestsPerMinuteMax, MINUTE_MS);
  }

  /** Creates a client of an agency; its secret is returned here and not stored. Throws `agency_key_rotated` for a former id. */
  async issue(
    agency: string,
    wanted: z.infer<typeof clientBodySchema>,
  ): Promise<{ client: string; secret: string; scopes: readonly string[] }> {
    const { random, access, successions } = this.deps;
    const { successor } = await successions.agencyKey(agency);
    if (successor !== null) throw failure('agency_key_rotated', { successor });
    const client = freshId(random, 'client');
    const secret = toBase64url(random.bytes(32));
    const scopes = [...new Set(wanted.scopes)];
    await access.addClient({ client, agency, secretSha256: sha256Hex(secret), scopes, addresses: wanted.addresses });
    return { client, secret, scopes };
  }

  /**
   * A token for an authenticated client, with the requested scopes, or all of its scopes. Throws `vault_client_invalid`,
   * `vault_scope_missing`, `http_rate_limited`.
   */
  async token(
    id: string,
    secret: string,
    wanted: readonly string[] | null,
    address: string,
  ): Promise<{ token: string; expiresInS: number; scopes: readonly string[] }> {
    const { clock, random, access, tokenLifeS } = this.deps;
    const client = await access.findClient(id);
    if (!client || !isSecret(client, secret) || !isFrom(client, address)) {
      await this.failures.take(networkOf(address));
      throw failure('vault_client_invalid');
    }
    const scopes = wanted ?? client.scopes;
    const missing = scopes.find((scope) => !client.scopes.includes(scope));
    if (missing !== undefined) throw failure('vault_scope_missing', { scope: missing.slice(0, 60) });
    const token = toBase64url(random.bytes(32));
    const nowS = wallSeconds(clock);
    const { agency } = client;
    await access.addToken(
      { tokenSha256: sha256Hex(token), client: id, agency, scopes, expiresS: nowS + tokenLifeS },
      nowS,
    );
    return { token, expiresInS: tokenLifeS, scopes };
  }

  /**
   * Who calls with a token, for this agency, from this address. The returned `agency` stays the same when the agency's key is rotated; the
   * former id may not act then. Counts the call. Throws `vault_token_invalid`, `http_rate_limited`.
   */
  async actor(bearer: string, agency: string, address: string): Promise<Caller> {
    const caller = await this.caller(bearer, agency, address).catch(async (thrown: unknown) => {
      await this.failures.take(networkOf(address));
      throw thrown;
    });
    await this.requests.take(caller.by);
    return caller;
  }

  /** As `actor`, without counting: for checks repeated during a download. Throws `vault_token_invalid`. */
  async caller(bearer: string, agency: string, address: string): Promise<Caller> {
    const { access, successions, clock } = this.deps;
    const token = await access.findToken(sha256Hex(bearer));
    const client = token && (await access.findClient(token.client));
    const { organisation, successor } = await successions.agencyKey(agency);
    const holds =
      successor === null &&
      client &&
      wallSeconds(clock) < token.expiresS &&
      token.agency === agency &&
      isFrom(client, address);
    if (!holds) throw failure('vault_token_invalid');
    return { by: token.client, agency: organisation, scopes: token.scopes };
  }
}

/** Throws `vault_scope_missing`. */
export function assertScope(actor: Pick<Actor, 'scopes'>, scope: Scope): void {
  if (!actor.scopes.includes(scope)) throw failure('vault_scope_missing', { scope });
}

function isSecret(client: Client, secret: string): boolean {
  return timingSafeEqual(utf8(sha256Hex(secret)), utf8(client.secretSha256));
}

/** Whether an address is on the client's list. */
function isFrom(client: Client, address: string): boolean {
  return addressList(client.addresses)(address);
}
