// Parses ffmpeg's list of a V4L2 camera's formats and chooses one. Pure. The list has no rates: a camera uses the nearest it has, and
// frames keep their times.
import type { Size, WantedEncoding } from './wired-options.ts';

/** Sizes from `least` to `most` in steps; for a single size both are the same. */
interface Sizes {
  readonly least: Size;
  readonly most: Size;
  readonly stepX: number;
  readonly stepY: number;
}

export interface OfferedFormat {
  readonly kind: 'raw' | 'compressed';
  /** ffmpeg's name, for `-input_format`; formats that ffmpeg does not know are left out. */
  readonly name: string;
  readonly sizes: readonly Sizes[];
}

/** The size and format of the options; null: the best one. */
export interface Wanted {
  readonly size: Size | null;
  readonly format: WantedEncoding | null;
}

export interface ChosenFormat extends Size {
  readonly name: string;
}

/** A format that a camera lists but does not deliver. */
export interface UngivenFormat extends ChosenFormat {
  readonly why: string;
}

export function printFormat({ name, width, height }: ChosenFormat): string {
  return `${name} ${width}x${height}`;
}

const SIZE_DEFAULT: Size = { width: 1280, height: 720 };

/** From the cheapest to record to the most expensive: copied, encoded from compressed pictures, encoded from raw ones. */
const PREFERENCE = ['h264', 'mjpeg', 'yuyv422', 'uyvy422', 'nv12', 'yuv420p', 'yuv422p', 'rgb24', 'bgr24', 'gray'];

/** Further formats are ignored; a test driver has a hundred. */
const FORMATS_MAX = 256;
const SIZES_MAX = 256;

const LINE = /(Raw|Compressed)\s*:\s*(\S{1,32})\s*:.{0,80}?\s: (.{1,8000})$/;
const SIZES = /\{(\d{1,5})-(\d{1,5}), (\d{1,5})\}x\{(\d{1,5})-(\d{1,5}), (\d{1,5})\}|(\d{1,5})x(\d{1,5})/g;

/** Whether a line lists a format, known here or not. */
export function isListed(line: string): boolean {
  return LINE.test(line);
}

/** Parses the output of `-list_formats all`. */
export function parseFormats(lines: readonly string[]): OfferedFormat[] {
  const found = new Map<string, OfferedFormat>();
  for (const line of lines) {
    const [, kind, name = '', text = ''] = LINE.exec(line) ?? [];
    if (kind === undefined || name === 'Unsupported' || found.size >= FORMATS_MAX) continue;
    const sizes = [...text.matchAll(SIZES)].slice(0, SIZES_MAX).map(readSizes);
    // A name occurs twice if ffmpeg has one name for two orders of planes; it uses the first.
    if (!found.has(name)) found.set(name, { kind: kind === 'Raw' ? 'raw' : 'compressed', name, sizes });
  }
  return [...found.values()];
}

function readSizes(match: RegExpMatchArray): Sizes {
  const numbers = match.slice(1).map(Number);
  const [leastX = 0, mostX = 0, stepX = 1, leastY = 0, mostY = 0, stepY = 1, width = 0, height = 0] = numbers;
  if (match[7] !== undefined) return { least: { width, height }, most: { width, height }, stepX: 1, stepY: 1 };
  const [least, most] = [
    { width: leastX, height: leastY },
    { width: mostX, height: mostY },
  ];
  return { least, most, stepX: Math.max(1, stepX), stepY: Math.max(1, stepY) };
}

/**
 * The format and size to record: of the formats that have the size, H.264 first, then Motion JPEG, then raw. Without a size the same
 * for 1280x720, or for the size nearest to it. Skips excluded formats. Returns why there is none, as part of a sentence, instead.
 */
