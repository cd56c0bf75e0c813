// Turns ffmpeg's messages about a wired camera or microphone into coded failures.
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { lastFaults, runFfmpeg } from './ffmpeg-run.ts';
import type { DriverContext } from './source-interfaces.ts';

/** Why a wired camera delivers nothing. `words`: ffmpeg's last messages, or our own. */
export function cameraFault(source: string, words: string): Failure {
  if (/Device or resource busy/.test(words)) return failure('camera_busy', { source });
  if (/Permission denied|Operation not permitted/.test(words)) return failure('camera_denied', { source });
  // A metadata node claims to capture, like its camera, but lists no format.
  if (
    /Not a video capture device|Inappropriate ioctl|does not support (read|streaming)|Immediate exit requested/.test(
      words,
    )
  ) {
    return failure('camera_not_capture', { source, detail: 'it is not a capture device' });
  }
  if (/No such (file or directory|device)|ENODEV|it ended the stream/.test(words)) {
    return failure('camera_gone', { source, detail: 'it was unplugged, or its driver released it' });
  }
  if (/Cannot find a proper format|VIDIOC_S_FMT|Invalid argument/.test(words)) {
    return failure('camera_format_unsupported', { source, detail: words });
  }
  return failure('camera_unreachable', { source, detail: words });
}

/** The microphone fault that a line of ffmpeg's stderr reports, or null. */
export function microphoneFault(device: string, line: string): Failure | null {
  const unusable = (detail: string) => failure('microphone_unusable', { source: device, detail });
  const closed = /cannot open audio device [^(]{0,120}\(([^)]{1,120})\)/.exec(line)?.[1];
  if (closed !== undefined) return unusable(/^No such/.test(closed) ? 'there is no such device' : closed);
  const unset = /(cannot set [a-z ]{1,60}to \d{1,8})/.exec(line)?.[1];
  if (unset !== undefined) return unusable(`${unset}; plughw: instead of hw: converts`);
  return line.includes(`Error opening input file ${device}`) ? unusable('it cannot be opened') : null;
}

/** Whether a line says that the microphone cannot record one channel. */
export function wantsTwoChannels(line: string): boolean {
  return /cannot set channel count to 1\b/.test(line);
}

/** Whether a line says that the microphone, the second input, was removed while it was read. */
export function microphoneEnded(line: string, device: string): boolean {
  // ffmpeg 6 and newer name the input, older releases its address.
  if (/\[in#1\/alsa[^\]]*\].*Error during demuxing/.test(line)) return true;
  return ['Input/output error', 'No such device'].some((words) => line.endsWith(`] ${device}: ${words}`));
}

const SAID_LETTERS_MAX = 4_096;
const COMPLAINTS_MAX = 6;

/** Runs ffmpeg; returns its last messages if it failed, else null. */
export async function messagesOfRun(
  { ffmpeg, clock }: DriverContext,
  doing: string,
  timeoutMs: number,
  args: string[],
  onLine: (line: string) => void,
): Promise<string | null> {
  let said = '';
  try {
    await runFfmpeg(ffmpeg, {
      doing,
      args,
      clock,
      timeoutMs,
      stdoutBytesMax: 0,
      onLine: (line) => {
        onLine(line);
        said = `${said}${line}\n`.slice(-SAID_LETTERS_MAX);
      },
    });
    return null;
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    return said === '' ? String(thrown.facts['detail'] ?? thrown.message) : lastFaults(said, COMPLAINTS_MAX);
  }
}
