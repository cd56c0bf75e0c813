// Reads and checks ground truth: shape, order, overlaps, units, and whether length and cameras fit the footage.

import { type Disk, systemCode } from '@doorsill/base/disk';
import { readBySchema } from '@doorsill/base/schema-fault';
import { fromUtf8 } from '@doorsill/contract/bytes';
import { type Failure, failure } from '../errors.ts';
import {
  eventsOf,
  microseconds,
  TOLERANCE_US,
  TRUTH_DURATION_S_MAX,
  type Truth,
  TruthFile,
  type TruthSpan,
} from './truth-file.ts';

const TRUTH_BYTES_MAX = 4 * 1024 * 1024;
/** People round a length to a tenth of a second. */
const ROUNDED_US = 50_000;
/** Assumed duration of a picture if the frame rate is unknown: that of a slow camera. */
const FRAME_US = 100_000;
/** Times that exceed the length more than this many times are not frame numbers: footage hardly has a higher frame rate. */
const FPS_MAX = 240;
/** Above this ratio they may be milliseconds: few cameras have a higher frame rate. */
const FPS_LEAST_LIKELY = 60;

/** Known facts of the footage; unknown ones are not checked. */
export interface TruthFootage {
  /** Length since the first picture. */
  durationUs?: number;
  /** Duration of one picture. */
  frameUs?: number;
  /** The cameras of the replay. */
  cameras?: readonly string[];
}

/**
 * Reads a truth file. Throws `truth_unreadable`, `truth_invalid`, `truth_wrong_units`, `truth_overlap` and, with `footage`,
 * `truth_other_footage`, each with the location.
 */
export async function readTruth(path: string, disk: Disk, footage: TruthFootage = {}): Promise<Truth> {
  const text = await readText(path, disk, TRUTH_BYTES_MAX).catch((thrown: unknown) => {
    if (!(thrown instanceof TextUnreadable)) throw thrown;
    throw failure('truth_unreadable', { file: path, detail: thrown.message }, thrown);
  });
  const truth = parseTruth(text, path);
  checkFootage(truth, footage, path);
  return truth;
}

/** Parses ground truth; `file` is the name in failures. Throws as `readTruth`. */
export function parseTruth(text: string, file: string): Truth {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : '';
    throw failure('truth_unreadable', { file, detail: `it is not JSON: ${why}` }, thrown);
  }
  const read = readBySchema(TruthFile, value, 'the file');
  if (!read.ok) throw failure('truth_invalid', { file, detail: read.fault });
  return truthOf(read.data, file);
}

/** Checks ground truth against its footage. Throws `truth_other_footage`, `truth_wrong_units`. */
export function checkFootage(truth: Truth, footage: TruthFootage, file: string): void {
  const { durationUs, frameUs, cameras } = footage;
  if (durationUs !== undefined) checkLength(truth.durationUs, durationUs, frameUs, file);
  if (cameras === undefined) return;
  const unknown = truth.spans.find(({ camera }) => camera !== undefined && !cameras.includes(camera))?.camera;
  if (unknown === undefined) return;
  const detail = `it labels the camera ${unknown}, and the replay has ${cameras.join(', ') || 'none'}`;
  throw failure('truth_other_footage', { file, detail });
}

function checkLength(labelledUs: number, footageUs: number, frameUs: number | undefined, file: string): void {
  const allowedUs = Math.max(2 * (frameUs ?? FRAME_US), ROUNDED_US);
  if (Math.abs(labelledUs - footageUs) <= allowedUs) return;
  const detail = `durationS is ${labelledUs / 1e6}, and the footage lasts ${footageUs / 1e6} s`;
  const ratio = labelledUs / footageUs;
  const isAbout = (factor: number) => Math.abs(ratio / factor - 1) < 0.02;
  if (isAbout(1_000)) throw failure('truth_wrong_units', { file, detail: `${detail}: these are milliseconds` });
  if (frameUs !== undefined && frameUs < 500_000 && isAbout(1e6 / frameUs)) {
    throw failure('truth_wrong_units', { file, detail: `${detail}: these are frames` });
  }
  throw failure('truth_other_footage', { file, detail });
}

type FileSpan = TruthFile['spans'][number];

function truthOf(written: TruthFile, file: string): Truth {
  const invalid = (detail: string) => failure('truth_invalid', { file, detail });
  checkUnits(written, file);
  if (written.durationS > TRUTH_DURATION_S_MAX) {
    throw invalid(`durationS is ${written.durationS}, over 31 days: is it in seconds?`);
  }
  const durationUs = microseconds(written.durationS);
  const judge = written.judge ?? eventsOf(written.spans);
  const named = written.spans.map((span, at) => ({ where: `spans[${at}]`, ...spanOf(span, `spans[${at}]`, invalid) }));
  for (const { where, endUs, event } of named) {
    if (endUs > durationUs) throw invalid(`${where} ends at ${endUs / 1e6} s, after durationS (${written.durationS})`);
    if (!judge.includes(event)) throw invalid(`${where} is a ${event}, which "judge" does not name`);
  }
  const nameless = named.find(({ camera }) => camera === undefined);
  if (nameless && named.some(({ camera }) => camera !== undefined)) {
    throw invalid(`${nameless.where} names no camera, and other spans do`);
  }
  checkOverlaps(named, file);
  const spans = named.map(({ where: _, ...span }): TruthSpan => span);
  return {
    durationUs,
    toleranceUs: written.toleranceS === undefined ? TOLERANCE_US : microseconds(written.toleranceS),
    judge: [...new Set(judge)],
    spans: spans.sort((a, b) => a.startUs - b.startUs),
  };
}

