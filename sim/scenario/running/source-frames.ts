// Owns: which pictures of a camera's source lie in a span: their numbers in the source, counted from 0. Independent of what the doorbell
// made of it. Not here: judging a clip by them (judge-clips.ts).
import { type Ffmpeg, fileInput, runFfmpeg, sniffFile } from '../../../device/index.ts';
import { SYNTHETIC_FPS } from '../../porch/scene.ts';
import type { FootagePart } from '../../replay/footage.ts';
import type { VirtualClock } from '../../world/virtual-clock.ts';

const LISTED_BYTES_MAX = 256 * 1024 * 1024;
const LIST_MS_MAX = 60_000;

/** Numbers of the first and the last picture whose time is in the span; null when none is. Times on the source's own timeline. */
export async function framesIn(
  part: FootagePart,
  { fromUs, toUs }: { fromUs: number; toUs: number },
  deps: { ffmpeg: Ffmpeg; clock: VirtualClock },
): Promise<{ first: number; last: number } | null> {
  const times = await frameTimes(part, deps);
  if (typeof times === 'number') {
    const [first, end] = [Math.ceil((fromUs * times) / 1_000_000), Math.ceil((toUs * times) / 1_000_000)];
    return end > first ? { first, last: end - 1 } : null;
  }
  const first = times.findIndex((us) => us >= fromUs);
  const last = times.findLastIndex((us) => us < toUs);
  return first >= 0 && last >= first ? { first, last } : null;
}

/** Each picture's time in microseconds, in the order in which they are shown; or how many there are a second. */
async function frameTimes(
  { source }: FootagePart,
  { ffmpeg, clock }: { ffmpeg: Ffmpeg; clock: VirtualClock },
): Promise<number[] | number> {
  if (source.kind === 'porch') return SYNTHETIC_FPS;
  if (source.kind === 'images') return source.fps;
  const input = fileInput(source.path, await sniffFile(source.path, source.path));
  const listed = await runFfmpeg(ffmpeg, {
    doing: 'listing the pictures of the source',
    args: [...input.options, '-i', input.address, '-map', '0:V:0', '-c', 'copy', '-f', 'framecrc', 'pipe:1'],
    stdoutBytesMax: LISTED_BYTES_MAX,
    timeoutMs: LIST_MS_MAX,
    clock,
  });
  const text = new TextDecoder().decode(listed);
  const [, numerator = '1', denominator = '1'] = /^#tb 0: (\d+)\/(\d+)/m.exec(text) ?? [];
  const tickUs = (Number(numerator) * 1_000_000) / Number(denominator);
  return [...text.matchAll(/^0,\s*-?\d+,\s*(-?\d+),/gm)].map(([, pts]) => Number(pts) * tickUs).sort((a, b) => a - b);
}