export function chooseFormat(
  offered: readonly OfferedFormat[],
  wanted: Wanted,
  excluded: readonly ChosenFormat[] = [],
): ChosenFormat | string {
  const known = PREFERENCE.flatMap((name) => offered.filter((format) => format.name === name));
  const fitting = known.filter((format) => wanted.format === null || isWanted(format, wanted.format));
  if (fitting.length === 0) {
    const lacks = wanted.format === null ? 'it has no format that is known here' : `it has no ${wanted.format}`;
    return `${lacks}; ${describe(offered)}`;
  }
  const size = wanted.size ?? SIZE_DEFAULT;
  const excludedNames = new Set(excluded.map(printFormat));
  const isLeft = (format: ChosenFormat) => !excludedNames.has(printFormat(format));
  const exact = fitting
    .filter((format) => format.sizes.some((sizes) => holds(sizes, size)))
    .map(({ name }) => ({ name, ...size }))
    .find(isLeft);
  if (exact) return exact;
  if (wanted.size !== null) return `it has no ${size.width}x${size.height}; ${describe(fitting)}`;
  const nearest = fitting
    .flatMap(({ name, sizes }) => sizes.map((each) => ({ name, ...nearestIn(each, size) })))
    .filter(isLeft)
    .sort((a, b) => distance(a, size) - distance(b, size))[0];
  return nearest ?? `it lists no sizes; ${describe(fitting)}`;
}

function isWanted({ kind, name }: OfferedFormat, format: WantedEncoding): boolean {
  return format === 'raw' ? kind === 'raw' : name === format;
}

function holds({ least, most, stepX, stepY }: Sizes, { width, height }: Size): boolean {
  const isWithin = width >= least.width && width <= most.width && height >= least.height && height <= most.height;
  return isWithin && (width - least.width) % stepX === 0 && (height - least.height) % stepY === 0;
}

function nearestIn({ least, most, stepX, stepY }: Sizes, { width, height }: Size): Size {
  return {
    width: stepped(least.width, Math.min(width, most.width), stepX),
    height: stepped(least.height, Math.min(height, most.height), stepY),
  };
}

function stepped(least: number, most: number, step: number): number {
  return most <= least ? least : most - ((most - least) % step);
}

/** Smaller sizes count as nearer than larger ones, which cost more than requested. */
function distance(offered: Size, size: Size): number {
  const [has, wants] = [offered.width * offered.height, size.width * size.height];
  return has <= wants ? wants - has : 8_192 * 8_192 + has;
}

/** Usual sizes, of which a camera with sizes in steps offers those that it has. */
const USUAL: readonly Size[] = [
  { width: 640, height: 480 },
  { width: 1280, height: 720 },
  { width: 1920, height: 1080 },
];

/** The single sizes of all formats, and the usual ones among ranges, smallest first. */
export function printSizes(offered: readonly OfferedFormat[]): string[] {
  const known = offered.filter(({ name }) => PREFERENCE.includes(name)).flatMap(({ sizes }) => sizes);
  const single = known.filter(({ least, most }) => holdsOne(least, most)).map(({ least }) => least);
  const usual = USUAL.filter((size) => known.some((sizes) => holds(sizes, size)));
  const all = [...single, ...usual].sort((a, b) => a.width * a.height - b.width * b.height);
  return [...new Set(all.map(({ width, height }) => `${width}x${height}`))];
}

const DESCRIBED_MAX = 4;

function describe(offered: readonly OfferedFormat[]): string {
  if (offered.length === 0) return 'it offers nothing';
  const formats = offered.slice(0, DESCRIBED_MAX).map(({ name, sizes }) => {
    const texts = sizes.slice(0, DESCRIBED_MAX).map(({ least, most }) => {
      const to = `${most.width}x${most.height}`;
      return holdsOne(least, most) ? to : `up to ${to}`;
    });
    return `${name} ${texts.join(' ')}${sizes.length > DESCRIBED_MAX ? ' ...' : ''}`;
  });
  return `it offers ${formats.join(', ')}${offered.length > DESCRIBED_MAX ? ', ...' : ''}`;
}

function holdsOne(least: Size, most: Size): boolean {
  return least.width === most.width && least.height === most.height;
}
