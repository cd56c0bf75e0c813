import type { Random } from './random.ts';

/** Exponential backoff with half jitter: waits grow from `firstMs` by doubling, capped at `mostMs`. */
export class Backoff {
  private attempts = 0;
  private readonly random: Random;
  private readonly firstMs: number;
  private readonly mostMs: number;

  constructor(random: Random, firstMs: number, mostMs: number) {
    this.random = random;
    this.firstMs = firstMs;
    this.mostMs = mostMs;
  }

  /** Number of waits since the last reset. */
  get count(): number {
    return this.attempts;
  }

  /** The next wait: half of the step fixed, half random, so that many clients spread out. */
  nextMs(): number {
    const stepMs = Math.min(this.mostMs, this.firstMs * 2 ** Math.min(this.attempts, 30));
    this.attempts += 1;
    return Math.round(stepMs / 2 + (this.random.fraction() * stepMs) / 2);
  }

  /** Call after a success. */
  reset(): void {
    this.attempts = 0;
  }
}
