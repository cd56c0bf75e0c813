// Checks where a request comes from: the name under which the server was called, and the page that sent it. Protects against DNS rebinding
// and against pages of other origins, including other ports of this machine.
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
  /** Whether only this machine is served: then only loopback addresses are accepted. */
  loopbackOnly: boolean;
  /** Accepted names besides IP addresses and `localhost`, in lower case. */
  names: readonly string[];
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * The origin of this server as the request names it, such as `https://192.168.1.20:8480`. Throws `console_host_refused` for a foreign name:
 * a page elsewhere may have made its own name resolve to this address. Throws `console_origin_refused` if a page of another origin sent
 * the request, unless the request follows a link to the page itself (`isPage`): the page holds no data yet, cannot be framed, and reveals
 * nothing to the linking site.
 */
export function ownOrigin(headers: RequestHeaders, rules: OriginRules, isPage = false): string {
  const host = headers.host?.toLowerCase() ?? '';
  const [, name = ''] = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253})(?::\d{1,5})?$/.exec(host) ?? [];
  if (!isOurs(name, rules)) throw failure('console_host_refused');
  const own = `${rules.scheme}//${host}`;
  if (headers.origin !== undefined && headers.origin !== own) throw failure('console_origin_refused');
  const site = headers['sec-fetch-site'];
  // `same-site` is another port or name of this machine. Only browsers send the header.
  const isOwn = site === undefined || site === 'same-origin' || site === 'none';
  if (!isOwn && !(isPage && followsLink(headers))) throw failure('console_origin_refused');
  return own;
}

/** Whether a browser opens the address as a top-level document. Scripts cannot set these headers (Fetch Metadata §2). */
function followsLink(headers: RequestHeaders): boolean {
  return headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

function isOurs(name: string, { loopbackOnly, names }: OriginRules): boolean {
  if (LOOPBACK.has(name) || names.includes(name)) return true;
  // DNS rebinding needs a name: an IP address is not resolved.
  return !loopbackOnly && isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}
