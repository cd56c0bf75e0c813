// A Raspberry Pi's camera module: its own program makes H.264, which is piped to ffmpeg.

import type { ProgramEnd } from '@doorsill/base/system-programs';
import { assert } from '@doorsill/contract/assert';
import { type Failure, failure } from '@doorsill/contract/errors';
import { writeTo } from './ffmpeg-run.ts';
import { askedRate } from './frame-pace.ts';
import { MicrophoneUse, microphoneTroubles } from './microphone-use.ts';
import { type RunEvidence, replan } from './replan-capture.ts';
import type { DriverContext, FeedPipes, RunInput, SourceDriver, SourceKind } from './source-interfaces.ts';
import { cut, type SourceDefaults, unsupported } from './source-options.ts';
import { KnownTimeline } from './source-timeline.ts';
import { cameraFault } from './wired-faults.ts';
import { elementaryInput } from './wired-input-arguments.ts';
import { type RpicamSource, type Size, wiredOptions } from './wired-options.ts';

/** The program's current name, and its name on older systems. */
const PROGRAMS = ['rpicam-vid', 'libcamera-vid'] as const;

const SIZE_DEFAULT: Size = { width: 1280, height: 720 };

/** Bytes that may wait for ffmpeg; more mean that it has stopped reading. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;

/** Endless H.264 on stdout: parameter sets with each keyframe, a keyframe a second, no preview, no buffering. */
export function rpicamCommand(program: string, source: RpicamSource): string[] {
  const { width, height } = source.size ?? SIZE_DEFAULT;
  return [
    program,
    ...['--camera', String(source.camera), '--width', String(width), '--height', String(height)],
    ...['--framerate', String(source.rate), '--codec', 'h264', '--profile', 'baseline', '--bitrate', '2000000'],
    ...['--intra', String(source.rate), '--inline', '--flush', '--nopreview', '--timeout', '0', '--output', '-'],
  ];
}

export class RpicamDriver implements SourceDriver {
  readonly policy = { atEnd: 'lost', retriesMax: null, forgiveAfter: 1 } as const;
  readonly live = true;
  readonly unchanging = false;
  private readonly source: RpicamSource;
  private readonly context: DriverContext;
  private readonly microphone: MicrophoneUse;
  private program = 0;
  private video: 'copy' | 'encode' = 'copy';
  /** How the current run's program ended, unless it was stopped. */
  private end: ProgramEnd | null = null;

  constructor(source: RpicamSource, context: DriverContext) {
    this.source = source;
    this.context = context;
    this.microphone = new MicrophoneUse(source.microphone);
  }

  async open(): Promise<RunInput> {
    const sound = this.microphone.forRun();
    const wallUs = this.context.clock.wallUs();
    const asked = askedRate(this.source, this.context.pace);
    const picture = elementaryInput(asked.rate, -wallUs);
    this.end = null;
    return {
      inputs: sound === null ? [picture] : [picture, sound(-wallUs)],
      plan: {
        video: this.video,
        audio: sound === null ? 'none' : 'encode',
        videoStream: '0:v:0',
        audioStream: '1:a:0',
      },
      timeline: () => new KnownTimeline(wallUs, true),
      skipBeforeUs: 0,
      feed: (pipes, signal) => this.feed(pipes, asked.rate, signal),
      troubles: [this.microphone.trouble, asked.trouble].filter((trouble) => trouble !== null),
      isOutdated: asked.isOutdated,
      zeroIsFirstPicture: true,
      endsWhenClockIsSet: true,
    };
  }

  learn(evidence: RunEvidence): boolean {
    if (this.end?.missing && this.program < PROGRAMS.length - 1) {
      this.program += 1;
      return true;
    }
    if (this.microphone.learn(evidence)) return true;
    const plan = { video: this.video, audio: 'none', videoStream: '0:v:0', audioStream: '1:a:0' } as const;
    const better = replan(plan, { ...evidence, barren: false });
    this.video = better?.video ?? this.video;
    return better !== null;
  }

  explain(detail: string): Failure {
    const { source, end } = this;
    if (this.microphone.ended) return this.microphone.ended;
    if (end?.missing) {
      // The next run tries the first name again, in case it has been installed meanwhile.
      this.program = 0;
      return failure('hardware_tool_missing', { tool: PROGRAMS[0], package: 'rpicam-apps' });
    }
    if (end === null) return cameraFault(source.shown, detail);
    if (/no cameras available/i.test(end.words)) {
      return failure('camera_gone', {
        source: source.shown,
        detail: 'no camera module was found, or another program is using it',
      });
    }
    const words = lastLine(end.words);
    return failure('camera_gone', { source: source.shown, detail: `${PROGRAMS[this.program]} has ended: ${words}` });
  }

