// The queue of one notification target: bounded, one call at a time, with retries for an hour.
import { Agent, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { Backoff } from '@doorsill/base/backoff';
import type { Clock } from '@doorsill/base/clock';
import { systemCode } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { type TlsMaterial, type TlsSource, tlsOptions } from '@doorsill/base/tls';
import { utf8 } from '@doorsill/contract/bytes';
import type { Parcel } from './parcel.ts';

const ANSWER_BYTES_MAX = 4_096;

/** Sends once; never rejects. Returns null after status 2xx, else a short reason without any text from the target. */
async function post(
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
  // Its own agent: Node's global one may use the environment's proxy.
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

const WAITING_MAX = 100;
const ANSWER_MS_MAX = 5_000;
const KEEP_MS = 3_600_000;
const RETRY_MS_FIRST = 2_000;
const RETRY_MS_MOST = 300_000;
/** Maximum wait of `stop` for its last call. */
const LAST_MS_MAX = 500;

export class TargetQueue {
  private readonly deps: { clock: Clock; log: Log; tls: TlsSource | undefined };
  private readonly backoff: Backoff;
  private readonly ended = new AbortController();
  private waiting: { parcel: Parcel; sinceMs: number }[] = [];
  private running: Promise<void> | null = null;
  private droppedCount = 0;

  constructor(deps: { clock: Clock; random: Random; log: Log; tls: TlsSource | undefined }) {
    this.deps = deps;
    this.backoff = new Backoff(deps.random, RETRY_MS_FIRST, RETRY_MS_MOST);
  }

  /** Number of notifications that were dropped because too many waited, or after an hour. */
  get dropped(): number {
    return this.droppedCount;
  }

  /** Queues a notification; does not even open a connection before it returns. */
  add(parcel: Parcel): void {
    if (this.ended.signal.aborted) return;
    this.waiting.push({ parcel, sinceMs: this.deps.clock.monotonicMs() });
    if (this.waiting.length > WAITING_MAX) this.dropOldest();
    this.running ??= Promise.resolve().then(() => this.run());
  }

  private dropOldest(): void {
    const oldest = this.waiting.shift();
    this.droppedCount += 1;
    // Logged once for many: an earlier warning has named the target that is unreachable.
    if (this.droppedCount % WAITING_MAX !== 1) return;
    const facts = { target: oldest?.parcel.url.host, dropped: this.droppedCount };
    this.deps.log.warn('too many notifications wait for this target, and the oldest are dropped', facts);
  }

  /** Ends the running call and empties the queue; tries `last` once, for half a second at most. */
  async stop(last: Parcel | null): Promise<void> {
    this.ended.abort();
    this.waiting = [];
    await this.running;
    const { signal } = new AbortController();
    if (last) await post({ ...this.deps, signal }, last, LAST_MS_MAX);
  }

  private async run(): Promise<void> {
    // `stop` rejects the wait between two attempts.
    await this.sendAll().catch(() => undefined);
  }

  private async sendAll(): Promise<void> {
    const { clock, log } = this.deps;
    const { signal } = this.ended;
    for (let next = this.waiting[0]; next && !signal.aborted; next = this.waiting[0]) {
      const { parcel, sinceMs } = next;
      const why = await post({ ...this.deps, signal }, parcel, ANSWER_MS_MAX);
      if (signal.aborted) return;
      if (why === null) {
        this.backoff.reset();
        this.leave(next);
        continue;
      }
      const facts = { target: parcel.url.host, detail: why };
      if (clock.monotonicMs() - sinceMs >= KEEP_MS) {
        this.leave(next);
        this.droppedCount += 1;
        log.warn('a notification could not be sent for an hour and is dropped', {
          ...facts,
          dropped: this.droppedCount,
        });
        continue;
      }
      if (this.backoff.count === 0) log.warn('a notification could not be sent; it is tried again for an hour', facts);
      await clock.sleep(this.backoff.nextMs(), signal);
    }
    // Set without an await after the last look at the queue, so that nothing added later is overlooked.
    this.running = null;
  }

  /** Removes a sent notification, which may have been dropped meanwhile. */
  private leave(sent: { parcel: Parcel }): void {
    if (this.waiting[0] === sent) this.waiting.shift();
  }
}
