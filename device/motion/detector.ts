// Owns: when motion starts and ends: learning, sensitivity, which blocks a zone has, hysteresis, as one machine driven by gray pictures.
// Not here: which blocks differ (background.ts); what an event causes (event windows, links).
import { assert } from '@doorsill/contract/assert';
import { type MotionZone, ZONES_MAX } from '@doorsill/contract/owner-settings';
import { Background, type Votes } from './background.ts';
import { Blobs } from './blobs.ts';
import { BLOCK_COLUMNS, BLOCK_PIXELS, BLOCK_ROWS, PICTURE_HEIGHT, PICTURE_WIDTH } from './gray-picture-size.ts';

/** Bit of every block when no zones are set: then the whole picture counts, and no name is reported. */
const WHOLE_PICTURE = 1 << ZONES_MAX;

/** For each block the zones it belongs to, as bits in the order of `zones`; 0 where motion does not count. */
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

/** What the detector is told. Times are wall time in microseconds. */
export type MotionInput =
  | { type: 'frame'; pixels: Uint8Array; atUs: number }
  /** No more pictures of this scene: the camera stopped, privacy is on. */
  | { type: 'stopped'; atUs: number };

/** What the detector says. `zones`: those that saw motion; for an end, in the whole of its time. */
export type MotionEffect =
  | { type: 'motion-start'; atUs: number; zones: string[] }
  | { type: 'motion-end'; startUs: number; atUs: number; zones: string[] };

type Phase =
  | { name: 'blind' }
  /** `sinceUs`: since when the last pictures all showed motion; `pictures`: how many they are. */
  | { name: 'quiet'; sinceUs: number; pictures: number }
  /** `calmUs`: since when no picture showed motion; null while they do. */
  | { name: 'moving'; startUs: number; calmUs: number | null; zones: number };

/** The machine's state. The learnt scene inside is updated in place: a state is used once. */
export interface MotionState {
  readonly settings: MotionSettings;
  readonly masks: Uint32Array;
  readonly background: Background;
  readonly blobs: Blobs;
  readonly phase: Phase;
  readonly lastUs: number;
}

/** Nothing moves. */
const QUIET: Phase = { name: 'quiet', sinceUs: 0, pictures: 0 };
/** Pictures further apart, or going back in time, are of another scene or another clock: learning starts over. */
const GAP_US_MAX = 5_000_000;
/** Motion starts with this many pictures in a row. */
const START_PICTURES = 2;
/** Motion has ended when it has not been seen for this long. */
const CALM_US = 1_500_000;

/** A detector that has seen nothing. */
export function initialMotion(settings: MotionSettings): MotionState {
  assert(settings.sensitivity >= 1 && settings.sensitivity <= 100, 'the sensitivity is 1 to 100');
  assert(settings.zones.length <= ZONES_MAX, 'an event can name every zone');
  const masks = zoneMasks(settings.zones);
  const [background, blobs] = [new Background(), new Blobs()];
  return { settings, masks, background, blobs, phase: { name: 'blind' }, lastUs: 0 };
}

/** A detector with other settings. The scene it has learnt stays; motion that is under way ends, for its zones may be gone. */
export function changeMotion(
  state: MotionState,
  settings: MotionSettings,
): { state: MotionState; effects: MotionEffect[] } {
  const { background, blobs, phase, lastUs } = state;
  const next: Phase = phase.name === 'moving' ? QUIET : phase;
  return { state: { ...initialMotion(settings), background, blobs, phase: next, lastUs }, effects: ended(state) };
}

/** Pixel and block votes of a sensitivity: by day, 40 gray levels at 1, 22 at 50, 8 at 100. */
function votesOf(sensitivity: number): Votes {
  return { levels: between(sensitivity, 40, 22, 8), share: 0.25 };
}

/** Blocks that the largest blob must have for motion to start, and, fewer, to go on. */
function blobSizes(sensitivity: number): { start: number; goOn: number } {
  const start = between(sensitivity, 24, 4, 1);
  return { start, goOn: start * 0.7 };
}

function between(sensitivity: number, at1: number, at50: number, at100: number): number {
  return sensitivity < 50
    ? at1 + ((at50 - at1) * (sensitivity - 1)) / 49
    : at50 + ((at100 - at50) * (sensitivity - 50)) / 50;
}

/** The machine: what follows from an input. */
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

/** What motion in the `zones` (bits; 0 for none) makes of a phase. */
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

/** The end of motion that is under way, dated when it was last seen. */
function ended({ phase, settings, lastUs }: MotionState): MotionEffect[] {
  if (phase.name !== 'moving') return [];
  const { startUs, calmUs, zones } = phase;
  return [{ type: 'motion-end', startUs, atUs: calmUs ?? lastUs, zones: zoneNames(settings.zones, zones) }];
}
