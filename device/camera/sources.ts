// Owns: what a camera is named on the command line and in the configuration, parsed once, and its name without secrets.
// Not here: opening one (probe.ts, capture-plan.ts), what a file really holds (sniff.ts).
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { systemCode } from '../base/disk.ts';
import { failure } from '../protocol/errors.ts';
import { withoutCredentials } from './ffmpeg-run.ts';
import { PLAYS, type Play } from './scene.ts';
import { readWiredOptions, type WiredOptions } from './wired-options.ts';

/** `own`: as fast as the footage was shot. `fast`: as fast as it can be read; footage is then dated into the past. */
export type Pace = 'own' | 'fast';

interface Shown {
  /** The name for people, logs and events: never holds credentials. */
  readonly shown: string;
  readonly audio: boolean;
}

/** The porch that the project draws itself. `seconds` is null when it never ends. */
export interface SyntheticSource extends Shown {
  readonly kind: 'synthetic';
  readonly width: number;
  readonly height: number;
  readonly pace: Pace;
  readonly seconds: number | null;
  readonly play: Play;
}

/** A media file. `path` is absolute. */
export interface FileSource extends Shown {
  readonly kind: 'file';
  readonly path: string;
  readonly loop: boolean;
  readonly pace: Pace;
}

/** A camera on the network. `url` may hold credentials: it goes to ffmpeg and nowhere else. */
export interface RtspSource extends Shown {
  readonly kind: 'rtsp';
  readonly url: URL;
}

/** A camera that Linux's V4L2 knows: USB cameras, capture cards. `device` is its node or a lasting name of it. */
export interface V4l2Source extends Shown, WiredOptions {
  readonly kind: 'v4l2';
  readonly device: string;
}

/** A Raspberry Pi's camera module. `camera` counts those that are connected. */
export interface RpicamSource extends Shown, WiredOptions {
  readonly kind: 'rpicam';
  readonly camera: number;
}

export type WiredSource = V4l2Source | RpicamSource;
export type CameraSource = SyntheticSource | FileSource | RtspSource | WiredSource;

/** What applies when the text does not say it. */
export interface SourceDefaults {
  readonly pace?: Pace;
  readonly loop?: boolean;
  readonly audio?: boolean;
}

const TEXT_LENGTH_MAX = 4_096;

/** Longest shown name: what the device's state may carry. */
const SHOWN_LENGTH_MAX = 300;

const SYNTHETIC_SIZE = /^(\d{3,4})x(\d{3,4})$/;
const SECONDS_MAX = 24 * 3600;

/** Nodes of cameras, which need no `v4l2:` before them. */
const NODE = /^\/dev\/(video\d|v4l\/)/;

/** What may be opened as a camera: a name under /dev that leads nowhere else by itself. */
const DEVICE = /^\/dev\/(?!.*\.\.)[\w.:+@\\/-]{1,250}$/;

/** Every kind of camera with its options, as the help of verbs shows it. */
export const CAMERA_HELP = `
Cameras, and the options that follow a ? and are joined by &:
  synthetic            a porch that is drawn       size=1280x720, play=visitor|dog, seconds=N, pace=own|fast, audio=on|off
  file:PATH            a video file                loop (again and again) or once, pace=own|fast, audio=on|off
  rtsp://HOST/PATH     a network camera            none: what follows the ? belongs to the camera
  v4l2:/dev/video0     a USB or built-in camera    size=1280x720, rate=15, format=h264|mjpeg|raw, mic=alsa:DEVICE,
                                                   mic-rate=48000, audio=on|off|required, control.NAME=N
  rpicam:              a Raspberry Pi's module     size=1280x720, rate=15, mic=alsa:DEVICE, mic-rate=48000, audio=...
pace=fast reads a file as fast as it can, once, and dates its footage into the past.`;

/**
 * Reads a camera's name: `synthetic`, `file:PATH`, the path of a file that exists, `rtsp://...`, `v4l2:/dev/video0` or
 * `rpicam:`. Options follow a `?`: `pace=own|fast`, `loop` or `once`, `audio=on|off`; for synthetic also `size=WxH`,
 * `seconds=N`, `play=visitor|dog`; for wired cameras see `readWiredOptions`. An RTSP address is taken as it is, its query belongs to the camera.
 * Throws `camera_unsupported`, `camera_option_invalid`, `camera_not_found`.
 */
