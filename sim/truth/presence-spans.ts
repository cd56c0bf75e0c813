// Makes spans of truth from objects' times in the picture: bridges gaps, drops short spans.

import type { Zone } from '@doorsill/contract/shared-claims';
import { failure } from '../errors.ts';
import {
  microseconds,
  NAME_LENGTH_MAX,
  SPANS_MAX,
  TOLERANCE_US,
  TRUTH_DURATION_S_MAX,
  type Truth,
} from './truth-file.ts';

/** An object is in the picture, or in the zone; in microseconds since the first picture. */
export interface Presence {
  startUs: number;
  endUs: number;
  label: string;
}

/** Facts and choices that annotations don't contain. */
export interface ConversionOptions {
  /** Pictures a second of the annotated footage; annotations count pictures. */
  frameRate: number;
  /** Length of the footage; default: what the annotations say, else up to their last picture. */
  durationUs?: number | undefined;
  /** Only objects that overlap this part of the picture count, in ten-thousandths of its size. */
  zone?: Zone | undefined;
  /** Presences less than this apart are joined. Default: 1 s. */
  gapUs?: number | undefined;
  /** Shorter spans are dropped. Default: none. */
  shortestUs?: number | undefined;
  /** Only objects with these labels (CVAT) or classes (MOT, column 8) count. Default: all. */
  labels?: readonly string[] | undefined;
  /** Replaces the annotations' own labels in the spans. */
  label?: string | undefined;
  camera?: string | undefined;
}

const GAP_US = 1_000_000;
export const FRAME_RATE_MAX = 1_000;
/** A month at 240 frames a second. */
export const FRAME_MAX = 31 * 24 * 3600 * 240;

export function annotationsInvalid(file: string, detail: string): Error {
  return failure('annotations_invalid', { file, detail });
}

/** The truth in footage of `durationUs` from presences. Throws `annotations_invalid`; `file` is the name in its message. */
export function truthOfPresences(
  presences: readonly Presence[],
  durationUs: number,
  { gapUs = GAP_US, shortestUs = 0, label, camera }: ConversionOptions,
  file: string,
): Truth {
  if (durationUs <= 0) throw annotationsInvalid(file, 'the length of the footage is unknown: give it');
  if (durationUs > microseconds(TRUTH_DURATION_S_MAX))
    throw annotationsInvalid(file, 'the footage is over 31 days long');
  const merged: (Presence & { labels: Set<string> })[] = [];
  for (const presence of presences.toSorted((a, b) => a.startUs - b.startUs)) {
    const last = merged.at(-1);
    // Touching or overlapping presences are joined, whatever the gap is.
    if (last && (presence.startUs <= last.endUs || presence.startUs - last.endUs < gapUs)) {
      last.endUs = Math.max(last.endUs, presence.endUs);
      last.labels.add(presence.label);
    } else merged.push({ ...presence, labels: new Set([presence.label]) });
  }
  const late = merged.find(({ endUs }) => endUs > durationUs);
  if (late) {
    const detail = `an object is there until ${late.endUs / 1e6} s, and the footage lasts ${durationUs / 1e6} s: check frame rate and length`;
    throw annotationsInvalid(file, detail);
  }
  const kept = merged.filter(({ startUs, endUs }) => endUs - startUs >= shortestUs);
  if (kept.length > SPANS_MAX)
    throw annotationsInvalid(file, `it makes ${kept.length} spans, at most ${SPANS_MAX} can be`);
  const spans = kept.map(({ startUs, endUs, labels }) => ({
    event: 'motion' as const,
    startUs,
    endUs,
    label: (label ?? [...labels].sort().join(', ')).slice(0, NAME_LENGTH_MAX),
    ...(camera === undefined ? {} : { camera }),
    optional: false,
  }));
  return { durationUs, toleranceUs: TOLERANCE_US, judge: ['motion'], spans };
}

/** When a picture begins; `frame` counts from 0. */
export function frameStartUs(frame: number, frameRate: number): number {
  return Math.round((frame * 1_000_000) / frameRate);
}

/** Throws `annotations_invalid` for an impossible frame rate. */
export function checkFrameRate({ frameRate }: ConversionOptions, file: string): void {
  if (frameRate > 0 && frameRate <= FRAME_RATE_MAX) return;
  throw annotationsInvalid(file, `a frame rate is more than 0 and at most ${FRAME_RATE_MAX}`);
}

/** Throws `annotations_invalid` for a label that no object has: the truth would be empty. */
export function checkLabels({ labels = [] }: ConversionOptions, found: ReadonlySet<string>, file: string): void {
  const unknown = labels.find((label) => !found.has(label));
  if (unknown === undefined) return;
  const named = [...found].filter((label) => label !== '').sort();
  throw annotationsInvalid(
    file,
    `no object is labelled "${unknown}"; there is ${named.join(', ') || 'no label at all'}`,
  );
}
