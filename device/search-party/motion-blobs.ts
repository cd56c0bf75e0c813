// Owns: detecting what moved in a frame by comparison with the background: differing pixels, joined into blobs. Pure.
// Not here: when motion starts (motion/), what a blob is (colour-and-size.ts).
import type { Frame, SceneView } from './likeness-interfaces.ts';

/** Cell side in pixels, so that noise and thin lines make no blob. */
const CELL_PIXELS = 4;
/** A pixel differs from this sum of its red, green and blue differences on. */
const DIFFERS = 70;
/** A cell differs from this number of differing pixels on. */
const CELL_DIFFERS = 6;
/** Cells this near to each other belong together: a coat has the colour of the wall in places. */
const NEAR_CELLS = 3;
/** A smaller blob is ignored (a leaf). */
const CELLS_LEAST = 12;
/** Number of frames before the motion that the background is learnt from. */
const GROUND_FRAMES_MAX = 5;

/** A blob in pixels of its frame, with what belongs to it. */
export interface Blob {
  left: number;
  top: number;
  width: number;
  height: number;
  /** It is cut off by the left or right side of the picture. */
  isCut: boolean;
  /** 1 for each pixel of the frame that differs and lies in the blob. */
  mask: Uint8Array;
}

/** The background without whoever moved: the median of earlier frames; null when there are none. */
export function groundOf({ frames, motionUs }: SceneView): Uint8Array | null {
  const before = frames.filter(({ atUs }) => atUs < motionUs).slice(-GROUND_FRAMES_MAX);
  const [first] = before;
  if (!first) return null;
  return first.rgb.map((_value, at) => {
    const values = before.map(({ rgb }) => rgb[at] ?? 0).sort((a, b) => a - b);
    return values[Math.floor(values.length / 2)] ?? 0;
  });
}

/** Blobs of a frame, the largest first. */
export function blobsOf(frame: Frame, ground: Uint8Array): Blob[] {
  const { width, height, rgb } = frame;
  const [columns, rows] = [Math.ceil(width / CELL_PIXELS), Math.ceil(height / CELL_PIXELS)];
  const differs = new Uint8Array(width * height);
  const counts = new Uint8Array(columns * rows);
  for (let pixel = 0; pixel < differs.length; pixel += 1) {
    const at = pixel * 3;
    const gap =
      Math.abs((rgb[at] ?? 0) - (ground[at] ?? 0)) +
      Math.abs((rgb[at + 1] ?? 0) - (ground[at + 1] ?? 0)) +
      Math.abs((rgb[at + 2] ?? 0) - (ground[at + 2] ?? 0));
    if (gap < DIFFERS) continue;
    differs[pixel] = 1;
    const cell =
      Math.floor(Math.floor(pixel / width) / CELL_PIXELS) * columns + Math.floor((pixel % width) / CELL_PIXELS);
    counts[cell] = (counts[cell] ?? 0) + 1;
  }
  const open = counts.map((count) => (count >= CELL_DIFFERS ? 1 : 0));
  const blobs: { cells: number[]; blob: Blob }[] = [];
  for (let cell = 0; cell < open.length; cell += 1) {
    if (open[cell] !== 1) continue;
    const cells = takeCells(open, columns, rows, cell);
    if (cells.length >= CELLS_LEAST) blobs.push({ cells, blob: blobOf(cells, columns, frame, differs) });
  }
  return blobs.sort((one, other) => other.cells.length - one.cells.length).map(({ blob }) => blob);
}

/** Takes the cells that hang together with `start`, also over small gaps, out of `open`. */
function takeCells(open: Uint8Array, columns: number, rows: number, start: number): number[] {
  const cells = [start];
  open[start] = 0;
  for (let next = 0; next < cells.length; next += 1) {
    const cell = cells[next] ?? 0;
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    for (let y = Math.max(0, row - NEAR_CELLS); y <= Math.min(rows - 1, row + NEAR_CELLS); y += 1) {
      for (let x = Math.max(0, column - NEAR_CELLS); x <= Math.min(columns - 1, column + NEAR_CELLS); x += 1) {
        const beside = y * columns + x;
        if (open[beside] !== 1) continue;
        open[beside] = 0;
        cells.push(beside);
      }
    }
  }
  return cells;
}

function blobOf(cells: readonly number[], columns: number, { width, height }: Frame, differs: Uint8Array): Blob {
  let [left, top, right, bottom] = [width, height, 0, 0];
  const mask = new Uint8Array(width * height);
  for (const cell of cells) {
    const [fromX, fromY] = [(cell % columns) * CELL_PIXELS, Math.floor(cell / columns) * CELL_PIXELS];
    const [toX, toY] = [Math.min(width, fromX + CELL_PIXELS), Math.min(height, fromY + CELL_PIXELS)];
    [left, top, right, bottom] = [
      Math.min(left, fromX),
      Math.min(top, fromY),
      Math.max(right, toX),
      Math.max(bottom, toY),
    ];
    for (let y = fromY; y < toY; y += 1)
      for (let x = fromX; x < toX; x += 1) mask[y * width + x] = differs[y * width + x] ?? 0;
  }
  return { left, top, width: right - left, height: bottom - top, isCut: left === 0 || right === width, mask };
}
