// Owns: composing and running one capture through fluent-ffmpeg, and working around its capability check in this one place.
// Not here: which arguments a source needs (ffmpeg-capture-command.ts), what is done with the output (capture-run.ts).
import type { Readable, Writable } from 'node:stream';
import { assert } from '@doorsill/contract/assert';
import ffmpegCommand from 'fluent-ffmpeg';
import type { FfmpegProcess } from './ffmpeg-process.ts';
import { COMMON_ARGS, startFfmpeg } from './ffmpeg-run.ts';
import type { Ffmpeg } from './find-ffmpeg.ts';

/** One input or output of ffmpeg: its options come before its address. */
export interface Port {
  readonly options: readonly string[];
  readonly address: string;
}

/**
 * What a capture runs. Media goes to `pipe:1`, gray frames to `pipe:3`, frames for viewers to `pipe:5`; drawn video comes from `pipe:0`,
 * sound from `pipe:4`.
 */
export interface CaptureCommand {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** A running capture and its pipes. All outputs must be read all the time: one that fills up stalls the others. */
export interface CaptureProcess extends FfmpegProcess {
  readonly media: Readable;
  readonly gray: Readable;
  /** Empty where the command has no such output. */
  readonly live: Readable;
  readonly videoIn: Writable;
  readonly audioIn: Writable;
}

/** Pipes beside stdin, stdout and stderr: 3, 4 and 5. */
const EXTRA_PIPES = 3;

/**
 * Starts ffmpeg for a capture; `onLine` gets each line of its stderr at log level info. Resolves once the process is
 * started; `ended` reports one that cannot start.
 */
export function startCapture(
  ffmpeg: Ffmpeg,
  capture: CaptureCommand,
  onLine: (line: string) => void,
): Promise<CaptureProcess> {
  const command = ffmpegCommand();
  // Options are spread, not passed as a list: fluent-ffmpeg splits members of a list at their space.
  for (const input of capture.inputs) command.input(input.address).inputOptions(...input.options);
  for (const output of capture.outputs) command.output(output.address).outputOptions(...output.options);
  return new Promise((resolve, reject) => {
    command.on('error', reject);
    // fluent-ffmpeg 2.1.3 asks ffmpeg for its formats and encoders before each run and cannot read the answers of
    // ffmpeg 7, so it refuses formats that exist; and it supports no pipes beyond the standard three. Our own arguments
    // need no check, and our own starter handles the pipes, a bare environment and ending.
    Object.assign(command, {
      _checkCapabilities: (done: (error: null) => void) => done(null),
      availableEncoders: (done: (error: null, encoders: object) => void) => done(null, {}),
      // It is not told of the end, which nobody asks it about: it would stay in memory, 16 KB, for as long as ffmpeg runs.
      _spawnFfmpeg: (args: string[]) => {
        const running = startFfmpeg(ffmpeg, [...COMMON_ARGS, '-loglevel', 'level+info', ...args], {
          pipes: EXTRA_PIPES,
          onLine,
        });
        resolve(withPipes(running));
      },
    });
    command.run();
  });
}

function withPipes(running: FfmpegProcess): CaptureProcess {
  const { stdin, stdout, stdio } = running.child;
  const [gray, audioIn, live] = stdio.slice(3);
  assert(stdin && stdout, 'the standard pipes are pipes');
  assert(gray && 'read' in gray && audioIn && 'write' in audioIn, 'descriptors 3 and 4 are pipes');
  assert(live && 'read' in live, 'descriptor 5 is a pipe');
  return { ...running, media: stdout, gray, live, videoIn: stdin, audioIn };
}
