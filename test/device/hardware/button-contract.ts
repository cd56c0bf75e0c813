// Owns: what every kind of button must do, its virtual twin included; each kind's tests run it.
// Not here: what only a terminal can do (keyboard-button.test.ts).
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import type { Button, ButtonOptions, Press } from '../../../device/hardware/button.ts';

export const NOON_US = 1_795_608_000_000_000;

/** A button and a finger on it. */
export interface ButtonHarness {
  button: Button;
  /** Presses it and lets it go; resolves when the contact has been read. */
  push(): unknown;
  source: Press['source'];
  /** How long a press takes to be sure of, in milliseconds; 0 when absent. */
  steadyMs?: number;
}

/** Lets whatever was started come as far as it can without time passing. */
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

    it('tells a press at once: which button, what pressed it, when', async () => {
      await start();
      await clock.advance(2_000);
      await harness.push();
      const atUs = NOON_US + (2_000 + steadyMs()) * 1_000;
      expect(presses).toEqual([{ button: 'front', source: harness.source, atUs }]);
      harness.button.stop();
    });

    it('tells a press that bounces or is held down once', async () => {
      await start();
      for (let push = 0; push < 40; push += 1) {
        await harness.push();
        await clock.advance(push === 0 ? 500 : 33);
      }
      expect(presses).toHaveLength(1);
      harness.button.stop();
    });

    it('tells two presses that are a second apart', async () => {
      await start();
      await harness.push();
      await clock.advance(1_000);
      await harness.push();
      expect(presses).toHaveLength(2);
      harness.button.stop();
    });

    it('hears someone who keeps hammering again and again', async () => {
      await start();
      for (let push = 0; push < 40; push += 1) {
        await harness.push();
        await clock.advance(500 - steadyMs());
      }
      expect(presses.map(({ atUs }) => (atUs - NOON_US) / 1_000 - steadyMs())).toEqual([0, 5_000, 10_000, 15_000]);
      harness.button.stop();
    });

    it('says nothing before it is started and after it is stopped, and can be started again', async () => {
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