export function parseCameraSource(text: string, defaults: SourceDefaults = {}): CameraSource {
  if (text.length > TEXT_LENGTH_MAX || text.includes('\0')) throw unsupported(text);
  if (text === 'synthetic' || text.startsWith('synthetic?')) return parseSynthetic(text, defaults);
  if (/^rtsp:\/\//i.test(text)) return parseRtsp(text, defaults);
  if (text.startsWith('v4l2:') || NODE.test(text)) return parseV4l2(text.replace(/^v4l2:/, ''), text, defaults);
  if (/^rpicam(:|\?|$)/.test(text)) return parseRpicam(text, defaults);
  if (text.startsWith('file:')) return parseFile(text.slice(5), text, defaults);
  if (/^[a-z][a-z0-9+.-]+:/i.test(text) && !exists(text)) throw unsupported(text);
  return parseFile(text, text, defaults);
}

function unsupported(text: string): Error {
  return failure('camera_unsupported', { source: shownAs(text) });
}

function invalidOption(text: string, detail: string): Error {
  return failure('camera_option_invalid', { source: shownAs(text), detail });
}

/** An address for people. A password with a slash or a space in it does not end there: all before the last `@` is hidden. */
function shownAs(address: string): string {
  return withoutCredentials(address.replace(/^([a-z][a-z0-9+.-]*:\/\/).*@/is, '$1***@')).slice(0, SHOWN_LENGTH_MAX);
}

interface Options {
  pace: Pace;
  loop: boolean;
  audio: boolean;
  width: number;
  height: number;
  seconds: number | null;
  play: Play;
}

/** What each option of a drawn porch or a file takes. */
const OPTION_VALUES = {
  pace: 'pace takes own or fast',
  audio: 'audio takes on or off',
  loop: 'loop takes no value',
  once: 'once takes no value',
  seconds: `seconds takes 1 to ${SECONDS_MAX}`,
  play: `play takes ${PLAYS.join(' or ')}`,
  size: 'size takes WIDTHxHEIGHT: 320x180 to 3840x2160, the width a multiple of 16, the height even',
} as const;
type OptionName = keyof typeof OPTION_VALUES;

/** Reads `a=b&c`; every key must be in `allowed`. Throws `camera_option_invalid`. */
function readOptions(query: string, text: string, defaults: SourceDefaults, allowed: readonly OptionName[]): Options {
  const options: Options = {
    pace: 'own',
    loop: false,
    audio: true,
    ...defaults,
    width: 1280,
    height: 720,
    seconds: null,
    play: 'visitor',
  };
  for (const [name, value] of new URLSearchParams(query)) {
    const key = allowed.find((one) => one === name);
    if (!key) throw invalidOption(text, `there is no option ${name} here, only ${allowed.join(', ')}`);
    if (key === 'pace' && (value === 'own' || value === 'fast')) options.pace = value;
    else if (key === 'audio' && (value === 'on' || value === 'off')) options.audio = value === 'on';
    else if ((key === 'loop' || key === 'once') && value === '') options.loop = key === 'loop';
    else if (key === 'seconds' && /^\d{1,5}$/.test(value)) options.seconds = Number(value);
    else if (key === 'play' && isPlay(value)) options.play = value;
    else if (key === 'size' && SYNTHETIC_SIZE.test(value)) {
      const [width = 0, height = 0] = value.split('x').map(Number);
      [options.width, options.height] = [width, height];
    } else throw invalidOption(text, OPTION_VALUES[key]);
  }
  return options;
}

function parseSynthetic(text: string, defaults: SourceDefaults): SyntheticSource {
  const options = readOptions(text.slice('synthetic?'.length), text, defaults, [
    'pace',
    'audio',
    'size',
    'seconds',
    'play',
  ]);
  const { width, height, pace, audio, seconds, play } = options;
  // The frame number's blocks and the scene need some room, and 4:2:0 needs even sizes.
  const sizeFits =
    width % 16 === 0 && height % 2 === 0 && width >= 320 && height >= 180 && width <= 3840 && height <= 2160;
  if (!sizeFits) throw invalidOption(text, OPTION_VALUES.size);
  if (seconds === null && pace === 'fast') throw invalidOption(text, 'pace=fast needs an end: seconds=N');
  if (seconds !== null && (seconds < 1 || seconds > SECONDS_MAX)) throw invalidOption(text, OPTION_VALUES.seconds);
  return { kind: 'synthetic', width, height, pace, audio, seconds, play, shown: text };
}

function isPlay(text: string): text is Play {
  return PLAYS.some((play) => play === text);
}

/** Whether there is something of this name, even if it cannot be reached: why, is told when it is opened. */
function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (thrown) {
    return systemCode(thrown) !== 'ENAMETOOLONG';
  }
}

