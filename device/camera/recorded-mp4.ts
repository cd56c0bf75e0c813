// The ffmpeg arguments that write recorded footage to a file, copied, or encoded with zones blacked out. Exact clips: clip/.
import type { Zone } from '@doorsill/contract/shared-claims';
import { FRAGMENT_ARGS, KEY_EACH_SECOND, LIMITS } from './ffmpeg-capture-command.ts';
import { type Ffmpeg, threadArgs } from './find-ffmpeg.ts';

/** Constant quality, visually close to the source. */
const QUALITY = 18;

/** Filter expressions for a share of a side in ten-thousandths, in whole pairs of pixels: 4:2:0 has one colour value for two pixels. */
const pairsBefore = (side: string, share: number) => `floor(${side}*${share}/20000)*2`;
const pairsUntil = (side: string, share: number) => `ceil(${side}*${share}/20000)*2`;

/** A box over every pixel that the zone touches. */
function blackBox({ left, top, width, height }: Zone): string {
  const x = pairsBefore('iw', left);
  const y = pairsBefore('ih', top);
  const right = pairsUntil('iw', left + width);
  const bottom = pairsUntil('ih', top + height);
  return `drawbox=x=${x}:y=${y}:w=${right}-${x}:h=${bottom}-${y}:color=black:t=fill`;
}

/** Fragmented MP4 from `pipe:0` to `pipe:1`, with unchanged times. With zones all of the video is encoded anew. */
export function recordedMp4Args(
  { audio, zones }: { audio: boolean; zones: readonly Zone[] },
  ffmpeg: Ffmpeg,
): readonly string[] {
  const filters = ['crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0', 'format=yuv420p', ...zones.map(blackBox)];
  const encoded = [
    ...['-vf', filters.join(','), '-c:v', 'libx264', '-preset', 'veryfast', '-crf', String(QUALITY), '-bf', '0'],
    ...['-g', '600', '-force_key_frames', KEY_EACH_SECOND, '-fps_mode', 'passthrough'],
    ...['-enc_time_base', ffmpeg.release[0] >= 7 ? 'demux' : '-1', ...threadArgs(ffmpeg)],
  ];
  return [
    ...['-protocol_whitelist', 'pipe', '-format_whitelist', 'mov', ...LIMITS, '-f', 'mov', '-i', 'pipe:0'],
    ...['-map', '0:v:0', ...(zones.length > 0 ? encoded : ['-c:v', 'copy'])],
    ...(audio ? ['-map', '0:a:0?', '-c:a', 'copy'] : ['-an']),
    ...[...FRAGMENT_ARGS, 'pipe:1'],
  ];
}
