// The porch's sound: a two-tone chime at each press, faint noise otherwise; a pure function of the frame number.
import { CYCLE_FRAMES, PRESS_FRAME, SYNTHETIC_FPS, SYNTHETIC_SAMPLE_RATE } from './scene.ts';

/** Sound samples per video frame. */
export const SAMPLES_PER_FRAME = SYNTHETIC_SAMPLE_RATE / SYNTHETIC_FPS;

/** Pitch, and seconds after the press. Each tone decays with this time constant. */
const TONES = [
  { hertz: 659.26, fromS: 0 },
  { hertz: 523.25, fromS: 0.45 },
] as const;
const DECAY_S = 0.35;
const CHIME_FRAMES = 2 * SYNTHETIC_FPS;
const CHIME_LEVEL = 9_000;
const NOISE_LEVEL = 12;

/** The sound of one frame: 16-bit little-endian samples, mono. */
export function soundOf(frame: number): Uint8Array {
  const bytes = new Uint8Array(SAMPLES_PER_FRAME * 2);
  const view = new DataView(bytes.buffer);
  const sincePress = (((frame - PRESS_FRAME) % CYCLE_FRAMES) + CYCLE_FRAMES) % CYCLE_FRAMES;
  for (let n = 0; n < SAMPLES_PER_FRAME; n += 1) {
    let level = noiseAt(frame * SAMPLES_PER_FRAME + n);
    if (sincePress < CHIME_FRAMES) level += chimeAt((sincePress * SAMPLES_PER_FRAME + n) / SYNTHETIC_SAMPLE_RATE);
    view.setInt16(n * 2, Math.round(level), true);
  }
  return bytes;
}

function chimeAt(second: number): number {
  let level = 0;
  for (const { hertz, fromS } of TONES) {
    const since = second - fromS;
    if (since >= 0) level += Math.sin(2 * Math.PI * hertz * since) * Math.exp(-since / DECAY_S);
  }
  return level * CHIME_LEVEL;
}

/** Deterministic noise: a hash of the sample's number. */
function noiseAt(sample: number): number {
  const mixed = Math.imul((sample ^ (sample >>> 15)) >>> 0, 0x2c1b3c6d);
  return (((mixed ^ (mixed >>> 12)) & 0xff) / 127.5 - 1) * NOISE_LEVEL;
}
