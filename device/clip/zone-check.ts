// Checks every decoded picture of a finished clip: black inside the zones, equal to the ring's picture outside. It derives a zone's
// position from the file's own rotation, with code of its own.

import { clipFault, type FileVideo } from '@doorsill/contract/media/clip-file-check';
import { parseFragment, parseInit } from '@doorsill/contract/media/fragment';
import { joinAnnexB } from '@doorsill/contract/media/nal';
import { parseSps } from '@doorsill/contract/media/parameter-sets';
import type { Window, Zone } from '@doorsill/contract/shared-claims';
import { wallTimeUs } from '../camera/segment.ts';
import type { CutPermit } from '../consent/live-preview.ts';
import type { ClipDecoder, ClipDeps } from './clip-deps.ts';
import { type DecodeJob, decodedPictures } from './encode-frames.ts';
import { readRing, stopSignal } from './read-ring.ts';
import { readFrame } from './strip-frame-to-slices.ts';

/** Black as `drawbox` draws it, in limited and in full range. */
const BLACK = { luma: 16, chroma: 128 };

/**
 * Largest difference of a pixel from black, by its distance from the zone's edge: encoding smears the surroundings over the blocks that
 * the edge cuts. Measured with both releases of ffmpeg on noise, hard edges and footage: at most 2, 16 and 59.
 */
const TOLERANCES = [
  { pixels: 16, most: 4 },
  { pixels: 4, most: 24 },
  { pixels: 0, most: 80 },
] as const;
/** Largest average difference of a zone's row or column from black; measured: at most 22, in rows along an edge. */
const LINE_MOST = 40;

/** Least PSNR of a picture outside its zones against the ring's; measured: at least 25.8 dB, and 38 dB on footage. */
const PSNR_LEAST_DB = 20;
/** Pixels around a zone that are not compared with the ring's: the zone smears outwards, too, and odd edges share chroma. */
const AROUND = 8;

const DECODE_TIMEOUT_MS = 120_000;
const DECODE_TIMEOUT_MS_PER_FRAME = 1_000;

/** A rectangle of pixels, its right and bottom not included. */
interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

type Picture = Pick<FileVideo, 'width' | 'height' | 'rotation'>;

/** One plane of a picture. */
interface Plane {
  at: number;
  width: number;
  height: number;
  /** Pixels of the picture for one of the plane's, in each direction. */
  scale: 1 | 2;
  black: number;
}

function planesOf({ width, height }: Picture): Plane[] {
  const [across, down] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const chroma = { width: across, height: down, scale: 2, black: BLACK.chroma } as const;
  return [
    { at: 0, width, height, scale: 1, black: BLACK.luma },
    { ...chroma, at: width * height },
    { ...chroma, at: width * height + across * down },
  ];
}

/** The coded pixels that a zone of the displayed picture touches. */
function boxOf(zone: Zone, { width, height, rotation }: Picture): Box {
  // Coded position of a displayed corner, in ten-thousandths: turned back by the clockwise rotation.
  const corner = (x: number, y: number): [number, number] => {
    if (rotation === 90) return [y, 10_000 - x];
    if (rotation === 180) return [10_000 - x, 10_000 - y];
    return rotation === 270 ? [10_000 - y, x] : [x, y];
  };
  const [x1, y1] = corner(zone.left, zone.top);
  const [x2, y2] = corner(zone.left + zone.width, zone.top + zone.height);
  return {
    left: Math.floor((Math.min(x1, x2) * width) / 10_000),
    top: Math.floor((Math.min(y1, y2) * height) / 10_000),
    right: Math.ceil((Math.max(x1, x2) * width) / 10_000),
    bottom: Math.ceil((Math.max(y1, y2) * height) / 10_000),
  };
}

/** All pixels of a plane that a box touches, after widening it by `around`. */
function inPlane(box: Box, { width, height, scale }: Plane, around = 0): Box {
  return {
    left: Math.max(0, Math.floor((box.left - around) / scale)),
    top: Math.max(0, Math.floor((box.top - around) / scale)),
    right: Math.min(width, Math.ceil((box.right + around) / scale)),
    bottom: Math.min(height, Math.ceil((box.bottom + around) / scale)),
  };
}

/** Checks pictures of one size and rotation; 8 bits 4:2:0, planes one after the other. */
export class ZonePictures {
  private readonly planes: Plane[];
  private readonly boxes: Box[];

