// Calls a layout continuously during faults, one reader and one writer; measures outages, and records the writer's acknowledgements.
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256Hex } from '../../../device/base/keys.ts';
import { parseEnrolmentCode } from '../../../device/contract/enrolment.ts';
import { createEnrolmentCode } from '../../../sim/officer/bridge-operator.ts';
import type { ServedLayout } from '../../support/served-layout.ts';

const EVERY_MS = 250;
const CODE_LIFE_S = 6 * 3_600;
const ANSWER_MS_MAX = 10_000;

/** Calls in sequence, and measures the time without success. */
class Probe {
  private lastMs = performance.now();
  private longestMs = 0;
  private readonly calling: Promise<void>;

  constructor(call: () => Promise<void>, signal: AbortSignal) {
    this.calling = this.go(call, signal);
  }

  /** The longest time without success since the last call of this. */
  takeLongestMs(): number {
    const longestMs = Math.max(this.longestMs, performance.now() - this.lastMs);
    this.longestMs = 0;
    return longestMs;
  }

  ended(): Promise<void> {
    return this.calling;
  }

  private async go(call: () => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isDone = await call().then(
        () => true,
        () => false,
      );
      if (isDone) {
        this.longestMs = Math.max(this.longestMs, performance.now() - this.lastMs);
        this.lastMs = performance.now();
      }
      await sleep(EVERY_MS);
    }
  }
}

export class ServedProbes {
  /** Hashes of the printed enrolment codes: each was committed before its answer. */
  readonly acknowledged: string[] = [];
  private readonly stopping = new AbortController();
  private readonly reads: Probe;
  private readonly writes: Probe;

  constructor({ urls }: ServedLayout, bearer: string) {
    const { signal } = this.stopping;
    this.reads = new Probe(async () => {
      const answer = await fetch(`${urls.bridge}/v1/bridge`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
      await answer.body?.cancel();
      if (answer.status !== 200) throw new Error(`status ${answer.status}`);
    }, signal);
    this.writes = new Probe(async () => {
      const { code } = await createEnrolmentCode(urls.bridge, bearer, { lifeS: CODE_LIFE_S });
      this.acknowledged.push(sha256Hex(parseEnrolmentCode(code)?.secret ?? ''));
    }, signal);
  }

  /** The longest outages since the last call of this, in milliseconds. */
  takeAway(): { readsMs: number; writesMs: number } {
    return { readsMs: this.reads.takeLongestMs(), writesMs: this.writes.takeLongestMs() };
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all([this.reads.ended(), this.writes.ended()]);
  }
}
