// Owns: setting a V4L2 camera's controls by `v4l2-ctl`, since ffmpeg cannot. Not here: which (wired-options.ts).
import type { Clock } from '../base/clock.ts';
import type { Programs } from '../base/program.ts';
import { type Failure, failure } from '../protocol/errors.ts';
import type { V4l2Source } from './sources.ts';

const SET_MS_MAX = 10_000;
const WORDS_LETTERS_MAX = 200;

/**
 * Sets all controls that were asked for, in the order they were named; returns what went wrong, or null. A control that another
 * one holds (exposure by hand, while it is automatic) must come after that one.
 */
export async function setControls(
  source: V4l2Source,
  path: string,
  { programs, clock }: { programs: Programs; clock: Clock },
): Promise<Failure | null> {
  for (const [name, value] of source.controls) {
    const refused = (detail: string) =>
      failure('camera_control_refused', { source: source.shown, detail: `${name}=${value}: ${detail}` });
    const run = programs.run(['v4l2-ctl', '-d', path, `--set-ctrl=${name}=${value}`]);
    let isLate = false;
    const timer = clock.after(SET_MS_MAX, () => {
      isLate = true;
      run.stop();
    });
    const end = await run.ended;
    timer.cancel();
    if (end.missing) return failure('hardware_tool_missing', { tool: 'v4l2-ctl', package: 'v4l-utils' });
    if (isLate) return refused('it took too long');
    // It ends with 0 whatever became of it, but says so.
    if (end.status !== 0 || end.words !== '') return refused(wordsOf(end.words));
  }
  return null;
}

function wordsOf(text: string): string {
  const words = text.split('\n').map((line) => line.trim());
  return (
    words
      .filter((line) => line !== '')
      .join('; ')
      .slice(0, WORDS_LETTERS_MAX) || 'it does not say why'
  );
}
