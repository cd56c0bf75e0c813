// Resolves footage arguments to parts in order: videos, folders, patterns, image sequences, the drawn porch, separate sound files.

import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { systemCode } from '@doorsill/base/disk';
import { glob, isDynamicPattern } from 'tinyglobby';
import { failure } from '../errors.ts';
import { parseSyntheticSource, type SyntheticSource } from '../porch/porch-camera.ts';

/** Where a part's pictures come from. Paths are absolute. */
export type FootageSource =
  | { kind: 'video'; path: string }
  /** Images of one format, `fps` a second. */
  | { kind: 'images'; paths: readonly string[]; fps: number }
  | { kind: 'porch'; source: SyntheticSource };

/** A part of a camera's footage; parts follow each other. Times in microseconds. */
export interface FootagePart {
  source: FootageSource;
  /** A separate sound file; absent: the video's own sound. */
  sound?: string;
  /** Whether there is sound at all. */
  audio: boolean;
  /** The part of the source that is shown, on the source's own timeline. */
  fromUs: number;
  toUs?: number;
  /** How often it is shown. */
  loop: number | 'forever';
  /** The earliest start in the world's time; absent: the end of the part before. */
  atUs?: number;
}

export interface FootageOptions {
  /** Images a second of a sequence. */
  fps?: number;
  sound?: string;
  audio?: boolean;
  fromUs?: number;
  toUs?: number;
  loop?: number | 'forever';
}

const PARTS_MAX = 10_000;
const IMAGES_MAX = 1_000_000;
const IMAGE_NAMES = /\.(jpe?g|png)$/i;
/** Files that cameras write next to their videos. */
const OTHER_NAMES = /\.(json|txt|csv|xml|md|ya?ml|srt|log|sha256)$/i;
const FPS_DEFAULT = 15;
/** Files of a doorbell that keeps its footage. */
const DOORBELL_FILES = ['device.key', 'device.json', 'wrapping.key'];

/**
 * Resolves arguments to parts: a file, a folder (all its videos or all its images, by name), a pattern, `synthetic?...`. Throws
 * `replay_no_footage`, `replay_footage_mixed`, `replay_too_much`, `replay_folder_paired`, `camera_option_invalid`.
 */
export async function readFootage(words: readonly string[], options: FootageOptions = {}): Promise<FootagePart[]> {
  const sources: FootageSource[] = [];
  for (const word of words) {
    sources.push(...(await sourcesOf(word, options.fps ?? FPS_DEFAULT)));
    if (sources.length > PARTS_MAX) throw failure('replay_too_much', { detail: `more than ${PARTS_MAX} videos` });
  }
  if (sources.length === 0) throw failure('replay_no_footage', { detail: 'no source was named' });
  const { sound, audio = true, fromUs = 0, toUs, loop = 1 } = options;
  if (sources.length > 1 && (fromUs > 0 || toUs !== undefined || sound !== undefined))
    throw failure('usage', { detail: '--from, --to and --sound are for one source; this is more than one' });
  const ownSound = sound === undefined ? {} : { sound: await existing(sound) };
  const cut = { fromUs, ...(toUs === undefined ? {} : { toUs }), ...ownSound, audio };
  const once = sources.map((source) => ({ source, ...cut, loop: 1 }));
  const [only] = once;
  if (only && once.length === 1) return [{ ...only, loop }];
  if (loop === 'forever' || loop * once.length > PARTS_MAX)
    throw failure('replay_too_much', { detail: 'several sources cannot be shown forever; give --loop a number' });
  return Array.from({ length: loop }, () => once).flat();
}

/** Refuses a path in the folder of a doorbell that keeps its footage. Throws `replay_folder_paired`. */
export async function refusePairedFolder(path: string): Promise<void> {
  for (let folder = path; ; folder = dirname(folder)) {
    const names: string[] = await readdir(folder).catch(() => []);
    if (DOORBELL_FILES.some((name) => names.includes(name))) throw failure('replay_folder_paired', { folder });
    if (dirname(folder) === folder) return;
  }
}

