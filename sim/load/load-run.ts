// A load test of a bridge: when each call is due, how many run at a time, their results, and resolving all requests at the end.

import type { Clock } from '@doorsill/base/clock';
import type { SigningKey } from '@doorsill/base/keys';
import { type Random, SeededRandom } from '@doorsill/base/random';
import { isFailure } from '../errors.ts';
import { LatencyHistogram } from '../fleet/fleet-process-tally.ts';
import { type BridgeCalls, CALL_KINDS, type CallKind, type ListedClip, type OpenRequest } from './bridge-calls.ts';

export interface LoadOptions {
  readonly agencies: readonly SigningKey[];
  readonly seed: number;
  /** Calls per minute. `poll`: half of them read a request, half list clips. */
  readonly perMinute: { readonly ask: number; readonly poll: number; readonly download: number };
  /** Maximum of concurrent calls; a call that is due beyond it is dropped and counted. */
  readonly atOnce: number;
  /** Maximum of open requests; the oldest is resolved for a new one. */
  readonly openMax: number;
  /** Duration; null: until the signal. */
  readonly forMs: number | null;
}

export interface LoadDeps {
  readonly clock: Clock;
  readonly calls: BridgeCalls;
  /** Called once a second. */
  readonly line: (line: LoadLine) => void;
}

export interface LoadLine {
  readonly seconds: number;
  readonly sent: number;
  readonly answered: number;
  readonly refused: number;
  /** Due calls that were not made, because too many calls or requests were under way. */
  readonly dropped: number;
  readonly underWay: number;
  readonly openRequests: number;
  readonly downloads: number;
  readonly downloadedBytes: number;
  /** Downloads that were redirected to the vault. */
  readonly handedOver: number;
  /** Latency of the calls that ended in this second, from when each was due: milliseconds. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export interface CallSummary {
  readonly sent: number;
  readonly answered: number;
  readonly refused: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

export interface LoadSummary extends LoadLine {
  readonly calls: Readonly<Record<CallKind, CallSummary>>;
  readonly codes: Readonly<Record<string, number>>;
  /** Clips whose length or hash differs from the list. */
  readonly broken: number;
  /** Requests of this run that are still open at its end. */
  readonly leftOpen: number;
}

const LINE_MS = 1_000;
const MINUTE_MS = 60_000;
const CLIPS_KNOWN_MAX = 1_000;
const DRAIN_AT_ONCE = 8;

interface Counts {
  sent: number;
  answered: number;
  refused: number;
  latency: LatencyHistogram;
}

/** A stream of calls, due at random times around its rate, independent of the bridge's answers (an open load model). */
interface Stream {
  readonly kind: 'ask' | 'poll' | 'download';
  readonly perMinute: number;
  dueMs: number;
}

export class LoadRun {
  private readonly options: LoadOptions;
  private readonly deps: LoadDeps;
  private readonly random: Random;
  private readonly counts = new Map<CallKind, Counts>(
    CALL_KINDS.map((kind) => [kind, { sent: 0, answered: 0, refused: 0, latency: new LatencyHistogram() }]),
  );
  private readonly codes = new Map<string, number>();
  private readonly underWay = new Set<Promise<void>>();
  private readonly open: OpenRequest[] = [];
  private readonly clips = new Map<string, ListedClip>();
  private recent = new LatencyHistogram();
  private startedMs = 0;
  private asking = 0;
  private dropped = 0;
  private downloads = 0;
  private downloadedBytes = 0;
  private broken = 0;
  private handedOver = 0;

  constructor(options: LoadOptions, deps: LoadDeps) {
    this.options = options;
    this.deps = deps;
    this.random = new SeededRandom(options.seed);
  }

  /** Makes calls until its time is over or the signal is aborted; then awaits running calls and resolves its open requests. */
  async run(signal: AbortSignal): Promise<LoadSummary> {
    const { clock, line } = this.deps;
    const { forMs, perMinute } = this.options;
    this.startedMs = clock.monotonicMs();
    const endsMs = forMs === null ? Number.POSITIVE_INFINITY : this.startedMs + forMs;
    const streams = (['ask', 'poll', 'download'] as const)
      .filter((kind) => perMinute[kind] > 0)
      .map((kind): Stream => ({ kind, perMinute: perMinute[kind], dueMs: this.startedMs }));
    for (const stream of streams) this.planNext(stream);
    let lineMs = this.startedMs + LINE_MS;
    while (!signal.aborted && clock.monotonicMs() < endsMs) {
      const nextMs = Math.min(lineMs, endsMs, ...streams.map(({ dueMs }) => dueMs));
      await clock.sleep(Math.max(0, nextMs - clock.monotonicMs()), signal).catch(() => undefined);
      if (signal.aborted) break;
      const nowMs = clock.monotonicMs();
      for (const stream of streams) this.makeDue(stream, Math.min(nowMs, endsMs), signal);
      if (nowMs < lineMs) continue;
      line(this.line());
      lineMs += LINE_MS * Math.max(1, Math.ceil((nowMs - lineMs) / LINE_MS));
    }
    return this.drain();
  }

  /** Exponential gaps: a Poisson process, like many independent officers. */
  private planNext(stream: Stream): void {
    stream.dueMs += (-Math.log(1 - this.random.fraction()) * MINUTE_MS) / stream.perMinute;
  }

  private makeDue(stream: Stream, nowMs: number, signal: AbortSignal): void {
    while (stream.dueMs <= nowMs) {
      const { dueMs } = stream;
      this.planNext(stream);
      if (this.underWay.size >= this.options.atOnce) this.dropped += 1;
      else this.begin(stream.kind, dueMs, signal);
    }
  }

