// Sends one event by HTTP: signed, to an address that is checked when the connection is made, without following redirects, with a time
// limit.
import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '@doorsill/base/clock';
import { systemCode } from '@doorsill/base/disk';
import { utf8 } from '@doorsill/contract/bytes';
import { isFailure } from '@doorsill/contract/errors';
import { lookupAllowed } from '../http/public-address.ts';
import { webhookAddress } from './address.ts';

export interface Parcel {
  url: string;
  secret: string;
  event: string;
  body: string;
  atS: number;
}

/** `isTaken`: accepted; otherwise `detail` is a short reason. */
export interface Sent {
  isTaken: boolean;
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
export async function send(deps: SendDeps, parcel: Parcel): Promise<Sent> {
  const ended = new AbortController();
  const deadline = deps.clock.after(deps.answerMsMax, () => ended.abort(new Error('timeout')));
  try {
    const status = await post(deps, parcel, AbortSignal.any([deps.signal, ended.signal]));
    return { isTaken: status >= 200 && status < 300, detail: `status ${status}` };
  } catch (thrown) {
    if (ended.signal.aborted) return { isTaken: false, detail: 'no answer in time' };
    if (isFailure(thrown)) return { isTaken: false, detail: thrown.code };
    // Only the system's error code, so that no text of a foreign server is repeated.
    return { isTaken: false, detail: systemCode(thrown) ?? 'no connection' };
  } finally {
    deadline.cancel();
  }
}

function post({ loopback }: SendDeps, { url, secret, event, body, atS }: Parcel, signal: AbortSignal): Promise<number> {
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
