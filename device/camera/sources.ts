// The device's own kinds of cameras, their help, and parsing a camera's name.
import { fileKind } from './source-file.ts';
import { type CameraKind, type CameraSource, cameraKind } from './source-interfaces.ts';
import { type SourceDefaults, unsupported } from './source-options.ts';
import { rpicamKind } from './source-rpicam.ts';
import { rtspKind } from './source-rtsp.ts';
import { v4l2Kind } from './source-v4l2.ts';

/** In the order in which they are tried on a name; a name of no other kind may be a file. */
export const CAMERA_KINDS: readonly CameraKind[] = [
  cameraKind(rtspKind),
  cameraKind(v4l2Kind),
  cameraKind(rpicamKind),
  cameraKind(fileKind),
];

const TEXT_LENGTH_MAX = 4_096;

/** Kinds of cameras with their options, for the help of verbs. */
export function cameraHelp(kinds: readonly CameraKind[] = CAMERA_KINDS): string {
  return `
Cameras, and the options that follow a ? and are joined by &:
${kinds.map(({ help }) => help).join('\n')}
pace=fast reads a file as fast as it can, once, and dates its footage into the past.`;
}

/** Parses a camera's name. Throws `camera_unsupported`, `camera_option_invalid`, `camera_not_found`. */
export function parseCameraSource(
  text: string,
  defaults: SourceDefaults = {},
  kinds: readonly CameraKind[] = CAMERA_KINDS,
): CameraSource {
  if (text.length > TEXT_LENGTH_MAX || text.includes('\0')) throw unsupported(text);
  for (const kind of kinds) {
    const source = kind.name(text, defaults);
    if (source) return source;
  }
  throw unsupported(text);
}
