// Single HTTP requests to the pinned bridge and no other host: answers are small, redirects are not followed, and no byte is written
// after the permission to send has ended (e.g. by a revocation). Serves tus-js-client as its HTTP stack.
import { Agent, type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { Clock } from '@doorsill/base/clock';
import type { Network } from '@doorsill/base/network';
import { type TlsMaterial, type TlsSource, tlsOptions } from '@doorsill/base/tls';
import { assert } from '@doorsill/contract/assert';
import { failure } from '@doorsill/contract/errors';
import type { HttpRequest, HttpResponse, HttpStack } from 'tus-js-client';

export interface BridgeHttpOptions {
  /** The bridge's pinned address; all requests go to URLs under it. */
  baseUrl: string;
  /** Returns an upload token fresh enough for one more request; absent where the body carries its own signature. */
  bearer?: () => string;
  /** Throws if the permission to send has ended, e.g. because the owner revoked the grant; called right before each request. */
  mayLeave: () => void;
  /** When aborted, running requests end at once. */
  signal: AbortSignal;
  /** For an https address; absent: the system's authorities. TLS 1.3 and certificate verification are always required. */
  tls?: TlsMaterial | undefined;
  /** Absent: the machine's network. */
  network?: Network | undefined;
  clock: Clock;
}

/** The current TLS options. Throws the retryable `upload_unreachable` for an unusable file, because it may be mended later. */
export async function readBridgeTls(source: TlsSource | undefined): Promise<TlsMaterial | undefined> {
  try {
    return await source?.();
  } catch (thrown) {
    throw failure('upload_unreachable', { detail: thrown instanceof Error ? thrown.message : 'no TLS' }, thrown);
  }
}

/** Maximum size of a request's body, and so of the bytes sent beyond the bridge's last acknowledgement. */
export const CHUNK_BYTES = 196_608;
const ANSWER_BYTES_MAX = 65_536;
/** Timeout of one request with its answer; enough for a chunk at 20 kbit/s. */
const ANSWER_MS_MAX = 120_000;

export class BridgeHttp implements HttpStack {
  private readonly options: BridgeHttpOptions;
  private readonly agent: Agent;
  private readonly secure: boolean;

  constructor(options: BridgeHttpOptions) {
    this.options = options;
    this.secure = options.baseUrl.startsWith('https:');
    const settings = { keepAlive: true, maxSockets: 1 };
    this.agent = this.secure ? new TlsAgent({ ...settings, ...tlsOptions(options.tls ?? {}) }) : new Agent(settings);
    const { network } = options;
    if (!network) return;
    assert(!this.secure, 'TLS is spoken on the machine’s own network alone');
    const { hostname: host, port } = new URL(options.baseUrl);
    this.agent.createConnection = () => network.connect({ host, port: Number(port || 80) });
  }

  getName(): string {
    return 'doorsill';
  }

  createRequest(method: string, url: string): BridgeRequest {
    assert(url.startsWith(`${this.options.baseUrl}/`), 'requests go to the pinned bridge only');
    const request = new BridgeRequest(method, url, this.options, (headers) => {
      const settings = { method, headers, agent: this.agent };
      return this.secure ? tlsRequest(url, settings) : plainRequest(url, settings);
    });
    const bearer = this.options.bearer?.();
    if (bearer !== undefined) request.setHeader('Authorization', `Bearer ${bearer}`);
    return request;
  }

  /** The bridge's address without a slash at its end. */
  get baseUrl(): string {
    return this.options.baseUrl;
  }

  /** Ends the connection. */
  close(): void {
    this.agent.destroy();
  }
}

/** One request. `send` rejects with `upload_unreachable`, or with what `mayLeave` throws. */
export class BridgeRequest implements HttpRequest {
  private readonly method: string;
  private readonly url: string;
  private readonly options: BridgeHttpOptions;
  private readonly open: (headers: Record<string, string>) => ClientRequest;
  private readonly headers: Record<string, string> = {};
  private request: ClientRequest | null = null;

  constructor(
    method: string,
    url: string,
    options: BridgeHttpOptions,
    open: (headers: Record<string, string>) => ClientRequest,
  ) {
    this.method = method;
    this.url = url;
    this.options = options;
    this.open = open;
  }

  getMethod(): string {
    return this.method;
  }

  getURL(): string {
    return this.url;
  }

  setHeader(header: string, value: string): void {
    this.headers[header] = value;
  }

  getHeader(header: string): string | undefined {
    return this.headers[header];
  }

  /** Does nothing: progress is reported from the bridge's acknowledgements (transfer.ts), not from bytes sent. */
  setProgressHandler(): void {}

  getUnderlyingObject(): ClientRequest | null {
    return this.request;
  }

  /** Ends the request and its connection at once; bytes buffered in this process are not sent. */
  async abort(): Promise<void> {
    this.request?.destroy();
  }

  async send(body?: unknown): Promise<BridgeAnswer> {
    const bytes = body instanceof Uint8Array ? body : new Uint8Array(0);
    assert(bytes.length <= CHUNK_BYTES, 'one chunk at a time');
    this.options.mayLeave();
    const request = this.open({ ...this.headers, 'Content-Length': String(bytes.length) });
    this.request = request;
    const timer = this.options.clock.after(ANSWER_MS_MAX, () => request.destroy(new Error('no answer in time')));
    const stop = () => void request.destroy();
    this.options.signal.addEventListener('abort', stop, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        let isAnswered = false;
        request.on('error', reject);
        request.on('close', () => {
          if (!isAnswered) reject(new Error('the connection was closed'));
        });
        request.on('response', (response) => {
          isAnswered = true;
          collect(response).then(resolve, reject);
        });
        request.end(bytes);
      });
    } catch (thrown) {
      request.destroy();
      throw failure('upload_unreachable', { detail: thrown instanceof Error ? thrown.message : 'no answer' }, thrown);
    } finally {
      timer.cancel();
      this.options.signal.removeEventListener('abort', stop);
    }
  }
}

export class BridgeAnswer implements HttpResponse {
  private readonly response: IncomingMessage;
  private readonly body: string;

  constructor(response: IncomingMessage, body: string) {
    this.response = response;
    this.body = body;
  }

  getStatus(): number {
    return this.response.statusCode ?? 0;
  }

  getHeader(header: string): string | undefined {
    const value = this.response.headers[header.toLowerCase()];
    return typeof value === 'string' ? value : undefined;
  }

  getBody(): string {
    return this.body;
  }

  getUnderlyingObject(): IncomingMessage {
    return this.response;
  }
}

async function collect(response: IncomingMessage): Promise<BridgeAnswer> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response) {
    if (!(part instanceof Uint8Array)) continue;
    bytes += part.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error('its answer is too large');
    parts.push(part);
  }
  if (!response.complete) throw new Error('its answer was cut off');
  return new BridgeAnswer(response, Buffer.concat(parts).toString('utf8'));
}
