// The platform's `fetch` over the simulated network, in simulated time.
import { Agent, type IncomingMessage, request } from 'node:http';
import type { Clock } from '@doorsill/base/clock';
import type { Network } from '@doorsill/base/network';

/** The product's usual limit for an answer (device/contract/json-client.ts). */
const ANSWER_MS_MAX = 15_000;
const NO_BODY = new Set([204, 304]);

/** A `fetch` over `network`: plain HTTP, no redirects, whole answers. */
export function fetchOver(network: Network, clock: Clock): typeof fetch {
  const agent = new Agent({ keepAlive: false });
  agent.createConnection = ({ host, port }) => network.connect({ host: host ?? '127.0.0.1', port: Number(port ?? 80) });
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const { signal, body } = init;
    signal?.throwIfAborted();
    const headers: Record<string, string> = Object.fromEntries(new Headers(init.headers).entries());
    const asked = request(url, { method: init.method ?? 'GET', headers, agent });
    const stop = () => asked.destroy(asError(signal?.reason));
    signal?.addEventListener('abort', stop, { once: true });
    const timer = clock.after(ANSWER_MS_MAX, () => asked.destroy(new Error('no answer in time')));
    try {
      const answered = new Promise<IncomingMessage>((resolve, reject) => {
        asked.once('response', resolve);
        asked.on('error', reject);
        asked.once('close', () => reject(new Error('the connection was closed')));
      });
      // A failure of the body is handled; the answer is awaited below.
      answered.catch(() => undefined);
      await send(asked, body);
      return await whole(await answered);
    } catch (thrown) {
      signal?.throwIfAborted();
      throw new TypeError('fetch failed', { cause: thrown });
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', stop);
    }
  };
}

async function send(asked: ReturnType<typeof request>, body: RequestInit['body']): Promise<void> {
  if (typeof body === 'string' || body instanceof Uint8Array) asked.end(body);
  else if (body instanceof ReadableStream) {
    for await (const chunk of body) asked.write(chunk);
    asked.end();
  } else asked.end();
}

async function whole(answer: IncomingMessage): Promise<Response> {
  const { statusCode = 0, headers } = answer;
  if (statusCode >= 300 && statusCode < 400) throw new Error('redirected');
  const parts: Uint8Array[] = [];
  for await (const part of answer) if (part instanceof Uint8Array) parts.push(part);
  if (!answer.complete) throw new Error('its answer was cut off');
  const kept = Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : []));
  return new Response(NO_BODY.has(statusCode) ? null : Buffer.concat(parts), {
    status: statusCode,
    headers: Object.fromEntries(kept),
  });
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('it was aborted');
}
