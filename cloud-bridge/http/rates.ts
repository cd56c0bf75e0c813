// Owns: how many calls a minute each role may make, and saying so (RateLimit header fields,
// draft-ietf-httpapi-ratelimit-headers-10). Not here: limits on guessing (the parts' own), sizes and deadlines (server.ts).
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { assert } from '../../device/base/assert.ts';
import type { Clock } from '../../device/base/clock.ts';
import { sha256Hex } from '../../device/base/keys.ts';
import type { Failure } from '../../device/protocol/errors.ts';
import { parseToken } from '../../device/protocol/jws.ts';
import { FixedWindowLimit, WindowCounts } from './fixed-window-limit.ts';
import { networkOf } from './network.ts';
import type { Role } from './roles.ts';

const MINUTE_MS = 60_000;
const WINDOW_S = MINUTE_MS / 1000;

/** Callers told apart within a minute: far more than any bridge has. */
const NAMES_MAX = 100_000;
/** Calls a minute, from one address, that prove nothing and are told why. */
const REFUSALS_MAX = 600;
/** Status codes that say of a call with a token that the token, or the call, may not hold; a limit of its own route is one. */
const UNPROVEN: readonly number[] = [400, 401, 403, 404, 413, 429];
const OF_HOMES: readonly Role[] = ['home', 'device'];

const perMinute = (usual: number) => z.int().min(1).max(1_000_000).default(usual);
/** Calls a minute from one address; but for `public`: of one signer or token, or to one path, at one address. */
export const perMinuteSchema = z.strictObject({
  public: perMinute(3_000),
  signed: perMinute(3_000),
  credentials: perMinute(3_000),
  home: perMinute(1_200),
  /** An upload is a call for each of its pieces. */
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
export type PerMinute = z.infer<typeof perMinuteSchema>;

const claimedSchema = z.object({ iss: z.string().min(1).max(256) });

/** One call, as far as it is counted. */
export interface Counted {
  role: Role;
  network: string;
  /** Whose count it is. */
  name: string;
  /** Whether a token names it. What the body proves is known only when the call is served. */
  hasToken: boolean;
}

/**
 * Counts calls. Only of `public` calls, which prove nothing, is every one counted, by address. All others are counted once they have
 * proven themselves, under what they have proven; a call that has not counts against its address's refusals. So nobody uses up
 * another's calls, and who is valid is served whatever else comes from their address.
 */
export class Rates {
  private readonly limits: ReadonlyMap<Role, FixedWindowLimit>;
  /** Calls that proved nothing, by address. */
  private readonly refusals: FixedWindowLimit;
  private readonly most: PerMinute;

  constructor(clock: Clock, most: PerMinute) {
    this.most = most;
    const counts = () => new WindowCounts(clock, MINUTE_MS, NAMES_MAX);
    this.limits = new Map(
      perMinuteSchema.keyof().options.map((role) => [role, new FixedWindowLimit(counts(), most[role])]),
    );
    this.refusals = new FixedWindowLimit(counts(), Math.min(most.device, REFUSALS_MAX));
  }

  /** Whose count a call is, and what is left of it, told to the caller. Throws `http_rate_limited`. */
  open(role: Role, { ip, url }: Pick<FastifyRequest, 'ip' | 'url'>, bearer: string, reply: FastifyReply): Counted {
    const network = networkOf(ip);
    const hasToken = bearer !== '';
    const of = role === 'public' ? '' : hasToken ? claimed(bearer) : url;
    const call = { role, network, name: `${network} ${of}`, hasToken };
    const { left, resetS } = this.limitOf(role).leftOf(call.name);
    // Homes are told nothing of what they have left: whoever shares an address with one could count its uploads and revocations.
    if (!OF_HOMES.includes(role)) {
      reply.headers({
        'ratelimit-policy': `"${role}";q=${this.most[role]};w=${WINDOW_S}`,
        ratelimit: `"${role}";r=${Math.max(0, left - 1)};t=${resetS}`,
      });
    }
    this.limitOf(role).assertOpen(call.name);
    if (role === 'public') this.limitOf(role).note(call.name);
    return call;
  }

  /** The call has proven itself: it was served, or refused for what it asked rather than for who asked. */
  served({ role, name }: Counted): void {
    if (role !== 'public') this.limitOf(role).note(name);
  }

  /** The call was refused. Throws `http_rate_limited` instead where it proved nothing and too many like it came from its address. */
  refused(call: Counted, refused: Failure): void {
    // A fault of ours says nothing of the caller.
    if (refused.http >= 500 || call.role === 'public') return;
    if (call.hasToken && !UNPROVEN.includes(refused.http)) this.served(call);
    else this.refusals.take(call.network);
  }

  private limitOf(role: Role): FixedWindowLimit {
    const limit = this.limits.get(role);
    assert(limit !== undefined, 'every role has a limit');
    return limit;
  }
}

/** Who a token says that it is of, its signer's key; of one that is not signed, itself. Only for counting. */
function claimed(bearer: string): string {
  const read = claimedSchema.safeParse(parseToken(bearer)?.claims);
  return read.success ? read.data.iss : sha256Hex(bearer);
}

/** The role that counts before it is known who calls: staff are told from others by their token alone. */
export function countedRole(roles: readonly Role[], bearer: string): Role {
  const isSigned = bearer.includes('.');
  const staff = roles.find((role) => role === 'admin' || role === 'moderator');
  return (isSigned ? roles[0] : (staff ?? roles[0])) ?? 'public';
}