  constructor(zones: readonly Zone[], picture: Picture) {
    this.planes = planesOf(picture);
    this.boxes = zones.map((zone) => boxOf(zone, picture));
  }

  /** Throws `clip_check_failed` unless the zones are black in the picture. */
  assertBlack(picture: Uint8Array, number: number): void {
    const isBlack = this.planes.every((plane) =>
      this.boxes.every((box) => isBoxBlack(picture, plane, inPlane(box, plane))),
    );
    if (!isBlack) throw clipFault(`a zone is not black in frame ${number}`);
  }

  /** Throws `clip_check_failed` unless both pictures are equal outside the zones. */
  assertSameOutside(picture: Uint8Array, other: Uint8Array, number: number): void {
    let [squares, pixels] = [0, 0];
    for (const plane of this.planes) {
      const boxes = this.boxes.map((box) => inPlane(box, plane, AROUND));
      for (let y = 0; y < plane.height; y += 1) {
        const across = boxes.filter(({ top, bottom }) => y >= top && y < bottom).sort((a, b) => a.left - b.left);
        let x = 0;
        for (const { left, right } of [...across, { left: plane.width, right: plane.width }]) {
          for (let at = plane.at + y * plane.width + x; x < left; x += 1, at += 1) {
            const off = (picture[at] ?? 0) - (other[at] ?? 0);
            squares += off * off;
            pixels += 1;
          }
          x = Math.max(x, right);
        }
      }
    }
    const psnrDb = squares === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10((255 * 255 * pixels) / squares);
    if (psnrDb < PSNR_LEAST_DB) throw clipFault(`frame ${number} is not the ring's outside the zones`);
  }
}

function isBoxBlack(picture: Uint8Array, plane: Plane, box: Box): boolean {
  const columns = new Float64Array(box.right - box.left);
  // The picture's own border is not an edge: nothing beyond it could be smeared.
  const depth = (at: number, start: number, end: number, whole: number) =>
    Math.min(start === 0 ? whole : at - start, end === whole ? whole : end - 1 - at) * plane.scale;
  for (let y = box.top; y < box.bottom; y += 1) {
    const down = depth(y, box.top, box.bottom, plane.height);
    let row = 0;
    for (let x = box.left; x < box.right; x += 1) {
      const off = (picture[plane.at + y * plane.width + x] ?? 0) - plane.black;
      const pixels = Math.min(down, depth(x, box.left, box.right, plane.width));
      const most = TOLERANCES.find((each) => pixels >= each.pixels)?.most ?? 0;
      if (Math.abs(off) > most) return false;
      row += off;
      columns[x - box.left] = (columns[x - box.left] ?? 0) + off;
    }
    if (Math.abs(row) > LINE_MOST * columns.length) return false;
  }
  const rows = box.bottom - box.top;
  return columns.every((column) => Math.abs(column) <= LINE_MOST * rows);
}

export interface ZonesToCheck {
  live: CutPermit;
  deps: ClipDeps;
  video: FileVideo;
  /** All frames of the file with their parameter sets. */
  frames: AsyncIterable<Uint8Array>;
  /** Range of segments that the window's frames may be decoded from. */
  readWindow: Window;
  signal: AbortSignal;
}

/**
 * Decodes the frames of the finished file and the ring's frames of the window in parallel, one picture at a time. Throws
 * `clip_check_failed` unless all zones are black and the rest is the ring's; or the decoder's error.
 */
export async function checkZones(job: ZonesToCheck): Promise<void> {
  const { live, deps, video } = job;
  const source = await findSource(job);
  const wanted = video.sizes.length;
  if (source.inside !== wanted) throw clipFault('frames of the window are missing');
  const signal = AbortSignal.any([stopSignal(live, deps), job.signal]);
  const limits = { signal, timeoutMs: timeoutMsOf(source.frames) };
  const originals = decodedPictures(deps, {
    doing: 'decoding the footage of a clip',
    source: sourceBytes(job, source),
    strict: false,
    convert: source.convert,
    width: video.width,
    height: video.height,
    picturesMax: source.frames + 1,
    ...limits,
  });
  const seen = { originals: 0 };
  const nextOriginal = async () => {
    const next = await originals.next();
    if (!next.done) seen.originals += 1;
    return next.done ? null : next.value;
  };
  try {
    const pictures = new ZonePictures(live.cut.zones, video);
    for (let left = source.before; left > 0; left -= 1) await nextOriginal();
    await forEachPicture(deps, { video, frames: job.frames, ...limits }, async (picture, number) => {
      pictures.assertBlack(picture, number);
      const original = await nextOriginal();
      if (original) pictures.assertSameOutside(picture, original, number);
    });
    while (await nextOriginal());
    // With another number, pictures of different times were compared.
    if (seen.originals !== source.frames)
      throw clipFault('its footage decodes to another number of frames than it has');
  } finally {
    await originals.return(undefined);
  }
}

