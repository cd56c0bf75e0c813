// The state machine that decides when motion starts and ends: learning, sensitivity, zones, hysteresis. Its inputs are gray pictures.
import { assert } from '@doorsill/contract/assert';
import { type MotionZone, ZONES_MAX } from '@doorsill/contract/owner-settings';
import { BackgroundModel, type Votes } from './background.ts';
import { BlobFinder } from './blobs.ts';
import { BLOCK_COLUMNS, BLOCK_PIXELS, BLOCK_ROWS, PICTURE_HEIGHT, PICTURE_WIDTH } from './gray-picture-size.ts';

/** Bit of every block if no zones are set: then the whole picture counts, and no name is reported. */
const WHOLE_PICTURE = 1 << ZONES_MAX;

/** The zones of each block, as bits in the order of `zones`; 0 for blocks outside all zones. */
export function zoneMasks(zones: readonly MotionZone[]): Uint32Array {
  const masks = new Uint32Array(BLOCK_COLUMNS * BLOCK_ROWS);
  if (zones.length === 0) return masks.fill(WHOLE_PICTURE);
  for (const [at] of masks.entries()) {
    const x = ((at % BLOCK_COLUMNS) + 0.5) * BLOCK_PIXELS * (10_000 / PICTURE_WIDTH);
    const top = Math.floor(at / BLOCK_COLUMNS) * BLOCK_PIXELS;
    const y = ((top + Math.min(top + BLOCK_PIXELS, PICTURE_HEIGHT)) / 2) * (10_000 / PICTURE_HEIGHT);
    masks[at] = zones.reduce((mask, { zone }, bit) => (covers(zone, x, y) ? mask | (1 << bit) : mask), 0);
  }
  return masks;
}

/** Names of the zones in a mask, in the order of `zones`. */
export function zoneNames(zones: readonly MotionZone[], mask: number): string[] {
  return zones.filter((_, bit) => (mask & (1 << bit)) !== 0).map(({ name }) => name);
}

/** Whether a block's middle lies in a zone (even-odd rule for polygons). */
function covers(zone: MotionZone['zone'], x: number, y: number): boolean {
  if (!('corners' in zone)) {
    return x >= zone.left && x < zone.left + zone.width && y >= zone.top && y < zone.top + zone.height;
  }
  let inside = false;
  let from = zone.corners.at(-1);
  for (const to of zone.corners) {
    if (from && from.y > y !== to.y > y && x < from.x + ((y - from.y) / (to.y - from.y)) * (to.x - from.x)) {
      inside = !inside;
    }
    from = to;
  }
  return inside;
}

export interface MotionSettings {
  /** 1 (only large, strong motion) to 100 (a leaf). */
  sensitivity: number;
  /** Where motion counts; none: everywhere. */
  zones: readonly MotionZone[];
}

/** Times are wall time in microseconds. */
export type MotionInput =
  | { type: 'frame'; pixels: Uint8Array; atUs: number }
  /** No more pictures of this scene: the camera stopped, or privacy is on. */
  | { type: 'stopped'; atUs: number };

/** `zones`: the zones with motion; for an end, all since the start. */
export type MotionEffect =
  | { type: 'motion-start'; atUs: number; zones: string[] }
  | { type: 'motion-end'; startUs: number; atUs: number; zones: string[] };

type Phase =
  | { name: 'blind' }
  /** `pictures`: number of latest pictures in a row with motion; `sinceUs`: time of the first of them. */
  | { name: 'quiet'; sinceUs: number; pictures: number }
  /** `calmUs`: since when no picture has shown motion; null while they do. */
  | { name: 'moving'; startUs: number; calmUs: number | null; zones: number };

/** The learnt scene inside is updated in place, so a state can be used only once. */
export interface MotionState {
  readonly settings: MotionSettings;
  readonly masks: Uint32Array;
  readonly background: BackgroundModel;
  readonly blobs: BlobFinder;
  readonly phase: Phase;
  readonly lastUs: number;
}

const QUIET: Phase = { name: 'quiet', sinceUs: 0, pictures: 0 };
/** If pictures are further apart, or go back in time, the scene or the clock is another one, and learning restarts. */
const GAP_US_MAX = 5_000_000;
/** Pictures in a row with motion that start an event. */
const START_PICTURES = 2;
/** Time without motion after which an event has ended. */
const CALM_US = 1_500_000;

