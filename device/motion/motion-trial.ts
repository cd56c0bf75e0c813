// Runs the detector over recorded pictures with several settings in one pass, to show the events that each would have made. Pure.
import { initialMotion, type MotionEffect, type MotionSettings, nextMotion } from './detector.ts';

/** Motion that settings number `by` would have detected. */
export interface TrialEvent {
  by: number;
  startUs: number;
  endUs: number;
  zones: string[];
}

/** One trial of several settings on recorded pictures. */
export class MotionTrial {
  private readonly states: ReturnType<typeof initialMotion>[];

  constructor(settings: readonly MotionSettings[]) {
    this.states = settings.map(initialMotion);
  }

  /** Takes the next picture, without keeping it; returns the events that end with it. `atUs` is wall time. */
  frame(pixels: Uint8Array, atUs: number): TrialEvent[] {
    return this.step({ type: 'frame', pixels, atUs });
  }

  /** Ends the trial, and ongoing motion with it. */
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
