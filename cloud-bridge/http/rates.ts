// Owns: how many calls a minute each role may make from one address, and saying so (RateLimit header fields,
// draft-ietf-httpapi-ratelimit-headers-10). Not here: limits on guessing (the parts' own), sizes and deadlines (server.ts).
import { isIP } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../../device/base/clock.ts';
import { idSchema } from '../../device/protocol/ids.ts';
import { parseToken } from '../../device/protocol/jws.ts';
import { AttemptLimit } from './attempt-limit.ts';
import type { Role } from './roles.ts';

const MINUTE_MS = 60_000;
const WINDOW_S = MINUTE_MS / 1000;

/** Callers told apart within a minute: far more than any bridge has. */
const NAMES_MAX = 100_000;
/** Refused calls of homes a minute, from one address. */
const REFUSALS_MAX = 600;
const OF_HOMES: readonly Role[] = ['home', 'device'];

const perMinute = (usual: number) => z.int().min(1).max(1_000_000).default(usual);
/** Calls a minute from one address; of homes: from one device, or about one grant, at one address. */
export const perMinuteSchema = z.strictObject({
  public: perMinute(3_000),
  signed: perMinute(3_000),
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

const claimedSchema = z.object({ device: idSchema });

/** Counts calls by role and address. */
export class Rates {
  private readonly limits: ReadonlyMap<string, AttemptLimit>;
  /** Calls of homes that were refused, by address: who makes up devices' names is counted all the same. */
  private readonly refusals: AttemptLimit;
  private readonly most: PerMinute;

  constructor(clock: Clock, most: PerMinute) {
    this.most = most;
    this.limits = new Map(
      Object.entries(most).map(([role, count]) => [role, new AttemptLimit(clock, count, MINUTE_MS, NAMES_MAX)]),
    );
    this.refusals = new AttemptLimit(clock, Math.min(most.device, REFUSALS_MAX), MINUTE_MS);
  }

  /** Counts one call and tells the caller what is left. Throws `http_rate_limited`. */
  take(role: Role, { ip, url: path }: Pick<FastifyRequest, 'ip' | 'url'>, bearer: string, reply: FastifyReply): void {
    const limit = this.limits.get(role);
    if (!limit) return;
    const address = networkOf(ip);
    // Homes are counted apart, and nothing is said of what they have left: whoever shares an address with one could otherwise
    // count its uploads and revocations.
    const isHome = OF_HOMES.includes(role);
    const name = isHome ? `${address} ${role === 'device' ? claimedDevice(bearer) : path}` : address;
    if (isHome) this.refusals.assertOpen(address);
    try {
      limit.assertOpen(name);
      limit.note(name);
    } finally {
      if (!isHome) this.tell(role, limit.leftOf(name), reply);
    }
  }

  /** Counts a call that was refused. */
  noteRefused(role: Role, ip: string): void {
    if (OF_HOMES.includes(role)) this.refusals.note(networkOf(ip));
  }

  private tell(role: Role, { left, resetS }: { left: number; resetS: number }, reply: FastifyReply): void {
    reply.headers({
      'ratelimit-policy': `"${role}";q=${this.most[role]};w=${WINDOW_S}`,
      ratelimit: `"${role}";r=${left};t=${resetS}`,
    });
  }
}

/** Who has an IPv6 address has a network of them (RFC 6177): it counts as one. */
function networkOf(ip: string): string {
  if (isIP(ip) !== 6 || ip.startsWith('::ffff:')) return ip;
  const [head = '', tail] = ip.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const behind = (tail ?? '').split(':').filter((group) => group !== '');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - groups.length - behind.length }, () => '0');
  return `${[...groups, ...zeros, ...behind].slice(0, 4).join(':')}::/64`;
}

/** Whose token it says it is; only for counting. */
function claimedDevice(bearer: string): string {
  const claimed = claimedSchema.safeParse(parseToken(bearer)?.claims);
  return claimed.success ? claimed.data.device : '';
}

/** The role that counts before it is known who calls: staff are told from others by their token alone. */
export function countedRole(roles: readonly Role[], bearer: string): Role {
  const isSigned = bearer.includes('.');
  const staff = roles.find((role) => role === 'admin' || role === 'moderator');
  return (isSigned ? roles[0] : (staff ?? roles[0])) ?? 'public';
}
