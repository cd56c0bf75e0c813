// What a stranger's decoder says of a video: frames inside a window of the source, frames a clip holds in all.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ffmpegs, npmFfmpeg } from './each-ffmpeg.ts';

const run = promisify(execFile);
const [newest = npmFfmpeg] = ffmpegs;
const OUTPUT_BYTES_MAX = 100_000_000;

/** Presentation times of all decoded frames in seconds, from the container's own start, as a player counts. */
export async function frameTimes(path: string, options: readonly string[] = []): Promise<number[]> {
  const args = [
    '-v',
    'info',
    '-nostdin',
    ...options,
    '-i',
    path,
    '-map',
    '0:v:0',
    '-an',
    '-fps_mode',
    'passthrough',
    '-vf',
    'showinfo',
    '-f',
    'null',
    '-',
  ];
  const { stderr } = await run(newest.path, args, { maxBuffer: OUTPUT_BYTES_MAX });
  return [...stderr.matchAll(/pts_time:\s*(-?[\d.]+)/g)].map((match) => Number(match[1]));
}

/** How many frames of a source lie in [fromS, toS). */
export async function framesInside(path: string, fromS: number, toS: number): Promise<number> {
  return (await frameTimes(path)).filter((time) => time >= fromS && time < toS).length;
}

/** How many frames a file holds, hidden ones included. */
export async function framesHeld(path: string): Promise<number> {
  return (await frameTimes(path, ['-ignore_editlist', '1'])).length;
}
