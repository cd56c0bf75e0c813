// Owns: running the motion machine on a camera's gray pictures. Not here: the machine (detector.ts), what follows from events.
import { initialMotion, type MotionEffect, type MotionInput, type MotionSettings, nextMotion } from './detector.ts';

/** Watches one camera for motion. */
export class MotionWatch {
  private readonly emit: (event: MotionEffect) => void;
  private state: ReturnType<typeof initialMotion>;

  /** `emit` is called with each start and end, inside `frame` and `stopped`. */
  constructor(settings: MotionSettings, emit: (event: MotionEffect) => void) {
    this.emit = emit;
    this.state = initialMotion(settings);
  }

  /** Takes the next picture: PICTURE_WIDTH x PICTURE_HEIGHT gray bytes, not kept; `atUs` is wall time. */
  frame(picture: { pixels: Uint8Array; atUs: number }): void {
    this.step({ type: 'frame', pixels: picture.pixels, atUs: picture.atUs });
  }

  /** No more pictures for now: motion under way ends, and the scene is learnt anew when pictures come again. */
  stopped(atUs: number): void {
    this.step({ type: 'stopped', atUs });
  }

  private step(input: MotionInput): void {
    const { state, effects } = nextMotion(this.state, input);
    this.state = state;
    for (const effect of effects) this.emit(effect);
  }
}