export function initialMotion(settings: MotionSettings): MotionState {
  assert(settings.sensitivity >= 1 && settings.sensitivity <= 100, 'the sensitivity is 1 to 100');
  assert(settings.zones.length <= ZONES_MAX, 'an event can name every zone');
  const masks = zoneMasks(settings.zones);
  const [background, blobs] = [new BackgroundModel(), new BlobFinder()];
  return { settings, masks, background, blobs, phase: { name: 'blind' }, lastUs: 0 };
}

/** Changes the settings. The learnt scene stays; ongoing motion ends, because its zones may no longer exist. */
export function changeMotion(
  state: MotionState,
  settings: MotionSettings,
): { state: MotionState; effects: MotionEffect[] } {
  const { background, blobs, phase, lastUs } = state;
  const next: Phase = phase.name === 'moving' ? QUIET : phase;
  return { state: { ...initialMotion(settings), background, blobs, phase: next, lastUs }, effects: ended(state) };
}

/** Thresholds of a sensitivity, by day: 40 gray levels at 1, 22 at 50, 8 at 100. */
function votesOf(sensitivity: number): Votes {
  return { levels: between(sensitivity, 40, 22, 8), share: 0.25 };
}

/** Weight in blocks that the largest blob needs for motion to start, and to go on. */
function blobSizes(sensitivity: number): { start: number; goOn: number } {
  const start = between(sensitivity, 24, 4, 1);
  return { start, goOn: start * 0.7 };
}

function between(sensitivity: number, at1: number, at50: number, at100: number): number {
  return sensitivity < 50
    ? at1 + ((at50 - at1) * (sensitivity - 1)) / 49
    : at50 + ((at100 - at50) * (sensitivity - 50)) / 50;
}

/** The next state and its effects. */
export function nextMotion(state: MotionState, input: MotionInput): { state: MotionState; effects: MotionEffect[] } {
  if (input.type === 'stopped') return { state: { ...state, phase: { name: 'blind' } }, effects: ended(state) };
  assert(input.pixels.length === PICTURE_WIDTH * PICTURE_HEIGHT, 'a gray picture has its size');
  const passedUs = input.atUs - state.lastUs;
  const seen: MotionState = { ...state, lastUs: input.atUs };
  if (state.phase.name === 'blind' || passedUs <= 0 || passedUs > GAP_US_MAX) {
    state.background.learn(input.pixels);
    return { state: { ...seen, phase: QUIET }, effects: ended(state) };
  }
  const { background, blobs, settings, masks, phase } = state;
  const steady = background.compare(input.pixels, passedUs / 1000, votesOf(settings.sensitivity));
  const sizes = blobSizes(settings.sensitivity);
  const sizeLeast = phase.name === 'moving' ? sizes.goOn : sizes.start;
  const zones = steady ? blobs.movingZones(background, masks, sizeLeast, passedUs / 1000) : 0;
  const { phase: next, effects } = nextPhase(seen, phase, zones, input.atUs);
  return { state: { ...seen, phase: next }, effects };
}

/** The phase after a picture with motion in `zones` (bits; 0 for none). */
function nextPhase(
  state: MotionState,
  phase: Exclude<Phase, { name: 'blind' }>,
  zones: number,
  atUs: number,
): { phase: Phase; effects: MotionEffect[] } {
  if (phase.name === 'quiet') {
    if (zones === 0) return { phase: QUIET, effects: [] };
    const sinceUs = phase.pictures === 0 ? atUs : phase.sinceUs;
    const pictures = phase.pictures + 1;
    if (pictures < START_PICTURES) return { phase: { name: 'quiet', sinceUs, pictures }, effects: [] };
    const start: MotionEffect = { type: 'motion-start', atUs: sinceUs, zones: zoneNames(state.settings.zones, zones) };
    return { phase: { name: 'moving', startUs: sinceUs, calmUs: null, zones }, effects: [start] };
  }
  if (zones !== 0) return { phase: { ...phase, calmUs: null, zones: phase.zones | zones }, effects: [] };
  const calmUs = phase.calmUs ?? atUs;
  if (atUs - calmUs < CALM_US) return { phase: { ...phase, calmUs }, effects: [] };
  return {
    phase: QUIET,
    effects: ended({ ...state, phase: { ...phase, calmUs } }),
  };
}

/** The end of ongoing motion, dated when it was last seen. */
function ended({ phase, settings, lastUs }: MotionState): MotionEffect[] {
  if (phase.name !== 'moving') return [];
  const { startUs, calmUs, zones } = phase;
  return [{ type: 'motion-end', startUs, atUs: calmUs ?? lastUs, zones: zoneNames(settings.zones, zones) }];
}