/** Calls `onPicture` with each picture of a clip. Throws `clip_check_failed` unless every frame decodes, and to one picture. */
export async function forEachPicture(
  deps: ClipDecoder,
  job: Pick<DecodeJob, 'signal'> & { video: FileVideo; frames: AsyncIterable<Uint8Array> },
  onPicture: (picture: Uint8Array, number: number) => void | Promise<void>,
): Promise<void> {
  const { video, frames, signal } = job;
  const wanted = video.sizes.length;
  let number = 0;
  for await (const picture of decodedPictures(deps, {
    doing: 'decoding a clip',
    source: frames,
    strict: true,
    convert: false,
    width: video.width,
    height: video.height,
    picturesMax: wanted + 1,
    signal,
    timeoutMs: timeoutMsOf(wanted),
  })) {
    if (number < wanted) await onPicture(picture, number);
    number += 1;
  }
  if (number !== wanted) throw clipFault(`${number} of ${wanted} encoded frames decode`);
}

function timeoutMsOf(frames: number): number {
  return DECODE_TIMEOUT_MS + frames * DECODE_TIMEOUT_MS_PER_FRAME;
}

/** The ring's segments that the window's frames are decoded from, numbered from the first one read. */
interface Source {
  from: number;
  to: number;
  frames: number;
  before: number;
  inside: number;
  convert: boolean;
}

/** From the last segment before the window that can be decoded alone to the segment with the window's last frame. */
async function findSource({ live, deps, readWindow }: ZonesToCheck): Promise<Source> {
  const { startUs, endUs } = live.cut.window;
  const seen: { isAlone: boolean; frames: number; before: number; inside: number; convert: boolean }[] = [];
  for await (const segment of readRing(live, deps, readWindow)) {
    const info = parseInit(segment.init);
    const { video } = parseFragment(info, segment.fragment);
    const times = video.map(({ pts }) => wallTimeUs(pts, info.video.timescale, segment.wallOffsetUs));
    const [first] = video;
    const [sps] = info.video.avc?.sps ?? [];
    const format = sps && parseSps(sps);
    seen.push({
      isAlone: first !== undefined && readFrame(first.data, info.video.avc?.nalLengthSize ?? 4).idr,
      frames: video.length,
      before: times.filter((atUs) => atUs < startUs).length,
      inside: times.filter((atUs) => atUs >= startUs && atUs < endUs).length,
      convert: format?.chromaFormat !== 1 || format.bitDepthLuma !== 8 || format.bitDepthChroma !== 8,
    });
  }
  const firstInside = seen.findIndex(({ inside }) => inside > 0);
  const to = seen.findLastIndex(({ inside }) => inside > 0);
  const from = Math.max(
    0,
    seen.slice(0, firstInside + 1).findLastIndex(({ isAlone }) => isAlone),
  );
  const fed = seen.slice(from, to + 1);
  const sum = (of: 'frames' | 'before' | 'inside') => fed.reduce((total, each) => total + each[of], 0);
  const convert = seen[Math.max(0, firstInside)]?.convert ?? false;
  return { from, to, frames: sum('frames'), before: sum('before'), inside: sum('inside'), convert };
}

async function* sourceBytes(
  { live, deps, readWindow }: ZonesToCheck,
  { from, to }: Source,
): AsyncGenerator<Uint8Array> {
  let position = -1;
  for await (const segment of readRing(live, deps, readWindow)) {
    position += 1;
    if (position < from) continue;
    if (position > to) return;
    const info = parseInit(segment.init);
    const { sps = [], pps = [], nalLengthSize = 4 } = info.video.avc ?? {};
    const frames = parseFragment(info, segment.fragment).video.map(({ data }) => readFrame(data, nalLengthSize));
    yield joinAnnexB([...sps, ...pps, ...frames.flatMap((frame) => [...frame.sets, ...frame.slices])]);
  }
}
