// Ground truth from CVAT's "CVAT for video 1.1" (XML): tracks of shapes, between which CVAT interpolates.

import type { Zone } from '@doorsill/contract/shared-claims';
import { parseXml, XmlElement, XmlError } from '@rgrove/parse-xml';
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

const SHAPES_MAX = 1_000_000;

/** Edges in pixels. */
interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

interface Shape {
  frame: number;
  isOutside: boolean;
  box: Box;
}

type Invalid = (detail: string) => Error;

/**
 * Converts a video's annotations. There is motion while any track is in the picture: from a shape that is not "outside" to the track's next
 * one, with the box moving evenly between them, and for one frame after the last. Rotation is ignored; entities defined in the file are not
 * expanded. Throws `annotations_invalid`; `file` is the name in its message.
 */
export function truthFromCvatXml(text: string, options: ConversionOptions, file: string): Truth {
  checkFrameRate(options, file);
  const invalid: Invalid = (detail) => annotationsInvalid(file, detail);
  const root = rootOf(text, invalid);
  const meta = metaOf(root, invalid);
  const { frameRate, zone, labels } = options;
  const { picture } = meta;
  if (zone && !picture) throw invalid('a zone needs the picture’s size, and <original_size> is missing');
  const edges = zone && picture ? edgesOf(zone, picture) : null;
  let count = 0;
  let last = -1;
  const tracks = childrenOf(root, 'track');
  checkLabels(options, new Set(tracks.map(labelOf)), file);
  const presences = tracks.flatMap((track): Presence[] => {
    const label = labelOf(track);
    const shapes = shapesOf(track, invalid);
    count += shapes.length;
    if (count > SHAPES_MAX) throw invalid(`it has over ${SHAPES_MAX} shapes`);
    last = Math.max(last, shapes.at(-1)?.frame ?? -1);
    if (labels && !labels.includes(label)) return [];
    return stretchesOf(shapes, meta, edges).map(({ from, to }) => ({
      startUs: frameStartUs(from, frameRate),
      endUs: frameStartUs(to, frameRate),
      label,
    }));
  });
  const frames = meta.frames ?? last + meta.step;
  return truthOfPresences(presences, options.durationUs ?? frameStartUs(frames, frameRate), options, file);
}

function labelOf(track: XmlElement): string {
  return track.attributes['label'] ?? 'object';
}

function rootOf(text: string, invalid: Invalid): XmlElement {
  let root: XmlElement | null;
  try {
    root = parseXml(text).root;
  } catch (thrown) {
    // The parser recurses for each nested element.
    if (thrown instanceof RangeError) throw invalid('its elements are nested too deeply');
    if (!(thrown instanceof XmlError)) throw thrown;
    throw invalid(`line ${thrown.line}, column ${thrown.column}: ${thrown.message.split('\n')[0]}`);
  }
  if (root?.name !== 'annotations') throw invalid('it is not CVAT’s: its outermost element is not <annotations>');
  const version = root.children.find((node) => node instanceof XmlElement && node.name === 'version');
  const said = version instanceof XmlElement ? version.text.trim() : '';
  if (said !== '1.1') throw invalid(`its <version> is "${said}"; 1.1 is known`);
  if (childrenOf(root, 'image').length > 0)
    throw invalid('it is "CVAT for images", which has no time: export for video');
  return root;
}

function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((node): node is XmlElement => node instanceof XmlElement && node.name === name);
}

interface Meta {
  picture: { width: number; height: number } | null;
  /** Frames of the video up to the last annotated one. */
  frames: number | null;
  /** Distance of annotated frames, in the video's frames. */
  step: number;
}

/** What the file says of its video, for a task or one of its jobs. */
function metaOf(root: XmlElement, invalid: Invalid): Meta {
  const meta = childrenOf(root, 'meta')[0];
  if (meta && childrenOf(meta, 'project').length > 0) throw invalid('it is of a whole project: export each task');
  const about = ['task', 'job'].flatMap((name) => (meta ? childrenOf(meta, name) : []))[0];
  const textOf = (element: XmlElement | undefined, name: string) =>
    (element && childrenOf(element, name)[0]?.text.trim()) || undefined;
  const numberOf = (element: XmlElement | undefined, name: string, most: number) => {
    const written = textOf(element, name);
    const value = Number(written);
    if (written === undefined) return null;
    if (!Number.isInteger(value) || value < 0 || value > most) throw invalid(`<${name}> is "${written}"`);
    return value;
  };
  const size = about && (childrenOf(about, 'original_size')[0] ?? (meta && childrenOf(meta, 'original_size')[0]));
  const [width, height] = [numberOf(size, 'width', 100_000), numberOf(size, 'height', 100_000)];
  const step = Number(/^step=(\d{1,6})$/.exec(textOf(about, 'frame_filter') ?? '')?.[1] ?? 1);
  const stop = numberOf(about, 'stop_frame', FRAME_MAX);
  const count = numberOf(about, 'size', FRAME_MAX);
  return {
    picture: width && height ? { width, height } : null,
    frames: stop === null ? (count === null ? null : count * Math.max(1, step)) : stop + 1,
    step: Math.max(1, step),
  };
}