function parseFile(named: string, text: string, defaults: SourceDefaults): FileSource {
  // A name may itself hold a question mark: what exists as it stands has no options.
  const mark = exists(named) ? -1 : named.lastIndexOf('?');
  const path = mark === -1 ? named : named.slice(0, mark);
  if (path === '') throw unsupported(text);
  const shown = `file:${path}`.slice(0, SHOWN_LENGTH_MAX);
  if (!exists(path)) throw failure('camera_not_found', { source: shown });
  const query = mark === -1 ? '' : named.slice(mark + 1);
  const told = readOptions(query, text, { ...defaults, loop: false }, ['pace', 'loop', 'once', 'audio']);
  const { pace, audio } = told;
  // Read fast, footage ends at the moment the capture began; there is no second such moment for another pass. Where files
  // are played again and again by default, this one is not.
  if (told.loop && pace === 'fast') throw invalidOption(text, 'loop and pace=fast exclude each other');
  const loop = pace !== 'fast' && (told.loop || (defaults.loop === true && !new URLSearchParams(query).has('once')));
  return { kind: 'file', path: resolve(path), loop, pace, audio, shown };
}

function parseRtsp(text: string, defaults: SourceDefaults): RtspSource {
  // `[` and `]` around an IPv6 address are kept by the parser; white space would split ffmpeg's own view of the address.
  const url = URL.canParse(text) && !/\s/.test(text) ? new URL(text) : null;
  if (url?.protocol !== 'rtsp:' || url.hostname === '' || url.hash !== '') throw unsupported(text);
  const shown = shownAs(`rtsp://${url.host}${url.pathname}`);
  return { kind: 'rtsp', url, audio: defaults.audio ?? true, shown };
}

function parseV4l2(named: string, text: string, defaults: SourceDefaults): V4l2Source {
  const [device = '', query = ''] = cut(named);
  if (!DEVICE.test(device)) throw unsupported(text);
  const shown = `v4l2:${device}`.slice(0, SHOWN_LENGTH_MAX);
  return { kind: 'v4l2', device, shown, ...wired(shown, query, defaults) };
}

function parseRpicam(text: string, defaults: SourceDefaults): RpicamSource {
  const [name = '', query = ''] = cut(text);
  const number = /^rpicam:?(\d?)$/.exec(name)?.[1];
  if (number === undefined) throw unsupported(text);
  const shown = `rpicam:${number}`;
  const options = wired(shown, query, defaults);
  // It makes H.264 itself, and its program takes no V4L2 controls.
  const foreign = options.controls.size > 0 ? 'control.*' : options.format !== null ? 'format' : null;
  if (foreign !== null)
    throw failure('camera_option_invalid', { source: shown, detail: `${foreign} is not for rpicam:` });
  return { kind: 'rpicam', camera: Number(number), shown, ...options };
}

/** A name and the options behind its first question mark. */
function cut(text: string): [string, string] {
  const mark = text.indexOf('?');
  return mark === -1 ? [text, ''] : [text.slice(0, mark), text.slice(mark + 1)];
}

function wired(source: string, query: string, { audio = true }: SourceDefaults): WiredOptions & { audio: boolean } {
  const options = readWiredOptions(query, audio);
  if (typeof options === 'string') throw failure('camera_option_invalid', { source, detail: options });
  return { ...options, audio: options.microphone !== null };
}
