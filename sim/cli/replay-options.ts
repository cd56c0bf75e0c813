import { resolve } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { parseSeconds } from '@doorsill/device/terminal/format-units';
import { failure } from '../errors.ts';
import { type FootageOptions, type FootagePart, readFootage } from '../replay/footage.ts';
import type { ReplayPlan } from '../replay/run-replay.ts';
import { readText, TextUnreadable } from '../truth/read-truth.ts';
import type { Thresholds } from '../truth/verdict.ts';
import { parseStart } from '../world/start-time.ts';

/** The options of the verb `replay`, as commander returns them. */
export interface ReplayOptions {
  camera: string[];
  fps?: string;
  sound?: string;
  audio: boolean;
  from?: string;
  to?: string;
  loop?: string | true;
  speed: string;
  start?: string;
  clockStep: string[];
  seed: string;
  settings?: string;
  sensitivity?: string;
  out?: string;
  expect?: string;
  minPrecision?: string;
  minRecall?: string;
  maxDelay?: string;
  maxFalse?: string;
  maxMissed?: string;
  tune?: boolean;
}

const SETTINGS_BYTES_MAX = 200_000;
const CAMERA_NAME = /^([a-z0-9][a-z0-9-]{0,31})=(.+)$/s;

/** The cameras of a replay with their footage. */
export type Cameras = ReplayPlan['cameras'];

/** The cameras that the arguments name. Throws `usage`, `replay_...`. */
export async function camerasOf(sources: readonly string[], options: ReplayOptions): Promise<Cameras> {
  const footage = footageOptions(options);
  const cameras: { name: string; footage: FootagePart[] }[] = [];
  if (sources.length > 0) cameras.push({ name: 'front', footage: await readFootage(sources, footage) });
  for (const word of options.camera) {
    const [, name = '', source = ''] = CAMERA_NAME.exec(word) ?? [];
    if (name === '') throw failure('usage', { detail: `--camera takes NAME=SOURCE, not "${word}"` });
    if (cameras.some((camera) => camera.name === name))
      throw failure('usage', { detail: `two cameras are called ${name}` });
    cameras.push({ name, footage: await readFootage([source], footage) });
  }
  if (cameras.length === 0) throw failure('replay_no_footage', { detail: 'no source was named' });
  return cameras;
}

/** The part of the footage to play, and how. Throws `usage`. */
export function footageOptions(options: ReplayOptions): FootageOptions {
  const { fps, sound, audio, from, to, loop } = options;
  const fromUs = from === undefined ? 0 : parseSeconds(from, '--from');
  const toUs = to === undefined ? undefined : parseSeconds(to, '--to');
  if (toUs !== undefined && toUs <= fromUs) throw failure('usage', { detail: '--to must be later than --from' });
  return {
    ...(fps === undefined ? {} : { fps: parseNumber(fps, '--fps', 0.01, 240) }),
    ...(sound === undefined ? {} : { sound }),
    audio,
    fromUs,
    ...(toUs === undefined ? {} : { toUs }),
    loop:
      loop === undefined ? 1 : loop === true ? 'forever' : parseNumber(loop, '--loop', 1, 1_000_000, { isWhole: true }),
  };
}

/** A number in a range. `orWords`: other values that the option takes. */
function parseNumber(
  text: string,
  what: string,
  min: number,
  max: number,
  { isWhole = false, orWords = '' }: { isWhole?: boolean; orWords?: string } = {},
): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < min || value > max || (isWhole && !Number.isInteger(value)))
    throw failure('usage', { detail: `${what} takes ${orWords}${min} to ${max}, not "${text}"` });
  return value;
}

function speedOf(text: string): { speed?: number } {
  if (text === 'fast') return {};
  return { speed: text === 'own' ? 1 : parseNumber(text, '--speed', 0.1, 1_000, { orWords: 'fast, own, or ' }) };
}

function clockSteps(words: readonly string[]): { atUs: number; byUs: number }[] {
  return words.map((word) => {
    const [, at = '', sign = '', by = ''] = /^([\d.]+)=([+-]?)([\d.]+)$/.exec(word) ?? [];
    if (at === '')
      throw failure('usage', { detail: `--clock-step takes SECONDS=SECONDS such as 10=-1, not "${word}"` });
    const byUs = parseSeconds(by, '--clock-step');
    return { atUs: parseSeconds(at, '--clock-step'), byUs: sign === '-' ? -byUs : byUs };
  });
}

/** The settings of the doorbells. Throws `usage`, `config_invalid`. */
export async function settingsOf(
  { settings, sensitivity }: Pick<ReplayOptions, 'settings' | 'sensitivity'>,
  disk: Disk,
): Promise<ReplayPlan['settings']> {
  const named = settings === undefined ? {} : await settingsFile(settings, disk);
  if (sensitivity === undefined) return named;
  return {
    ...named,
    motion: { ...named.motion, sensitivity: parseNumber(sensitivity, '--sensitivity', 1, 100, { isWhole: true }) },
  };
}

async function settingsFile(file: string, disk: Disk): Promise<ReplayPlan['settings']> {
  const invalid = (detail: string) => failure('config_invalid', { file, detail });
  const text = await readText(resolve(file), disk, SETTINGS_BYTES_MAX).catch((thrown: unknown) => {
    if (!(thrown instanceof TextUnreadable)) throw thrown;
    throw failure('usage', { detail: `--settings: ${file} cannot be read: ${thrown.message}` }, thrown);
  });
  let settings: unknown;
  try {
    settings = JSON.parse(text);
  } catch (thrown) {
    throw invalid(`it is not JSON: ${thrown instanceof Error ? thrown.message : ''}`);
  }
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
    throw invalid('it does not contain settings of a doorbell');
  // The doorbell checks them when it starts, and ignores settings that a replay does not use.
  return { ...settings };
}

/** The required scores, as far as options give them. Throws `usage`. */
export function thresholdsOf(options: ReplayOptions): Thresholds {
  const { minPrecision, minRecall, maxDelay, maxFalse, maxMissed } = options;
  return {
    ...(minPrecision === undefined ? {} : { minPrecision: parseNumber(minPrecision, '--min-precision', 0, 1) }),
    ...(minRecall === undefined ? {} : { minRecall: parseNumber(minRecall, '--min-recall', 0, 1) }),
    ...(maxDelay === undefined ? {} : { maxDelayS: parseNumber(maxDelay, '--max-delay', 0, 3_600) }),
    ...(maxFalse === undefined ? {} : { maxFalse: parseNumber(maxFalse, '--max-false', 0, 1e6, { isWhole: true }) }),
    ...(maxMissed === undefined
      ? {}
      : { maxMissed: parseNumber(maxMissed, '--max-missed', 0, 1e6, { isWhole: true }) }),
  };
}

/** The plan of the replay. Throws `usage`, `start_time_refused`, `config_invalid`. */
export async function planOf(
  cameras: Cameras,
  options: ReplayOptions,
  disk: Disk,
): Promise<ReplayPlan & { zone: string }> {
  const start = options.start === undefined ? null : parseStart(options.start);
  return {
    cameras,
    startUs: start?.wallUs ?? 'own',
    zone: start?.zone ?? 'UTC',
    ...speedOf(options.speed),
    seed: parseNumber(options.seed, '--seed', 0, 2 ** 32 - 1, { isWhole: true }),
    settings: await settingsOf(options, disk),
    clockSteps: clockSteps(options.clockStep),
  };
}
