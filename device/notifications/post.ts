// Owns: one HTTP call to a target: no redirect, no proxy, TLS 1.3, a time limit, hardly any of the answer read.
// Not here: when and how often (target-queue.ts).
import { Agent, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { utf8 } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { systemCode } from '../base/disk.ts';
import { type TlsMaterial, type TlsSource, tlsOptions } from '../base/tls.ts';
import type { Parcel } from './parcel.ts';

const ANSWER_BYTES_MAX = 4_096;

/** Sends once; never rejects. Null when it was taken (status 2xx), otherwise a short reason without any of the target's words. */
export async function post(
  { clock, tls, signal }: { clock: Clock; tls: TlsSource | undefined; signal: AbortSignal },
  parcel: Parcel,
  limitMs: number,
): Promise<string | null> {
  const late = new AbortController();
  const deadline = clock.after(limitMs, () => late.abort());
  try {
    const material = parcel.url.protocol === 'https:' ? ((await tls?.()) ?? {}) : null;
    const status = await statusOf(parcel, material, AbortSignal.any([signal, late.signal]));
    return status >= 200 && status < 300 ? null : `status ${status}`;
  } catch (thrown) {
    return late.signal.aborted ? 'no answer in time' : (systemCode(thrown) ?? 'no connection');
  } finally {
    deadline.cancel();
  }
}

function statusOf({ url, headers, body }: Parcel, tls: TlsMaterial | null, signal: AbortSignal): Promise<number> {
  const bytes = utf8(body);
  const settings = { method: 'POST', headers: { ...headers, 'Content-Length': bytes.length }, signal };
  // An agent of its own: Node's global one may follow the environment's proxy.
  const open = () =>
    tls === null
      ? plainRequest(url, { ...settings, agent: new Agent() })
      : tlsRequest(url, { ...settings, agent: new TlsAgent(tlsOptions(tls)) });
  return new Promise((resolve, reject) => {
    const request = open();
    request.on('error', reject);
    request.on('response', (response) => {
      let read = 0;
      response.on('data', (chunk: Uint8Array) => {
        read += chunk.length;
        if (read > ANSWER_BYTES_MAX) response.destroy();
      });
      response.on('error', () => undefined);
      response.on('close', () => resolve(response.statusCode ?? 0));
    });
    request.end(bytes);
  });
}
