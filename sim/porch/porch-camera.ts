// The drawn porch as a camera: draws frames at its pace, stamps each, and writes pictures and sound to ffmpeg.

import type { Clock } from '@doorsill/base/clock';
import type { CapturePlan } from '@doorsill/device/camera/ffmpeg-capture-command';
import { writeTo } from '@doorsill/device/camera/ffmpeg-run';
import {
  type CameraKind,
  cameraKind,
  type FeedPipes,
  type RunInput,
  type SourceDriver,
} from '@doorsill/device/camera/source-interfaces';
import {
  AUDIO,
  invalidOption,
  type Option,
  oneOf,
  PACE,
  type Pace,
  readOptions,
  type Shown,
  type SourceDefaults,
} from '@doorsill/device/camera/source-options';
import { ArrivalTimeline, KnownTimeline } from '@doorsill/device/camera/source-timeline';
import { CAMERA_KINDS } from '@doorsill/device/camera/sources';
import type { Port } from '@doorsill/device/camera/start-ffmpeg';
import { soundOf } from './chime-sound.ts';
import { drawFrameNumber } from './frame-number.ts';
import { PorchArt } from './porch-art.ts';
import { PLAYS, type Play, pressesAt, SYNTHETIC_FPS, SYNTHETIC_SAMPLE_RATE, sceneAt } from './scene.ts';

/** Letters of 5 by 7 dots: rows of five bits, the leftmost first. */
const LETTERS: Readonly<Record<string, readonly number[]>> = {
  '0': [14, 17, 19, 21, 25, 17, 14],
  '1': [4, 12, 4, 4, 4, 4, 14],
  '2': [14, 17, 1, 2, 4, 8, 31],
  '3': [31, 2, 4, 2, 1, 17, 14],
  '4': [2, 6, 10, 18, 31, 2, 2],
  '5': [31, 16, 30, 1, 1, 17, 14],
  '6': [6, 8, 16, 30, 17, 17, 14],
  '7': [31, 1, 2, 4, 8, 8, 8],
  '8': [14, 17, 17, 14, 17, 17, 14],
  '9': [14, 17, 17, 15, 1, 2, 12],
  '-': [0, 0, 0, 31, 0, 0, 0],
  ':': [0, 4, 4, 0, 4, 4, 0],
  '.': [0, 0, 0, 0, 0, 12, 12],
  '#': [10, 10, 31, 10, 31, 10, 10],
  T: [31, 4, 4, 4, 4, 4, 4],
  Z: [31, 1, 2, 4, 8, 16, 31],
  U: [17, 17, 17, 17, 17, 17, 14],
  C: [14, 17, 16, 16, 16, 17, 14],
  ' ': [0, 0, 0, 0, 0, 0, 0],
};

const LETTER_WIDTH = 6;
const LETTER_HEIGHT = 9;
const INK = 235;
const GROUND = 16;

/** The stamp, for example `2026-11-25 00:27:56.133 UTC #000042`. */
export function stampText(wallUs: number, frame: number): string {
  const iso = new Date(Math.floor(wallUs / 1000)).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)} UTC #${String(frame).padStart(6, '0')}`;
}

/** Writes a text into the lower left corner of a luma plane, white on black. Unknown letters stay blank. */
function drawStamp(luma: Uint8Array, width: number, height: number, text: string): void {
  const scale = Math.max(1, Math.floor(height / 300));
  const shown = text.slice(0, Math.floor(width / (LETTER_WIDTH * scale)) - 1);
  const top = height - (LETTER_HEIGHT + 3) * scale;
  const left = 3 * scale;
  for (let y = 0; y < LETTER_HEIGHT * scale; y += 1) {
    const from = (top + y) * width + left;
    luma.fill(GROUND, from, from + (shown.length * LETTER_WIDTH + 1) * scale);
    const bits = Math.floor(y / scale) - 1;
    if (bits < 0 || bits > 6) continue;
    for (let n = 0; n < shown.length; n += 1) {
      const row = LETTERS[shown.charAt(n)]?.[bits] ?? 0;
      for (let dot = 0; dot < 5; dot += 1) {
        if (((row >> (4 - dot)) & 1) === 0) continue;
        const at = from + (n * LETTER_WIDTH + 1 + dot) * scale;
        luma.fill(INK, at, at + scale);
      }
    }
  }
}

