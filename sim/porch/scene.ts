// The porch's play as a pure function of the frame number.

/** Frames a second, and sound samples a second, of the drawn porch. */
export const SYNTHETIC_FPS = 15;
export const SYNTHETIC_SAMPLE_RATE = 48_000;

/** The scene repeats after this many frames: 24 s, a multiple of the 8 s in which AAC packets and frames align. */
export const CYCLE_FRAMES = 24 * SYNTHETIC_FPS;

/** In this frame of each cycle, 2.6 s after its start, the visitor presses the button. */
export const PRESS_FRAME = 39;

const ARRIVED_FRAME = 34;
const ARM_DOWN_FRAME = 52;
const LEAVE_FRAME = 135;
const GONE_FRAME = 180;

export type Pose = 'stand' | 'press' | 'walk-1' | 'walk-2';

/** `x` of the visitor's centre, in picture widths; negative while still outside. */
export interface Visitor {
  readonly x: number;
  readonly pose: Pose;
  readonly facing: 'right' | 'left';
}

/** Who comes: a visitor who rings, a dog that does not, or nobody. */
export const PLAYS = ['visitor', 'dog', 'nobody'] as const;
export type Play = (typeof PLAYS)[number];

/** The dog's position, as for the visitor, and its leg pose. */
export interface Dog {
  readonly x: number;
  readonly pose: 'trot-1' | 'trot-2';
}

export interface PorchScene {
  readonly visitor: Visitor | null;
  readonly dog: Dog | null;
  /** Whether the button's light is on. */
  readonly lit: boolean;
}

/** Where the visitor comes from, and where they stand at the door. */
const OUTSIDE_X = -0.12;
const DOOR_X = 0.5;

/** The dog trots from one side to the other between these frames. */
const DOG_ENTERS_FRAME = 105;
const DOG_LEAVES_FRAME = 180;

/** Frames of one step. */
const STEP_FRAMES = 5;

/** The scene of a frame, counted from 0. */
export function sceneAt(frame: number, play: Play = 'visitor'): PorchScene {
  const at = frame % CYCLE_FRAMES;
  if (play === 'dog') return { visitor: null, dog: dogAt(at), lit: false };
  if (play === 'nobody') return { visitor: null, dog: null, lit: false };
  return { visitor: visitorAt(at), dog: null, lit: at >= PRESS_FRAME && at < PRESS_FRAME + SYNTHETIC_FPS };
}

function visitorAt(at: number): Visitor | null {
  if (at >= GONE_FRAME) return null;
  if (at < ARRIVED_FRAME) {
    const x = OUTSIDE_X + ((DOOR_X - OUTSIDE_X) * at) / ARRIVED_FRAME;
    return { x, pose: stepAt(at), facing: 'right' };
  }
  if (at >= LEAVE_FRAME) {
    const x = DOOR_X + ((OUTSIDE_X - DOOR_X) * (at - LEAVE_FRAME)) / (GONE_FRAME - LEAVE_FRAME);
    return { x, pose: stepAt(at), facing: 'left' };
  }
  const pressing = at >= PRESS_FRAME - 2 && at < ARM_DOWN_FRAME;
  return { x: DOOR_X, pose: pressing ? 'press' : 'stand', facing: 'right' };
}

function dogAt(at: number): Dog | null {
  if (at < DOG_ENTERS_FRAME || at >= DOG_LEAVES_FRAME) return null;
  const way = (at - DOG_ENTERS_FRAME) / (DOG_LEAVES_FRAME - DOG_ENTERS_FRAME);
  return {
    x: OUTSIDE_X + (1 - 2 * OUTSIDE_X) * way,
    pose: Math.floor(at / STEP_FRAMES) % 2 === 0 ? 'trot-1' : 'trot-2',
  };
}

/** Whether the visitor presses the button in this frame. */
export function pressesAt(frame: number, play: Play = 'visitor'): boolean {
  return play === 'visitor' && frame % CYCLE_FRAMES === PRESS_FRAME;
}

function stepAt(frame: number): Pose {
  return Math.floor(frame / STEP_FRAMES) % 2 === 0 ? 'walk-1' : 'walk-2';
}
