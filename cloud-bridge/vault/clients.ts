// Owns: who may use the vault: clients of an agency with a secret, scopes and addresses, and the short-lived tokens they get
// for it (RFC 6749 §4.4). Not here: HTTP, what a scope lets one do (evidence.ts).
import { timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { toBase64url, utf8 } from '../../device/base/bytes.ts';
import { type Clock, wallSeconds } from '../../device/base/clock.ts';
import { sha256Hex } from '../../device/base/keys.ts';
import { freshId, type Random } from '../../device/base/random.ts';
import { failure } from '../../device/protocol/errors.ts';
import { AttemptLimit } from '../http/attempt-limit.ts';
import type { AccessStore, Client, Doer, SuccessionStore } from './store.ts';

/** What a token can allow. `any` is any item of the agency that is of no class; classed ones need their class's scope besides. */
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

/** Who acts for which agency, as its token and headers say. */
export interface Actor extends Doer {
  agency: string;
  scopes: readonly string[];
}

export interface ClientsDeps {
  clock: Clock;
  random: Random;
  access: AccessStore;
  successions: SuccessionStore;
  tokenLifeS: number;
  requestsPerMinuteMax: number;
}

const FAILURES_MAX = 20;
const FAILURE_SPAN_MS = 10 * 60_000;
const MINUTE_MS = 60_000;

export class Clients {
  private readonly deps: ClientsDeps;
  private readonly failures: AttemptLimit;
  private readonly requests: AttemptLimit;

  constructor(deps: ClientsDeps) {
    this.deps = deps;
    this.failures = new AttemptLimit(deps.clock, FAILURES_MAX, FAILURE_SPAN_MS);
    this.requests = new AttemptLimit(deps.clock, deps.requestsPerMinuteMax, MINUTE_MS);
  }

  /** A new client of an agency; its secret is returned here and kept nowhere. Throws `agency_key_rotated` for an older id. */
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
   * A token for a client that proves itself, with the scopes asked for, or all it has. Throws `vault_client_invalid`,
   * `vault_scope_missing`, `http_rate_limited`.
   */
  async token(
    id: string,
    secret: string,
    wanted: readonly string[] | null,
    address: string,
  ): Promise<{ token: string; expiresInS: number; scopes: readonly string[] }> {
    const { clock, random, access, tokenLifeS } = this.deps;
    this.failures.assertOpen(address);
    const client = await access.findClient(id);
    if (!client || !isSecret(client, secret) || !isFrom(client, address)) {
      this.failures.note(address);
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
   * Whose token it is, for this agency, from this address, now; `agency` is then the agency across its keys. An id whose key was
   * rotated away acts for nobody. Throws `vault_token_invalid`, `http_rate_limited`.
   */
  async actor(bearer: string, agency: string, address: string): Promise<Omit<Actor, 'officer' | 'reason'>> {
    const { access, successions, clock } = this.deps;
    this.failures.assertOpen(address);
    const token = await access.findToken(sha256Hex(bearer));
    const client = token && (await access.findClient(token.client));
    const { organisation, successor } = await successions.agencyKey(agency);
    const holds =
      successor === null &&
      client &&
      wallSeconds(clock) < token.expiresS &&
      token.agency === agency &&
      isFrom(client, address);
    if (!holds) {
      this.failures.note(address);
      throw failure('vault_token_invalid');
    }
    this.requests.assertOpen(token.client);
    this.requests.note(token.client);
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

/** Whether an address is on the client's list. A socket's IPv4 address may come dressed as IPv6. */
function isFrom(client: Client, address: string): boolean {
  const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  const list = new BlockList();
  for (const entry of client.addresses) {
    const [network = '', bits] = entry.split('/');
    const kind = isIP(network) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(network, kind);
    else list.addSubnet(network, Number(bits), kind);
  }
  return list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
}
