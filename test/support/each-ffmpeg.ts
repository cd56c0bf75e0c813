// Owns: running a suite with each ffmpeg that the product may choose; what runs with the system's carries its tag.
// Not here: finding one (device/camera/find-ffmpeg.ts).
import { describe } from 'vitest';
import { bundledPath, type Ffmpeg, findFfmpeg } from '../../device/camera/find-ffmpeg.ts';

export interface TaggedFfmpeg {
  ffmpeg: Ffmpeg;
  tags: 'ffmpeg'[];
}

/** Stands for the system's where there is none: its suites are declared, so that they are counted, and left out. */
const ABSENT: Ffmpeg = { ...(await findFfmpeg()), version: 'of the system' };

/** The bundled one, and the system's with its tag. Where nothing is bundled, the system's alone and without a tag. */
export async function eachFfmpeg(): Promise<TaggedFfmpeg[]> {
  const bundled = bundledPath();
  const chosen = await findFfmpeg();
  if (bundled === null) return [{ ffmpeg: chosen, tags: [] }];
  const system = chosen.path === bundled ? ABSENT : chosen;
  return [
    { ffmpeg: system, tags: ['ffmpeg'] },
    { ffmpeg: await findFfmpeg({ env: { FFMPEG_PATH: bundled } }), tags: [] },
  ];
}

const all = await eachFfmpeg();

/** Declares a suite once for each; `$version` in its name is the ffmpeg's. */
export function describeWithEachFfmpeg(name: string, suite: (ffmpeg: Ffmpeg) => void): void {
  for (const { ffmpeg, tags } of all) describe(name.replace('$version', ffmpeg.version), { tags }, () => suite(ffmpeg));
}
