// Owns: whether a request to the device's own server comes from where its pages come from: the name it was called under, and the
// page that sent it. Protects against DNS rebinding and against pages of other origins, those on other ports of this machine
// included. Not here: who calls (owner-sessions.ts, viewers.ts).
import { isIP } from 'node:net';
import { failure } from '../protocol/errors.ts';

export interface RequestHeaders {
  host?: string | undefined;
  origin?: string | undefined;
  'sec-fetch-site'?: string | string[] | undefined;
}

export interface OriginRules {
  /** `https:` or `http:`. */
  scheme: 'https:' | 'http:';
  /** Whether only this machine is served: then no address but the loopback's is a name of the server. */
  loopbackOnly: boolean;
  /** Names besides addresses and `localhost`, in lower case. */
  names: readonly string[];
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * The origin of this server as the request names it, `https://192.168.1.20:8480`. Throws `console_host_refused` for a name that is
 * not ours: a page elsewhere may have had its own name resolved to this address. Throws `console_origin_refused` when a page of
 * another origin sent the request.
 */
export function ownOrigin(headers: RequestHeaders, rules: OriginRules): string {
  const host = headers.host?.toLowerCase() ?? '';
  const [, name = ''] = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253})(?::\d{1,5})?$/.exec(host) ?? [];
  if (!isOurs(name, rules)) throw failure('console_host_refused');
  const own = `${rules.scheme}//${host}`;
  if (headers.origin !== undefined && headers.origin !== own) throw failure('console_origin_refused');
  const site = headers['sec-fetch-site'];
  // `same-site` is another port or name of this machine. Programs that are no browsers do not send the header.
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw failure('console_origin_refused');
  return own;
}

function isOurs(name: string, { loopbackOnly, names }: OriginRules): boolean {
  if (LOOPBACK.has(name) || names.includes(name)) return true;
  // An address cannot be rebound: only names are resolved.
  return !loopbackOnly && isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}
