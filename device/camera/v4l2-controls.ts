// Sets a V4L2 camera's controls with `v4l2-ctl`, because ffmpeg cannot.

import type { Clock } from '@doorsill/base/clock';
import type { Programs } from '@doorsill/base/system-programs';
import { type Failure, failure } from '@doorsill/contract/errors';
import type { V4l2Source } from './wired-options.ts';

const CONTROL_MS_MAX = 30_000;
const WORDS_LETTERS_MAX = 200;
const LISTED_LETTERS_MAX = 100_000;

interface Seams {
  programs: Programs;
  clock: Clock;
}

/** Result of one run of `v4l2-ctl`. */
type Outcome = { printed: string } | { failed: Failure };

/**
 * Sets all configured controls in their order; returns what went wrong, or null. A control that another one locks (manual exposure,
 * while automatic exposure is on) must come after that one.
 */
export async function setControls(source: V4l2Source, path: string, seams: Seams): Promise<Failure | null> {
  const missing = await missingControl(source, path, seams);
  if (missing) return missing;
  for (const [name, value] of source.controls) {
    const done = await run(source, ['-d', path, `--set-ctrl=${name}=${value}`], seams);
    if ('failed' in done) return done.failed;
  }
  return null;
}

/** The failure of the first configured control that cannot be set, or null; sets nothing. */
export async function missingControl(source: V4l2Source, path: string, seams: Seams): Promise<Failure | null> {
  if (source.controls.size === 0) return null;
  const limits = await run(source, ['-d', path, '--list-ctrls'], seams);
  if ('failed' in limits) return limits.failed;
  for (const [name, value] of source.controls) {
    const fault = faultOfControl(limits.printed, name, value);
    if (fault !== null) return refused(source, fault);
  }
  return null;
}

/**
 * Why a control cannot have a value, by the output of `--list-ctrls`, or null. Checked here because v4l2-ctl silently accepts a value
 * beyond the limits, and the camera clamps it.
 */
export function faultOfControl(printed: string, name: string, value: number): string | null {
  const line = printed.split('\n').find((each) => each.trim().split(/\s/)[0] === name);
  if (line === undefined) return `it has no ${name}`;
  if (/flags=[\w, -]*read-only/.test(line)) return `${name} can only be read`;
  const limit = (word: string) => new RegExp(`\\b${word}=(-?\\d{1,20})\\b`).exec(line)?.[1];
  const [least, most] = [limit('min'), limit('max')];
  const isBelow = least !== undefined && value < Number(least);
  const isAbove = most !== undefined && value > Number(most);
  return isBelow || isAbove ? `${name}=${value}: it takes ${least ?? 0} to ${most}` : null;
}

function refused(source: V4l2Source, detail: string): Failure {
  return failure('camera_control_refused', { source: source.shown, detail });
}

async function run(source: V4l2Source, args: readonly string[], { programs, clock }: Seams): Promise<Outcome> {
  let [printed, isLate] = ['', false];
  const decoder = new TextDecoder();
  const running = programs.run(['v4l2-ctl', ...args], (chunk) => {
    printed = (printed + decoder.decode(chunk, { stream: true })).slice(0, LISTED_LETTERS_MAX);
  });
  const timer = clock.after(CONTROL_MS_MAX, () => {
    isLate = true;
    running.stop();
  });
  const end = await running.ended;
  timer.cancel();
  if (end.missing) return { failed: failure('hardware_tool_missing', { tool: 'v4l2-ctl', package: 'v4l-utils' }) };
  if (isLate) return { failed: refused(source, 'v4l2-ctl took too long') };
  if (end.status === 0 && end.words === '') return { printed };
  const words = end.words
    .split(/\s*\n\s*/)
    .join('; ')
    .slice(0, WORDS_LETTERS_MAX);
  return { failed: refused(source, words || 'v4l2-ctl does not say why') };
}
