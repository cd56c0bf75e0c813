// Ground truth from MOTChallenge's CSV, also used by PETS 2009: a row for each object in each picture.
import {
  annotationsInvalid,
  type ConversionOptions,
  checkFrameRate,
  checkLabels,
  FRAME_MAX,
  frameStartUs,
  type Presence,
  truthOfPresences,
} from './presence-spans.ts';
import type { Truth } from './truth-file.ts';

const ROWS_MAX = 2_000_000;

export interface MotOptions extends ConversionOptions {
  /** The picture's size in pixels, needed for a zone, because the rows are in pixels. */
  picture?: { width: number; height: number } | undefined;
  /** Number of the first picture. Default: 1, as in MOTChallenge. */
  firstFrame?: number | undefined;
  /** Rows with less confidence (column 7) are ignored. Default: only those of exactly 0, MOTChallenge's "not to be considered". */
  confidenceLeast?: number | undefined;
}

/** A row: <frame>,<id>,<left>,<top>,<width>,<height>[,<confidence>[,<class>[,...]]], all numbers. */
interface Row {
  frame: number;
  box: { left: number; top: number; width: number; height: number };
  confidence: number;
  class: string;
}

/**
 * Converts a MOT file: there is motion while any object is in the picture. Throws `annotations_invalid` with the line; `file` is the name
 * in its message.
 */
export function truthFromMotCsv(text: string, options: MotOptions, file: string): Truth {
  checkFrameRate(options, file);
  const { frameRate, zone, picture, firstFrame = 1, confidenceLeast, labels } = options;
  if (zone && !picture)
    throw annotationsInvalid(file, 'a zone needs the picture’s size, because the file counts pixels');
  const frames = new Set<number>();
  const classes = new Set<string>();
  let last = -1;
  for (const row of rowsOf(text, firstFrame, file)) {
    last = Math.max(last, row.frame);
    classes.add(row.class);
    if (confidenceLeast === undefined ? row.confidence === 0 : row.confidence < confidenceLeast) continue;
    if (labels && !labels.includes(row.class)) continue;
    if (zone && picture && !overlaps(row.box, zone, picture)) continue;
    frames.add(row.frame);
  }
  checkLabels(options, classes, file);
  const durationUs = options.durationUs ?? frameStartUs(last + 1, frameRate);
  const label = options.label ?? 'object';
  return truthOfPresences(presencesOf(frames, frameRate, label), durationUs, { ...options, label }, file);
}

/** A presence for each picture with an object; those of consecutive pictures touch. */
function presencesOf(frames: ReadonlySet<number>, frameRate: number, label: string): Presence[] {
  return [...frames].map((frame) => ({
    startUs: frameStartUs(frame, frameRate),
    endUs: frameStartUs(frame + 1, frameRate),
    label,
  }));
}

/** The rows, with frames counted from 0. */
function* rowsOf(text: string, firstFrame: number, file: string): Generator<Row> {
  let [rows, at] = [0, 0];
  for (const match of text.matchAll(/[^\r\n]*(?:\r\n?|\n|$)/g)) {
    at += 1;
    const line = match[0].trim();
    // Some tools write a header line.
    if (line === '' || line.startsWith('#') || (rows === 0 && /^"?frame/i.test(line))) continue;
    rows += 1;
    if (rows > ROWS_MAX) throw annotationsInvalid(file, `it has over ${ROWS_MAX} rows`);
    yield rowOf(line, firstFrame, (detail) => annotationsInvalid(file, `line ${at}: ${detail}`));
  }
  if (rows === 0) throw annotationsInvalid(file, 'it has no row');
}

function rowOf(line: string, firstFrame: number, invalid: (detail: string) => Error): Row {
  const cells = line.split(',').map((cell) => cell.trim());
  const [number = 0, , left = 0, top = 0, width = 0, height = 0, confidence = 1] = cells.map((cell) =>
    cell === '' ? Number.NaN : Number(cell),
  );
  if (cells.length < 6) throw invalid(`it has ${cells.length} columns; frame,id,left,top,width,height are needed`);
  if (!Number.isInteger(number) || number < firstFrame || number - firstFrame > FRAME_MAX) {
    throw invalid(`"${cells[0]}" is not a frame number; frames count from ${firstFrame}`);
  }
  const box = { left, top, width, height };
  if (!Object.values(box).every(Number.isFinite) || width <= 0 || height <= 0)
    throw invalid('columns 3 to 6 are not a box');
  if (!Number.isFinite(confidence)) throw invalid(`"${cells[6]}" is not a confidence`);
  return { frame: number - firstFrame, box, confidence, class: cells[7] ?? '' };
}

function overlaps(box: Row['box'], zone: Row['box'], picture: { width: number; height: number }): boolean {
  const [x, y] = [picture.width / 10_000, picture.height / 10_000];
  return (
    box.left < (zone.left + zone.width) * x &&
    box.left + box.width > zone.left * x &&
    box.top < (zone.top + zone.height) * y &&
    box.top + box.height > zone.top * y
  );
}
