// Owns: what happens on the porch in which frame: pure, from the frame's number alone.
// Not here: how it looks (porch-art.ts), how it sounds (chime.ts).
import { SYNTHETIC_FPS } from './capture-plan.ts';

/** The scene repeats after this many frames: 24 s, a multiple of the 8 s in which AAC packets and frames line up. */
export const CYCLE_FRAMES = 24 * SYNTHETIC_FPS;

/** The visitor presses the button in this frame of each cycle: 2.6 s after its start. */
export const PRESS_FRAME = 39;

const ARRIVED_FRAME = 34;
const ARM_DOWN_FRAME = 52;
const LEAVE_FRAME = 135;
const GONE_FRAME = 180;

/** How the visitor stands or walks. */
export type Pose = 'stand' | 'press' | 'walk-1' | 'walk-2';

/** The visitor's place: `x` in widths of the picture, of the middle; negative while still outside. */
export interface Visitor {
  readonly x: number;
  readonly pose: Pose;
  readonly facing: 'right' | 'left';
}

/** What is to be seen in a frame. */
export interface Scene {
  readonly visitor: Visitor | null;
  /** The button's light is on. */
  readonly lit: boolean;
}

/** Where the visitor comes from and where they stand at the door. */
const OUTSIDE_X = -0.12;
const DOOR_X = 0.5;

/** Frames of one step. */
const STEP_FRAMES = 5;

/** The scene of a frame, counted from 0. */
export function sceneAt(frame: number): Scene {
  const at = frame % CYCLE_FRAMES;
  const lit = at >= PRESS_FRAME && at < PRESS_FRAME + SYNTHETIC_FPS;
  if (at >= GONE_FRAME) return { visitor: null, lit };
  if (at < ARRIVED_FRAME) {
    const x = OUTSIDE_X + ((DOOR_X - OUTSIDE_X) * at) / ARRIVED_FRAME;
    return { visitor: { x, pose: stepAt(at), facing: 'right' }, lit };
  }
  if (at >= LEAVE_FRAME) {
    const x = DOOR_X + ((OUTSIDE_X - DOOR_X) * (at - LEAVE_FRAME)) / (GONE_FRAME - LEAVE_FRAME);
    return { visitor: { x, pose: stepAt(at), facing: 'left' }, lit };
  }
  const pressing = at >= PRESS_FRAME - 2 && at < ARM_DOWN_FRAME;
  return { visitor: { x: DOOR_X, pose: pressing ? 'press' : 'stand', facing: 'right' }, lit };
}

/** Whether the visitor presses the button in this frame. */
export function pressesAt(frame: number): boolean {
  return frame % CYCLE_FRAMES === PRESS_FRAME;
}

function stepAt(frame: number): Pose {
  return Math.floor(frame / STEP_FRAMES) % 2 === 0 ? 'walk-1' : 'walk-2';
}
