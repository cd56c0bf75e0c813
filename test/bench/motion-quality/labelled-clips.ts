// The clips whose motion people have written down: where each is looked for, that it is the very file, and what happens in it; and each as
// a camera would record it in less light. The clips are no part of the repository.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { SystemDisk } from '../../../device/base/disk.ts';
import { Zone } from '../../../device/contract/shared-claims.ts';
import { PICTURE_HEIGHT, PICTURE_WIDTH } from '../../../device/motion/gray-picture-size.ts';
import { readTruth } from '../../../sim/truth/read-truth.ts';
import type { Truth } from '../../../sim/truth/truth-file.ts';

const run = promisify(execFile);

/** `npm run bench` starts in the repository's folder. */
const LABELS = resolve('test/bench/motion-quality');
const FOLDERS = [
  process.env['DOORSILL_MEDIA'] ?? resolve('../shared/media'),
  '/usr/share/doc/opencv-doc/examples/data',
];

/** Shares of the daylight's contrast that are left, in percent; the rest is the noise of a sensor. */
export const LIGHTS = [100, 30, 10] as const;
/** Pictures a second, of the clips as both detectors get them, and of ours as its camera makes them. */
export const CLIP_FPS = 10;
export const GRAY_FPS = 5;

const clipSchema = z.strictObject({
  name: z.string(),
  what: z.string(),
  /** Defaults are chosen on one half of the clips and reported on the other. */
  half: z.enum(['chosen', 'reported']),
  file: z.string(),
  sha256: z.string(),
  /** Of the picture as the detectors get it: near the size that motion's default threshold is meant for. */
  size: z.tuple([z.number(), z.number()]),
  /** Where motion counts, in ten-thousandths of the picture; everywhere without. */
  zone: Zone.optional(),
});
export type LabelledClip = z.infer<typeof clipSchema> & { path: string; truth: Truth };

/** The clips that are there, and what is missing, as sentences. */
export async function labelledClips(): Promise<{ clips: LabelledClip[]; missing: string[] }> {
  const listed = z.array(clipSchema).parse(JSON.parse(await readFile(join(LABELS, 'clips.json'), 'utf8')));
  const clips: LabelledClip[] = [];
  const missing = new Set<string>();
  for (const clip of listed) {
    const path = FOLDERS.map((folder) => join(folder, clip.file)).find((one) => existsSync(one));
    const truth = await readTruth(join(LABELS, `${clip.name}.truth.json`), new SystemDisk());
    if (path === undefined) missing.add(`${clip.file} is in none of ${FOLDERS.join(', ')}`);
    else if ((await sha256Of(path)) !== clip.sha256) missing.add(`${path} is not the file that was labelled`);
    else clips.push({ ...clip, path, truth });
  }
  return { clips, missing: [...missing] };
}

async function sha256Of(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/** Writes the clip in this light as both detectors get it: the same bytes each time with the same ffmpeg. Returns the path. */
export async function inLight(
  { path, name, size }: LabelledClip,
  light: number,
  ffmpeg: string,
  folder: string,
): Promise<string> {
  const dimmed = join(folder, `${name}-${light}.mp4`);
  const day = `fps=${CLIP_FPS},scale=${size.join(':')},format=yuv420p`;
  const night = `${day},lutyuv=y='16+(val-16)*${light / 100}':u=128:v=128,noise=c0s=8:c0f=t:all_seed=1`;
  const encode = ['-c:v', 'libx264', '-threads', '1', '-preset', 'veryfast', '-b:v', '1200k', '-g', '20', dimmed];
  await run(ffmpeg, [
    '-v',
    'error',
    '-y',
    '-i',
    path,
    '-map',
    '0:v',
    '-an',
    '-vf',
    light === 100 ? day : night,
    ...encode,
  ]);
  return dimmed;
}

/** The gray pictures that the device's camera makes of a file. */
export async function grayPictures(path: string, ffmpeg: string): Promise<Uint8Array[]> {
  const filter = `fps=${GRAY_FPS},scale=${PICTURE_WIDTH}:${PICTURE_HEIGHT}:flags=fast_bilinear,format=gray`;
  const args = ['-v', 'error', '-i', path, '-map', '0:v', '-an', '-vf', filter, '-f', 'rawvideo', '-'];
  const { stdout } = await run(ffmpeg, args, { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 });
  const bytes = PICTURE_WIDTH * PICTURE_HEIGHT;
  return Array.from({ length: Math.floor(stdout.length / bytes) }, (_, at) =>
    stdout.subarray(at * bytes, (at + 1) * bytes),
  );
}
