// Calls a minute for each role, reported in RateLimit header fields (draft-ietf-httpapi-ratelimit-headers-10).

import type { Clock } from '@doorsill/base/clock';
import { networkOf } from '@doorsill/base/http/address-networks';
import { FixedWindowLimit, WindowCounts } from '@doorsill/base/http/fixed-window-limit';
import { sha256Hex } from '@doorsill/base/keys';
import { assert } from '@doorsill/contract/assert';
import { type Failure, failure } from '@doorsill/contract/errors';
import { parseToken } from '@doorsill/contract/jws';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { LocalLimits, type RateLimit, type RateLimits } from './rate-limits.ts';
import type { Role } from './roles.ts';

const MINUTE_MS = 60_000;
const WINDOW_S = MINUTE_MS / 1000;

/** Addresses whose refused calls are counted at a time. */
const ADDRESSES_MAX = 100_000;
/** Unauthenticated calls a minute from one address that are answered with their own refusal; later ones get `http_rate_limited`. */
const REFUSALS_MAX = 600;
/** Status codes of calls that may have proved no identity; a route's own rate limit is one. */
const UNPROVEN: readonly number[] = [400, 401, 403, 404, 413, 429];
const OF_HOMES: readonly Role[] = ['home', 'device'];

const perMinute = (usual: number) => z.int().min(1).max(1_000_000).default(usual);
/** Calls a minute from one address: for `public` all, otherwise those of one signer or token, or, without a token, to one path. */
export const PerMinute = z.strictObject({
  public: perMinute(3_000),
  signed: perMinute(3_000),
  credentials: perMinute(3_000),
  home: perMinute(1_200),
  /** Each piece of an upload is a call. */
  device: perMinute(60_000),
  agency: perMinute(1_200),
  neighbor: perMinute(1_200),
  officer: perMinute(1_200),
  partner: perMinute(1_200),
  'partner-signature': perMinute(1_200),
  bridge: perMinute(6_000),
  client: perMinute(6_000),
  moderator: perMinute(1_200),
  admin: perMinute(3_000),
} satisfies Record<Role, z.ZodType<number>>);
export type PerMinute = z.infer<typeof PerMinute>;
const ROLES_COUNTED = PerMinute.keyof().options;

const claimedSchema = z.object({ iss: z.string().min(1).max(256) });

export interface Counted {
  role: Role;
  network: string;
  name: string;
  /** Whether a token gives `name`. What the body proves is known only after the call is served. */
  hasToken: boolean;
}

/**
 * Counts calls. Every `public` call is counted by address. Other calls are counted after authentication, under the identity they proved;
 * an unauthenticated one counts against its address's refusals. So nobody uses up another's calls, and a valid caller is served whatever
 * else comes from their address. Each of several instances counts unauthenticated calls for itself: without a proof nobody can cause writes
 * to the shared count.
 */
export class Rates {
  private readonly limits: ReadonlyMap<Role, RateLimit>;
  /** Refused unauthenticated calls, by address. */
  private readonly refusals: FixedWindowLimit;
  private readonly most: PerMinute;

  /** `limits`: shared by several instances, if there are any. */
  constructor(clock: Clock, most: PerMinute, limits: RateLimits = new LocalLimits(clock)) {
    this.most = most;
    const own = new LocalLimits(clock);
    const of = (role: Role) => (role === 'public' ? own : limits).limit(`calls of ${role}`, most[role], MINUTE_MS);
    this.limits = new Map(ROLES_COUNTED.map((role) => [role, of(role)]));
    const refused = new WindowCounts(clock, MINUTE_MS, ADDRESSES_MAX);
    this.refusals = new FixedWindowLimit(refused, Math.min(most.device, REFUSALS_MAX));
  }

  /**
   * Starts counting a call, and tells the caller how many are left. Throws `http_rate_limited`, and `database_...` when that is unknown.
   */
  async open(
    role: Role,
    { ip, url }: Pick<FastifyRequest, 'ip' | 'url'>,
    bearer: string,
    reply: FastifyReply,
  ): Promise<Counted> {
    const network = networkOf(ip);
    const hasToken = bearer !== '';
    const of = role === 'public' ? '' : hasToken ? claimed(bearer) : url;
    const call = { role, network, name: `${network} ${of}`, hasToken };
    const { left, resetS } = await this.limitOf(role).leftOf(call.name);
    // Not for homes: others at the same address could count a home's uploads and revocations.
    if (!OF_HOMES.includes(role)) {
      reply.headers({
        'ratelimit-policy': `"${role}";q=${this.most[role]};w=${WINDOW_S}`,
        ratelimit: `"${role}";r=${Math.max(0, left - 1)};t=${resetS}`,
      });
    }
    if (left === 0) throw failure('http_rate_limited', { retryAfterS: resetS });
    if (role === 'public') await this.limitOf(role).take(call.name);
    return call;
  }

  /** The call is authenticated: it was served, or refused for what it asked rather than for who asked. */
  served({ role, name }: Counted): void {
    if (role !== 'public') this.limitOf(role).note(name);
  }

  /** The call was refused. Throws `http_rate_limited` if it was unauthenticated and its address had too many such calls. */
  refused(call: Counted, refused: Failure): void {
    // A fault of ours says nothing about the caller.
    if (refused.http >= 500 || call.role === 'public') return;
    if (call.hasToken && !UNPROVEN.includes(refused.http)) this.served(call);
    else this.refusals.take(call.network);
  }

  private limitOf(role: Role): RateLimit {
    const limit = this.limits.get(role);
    assert(limit !== undefined, 'every role has a limit');
    return limit;
  }
}

/** The signer's key that a token claims; for an unsigned token, its hash. Only for counting. */
function claimed(bearer: string): string {
  const read = claimedSchema.safeParse(parseToken(bearer)?.claims);
  return read.success ? read.data.iss : sha256Hex(bearer);
}

/** The role to count under before the caller is authenticated: staff are told apart by their token alone. */
export function countedRole(roles: readonly Role[], bearer: string): Role {
  const isSigned = bearer.includes('.');
  const staff = roles.find((role) => role === 'admin' || role === 'moderator');
  return (isSigned ? roles[0] : (staff ?? roles[0])) ?? 'public';
}
