// Finds what moved in a frame: pixels that differ from the background, joined into blobs.
import type { Frame, SceneView } from './likeness-interfaces.ts';

/** Side of a cell in pixels. Cells keep noise and thin lines from making blobs. */
const CELL_PIXELS = 4;
/** Minimum sum of the differences in red, green and blue of a pixel that counts as differing. */
const DIFFERS = 70;
/** Minimum number of differing pixels of a cell that counts as differing. */
const CELL_DIFFERS = 6;
/** Maximum gap between cells of one blob: parts of an animal's coat may have the colour of the wall. */
const NEAR_CELLS = 3;
/** Minimum size of a blob: smaller ones, such as leaves, are ignored. */
const CELLS_LEAST = 12;
/** Maximum number of frames before the motion that the background is computed from. */
const GROUND_FRAMES_MAX = 5;

/** A blob in pixels of its frame. */
export interface Blob {
  left: number;
  top: number;
  width: number;
  height: number;
  /** Whether the left or right side of the picture cuts it off. */
  isCut: boolean;
  /** 1 for each pixel of the frame that differs and lies in the blob. */
  mask: Uint8Array;
}

/** The background: the median of the frames before the motion; null when there are none. */
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

/** Removes from `open`, and returns, the cells connected with `start`, also across small gaps. */
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
