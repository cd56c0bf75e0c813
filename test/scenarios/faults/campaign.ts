// Runs a story with many faults, one a round, and counts the results.
import { expect, type TestContext } from 'vitest';
import { proved } from '../../support/proved.ts';
import type { TracedCall } from '../../support/strace.ts';

/** Results of many rounds. */
class Tally {
  rounds = 0;
  /** Faults that occurred: a story that takes another path may not reach the last of a call. */
  came = 0;
  readonly inconsistencies: string[] = [];

  async add(what: string, round: () => Promise<boolean>): Promise<void> {
    this.rounds += 1;
    try {
      if (await round()) this.came += 1;
    } catch (thrown) {
      this.inconsistencies.push(
        `${what}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
      );
    }
  }
}

/** Minimum share of faults that must occur. */
const CAME_SHARE = 0.9;

/** Runs a round at each point; fails with all inconsistencies. */
export async function campaign(
  test: TestContext,
  what: string,
  points: readonly TracedCall[],
  round: (point: TracedCall) => Promise<boolean>,
): Promise<void> {
  const tally = new Tally();
  for (const point of points) await tally.add(`${point.call} ${point.nth} (${point.text})`, () => round(point));
  const calls = new Set(points.map(({ call }) => call));
  const { came, rounds, inconsistencies } = tally;
  const figure = `${came} of ${rounds} points in ${calls.size} calls, ${inconsistencies.length} inconsistencies`;
  console.log(`${what}: ${figure}`);
  proved(test, what, figure);
  expect(inconsistencies.join('\n\n')).toBe('');
  expect(came).toBeGreaterThanOrEqual(Math.floor(rounds * CAME_SHARE));
}

/** The middle one of each call, for a quick run. */
export function sampleOf(points: readonly TracedCall[]): TracedCall[] {
  const calls = [...new Set(points.map(({ call }) => call))];
  return calls.flatMap((call) => {
    const all = points.filter((point) => point.call === call);
    return all[Math.floor(all.length / 2)] ?? [];
  });
}

/** Every `step`-th, including the last. */
export function everyNth(points: readonly TracedCall[], step: number): TracedCall[] {
  return points.filter((_, at) => (points.length - 1 - at) % step === 0);
}