  private begin(stream: Stream['kind'], dueMs: number, signal: AbortSignal): void {
    const agency = this.pick(this.options.agencies);
    if (!agency) return;
    if (stream === 'ask') {
      this.ask(agency, dueMs);
      return;
    }
    const clip = stream === 'download' ? this.pick([...this.clips.values()]) : undefined;
    const request = stream === 'poll' && this.random.fraction() < 0.5 ? this.pick(this.open) : undefined;
    if (clip) this.make('download', dueMs, () => this.download(clip, signal));
    else if (request) this.make('see', dueMs, () => this.see(request));
    else this.make('list', dueMs, () => this.list(agency));
  }

  /** Asks, in place of the oldest request where enough are open; where all of these are only being asked, the call is dropped. */
  private ask(agency: SigningKey, dueMs: number): void {
    const { calls } = this.deps;
    if (this.open.length + this.asking >= this.options.openMax) {
      const oldest = this.open.shift();
      if (!oldest) {
        this.dropped += 1;
        return;
      }
      this.make('resolve', dueMs, () => calls.resolve(oldest));
    }
    this.asking += 1;
    this.make('ask', dueMs, async () => {
      try {
        this.open.push(await calls.ask(agency));
      } finally {
        this.asking -= 1;
      }
    });
  }

  /** Makes one call. Its latency counts from when it was due, so that a stalled bridge is not measured less often. */
  private make(kind: CallKind, dueMs: number, call: () => Promise<unknown>): void {
    const counts = this.counts.get(kind);
    if (!counts) return;
    counts.sent += 1;
    const made = call()
      .then(() => {
        counts.answered += 1;
      })
      .catch((thrown: unknown) => {
        if (!isFailure(thrown)) throw thrown;
        counts.refused += 1;
        this.codes.set(thrown.code, (this.codes.get(thrown.code) ?? 0) + 1);
      })
      .finally(() => {
        const tookMs = this.deps.clock.monotonicMs() - dueMs;
        counts.latency.add(tookMs);
        this.recent.add(tookMs);
        this.underWay.delete(made);
      });
    this.underWay.add(made);
  }

  private async see(request: OpenRequest): Promise<void> {
    if (await this.deps.calls.see(request)) return;
    const at = this.open.indexOf(request);
    if (at >= 0) this.open.splice(at, 1);
  }

  private async list(agency: SigningKey): Promise<void> {
    for (const known of await this.deps.calls.list(agency)) {
      if (this.clips.size < CLIPS_KNOWN_MAX) this.clips.set(known.entry.clip, known);
    }
  }

  private async download(clip: ListedClip, signal: AbortSignal): Promise<void> {
    try {
      const got = await this.deps.calls.download(clip, signal);
      if (got.is !== 'whole') this.clips.delete(clip.entry.clip);
      if (got.is === 'handed-over') this.handedOver += 1;
      if (got.is === 'broken') this.broken += 1;
      if (got.is !== 'whole') return;
      this.downloads += 1;
      this.downloadedBytes += got.bytes;
    } catch (thrown) {
      // A revoked clip is not downloaded again.
      this.clips.delete(clip.entry.clip);
      throw thrown;
    }
  }

  private pick<Value>(values: readonly Value[]): Value | undefined {
    return values[Math.floor(this.random.fraction() * values.length)];
  }

  private async drain(): Promise<LoadSummary> {
    await Promise.all(this.underWay);
    let leftOpen = 0;
    const resolveNext = async () => {
      for (let next = this.open.pop(); next; next = this.open.pop()) {
        await this.deps.calls.resolve(next).catch((thrown: unknown) => {
          if (!isFailure(thrown)) throw thrown;
          leftOpen += 1;
        });
      }
    };
    await Promise.all(Array.from({ length: DRAIN_AT_ONCE }, resolveNext));
    const all = new LatencyHistogram();
    const calls = Object.fromEntries(
      [...this.counts].map(([kind, { latency, ...counts }]): [string, CallSummary] => {
        all.merge(latency);
        const [p50Ms, p99Ms, maxMs] = [0.5, 0.99, 1].map((share) => latency.quantile(share));
        return [kind, { ...counts, p50Ms: p50Ms ?? null, p99Ms: p99Ms ?? null, maxMs: maxMs ?? null }];
      }),
    ) as Record<CallKind, CallSummary>;
    const { broken } = this;
    return {
      ...this.line(),
      p50Ms: all.quantile(0.5),
      p99Ms: all.quantile(0.99),
      calls,
      codes: Object.fromEntries(this.codes),
      broken,
      leftOpen,
    };
  }

  private line(): LoadLine {
    const { recent, dropped, downloads, downloadedBytes, handedOver } = this;
    this.recent = new LatencyHistogram();
    const sum = (name: 'sent' | 'answered' | 'refused') =>
      [...this.counts.values()].reduce((all, counts) => all + counts[name], 0);
    return {
      seconds: Math.round((this.deps.clock.monotonicMs() - this.startedMs) / 1_000),
      sent: sum('sent'),
      answered: sum('answered'),
      refused: sum('refused'),
      dropped,
      underWay: this.underWay.size,
      openRequests: this.open.length,
      downloads,
      downloadedBytes,
      handedOver,
      p50Ms: recent.quantile(0.5),
      p99Ms: recent.quantile(0.99),
    };
  }
}
