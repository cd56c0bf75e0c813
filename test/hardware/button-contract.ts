// Owns: what every kind of button must do; each kind's tests run it.
// Not here: what only a terminal can do (keyboard-button.test.ts).
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../device/base/clock.ts';
import type { Button, ButtonOptions, Press } from '../../device/hardware/button.ts';

export const NOON_US = 1_795_608_000_000_000;

/** A button and a finger on it. */
export interface ButtonHarness {
  button: Button;
  push(): void;
  source: Press['source'];
}

export function buttonContract(kind: string, make: (options: ButtonOptions) => ButtonHarness): void {
  describe(`a ${kind} button`, () => {
    let clock: ManualClock;
    let presses: Press[];
    let harness: ButtonHarness;

    beforeEach(() => {
      clock = new ManualClock(NOON_US);
      presses = [];
      harness = make({ clock, button: 'front', pressed: (press) => presses.push(press) });
    });

    it('tells a press at once: which button, what pressed it, when', async () => {
      harness.button.start();
      await clock.advance(2_000);
      harness.push();
      expect(presses).toEqual([{ button: 'front', source: harness.source, atUs: NOON_US + 2_000_000 }]);
      harness.button.stop();
    });

    it('tells a press that bounces or is held down once', async () => {
      harness.button.start();
      for (let push = 0; push < 40; push += 1) {
        harness.push();
        await clock.advance(push === 0 ? 500 : 33);
      }
      expect(presses).toHaveLength(1);
      harness.button.stop();
    });

    it('tells two presses that are a second apart', async () => {
      harness.button.start();
      harness.push();
      await clock.advance(1_000);
      harness.push();
      expect(presses).toHaveLength(2);
      harness.button.stop();
    });

    it('hears someone who keeps hammering again and again', async () => {
      harness.button.start();
      for (let push = 0; push < 40; push += 1) {
        harness.push();
        await clock.advance(500);
      }
      expect(presses.map(({ atUs }) => (atUs - NOON_US) / 1_000_000)).toEqual([0, 5, 10, 15]);
      harness.button.stop();
    });

    it('says nothing before it is started and after it is stopped, and can be started again', async () => {
      harness.push();
      harness.button.start();
      harness.button.stop();
      harness.push();
      expect(presses).toEqual([]);
      harness.button.start();
      await clock.advance(5_000);
      harness.push();
      expect(presses).toHaveLength(1);
      harness.button.stop();
      harness.button.stop();
    });
  });
}
