// Owns: whether a request to the device's own server comes from where its pages come from: the name it was called under, and the
// page that sent it. Protects against DNS rebinding and against pages of other origins, those on other ports of this machine
// included. Not here: who calls (owner-sessions.ts, viewers.ts).
import { isIP } from 'node:net';
import { failure } from '@doorsill/contract/errors';

export interface RequestHeaders {
  host?: string | undefined;
  origin?: string | undefined;
  'sec-fetch-site'?: string | string[] | undefined;
  'sec-fetch-mode'?: string | string[] | undefined;
  'sec-fetch-dest'?: string | string[] | undefined;
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
 * another origin sent the request, unless it follows a link to the page itself (`isPage`): that holds nothing yet, is never framed, and
 * nothing of it is told to who linked to it.
 */
export function ownOrigin(headers: RequestHeaders, rules: OriginRules, isPage = false): string {
  const host = headers.host?.toLowerCase() ?? '';
  const [, name = ''] = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253})(?::\d{1,5})?$/.exec(host) ?? [];
  if (!isOurs(name, rules)) throw failure('console_host_refused');
  const own = `${rules.scheme}//${host}`;
  if (headers.origin !== undefined && headers.origin !== own) throw failure('console_origin_refused');
  const site = headers['sec-fetch-site'];
  // `same-site` is another port or name of this machine. Programs that are no browsers do not send the header.
  const isOwn = site === undefined || site === 'same-origin' || site === 'none';
  if (!isOwn && !(isPage && followsLink(headers))) throw failure('console_origin_refused');
  return own;
}

/** Whether a browser opens an address as a document of its own, not in a frame; no script can set these headers (Fetch Metadata §2). */
function followsLink(headers: RequestHeaders): boolean {
  return headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

function isOurs(name: string, { loopbackOnly, names }: OriginRules): boolean {
  if (LOOPBACK.has(name) || names.includes(name)) return true;
  // An address cannot be rebound: only names are resolved.
  return !loopbackOnly && isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}