  endedBy(line: string): string | null {
    return this.microphone.endedBy(line);
  }

  /** Runs the program until it ends or the signal is aborted, and pipes its output to ffmpeg. */
  private async feed(pipes: FeedPipes, rate: number, signal: AbortSignal): Promise<void> {
    const program = PROGRAMS[this.program];
    assert(program, 'there is a program of this number');
    let waiting = 0;
    let written: Promise<unknown> = Promise.resolve();
    const run = this.context.programs.run(rpicamCommand(program, { ...this.source, rate }), (chunk) => {
      waiting += chunk.length;
      if (waiting > WAITING_BYTES_MAX) run.stop();
      written = written
        .then(() => writeTo(pipes.video, chunk))
        .then(() => {
          waiting -= chunk.length;
        });
    });
    const stop = () => run.stop();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const end = await run.ended;
    signal.removeEventListener('abort', stop);
    if (!signal.aborted) this.end = end;
    await written;
  }
}

const LIST_MS_MAX = 15_000;
const LIST_LETTERS_MAX = 20_000;

/** The program's list of cameras, and how it ended; null where no such program is installed. */
async function listing({
  programs,
  clock,
}: DriverContext): Promise<{ program: string; lines: string[]; end: ProgramEnd } | null> {
  for (const program of PROGRAMS) {
    let printed = '';
    const run = programs.run([program, '--list-cameras'], (chunk) => {
      printed = (printed + new TextDecoder().decode(chunk)).slice(0, LIST_LETTERS_MAX);
    });
    const timer = clock.after(LIST_MS_MAX, () => run.stop());
    const end = await run.ended;
    timer.cancel();
    if (!end.missing) return { program, lines: `${printed}\n${end.words}`.split('\n'), end };
  }
  return null;
}

/** The line about the named camera in the program's list of cameras. Throws `hardware_tool_missing`, `camera_gone`. */
async function listCameras(source: RpicamSource, context: DriverContext): Promise<string> {
  const listed = await listing(context);
  if (!listed) throw failure('hardware_tool_missing', { tool: PROGRAMS[0], package: 'rpicam-apps' });
  const { program, lines, end } = listed;
  const line = lines.find((each) => each.startsWith(`${source.camera} : `));
  if (line !== undefined) return line.slice(0, 200);
  const why = end.status === 0 ? '' : `: ${lastLine(end.words)}`;
  throw failure('camera_gone', { source: source.shown, detail: `${program} lists no camera ${source.camera}${why}` });
}

/** The camera modules that are connected now; none where the program is not installed. */
export async function rpicamList(context: DriverContext): Promise<{ number: number; label: string }[]> {
  const lines = (await listing(context))?.lines ?? [];
  return lines.flatMap((line) => {
    const [, number, label = ''] = /^(\d) : (\S{1,40})/.exec(line) ?? [];
    return number === undefined ? [] : [{ number: Number(number), label }];
  });
}

function lastLine(text: string): string {
  return text.split('\n').at(-1)?.trim().slice(0, 200) || 'it does not say why';
}

function parse(text: string, defaults: SourceDefaults): RpicamSource | null {
  if (!/^rpicam(:|\?|$)/.test(text)) return null;
  const [name = '', query = ''] = cut(text);
  const number = /^rpicam:?(\d?)$/.exec(name)?.[1];
  if (number === undefined) throw unsupported(text);
  const shown = `rpicam:${number}`;
  const options = wiredOptions(shown, query, defaults);
  // The program always makes H.264, and takes no V4L2 controls.
  const foreign = options.controls.size > 0 ? 'control.*' : options.format !== null ? 'format' : null;
  if (foreign !== null)
    throw failure('camera_option_invalid', { source: shown, detail: `${foreign} is not for rpicam:` });
  return { kind: 'rpicam', camera: Number(number), shown, ...options };
}

export const rpicamKind: SourceKind<RpicamSource> = {
  help: "  rpicam:              a Raspberry Pi's module     size=1280x720, rate=15, mic=alsa:DEVICE, mic-rate=48000, audio=...",
  parse,
  open: (source, context) => new RpicamDriver(source, context),
  tryOnce: async (source, context) => {
    const gives = await listCameras(source, context);
    return { gives, troubles: await microphoneTroubles(source.microphone, context) };
  },
};