/** The drawn porch as a source. `seconds` is null if it never ends. */
export interface SyntheticSource extends Shown {
  readonly kind: 'synthetic';
  readonly width: number;
  readonly height: number;
  readonly pace: Pace;
  readonly seconds: number | null;
  readonly play: Play;
}

/** Wall time of a frame of a run that began at `startUs`. */
function frameTimeUs(startUs: number, frame: number): number {
  return startUs + Math.round((frame * 1_000_000) / SYNTHETIC_FPS);
}

export class SyntheticDriver implements SourceDriver {
  readonly policy = { atEnd: 'ended', retriesMax: 4, forgiveAfter: 1 } as const;
  readonly live = false;
  readonly unchanging = false;
  private readonly source: SyntheticSource;
  private readonly clock: Clock;
  private readonly onPress: (atUs: number, frame: number) => void;
  private art: PorchArt | null = null;
  private endsUs: number | null = null;
  /** Frames drawn by earlier runs: the scene continues after an interruption. */
  private drawn = 0;

  /** `onPress` is called with wall time and number of the frame with the press, when that frame is written to ffmpeg. */
  constructor(source: SyntheticSource, clock: Clock, onPress: (atUs: number, frame: number) => void) {
    this.source = source;
    this.clock = clock;
    this.onPress = onPress;
  }

  async open(_signal: AbortSignal, deliveredUntilUs: number): Promise<RunInput> {
    const { source, clock } = this;
    const { pace, seconds } = source;
    this.endsUs ??= clock.wallUs();
    if (pace === 'fast') {
      // At full speed the footage ends at the time the capture began, like a file's; a new run draws the same frames again.
      const startUs = this.endsUs - (seconds ?? 0) * 1_000_000;
      return { ...(await this.openAt(startUs, 0)), skipBeforeUs: deliveredUntilUs };
    }
    let startUs = 0;
    const timeline = () => {
      startUs = clock.wallUs();
      return new ArrivalTimeline(startUs);
    };
    const feed: RunInput['feed'] = (pipes, signal) => this.feed(pipes, signal, startUs, this.drawn);
    return { ...(await this.drawnInput()), timeline, skipBeforeUs: 0, feed };
  }

  /** Footage of another time, drawn as fast as it is read: the scene's frame `first` is at wall time `startUs`. */
  async openAt(startUs: number, first: number): Promise<RunInput> {
    const feed: RunInput['feed'] = (pipes, signal) => this.feed(pipes, signal, startUs, first);
    const timeline = () => new KnownTimeline(startUs);
    return { ...(await this.drawnInput()), timeline, skipBeforeUs: 0, feed, isReadFast: true };
  }

  private async drawnInput(): Promise<Pick<RunInput, 'inputs' | 'plan'>> {
    const { width, height, audio } = this.source;
    this.art ??= await PorchArt.draw(width, height);
    const plan: CapturePlan = {
      video: 'encode',
      audio: audio ? 'encode' : 'none',
      videoStream: '0:v:0',
      audioStream: '1:a:0',
    };
    return { inputs: drawnInputs(width, height, audio), plan };
  }

  learn(): boolean {
    return false;
  }

  explain(): null {
    return null;
  }

  /** Draws until the end or the abort; the run's frame 0 is the scene's frame `first`, at wall time `startUs`. */
  private async feed(pipes: FeedPipes, signal: AbortSignal, startUs: number, first: number): Promise<void> {
    const pictures = this.pace(signal, first, async (frame) => {
      const atUs = frameTimeUs(startUs, frame - first);
      if (pressesAt(frame, this.source.play)) this.onPress(atUs, frame);
      this.drawn = frame + 1;
      return writeTo(pipes.video, this.draw(frame, atUs));
    });
    // In parallel: ffmpeg opens its inputs in turn and may need more of one before it reads from both.
    const sound = this.source.audio
      ? this.pace(signal, first, (frame) => writeTo(pipes.audio, soundOf(frame)))
      : Promise.resolve();
    await Promise.all([pictures.finally(() => pipes.video.end()), sound.finally(() => pipes.audio.end())]);
  }

  /** Calls `write` for each frame when it is due, until it returns false. */
  private async pace(signal: AbortSignal, first: number, write: (frame: number) => Promise<boolean>): Promise<void> {
    const { seconds, pace } = this.source;
    const frames = seconds === null ? Number.POSITIVE_INFINITY : seconds * SYNTHETIC_FPS;
    const startMs = this.clock.monotonicMs();
    for (let frame = first; frame < frames && !signal.aborted; frame += 1) {
      if (pace === 'own') await this.waitUntil(startMs + ((frame - first) * 1000) / SYNTHETIC_FPS, signal);
      if (signal.aborted || !(await write(frame))) return;
    }
  }