/** A track's shapes, by frame. */
function shapesOf(track: XmlElement, invalid: Invalid): Shape[] {
  const name = `track ${track.attributes['id'] ?? '?'}`;
  const shapes = track.children.flatMap((node) => (node instanceof XmlElement ? [shapeOf(node, name, invalid)] : []));
  const sorted = shapes.sort((a, b) => a.frame - b.frame);
  const twice = sorted.find(({ frame }, at) => sorted[at + 1]?.frame === frame);
  if (twice) throw invalid(`${name} has two shapes in frame ${twice.frame}`);
  return sorted;
}

function shapeOf({ name, attributes }: XmlElement, track: string, invalid: Invalid): Shape {
  const where = `${track}, frame ${attributes['frame'] ?? '?'}`;
  const numberOf = (key: string) => {
    const value = Number(attributes[key]?.trim() || Number.NaN);
    if (!Number.isFinite(value)) throw invalid(`${where}: ${key}="${attributes[key] ?? ''}" is no number`);
    return value;
  };
  const frame = numberOf('frame');
  if (!Number.isInteger(frame) || frame < 0 || frame > FRAME_MAX) throw invalid(`${where}: that is not a frame number`);
  const isOutside = attributes['outside'] === '1';
  if (name === 'box') {
    const box = { left: numberOf('xtl'), top: numberOf('ytl'), right: numberOf('xbr'), bottom: numberOf('ybr') };
    if (box.left > box.right || box.top > box.bottom) throw invalid(`${where}: the box ends before it begins`);
    return { frame, isOutside, box };
  }
  if (!['polygon', 'polyline', 'points'].includes(name)) throw invalid(`${where}: <${name}> is not understood`);
  const points = (attributes['points'] ?? '').split(';').map((point) => point.split(',').map(Number));
  if (!points.every((point) => point.length === 2 && point.every(Number.isFinite))) {
    throw invalid(`${where}: points="..." are not pairs of numbers`);
  }
  const edges = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const [x = 0, y = 0] of points) {
    edges.left = Math.min(edges.left, x);
    edges.right = Math.max(edges.right, x);
    edges.top = Math.min(edges.top, y);
    edges.bottom = Math.max(edges.bottom, y);
  }
  return { frame, isOutside, box: edges };
}

interface Stretch {
  from: number;
  to: number;
}

/** Frames, excluding the last, during which a track is in the picture, or overlaps `zone`. */
function stretchesOf(shapes: readonly Shape[], { step, frames }: Meta, zone: Box | null): Stretch[] {
  return shapes.flatMap((shape, at) => {
    if (shape.isOutside) return [];
    const next = shapes[at + 1];
    const lastTo = Math.min(shape.frame + step, Math.max(frames ?? Number.POSITIVE_INFINITY, shape.frame + 1));
    const to = next ? next.frame : lastTo;
    if (!zone) return [{ from: shape.frame, to }];
    // CVAT keeps a box unchanged until a shape that is outside.
    const end = next && !next.isOutside ? next.box : shape.box;
    return overlapOf(shape.box, end, zone, { from: shape.frame, to });
  });
}

/** The frames in which a box that moves evenly from `start` to `end` overlaps `zone`; touching it does not count. */
function overlapOf(start: Box, end: Box, zone: Box, { from, to }: Stretch): Stretch[] {
  // Each edge crosses the zone's opposite edge at most once: a distance that is positive at both ends is positive in between.
  const distances = [
    [start.right - zone.left, end.right - zone.left],
    [zone.right - start.left, zone.right - end.left],
    [start.bottom - zone.top, end.bottom - zone.top],
    [zone.bottom - start.top, zone.bottom - end.top],
  ] as const;
  let [first, stop] = [from, to];
  for (const [before, after] of distances) {
    if (before <= 0 && after <= 0) return [];
    const passesAt = from + (before / (before - after)) * (to - from);
    if (before <= 0) first = Math.max(first, Math.floor(passesAt) + 1);
    if (after <= 0) stop = Math.min(stop, Math.ceil(passesAt));
  }
  return first < stop ? [{ from: first, to: stop }] : [];
}

function edgesOf({ left, top, width, height }: Zone, picture: { width: number; height: number }): Box {
  const [x, y] = [picture.width / 10_000, picture.height / 10_000];
  return { left: left * x, top: top * y, right: (left + width) * x, bottom: (top + height) * y };
}
