// Which ffmpegs tests run with, found once in a process; running a suite with each of them. What runs with the system's carries its tag.
import { describe } from 'vitest';
import { bundledPath, type Ffmpeg, findFfmpeg } from '../../device/camera/find-ffmpeg.ts';

/** The one that the product chooses on this machine. */
export const chosenFfmpeg: Ffmpeg = await findFfmpeg();
const bundled = bundledPath();

/** npm's; where nothing is bundled, the system's. It starts in 5 ms of a processor's time, a system's with its libraries in 100. */
export const npmFfmpeg: Ffmpeg =
  bundled === null || bundled === chosenFfmpeg.path
    ? chosenFfmpeg
    : await findFfmpeg({ env: { FFMPEG_PATH: bundled } });

/** Every ffmpeg of this machine that the product may choose: the one that it would, and npm's. */
export const ffmpegs: readonly Ffmpeg[] = npmFfmpeg === chosenFfmpeg ? [chosenFfmpeg] : [chosenFfmpeg, npmFfmpeg];

/** Stands for the system's where there is none: its suites are declared, so that they are counted, and left out. */
const ABSENT: Ffmpeg = { ...chosenFfmpeg, version: 'of the system' };

const all: { ffmpeg: Ffmpeg; tags: 'ffmpeg'[] }[] = [
  ...(bundled === null
    ? []
    : [{ ffmpeg: npmFfmpeg === chosenFfmpeg ? ABSENT : chosenFfmpeg, tags: ['ffmpeg' as const] }]),
  { ffmpeg: npmFfmpeg, tags: [] },
];

/** Declares a suite once for each; `$version` in its name is the ffmpeg's. */
export function describeWithEachFfmpeg(name: string, suite: (ffmpeg: Ffmpeg) => void): void {
  for (const { ffmpeg, tags } of all) describe(name.replace('$version', ffmpeg.version), { tags }, () => suite(ffmpeg));
}
