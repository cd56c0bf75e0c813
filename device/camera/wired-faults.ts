// Owns: what ffmpeg's messages about a camera or a microphone of this machine mean, as coded failures that say what to do.
// Not here: network cameras (source-rtsp.ts), files (probe-file.ts).
import { type Failure, failure } from '@doorsill/contract/errors';

/** Why a wired camera gives nothing. `words`: ffmpeg's last, or our own half sentence. */
export function cameraFault(source: string, words: string): Failure {
  if (/Device or resource busy/.test(words)) return failure('camera_busy', { source });
  if (/Permission denied|Operation not permitted/.test(words)) return failure('camera_denied', { source });
  // A metadata node claims to capture, as its camera does, but has no format to list.
  if (
    /Not a video capture device|Inappropriate ioctl|does not support (read|streaming)|Immediate exit requested/.test(
      words,
    )
  ) {
    return failure('camera_not_capture', { source, detail: 'it is no capture device' });
  }
  if (/No such (file or directory|device)|ENODEV|it ended the stream/.test(words)) {
    return failure('camera_gone', { source, detail: 'it was unplugged, or its driver has let it go' });
  }
  if (/Cannot find a proper format|VIDIOC_S_FMT|Invalid argument/.test(words)) {
    return failure('camera_format_unsupported', { source, detail: words });
  }
  return failure('camera_unreachable', { source, detail: words });
}

/** The microphone fault that a line of ffmpeg's reports; null when it is not about one. */
export function microphoneFault(device: string, line: string): Failure | null {
  const unusable = (detail: string) => failure('microphone_unusable', { source: device, detail });
  const closed = /cannot open audio device [^(]{0,120}\(([^)]{1,120})\)/.exec(line)?.[1];
  if (closed !== undefined) return unusable(/^No such/.test(closed) ? 'there is none of this name' : closed);
  const unset = /(cannot set [a-z ]{1,60}to \d{1,8})/.exec(line)?.[1];
  if (unset !== undefined) return unusable(`${unset}; plughw: instead of hw: converts`);
  return line.includes(`Error opening input file ${device}`) ? unusable('it cannot be opened') : null;
}

/** Whether a microphone's fault is that it has no single channel. */
export function wantsTwoChannels(line: string): boolean {
  return /cannot set channel count to 1\b/.test(line);
}

/** Whether a line of ffmpeg's says that the microphone, its second input, has gone while it was read. */
export function microphoneEnded(line: string, device: string): boolean {
  // 6 and newer name the input, older ones its address.
  if (/\[in#1\/alsa[^\]]*\].*Error during demuxing/.test(line)) return true;
  return ['Input/output error', 'No such device'].some((words) => line.endsWith(`] ${device}: ${words}`));
}