  private async waitUntil(dueMs: number, signal: AbortSignal): Promise<void> {
    const delayMs = dueMs - this.clock.monotonicMs();
    if (delayMs > 0) await this.clock.sleep(delayMs, signal).catch(() => {});
  }

  private draw(frame: number, atUs: number): Uint8Array {
    const { width, height } = this.source;
    const picture = new Uint8Array(width * height * 1.5);
    this.art?.compose(sceneAt(frame, this.source.play), picture);
    drawStamp(picture, width, height, stampText(atUs, frame));
    drawFrameNumber(picture, width, height, frame);
    return picture;
  }
}

/** The drawn input's format is fully specified, so ffmpeg need not probe it. */
const KNOWN = ['-probesize', '32', '-analyzeduration', '0'] as const;

/** Frames and sound that this process writes: 4:2:0 planes on stdin, 16-bit mono on pipe 4. */
function drawnInputs(width: number, height: number, audio: boolean): Port[] {
  const video = {
    options: [
      ...KNOWN,
      '-f',
      'rawvideo',
      '-pixel_format',
      'yuv420p',
      '-video_size',
      `${width}x${height}`,
      '-framerate',
      String(SYNTHETIC_FPS),
    ],
    address: 'pipe:0',
  };
  const sound = {
    options: [...KNOWN, '-f', 's16le', '-ar', String(SYNTHETIC_SAMPLE_RATE), '-ac', '1'],
    address: 'pipe:4',
  };
  return audio ? [video, sound] : [video];
}

const SECONDS_MAX = 24 * 3600;

const SIZE: Option<{ width: number; height: number }> = {
  takes: 'size takes WIDTHxHEIGHT: 320x180 to 3840x2160, the width a multiple of 16, the height even',
  read: (text) => {
    const [, width = 0, height = 0] = /^(\d{3,4})x(\d{3,4})$/.exec(text)?.map(Number) ?? [];
    // The frame number's blocks and the scene need a minimum size, and 4:2:0 needs even sizes.
    const fits =
      width % 16 === 0 && height % 2 === 0 && width >= 320 && height >= 180 && width <= 3840 && height <= 2160;
    return fits ? { width, height } : undefined;
  },
};

const SECONDS: Option<number> = {
  takes: `seconds takes 1 to ${SECONDS_MAX}`,
  read: (text) =>
    /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= SECONDS_MAX ? Number(text) : undefined,
};

interface SyntheticOptions {
  pace: Pace;
  audio: boolean;
  size: { width: number; height: number };
  seconds: number;
  play: Play;
}

const OPTIONS = { pace: PACE, audio: AUDIO, size: SIZE, seconds: SECONDS, play: oneOf('play', PLAYS) };

/** Parses `synthetic?...`; null for another camera. Throws `camera_option_invalid`. */
export function parseSyntheticSource(text: string, defaults: SourceDefaults): SyntheticSource | null {
  if (text !== 'synthetic' && !text.startsWith('synthetic?')) return null;
  const said = readOptions<SyntheticOptions>(text.slice('synthetic?'.length), text, OPTIONS);
  const { seconds = null, play = 'visitor', size = { width: 1280, height: 720 } } = said;
  const pace = said.pace ?? defaults.pace ?? 'own';
  if (seconds === null && pace === 'fast') throw invalidOption(text, 'pace=fast needs an end: seconds=N');
  const audio = said.audio ?? defaults.audio ?? true;
  return { kind: 'synthetic', ...size, pace, audio, seconds, play, shown: text };
}

/** The drawn porch as a camera kind of a doorbell. */
export const porchKind: CameraKind = cameraKind<SyntheticSource>({
  help: '  synthetic            a porch that is drawn       size=1280x720, play=visitor|dog|nobody, seconds=N, pace=own|fast, audio=on|off',
  parse: parseSyntheticSource,
  open: (source, { clock, scenePress }) =>
    new SyntheticDriver(source, clock, (atUs, frame) => scenePress?.(atUs, frame)),
  tryOnce: () => Promise.resolve({ gives: 'a drawn porch', troubles: [] }),
});

/** The camera kinds of the device, and the drawn porch. */
export const ALL_CAMERAS: readonly CameraKind[] = [porchKind, ...CAMERA_KINDS];
