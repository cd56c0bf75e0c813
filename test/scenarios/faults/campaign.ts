// Owns: taking a story through many faults, one a round, and counting what came of it. Not here: the stories, the faults.
import { expect, type TestContext } from 'vitest';
import { proved } from '../../support/proved.ts';
import type { TracedCall } from '../../support/strace.ts';

/** What came of many rounds. */
class Tally {
  rounds = 0;
  /** Faults that came to pass: a story that took another turn may not reach the last of a call. */
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

/** At the least so many of the faults must come. */
const CAME_SHARE = 0.9;

/** Runs a round at each point; fails on the first sight of an inconsistency at the end, with all of them. */
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

/** Of each call the one in the middle: what a quick run has time for. */
export function sampleOf(points: readonly TracedCall[]): TracedCall[] {
  const calls = [...new Set(points.map(({ call }) => call))];
  return calls.flatMap((call) => {
    const all = points.filter((point) => point.call === call);
    return all[Math.floor(all.length / 2)] ?? [];
  });
}

/** Every `step`-th, the last one among them. */
export function everyNth(points: readonly TracedCall[], step: number): TracedCall[] {
  return points.filter((_, at) => (points.length - 1 - at) % step === 0);
}
