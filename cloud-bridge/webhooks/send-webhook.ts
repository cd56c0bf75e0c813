// Sends one event by HTTP: signed, to an address that is checked when the connection is made, without following redirects, with a time
// limit.
import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from '@doorsill/base/clock';
import { systemCode } from '@doorsill/base/disk';
import { utf8 } from '@doorsill/contract/bytes';
import { failure, isFailure } from '@doorsill/contract/errors';
import { isAllowedAddress, isLoopbackAddress, lookupAllowed } from '../http/public-address.ts';

export interface Delivery {
  url: string;
  secret: string;
  event: string;
  body: string;
  atS: number;
}

/** `isAccepted`: accepted; otherwise `detail` is a short reason. */
export interface Sent {
  isAccepted: boolean;
  detail: string;
}

export interface SendDeps {
  clock: Clock;
  answerMsMax: number;
  /** Whether receivers on this machine are allowed. */
  loopback: boolean;
  signal: AbortSignal;
}

/** `sha256=` and the HMAC-SHA256 over the timestamp, a dot and the exact body, as hex. */
export function webhookSignature(secret: string, atS: number, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${atS}.${body}`).digest('hex')}`;
}

/** Sends once; never rejects. Every 2xx status means accepted. */
export async function send(deps: SendDeps, delivery: Delivery): Promise<Sent> {
  const ended = new AbortController();
  const deadline = deps.clock.after(deps.answerMsMax, () => ended.abort(new Error('timeout')));
  try {
    const status = await post(deps, delivery, AbortSignal.any([deps.signal, ended.signal]));
    return { isAccepted: status >= 200 && status < 300, detail: `status ${status}` };
  } catch (thrown) {
    if (ended.signal.aborted) return { isAccepted: false, detail: 'no answer in time' };
    if (isFailure(thrown)) return { isAccepted: false, detail: thrown.code };
    // Only the system's error code, so that no text of a foreign server is repeated.
    return { isAccepted: false, detail: systemCode(thrown) ?? 'no connection' };
  } finally {
    deadline.cancel();
  }
}

function post(
  { loopback }: SendDeps,
  { url, secret, event, body, atS }: Delivery,
  signal: AbortSignal,
): Promise<number> {
  const to = webhookAddress(url, loopback);
  const bytes = utf8(body);
  const headers = {
    'content-type': 'application/json',
    'content-length': bytes.length,
    'user-agent': 'doorsill-webhook',
    'x-doorsill-event': event,
    'x-doorsill-timestamp': String(atS),
    'x-doorsill-signature': webhookSignature(secret, atS, body),
  };
  const options = { method: 'POST', headers, signal, agent: false as const, lookup: lookupAllowed(loopback) };
  return new Promise((resolve, reject) => {
    const request = (to.protocol === 'https:' ? httpsRequest : httpRequest)(to, options, (response) => {
      resolve(response.statusCode ?? 0);
      // Only the status is read.
      response.destroy();
    });
    request.on('error', reject);
    request.end(bytes);
  });
}

export const URL_LETTERS_MAX = 500;

/** Parses a webhook's address, which must be public and over HTTPS. Throws `webhook_address_refused`. */
export function webhookAddress(text: string, loopback: boolean): URL {
  const refuse = (detail: string) => failure('webhook_address_refused', { detail });
  if (text.length > URL_LETTERS_MAX || !URL.canParse(text)) throw refuse('it is not a URL');
  const url = new URL(text);
  const host = hostOf(url);
  const isHere = loopback && (host === 'localhost' || isLoopbackAddress(host));
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isHere)) throw refuse('it is not https://');
  if (url.username !== '' || url.password !== '') throw refuse('it holds a name or a password');
  if (url.hash !== '') throw refuse('it has a fragment');
  if (isIP(host) !== 0 && !isAllowedAddress(host, loopback)) throw refuse('it is not a public address');
  if (host === 'localhost' && !loopback) throw refuse('it is not a public address');
  return url;
}

/** The host's name or address, without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}
