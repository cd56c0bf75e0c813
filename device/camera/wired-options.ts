// The options after the `?` of a wired camera's name: picture, controls, microphone.

import { readBySchema } from '@doorsill/base/schema-fault';
import { failure } from '@doorsill/contract/errors';
import { z } from 'zod';
import { PIXELS_MAX } from './ffmpeg-run.ts';
import type { Shown, SourceDefaults } from './source-options.ts';

/** Frames a second. */
const RATE_DEFAULT = 15;
const RATE_MAX = 120;
const SIDE_MIN = 16;
const SIDE_MAX = 8_192;
const CONTROLS_MAX = 24;
const CONTROL_ABS_MAX = 2 ** 31;

/** Prefix of options that set a control. */
const CONTROL = 'control.';

/** Sample rates of both AAC and sound cards, in Hz. */
const SAMPLE_RATES = ['8000', '16000', '22050', '24000', '32000', '44100', '48000'] as const;

/** Plain names of ALSA devices. ALSA's configuration language is refused, because it has devices that write files. */
const ALSA_NAME = /^alsa:(default|(?:hw|plughw|dsnoop|sysdefault|front):[\w=,-]{1,60})$/;

/** Values of `format`; `raw` is any uncompressed format. */
export const WANTED_ENCODINGS = ['h264', 'mjpeg', 'raw'] as const;
export type WantedEncoding = (typeof WANTED_ENCODINGS)[number];

/** A picture's width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Microphone {
  /** ALSA's name for it, e.g. `plughw:1,0`. */
  readonly device: string;
  readonly sampleRate: number;
  /** Whether recording needs it; if not, video is recorded without sound when it fails. */
  readonly required: boolean;
}

export interface WiredOptions {
  /** Null: the camera's size nearest to 1280x720. */
  readonly size: Size | null;
  readonly rate: number;
  /** Null: the cheapest format to record. */
  readonly format: WantedEncoding | null;
  readonly controls: ReadonlyMap<string, number>;
  readonly microphone: Microphone | null;
}

const sizeSchema = z
  .string()
  .regex(/^\d{2,4}x\d{2,4}$/, 'WIDTHxHEIGHT')
  .transform((text) => {
    const [width = 0, height = 0] = text.split('x').map(Number);
    return { width, height };
  })
  .refine(
    ({ width, height }) =>
      Math.min(width, height) >= SIDE_MIN && Math.max(width, height) <= SIDE_MAX && width * height <= PIXELS_MAX,
    `from ${SIDE_MIN}x${SIDE_MIN} to 8192x4320`,
  );

const numberSchema = (least: number, most: number) =>
  z
    .string()
    .regex(/^-?\d{1,10}$/, 'a whole number')
    .transform(Number)
    .pipe(z.int().min(least).max(most));

const controlsSchema = z
  .record(
    z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'a control by its name'),
    numberSchema(-CONTROL_ABS_MAX, CONTROL_ABS_MAX),
  )
  .refine((controls) => Object.keys(controls).length <= CONTROLS_MAX, `at most ${CONTROLS_MAX} controls`);

const optionsSchema = z.strictObject({
  size: sizeSchema.optional(),
  rate: numberSchema(1, RATE_MAX).default(RATE_DEFAULT),
  format: z.enum(WANTED_ENCODINGS).optional(),
  controls: controlsSchema,
  audio: z.enum(['on', 'off', 'required']).optional(),
  mic: z.string().regex(ALSA_NAME, 'alsa:DEVICE, as `arecord -L` names it').optional(),
  'mic-rate': z.enum(SAMPLE_RATES).default('48000').transform(Number),
});

/**
 * Parses `size=WxH&rate=N&format=h264|mjpeg|raw&mic=alsa:DEVICE&mic-rate=HZ&audio=on|off|required&control.NAME=N`; each at most
 * once. Returns a fault as part of a sentence instead. `audio`: the default for whether sound is recorded.
 */
export function readWiredOptions(query: string, audio: boolean): WiredOptions | string {
  const plain: Record<string, string> = {};
  const controls: Record<string, string> = {};
  for (const [key, value] of new URLSearchParams(query)) {
    const isControl = key.startsWith(CONTROL);
    const [into, name] = isControl ? [controls, key.slice(CONTROL.length)] : [plain, key];
    if (key === 'controls' || Object.hasOwn(into, name)) return `${key} is not an option, or is given twice`;
    Object.defineProperty(into, name, { value, enumerable: true });
  }
  const read = readBySchema(optionsSchema, { ...plain, controls });
  if (!read.ok) return read.fault.replaceAll('controls.', CONTROL);
  const { size, rate, format, mic, audio: sound = audio ? 'on' : 'off', 'mic-rate': sampleRate } = read.data;
  if (sound === 'required' && mic === undefined) return 'audio=required needs a microphone: mic=alsa:DEVICE';
  return {
    size: size ?? null,
    rate,
    format: format ?? null,
    controls: new Map(Object.entries(read.data.controls)),
    microphone:
      mic === undefined || sound === 'off'
        ? null
        : { device: mic.slice('alsa:'.length), sampleRate, required: sound === 'required' },
  };
}

/** A V4L2 camera: USB camera or capture card. `device` is its node or a udev name of it. */
export interface V4l2Source extends Shown, WiredOptions {
  readonly kind: 'v4l2';
  readonly device: string;
}

/** A Raspberry Pi's camera module. `camera` is its number among the connected ones. */
export interface RpicamSource extends Shown, WiredOptions {
  readonly kind: 'rpicam';
  readonly camera: number;
}

/** The options of a wired camera's name. Throws `camera_option_invalid`. */
export function wiredOptions(
  source: string,
  query: string,
  { audio = true }: SourceDefaults,
): WiredOptions & { audio: boolean } {
  const options = readWiredOptions(query, audio);
  if (typeof options === 'string') throw failure('camera_option_invalid', { source, detail: options });
  return { ...options, audio: options.microphone !== null };
}
