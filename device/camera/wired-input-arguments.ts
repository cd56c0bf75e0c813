// Owns: what ffmpeg gets to read cameras and microphones of this machine: one demuxer, no protocol but pipes, so that neither
// network nor file can be reached. Not here: what is done with what they give (ffmpeg-capture-command.ts), what they have (v4l2-formats.ts).

import { LIMITS } from './ffmpeg-capture-command.ts';
import type { Port } from './start-ffmpeg.ts';
import type { ChosenFormat } from './v4l2-formats.ts';
import type { Microphone } from './wired-options.ts';

/** Options that allow this demuxer alone. No protocol is needed: these demuxers open their device themselves. */
function only(demuxer: string): string[] {
  const name = demuxer === 'v4l2' ? 'video4linux2,v4l2' : demuxer;
  return ['-protocol_whitelist', 'pipe', '-format_whitelist', name, '-f', demuxer];
}

/** How much of a stream ffmpeg may look at before it begins: enough for one keyframe every 2 s. */
const ANALYSE_US = 3_000_000;

/** Packets of one input that may wait for the other. */
const QUEUE = ['-thread_queue_size', '512'];

/**
 * By how much an input's own times are moved, in microseconds: pictures are stamped by the kernel's monotonic clock, sound by the
 * wall clock; each moved by what its clock showed at the same moment, they agree. Null: each input begins at 0.
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

/** What makes ffmpeg list a camera's formats and end. */
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

/** H.264 as it comes on stdin, without any times: each picture is stamped by the wall clock as it arrives. */
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
