// ffmpeg's input arguments for wired cameras and microphones: one demuxer and no protocol but pipes, so that ffmpeg can reach neither
// network nor files.

import { LIMITS } from './ffmpeg-capture-command.ts';
import type { Port } from './start-ffmpeg.ts';
import type { ChosenFormat } from './v4l2-formats.ts';
import type { Microphone } from './wired-options.ts';

/** Options that allow this demuxer alone. No protocol is needed: these demuxers open their device themselves. */
function only(demuxer: string): string[] {
  const name = demuxer === 'v4l2' ? 'video4linux2,v4l2' : demuxer;
  return ['-protocol_whitelist', 'pipe', '-format_whitelist', name, '-f', demuxer];
}

/** Length of the stream that ffmpeg may analyse before it starts: enough for one keyframe every 2 s. */
const ANALYSE_US = 3_000_000;

/** Packets of one input that may wait for the other. */
const QUEUE = ['-thread_queue_size', '512'];

/**
 * Offset added to an input's times, in microseconds. Pictures are stamped by the kernel's monotonic clock, sound by the wall clock;
 * each is shifted by its clock's reading at the same moment, so that they agree. Null: each input begins at 0.
 */
export type Shift = number | null;

function shifted(shift: Shift): string[] {
  if (shift === null) return [];
  const text = String(Math.abs(shift)).padStart(7, '0');
  return ['-copyts', '-itsoffset', `${shift < 0 ? '-' : ''}${text.slice(0, -6)}.${text.slice(-6)}`];
}

/** A V4L2 camera. `path` is a node under /dev. */
export function v4l2Input(path: string, format: ChosenFormat, rate: number, shift: Shift): Port {
  return {
    options: [
      ...shifted(shift),
      ...QUEUE,
      ...LIMITS,
      ...['-analyzeduration', String(ANALYSE_US)],
      ...only('v4l2'),
      ...['-input_format', format.name, '-video_size', `${format.width}x${format.height}`, '-framerate', String(rate)],
    ],
    address: path,
  };
}

/** Arguments that make ffmpeg list a camera's formats and exit. */
export function listingArgs(path: string): string[] {
  return [...only('v4l2'), '-list_formats', 'all', '-i', path];
}

/** A sound card's microphone. */
export function alsaInput({ device, sampleRate }: Microphone, channels: number, shift: Shift): Port {
  return {
    options: [
      ...shifted(shift),
      ...QUEUE,
      ...only('alsa'),
      ...['-sample_rate', String(sampleRate), '-channels', String(channels)],
    ],
    address: device,
  };
}

/** H.264 from stdin, which has no times: each picture gets the wall time of its arrival. */
export function elementaryInput(rate: number, shift: Shift): Port {
  return {
    options: [
      ...shifted(shift),
      ...QUEUE,
      ...LIMITS,
      ...['-use_wallclock_as_timestamps', '1', '-analyzeduration', String(ANALYSE_US), '-framerate', String(rate)],
      ...only('h264'),
    ],
    address: 'pipe:0',
  };
}
