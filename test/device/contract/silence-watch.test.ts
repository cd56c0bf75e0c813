// Holds: silence is reported once, when it has lasted for the limit, and never while something comes or nothing is waited for.
import { expect, it, vi } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SilenceWatch } from '../../../device/contract/silence-watch.ts';

function make() {
  const clock = new ManualClock(0);
  const silences: [number, number][] = [];
  return { clock, silences, watch: new SilenceWatch(clock, (ms) => silences.push([ms, clock.monotonicMs()])) };
}

it('reports silence once, at the limit, however often something came before', async () => {
  const { clock, silences, watch } = make();
  for (let nth = 0; nth < 10; nth += 1) {
    watch.rest();
    watch.wait(5_000);
    await clock.advance(1_000);
  }
  await clock.advance(3_999);
  expect(silences).toEqual([]);
  await clock.advance(1);
  expect(silences).toEqual([[5_000, 14_000]]);
  await clock.advance(60_000);
  expect(silences).toHaveLength(1);
  watch.wait(5_000);
  await clock.advance(5_000);
  expect(silences).toHaveLength(2);
});

it('reports silence sooner if the next wait is shorter, and later if it is longer', async () => {
  const { clock, silences, watch } = make();
  watch.wait(10_000);
  await clock.advance(1_000);
  watch.wait(2_000);
  await clock.advance(2_000);
  expect(silences).toEqual([[2_000, 3_000]]);
  watch.wait(2_000);
  watch.wait(10_000);
  await clock.advance(9_999);
  expect(silences).toHaveLength(1);
  await clock.advance(1);
  expect(silences[1]).toEqual([10_000, 13_000]);
});

it('reports no silence while nothing is waited for, nor after it was stopped', async () => {
  const { clock, silences, watch } = make();
  const after = vi.spyOn(clock, 'after');
  watch.wait(1_000);
  watch.rest();
  await clock.advance(60_000);
  // Its one timer has fired and found nothing to wait for.
  expect(after).toHaveBeenCalledTimes(1);
  watch.wait(1_000);
  watch.stop();
  await clock.advance(60_000);
  expect(silences).toEqual([]);
});
