// `/healthz`, `/readyz`, and draining: how an instance ends while the others go on.

import type { Clock } from '@doorsill/base/clock';
import { failure } from '@doorsill/contract/errors';
import { z } from 'zod';
import type { Router } from './router.ts';

/** Named checks that must pass for the process to be ready. Each resolves to whether it passes; a throw counts as a failure. */
export type Checks = Readonly<Record<string, () => Promise<boolean>>>;

/** Results are reused for this long: anyone may ask, and a check costs a write. */
const KEPT_MS = 5_000;

const DRAINING: ReadonlyMap<string, boolean> = new Map([['draining', false]]);

export class Health {
  private readonly clock: Clock;
  private readonly checks: Checks;
  private isDraining = false;
  private last: { atMs: number; seen: Promise<Map<string, boolean>> } | null = null;

  constructor(clock: Clock, checks: Checks) {
    this.clock = clock;
    this.checks = checks;
  }

  /** From now on the process is not ready, so that the proxy sends calls elsewhere. */
  drain(): void {
    this.isDraining = true;
  }

  /** The result of each check, at most `KEPT_MS` old; while the process drains, only `draining`. */
  async look(): Promise<ReadonlyMap<string, boolean>> {
    if (this.isDraining) return DRAINING;
    const nowMs = this.clock.monotonicMs();
    if (!this.last || nowMs - this.last.atMs >= KEPT_MS) this.last = { atMs: nowMs, seen: this.lookNow() };
    return this.last.seen;
  }

  private async lookNow(): Promise<Map<string, boolean>> {
    const seen = new Map<string, boolean>();
    for (const [name, check] of Object.entries(this.checks)) seen.set(name, await check().catch(() => false));
    return seen;
  }
}

/** Longest wait of an ending instance for calls that are under way. */
const CALLS_MS_MAX = 30_000;

/** Ends an instance without an error to any caller: it reports that it is not ready, serves for `drainS`, then waits for running calls. */
export async function drain(
  { clock, api, health }: { clock: Clock; api: Pick<Router, 'idle'>; health: Health },
  { drainS }: { drainS: number },
): Promise<void> {
  health.drain();
  await clock.sleep(drainS * 1000);
  const waiting = new AbortController();
  await Promise.race([api.idle(), clock.sleep(CALLS_MS_MAX, waiting.signal).catch(() => undefined)]);
  waiting.abort();
}

const liveSchema = z.strictObject({ status: z.literal('live') });
const readySchema = z.strictObject({ status: z.literal('ready'), checks: z.record(z.string(), z.literal('ok')) });

/** Adds both routes. They report which checks pass, never a figure: free space would show when a clip has arrived. */
export function healthRoutes(api: Router, health: Health): void {
  const open = { method: 'GET', roles: ['public'], uncounted: true } as const;
  api.route(
    {
      ...open,
      path: '/healthz',
      answer: liveSchema,
      about: 'Whether the process is alive.',
    },
    () => ({ status: 'live' as const }),
  );
  api.route(
    {
      ...open,
      path: '/readyz',
      about: 'Whether the process can do its work: each check by name.',
      answer: readySchema,
    },
    async () => {
      const seen = await health.look();
      const failing = [...seen].filter(([, holds]) => !holds).map(([name]) => name);
      if (failing.length > 0) throw failure('not_ready', { failing: failing.join(', ') });
      return {
        status: 'ready' as const,
        checks: Object.fromEntries([...seen.keys()].map((name) => [name, 'ok' as const])),
      };
    },
  );
}
