// Simple pictures for tests of likeness: a plain background with one-coloured shapes.
import type { Frame, Picture, SceneView } from '../../../device/search-party/likeness-interfaces.ts';

export type Rgb = readonly [number, number, number];
export const BROWN: Rgb = [97, 54, 21];
export const BLACK: Rgb = [20, 20, 22];
export const WHITE: Rgb = [235, 232, 228];
export const GINGER: Rgb = [214, 120, 40];
export const BLUE: Rgb = [40, 70, 170];
export const LAWN: Rgb = [134, 168, 104];
export const FLOOR: Rgb = [150, 140, 128];

/** A rectangle in pixels, in a colour. */
export interface Shape {
  left: number;
  top: number;
  width: number;
  height: number;
  colour: Rgb;
}

export function picture(width: number, height: number, ground: Rgb, shapes: readonly Shape[] = []): Picture {
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    const on = shapes.findLast(
      (one) => x >= one.left && x < one.left + one.width && y >= one.top && y < one.top + one.height,
    );
    rgb.set(on?.colour ?? ground, pixel * 3);
  }
  return { width, height, rgb };
}

/** A photo of a pet of one colour, in the middle of a lawn. */
export function petPhoto(colour: Rgb): Picture {
  return picture(120, 90, LAWN, [{ left: 30, top: 30, width: 60, height: 36, colour }]);
}

/** A scene of 320 by 180 pixels: two empty frames, then one for each set of shapes. */
export function scene(...moving: (readonly Shape[])[]): SceneView {
  const frames: Frame[] = [[], [], ...moving].map((shapes, at) => ({
    ...picture(320, 180, FLOOR, shapes),
    atUs: at * 1_000_000,
  }));
  return { frames, motionUs: 2_000_000 };
}

/** An animal on four legs, from its side. */
export function animal(colour: Rgb, left = 100): Shape {
  return { left, top: 120, width: 72, height: 44, colour };
}

/** An upright person. */
export function person(colour: Rgb, left = 100): Shape {
  return { left, top: 60, width: 36, height: 90, colour };
}