function spanOf(span: FileSpan, where: string, invalid: (detail: string) => Failure): TruthSpan {
  const { event, atS, fromS, toS, label, camera, optional = false } = span;
  const rest = { event, optional, ...(label ? { label } : {}), ...(camera ? { camera } : {}) };
  if (atS !== undefined) {
    if (fromS !== undefined || toS !== undefined) throw invalid(`${where} has atS beside fromS or toS`);
    if (event !== 'ring') throw invalid(`${where} is ${event} at one moment: give it fromS and toS instead of atS`);
    return { ...rest, startUs: microseconds(atS), endUs: microseconds(atS) };
  }
  if (fromS === undefined || toS === undefined) {
    const missing = fromS === undefined ? 'fromS' : 'toS';
    throw invalid(`${where} has no ${missing}${event === 'ring' ? ', nor atS' : ''}`);
  }
  const [startUs, endUs] = [microseconds(fromS), microseconds(toS)];
  if (startUs >= endUs) throw invalid(`${where} begins at ${fromS} s, and ends at ${toS} s, which is not later`);
  return { ...rest, startUs, endUs };
}

/** Refuses times far after the end of the footage: they are in another unit. */
function checkUnits({ durationS, spans }: TruthFile, file: string): void {
  const timesOf = ({ atS, fromS, toS }: FileSpan) => [atS, fromS, toS].filter((time) => time !== undefined);
  const latest = spans
    .map((span, at) => ({ at, endS: Math.max(0, ...timesOf(span)) }))
    .reduce((late, one) => (one.endS > late.endS ? one : late), { at: 0, endS: 0 });
  const ratio = latest.endS / durationS;
  const couldBeFrames = ratio <= FPS_MAX && spans.flatMap(timesOf).every(Number.isInteger);
  const units = [
    ...(ratio > FPS_LEAST_LIKELY && ratio <= 2_000 ? ['milliseconds'] : []),
    ...(ratio > 2 && couldBeFrames ? ['frame numbers'] : []),
    ...(ratio > 2_000 ? ['microseconds'] : []),
  ];
  if (units.length === 0) return;
  const detail = `spans[${latest.at}] ends at ${latest.endS}, and durationS is ${durationS}: that looks like ${units.join(' or ')}`;
  throw failure('truth_wrong_units', { file, detail });
}

/** Refuses overlapping spans of one event and camera; they may touch. */
function checkOverlaps(spans: readonly (TruthSpan & { where: string })[], file: string): void {
  const last = new Map<string, TruthSpan & { where: string }>();
  for (const span of spans.toSorted((a, b) => a.startUs - b.startUs || a.endUs - b.endUs)) {
    const key = JSON.stringify([span.event, span.camera ?? null]);
    const before = last.get(key);
    if (before && (span.startUs < before.endUs || span.startUs === before.startUs)) {
      const detail = `${before.where} (${spelled(before)}) and ${span.where} (${spelled(span)})`;
      throw failure('truth_overlap', { file, detail });
    }
    last.set(key, span);
  }
}

function spelled({ event, startUs, endUs }: TruthSpan): string {
  return startUs === endUs ? `${event} at ${startUs / 1e6} s` : `${event}, ${startUs / 1e6} s to ${endUs / 1e6} s`;
}

/** Why a text cannot be read, as half a sentence; the caller adds which text. */
export class TextUnreadable extends Error {}

/** A file's text, without a byte order mark. Throws `TextUnreadable`, also for devices and pipes, which count as empty. */
export async function readText(path: string, disk: Disk, bytesMax: number): Promise<string> {
  try {
    // A device or a pipe has no size, and reading it might not end.
    if ((await disk.sizeOf(path)) === 0) throw new TextUnreadable('it is empty');
    const bytes = await disk.readFile(path, bytesMax);
    if (!bytes) throw new TextUnreadable('there is no such file');
    const text = fromUtf8(bytes);
    if (text === null) throw new TextUnreadable('it is not UTF-8 text');
    return text.replace(/^\uFEFF/, '');
  } catch (thrown) {
    const code = systemCode(thrown);
    if (code === null) throw thrown;
    throw new TextUnreadable(REASONS[code] ?? `system error ${code}`);
  }
}

const REASONS: Record<string, string> = {
  EFBIG: 'it is too large',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is not a folder',
  EACCES: 'this user may not read it',
};