async function sourcesOf(word: string, fps: number): Promise<FootageSource[]> {
  const source = parseSyntheticSource(word, { pace: 'own' });
  if (source) return [{ kind: 'porch', source }];
  const path = resolve(word.startsWith('file:') ? word.slice('file:'.length) : word);
  const facts = await stat(path).catch((thrown: unknown) => {
    if (!isDynamicPattern(word)) throw missing(word, thrown);
    return null;
  });
  if (facts === null) return fromPattern(word, fps);
  await refusePairedFolder(await realpath(path));
  if (!facts.isDirectory()) return [{ kind: 'video', path }];
  const names = (await readdir(path)).filter((name) => !name.startsWith('.') && !OTHER_NAMES.test(name));
  const files = await Promise.all(names.map((name) => stat(join(path, name)).then((entry) => entry.isFile())));
  return fromFiles(
    word,
    names.filter((_, at) => files[at]).map((name) => join(path, name)),
    fps,
  );
}

async function fromPattern(word: string, fps: number): Promise<FootageSource[]> {
  const paths = await glob(word, { absolute: true, onlyFiles: true, expandDirectories: false });
  for (const folder of new Set(paths.map((path) => dirname(path)))) await refusePairedFolder(await realpath(folder));
  return fromFiles(word, paths, fps);
}

/** Files sorted by name, with numbers by value: 2 before 10. */
function fromFiles(word: string, paths: readonly string[], fps: number): FootageSource[] {
  const ordered = [...paths].sort((a, b) => inOrder.compare(basename(a), basename(b)) || inOrder.compare(a, b));
  return sourcesOfFiles(ordered, fps, word);
}

/** Videos one by one, or images as one sequence. `word` names them in failures. Throws as `readFootage`. */
export function sourcesOfFiles(ordered: readonly string[], fps: number, word = 'that was named'): FootageSource[] {
  const images = ordered.filter((path) => IMAGE_NAMES.test(path));
  if (ordered.length === 0) throw failure('replay_no_footage', { detail: `${word} holds no files` });
  if (images.length === 0) return ordered.map((path) => ({ kind: 'video', path }));
  if (images.length < ordered.length) throw failure('replay_footage_mixed', { folder: word });
  if (new Set(images.map(formatOf)).size > 1)
    throw failure('replay_footage_mixed', { folder: `${word} (JPEG and PNG)` });
  if (images.length > IMAGES_MAX) throw failure('replay_too_much', { detail: `more than ${IMAGES_MAX} images` });
  return [{ kind: 'images', paths: images, fps }];
}

const inOrder = new Intl.Collator('en', { numeric: true });

/** An image's format by its file name. */
export function formatOf(path: string): 'png' | 'mjpeg' {
  return extname(path).toLowerCase() === '.png' ? 'png' : 'mjpeg';
}

async function existing(word: string): Promise<string> {
  const path = resolve(word);
  await stat(path).catch((thrown: unknown) => {
    throw missing(word, thrown);
  });
  await refusePairedFolder(await realpath(path));
  return path;
}

function missing(word: string, thrown: unknown): Error {
  const detail = systemCode(thrown) === 'ENOENT' ? 'does not exist' : `cannot be read (${systemCode(thrown)})`;
  return failure('replay_no_footage', { detail: `${word} ${detail}` });
}

/** A part's length in microseconds, if known without probing; null for a video. */
export function lengthOf({ source, fromUs, toUs }: FootagePart): number | null {
  const whole =
    source.kind === 'images'
      ? Math.round((source.paths.length * 1_000_000) / source.fps)
      : source.kind === 'porch' && source.source.seconds !== null
        ? source.source.seconds * 1_000_000
        : null;
  if (whole === null) return toUs === undefined ? null : toUs - fromUs;
  return Math.max(0, Math.min(whole, toUs ?? whole) - fromUs);
}
