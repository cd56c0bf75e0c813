// Owns: running the detector over pictures of the past with several settings in one pass: which events each would have made. Pure.
// Not here: where the pictures come from (console/recorded-gray.ts).
import { initialMotion, type MotionEffect, type MotionSettings, nextMotion } from './detector.ts';

/** Motion that the settings number `by` would have seen. */
export interface TrialEvent {
  by: number;
  startUs: number;
  endUs: number;
  zones: string[];
}

/** One trial of several sensitivities on stored footage. */
export class MotionTrial {
  private readonly states: ReturnType<typeof initialMotion>[];

  constructor(settings: readonly MotionSettings[]) {
    this.states = settings.map(initialMotion);
  }

  /** Takes the next picture, not kept; returns the events that have ended with it. `atUs` is wall time. */
  frame(pixels: Uint8Array, atUs: number): TrialEvent[] {
    return this.step({ type: 'frame', pixels, atUs });
  }

  /** There are no more pictures: what still moves ends. */
  end(atUs: number): TrialEvent[] {
    return this.step({ type: 'stopped', atUs });
  }

  private step(input: Parameters<typeof nextMotion>[1]): TrialEvent[] {
    return this.states.flatMap((before, by) => {
      const { state, effects } = nextMotion(before, input);
      this.states[by] = state;
      return effects.flatMap((effect) => eventOf(effect, by));
    });
  }
}

function eventOf(effect: MotionEffect, by: number): TrialEvent[] {
  if (effect.type !== 'motion-end') return [];
  const { startUs, atUs, zones } = effect;
  return [{ by, startUs, endUs: atUs, zones }];
}
