// Owns: what ffmpeg's words about a camera or a microphone of this machine mean, as coded failures that say what to do.
// Not here: network cameras (source-rtsp.ts), files (probe.ts).
import { type Failure, failure } from '../protocol/errors.ts';

/** Why a wired camera gives nothing. `words`: ffmpeg's last, or our own half sentence. */
export function cameraFault(source: string, words: string): Failure {
  if (/No such (file or directory|device)|ENODEV|it ended the stream/.test(words)) {
    return failure('camera_gone', { source, detail: 'it was unplugged, or its driver has let it go' });
  }
  if (/Device or resource busy/.test(words)) return failure('camera_busy', { source });
  if (/Permission denied|Operation not permitted/.test(words)) return failure('camera_denied', { source });
  if (/Not a video capture device|Inappropriate ioctl|does not support (read|streaming)/.test(words)) {
    return failure('camera_not_capture', { source, detail: 'it is no capture device' });
  }
  if (/Cannot find a proper format|VIDIOC_S_FMT|Invalid argument/.test(words)) {
    return failure('camera_format_unsupported', { source, detail: words });
  }
  return failure('camera_unreachable', { source, detail: words });
}

/** What is wrong with the microphone according to ffmpeg; null when its words are not about one. */
export function microphoneFault(device: string, words: string): Failure | null {
  const about =
    /cannot open audio device [^(]{0,120}\(([^)]{1,120})\)|(cannot set [a-z ]{1,60}to \d{1,8}[^;]{0,120})/.exec(words);
  if (about) return failure('microphone_unusable', { source: device, detail: about[1] ?? about[2] ?? words });
  const named = words.includes('alsa') || words.includes(device);
  const isNamed = named && /Error opening input|Input\/output error/.test(words);
  return isNamed ? failure('microphone_unusable', { source: device, detail: 'it cannot be opened' }) : null;
}

/** Whether a line of ffmpeg's says that the microphone, its second input, has gone while it was read. */
export function microphoneEnded(line: string, device: string): boolean {
  // 6 and newer name the input, older ones its address.
  return (
    /\[in#1\/alsa[^\]]*\].*Error during demuxing/.test(line) ||
    line.endsWith(`] ${device}: Input/output error`) ||
    line.endsWith(`] ${device}: No such device`)
  );
}
