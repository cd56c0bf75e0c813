// Owns: which kinds of cameras there are, one row each, and what follows from the rows: reading a camera's name, opening it, trying
// it, the help. Not here: each kind (source-*.ts), recording (capture.ts).

import type { FileSource } from './probe.ts';
import { fileKind } from './source-file.ts';
import type { DriverContext, SourceDriver, SourceKind, Tried } from './source-kind.ts';
import { type SourceDefaults, unsupported } from './source-options.ts';
import { rpicamKind } from './source-rpicam.ts';
import { type RtspSource, rtspKind } from './source-rtsp.ts';
import { type SyntheticSource, syntheticKind } from './source-synthetic.ts';
import { v4l2Kind } from './source-v4l2.ts';
import type { RpicamSource, V4l2Source } from './wired-options.ts';

interface Sources {
  synthetic: SyntheticSource;
  file: FileSource;
  rtsp: RtspSource;
  v4l2: V4l2Source;
  rpicam: RpicamSource;
}
type Kind = keyof Sources;

/** In the order in which a name is read: what looks like no other kind may be a file. */
const KINDS: { readonly [Name in Kind]: SourceKind<Sources[Name]> } = {
  synthetic: syntheticKind,
  rtsp: rtspKind,
  v4l2: v4l2Kind,
  rpicam: rpicamKind,
  file: fileKind,
};

/** A camera that was named. */
export type CameraSource = Sources[Kind];

const TEXT_LENGTH_MAX = 4_096;

/** Every kind of camera with its options, as the help of verbs shows it. */
export const CAMERA_HELP = `
Cameras, and the options that follow a ? and are joined by &:
${Object.values(KINDS)
  .map(({ help }) => help)
  .join('\n')}
pace=fast reads a file as fast as it can, once, and dates its footage into the past.`;

/** Reads a camera's name, as CAMERA_HELP shows them. Throws `camera_unsupported`, `camera_option_invalid`, `camera_not_found`. */
export function parseCameraSource(text: string, defaults: SourceDefaults = {}): CameraSource {
  if (text.length > TEXT_LENGTH_MAX || text.includes('\0')) throw unsupported(text);
  for (const kind of Object.values(KINDS)) {
    const source = kind.parse(text, defaults);
    if (source) return source;
  }
  throw unsupported(text);
}

/** What records from a camera, run by run. */
export function openSource<Name extends Kind>(
  source: Sources[Name] & { kind: Name },
  context: DriverContext,
): SourceDriver {
  return KINDS[source.kind].open(source, context);
}

/** Tries a camera of any kind once, without recording. Throws the coded failure that keeps it from recording, or the signal's reason. */
export function tryCamera<Name extends Kind>(
  source: Sources[Name] & { kind: Name },
  context: DriverContext,
  signal: AbortSignal = new AbortController().signal,
): Promise<Tried> {
  return KINDS[source.kind].tryOnce(source, context, signal);
}
