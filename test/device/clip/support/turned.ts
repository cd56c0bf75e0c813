// Init segments of rotated cameras.

const ONE = 0x10000;
const UPPER_LEFT = { 0: [ONE, 0, 0, ONE], 90: [0, ONE, -ONE, 0], 180: [-ONE, 0, 0, -ONE], 270: [0, -ONE, ONE, 0] };

/** The 36 bytes of a track header's matrix. */
function matrix([a = 0, b = 0, c = 0, d = 0]: readonly number[]): Buffer {
  const bytes = Buffer.alloc(36);
  for (const [at, value] of [a, b, 0, c, d, 0, 0, 0, 0x40000000].entries()) bytes.writeInt32BE(value, at * 4);
  return bytes;
}

/** The init segment of an upright camera, rotated clockwise. */
export function turnedInit(init: Uint8Array, degrees: 90 | 180 | 270): Uint8Array {
  const bytes = Buffer.from(init);
  matrix(UPPER_LEFT[degrees]).copy(bytes, bytes.indexOf(matrix(UPPER_LEFT[0]), bytes.indexOf('tkhd')));
  return Uint8Array.from(bytes);
}
