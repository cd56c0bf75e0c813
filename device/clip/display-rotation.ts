// Rotation of a picture for display, by the matrix of its track header, and the position of zones in the coded picture.

import { boxesIn, contentOf, findBox, needBox } from '@doorsill/contract/media/read-boxes';
import type { Zone } from '@doorsill/contract/shared-claims';

/** Clockwise degrees by which the coded picture is rotated for display. */
export type Rotation = 0 | 90 | 180 | 270;

const ONE = 0x10000;

/** Upper left part of the matrix (ISO/IEC 14496-12 §6.2.2): a, b, c, d as 16.16 fixed point. */
const MATRICES: Record<Rotation, readonly [number, number, number, number]> = {
  0: [ONE, 0, 0, ONE],
  90: [0, ONE, -ONE, 0],
  180: [-ONE, 0, 0, -ONE],
  270: [0, -ONE, ONE, 0],
};
const ROTATIONS: readonly Rotation[] = [0, 90, 180, 270];

/** The rotation of an init segment's video track; 0 for a matrix that is not a right angle. */
export function displayRotation(init: Uint8Array): Rotation {
  const moov = needBox(init, ['moov']);
  for (const trak of boxesIn(init, moov.contentStart, moov.end)) {
    const media = trak.type === 'trak' ? findBox(init, 'mdia', trak) : null;
    const handler = media && contentOf(init, needBox(init, ['hdlr'], media));
    if (!handler) continue;
    handler.skip(8);
    if (handler.fourcc() !== 'vide') continue;
    const header = contentOf(init, needBox(init, ['tkhd'], trak));
    const version = header.u8();
    header.skip(version === 1 ? 51 : 39); // flags, times, id, duration, layer, group, volume
    const [a, b] = [header.i32(), header.i32()];
    header.skip(4);
    const [c, d] = [header.i32(), header.i32()];
    return ROTATIONS.find((rotation) => MATRICES[rotation].join() === [a, b, c, d].join()) ?? 0;
  }
  return 0;
}

/** The nine numbers of a track header's matrix for a picture of `width` by `height`, rotated into the positive quadrant. */
export function displayMatrix(rotation: Rotation, width: number, height: number): number[] {
  const [a, b, c, d] = MATRICES[rotation];
  const x = rotation === 90 ? height : rotation === 180 ? width : 0;
  const y = rotation === 180 ? height : rotation === 270 ? width : 0;
  return [a, b, 0, c, d, 0, x * ONE, y * ONE, 0x40000000];
}

/** A rectangle of pixels in the coded picture. */
export interface Rectangle {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** The coded pixels of a zone in the displayed picture: every pixel it touches, so that rounding never exposes part of it. */
export function zonePixels(zone: Zone, rotation: Rotation, width: number, height: number): Rectangle {
  const turned = turnBack(zone, rotation);
  const left = Math.floor((turned.left * width) / 10_000);
  const top = Math.floor((turned.top * height) / 10_000);
  const right = Math.ceil(((turned.left + turned.width) * width) / 10_000);
  const bottom = Math.ceil(((turned.top + turned.height) * height) / 10_000);
  return { left, top, width: right - left, height: bottom - top };
}

function turnBack(zone: Zone, rotation: Rotation): Zone {
  const { left, top, width, height } = zone;
  switch (rotation) {
    case 0:
      return zone;
    case 90:
      return { left: top, top: 10_000 - left - width, width: height, height: width };
    case 180:
      return { left: 10_000 - left - width, top: 10_000 - top - height, width, height };
    case 270:
      return { left: 10_000 - top - height, top: left, width: height, height: width };
  }
}
