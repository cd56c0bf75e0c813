// Colour histograms of a few bins that are robust to changes of light, and their similarity.
import type { Picture } from './likeness-interfaces.ts';

const HUES = 12;
/** Pale and full for each hue; grays from black to white. */
const SATURATIONS = 2;
const GRAYS = 4;
const BINS = HUES * SATURATIONS + GRAYS;

/** A pixel counts as gray below this saturation or this brightness. */
const GRAY_SATURATION = 0.18;
const DARK = 40;
const FULL_SATURATION = 0.45;
/** Share of a colour that is counted for each neighbouring hue, because light may be warm or cold. */
const SPILL = 0.2;

/** The normalised histogram of the pixels that `weigh` gives a weight above 0; null when there are none. */
export function coloursOf(picture: Picture, weigh: (x: number, y: number) => number): Float32Array | null {
  const { width, height, rgb } = picture;
  const colours = new Float32Array(BINS);
  let sum = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const weight = weigh(x, y);
      if (weight <= 0) continue;
      const at = (y * width + x) * 3;
      count(colours, rgb[at] ?? 0, rgb[at + 1] ?? 0, rgb[at + 2] ?? 0, weight);
      sum += weight;
    }
  }
  return sum > 0 ? colours.map((share) => share / sum) : null;
}

function count(colours: Float32Array, red: number, green: number, blue: number, weight: number): void {
  const most = Math.max(red, green, blue);
  const spread = most - Math.min(red, green, blue);
  const saturation = most === 0 ? 0 : spread / most;
  const add = (bin: number, share: number) => {
    colours[bin] = (colours[bin] ?? 0) + share;
  };
  if (most < DARK || saturation < GRAY_SATURATION) {
    add(HUES * SATURATIONS + Math.min(GRAYS - 1, Math.floor((most * GRAYS) / 256)), weight);
    return;
  }
  const sector =
    most === red ? (green - blue) / spread : most === green ? 2 + (blue - red) / spread : 4 + (red - green) / spread;
  const hue = Math.floor((((sector + 6) % 6) * HUES) / 6);
  const row = saturation < FULL_SATURATION ? 0 : HUES;
  add(row + hue, weight * (1 - 2 * SPILL));
  add(row + ((hue + 1) % HUES), weight * SPILL);
  add(row + ((hue + HUES - 1) % HUES), weight * SPILL);
}

/** The overlap of two histograms, from 0 to 1. */
export function commonShare(one: Float32Array, other: Float32Array): number {
  return one.reduce((sum, share, bin) => sum + Math.min(share, other[bin] ?? 0), 0);
}

/** `colours` minus the background `ground`, normalised again; unchanged `colours` when almost nothing remains. */
export function without(colours: Float32Array, ground: Float32Array): Float32Array {
  const left = colours.map((share, bin) => Math.max(0, share - (ground[bin] ?? 0)));
  const sum = left.reduce((total, share) => total + share, 0);
  return sum < 0.05 ? colours : left.map((share) => share / sum);
}
