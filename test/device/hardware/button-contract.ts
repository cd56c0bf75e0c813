// The contract suite of buttons; the tests of each kind run it.
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import type { Button, ButtonOptions, Press } from '../../../device/hardware/button.ts';

export const NOON_US = 1_795_608_000_000_000;

/** A button under test. */
export interface ButtonHarness {
  button: Button;
  /** Presses it and lets it go; resolves when the contact has been read. */
  push(): unknown;
  source: Press['source'];
  /** Debounce time in milliseconds; absent: 0. */
  steadyMs?: number;
}

/** Lets all started work proceed as far as it can without time passing. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

export function buttonContract(
  kind: string,
  make: (options: ButtonOptions, clock: ManualClock) => ButtonHarness,
): void {
  describe(`a ${kind} button`, () => {
    let clock: ManualClock;
    let presses: Press[];
    let harness: ButtonHarness;

    beforeEach(() => {
      clock = new ManualClock(NOON_US);
      presses = [];
      harness = make({ clock, button: 'front', pressed: (press) => presses.push(press) }, clock);
    });

    const start = async () => {
      harness.button.start();
      await settle();
    };
    const steadyMs = () => harness.steadyMs ?? 0;

    it('reports a press at once, with button, source and time', async () => {
      await start();
      await clock.advance(2_000);
      await harness.push();
      const atUs = NOON_US + (2_000 + steadyMs()) * 1_000;
      expect(presses).toEqual([{ button: 'front', source: harness.source, atUs }]);
      harness.button.stop();
    });

    it('reports a bouncing or held press once', async () => {
      await start();
      for (let push = 0; push < 40; push += 1) {
        await harness.push();
        await clock.advance(push === 0 ? 500 : 33);
      }
      expect(presses).toHaveLength(1);
      harness.button.stop();
    });

    it('reports two presses that are a second apart', async () => {
      await start();
      await harness.push();
      await clock.advance(1_000);
      await harness.push();
      expect(presses).toHaveLength(2);
      harness.button.stop();
    });

    it('reports continuous pressing again and again', async () => {
      await start();
      for (let push = 0; push < 40; push += 1) {
        await harness.push();
        await clock.advance(500 - steadyMs());
      }
      expect(presses.map(({ atUs }) => (atUs - NOON_US) / 1_000 - steadyMs())).toEqual([0, 5_000, 10_000, 15_000]);
      harness.button.stop();
    });

    it('reports nothing before the start and after the stop, and can be started again', async () => {
      await harness.push();
      await start();
      harness.button.stop();
      await harness.push();
      expect(presses).toEqual([]);
      await start();
      await clock.advance(5_000);
      await harness.push();
      expect(presses).toHaveLength(1);
      harness.button.stop();
      harness.button.stop();
    });
  });
}
