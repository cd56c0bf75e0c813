// Starts a capture through fluent-ffmpeg, and works around its capability check.
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
 * Inputs and outputs of a capture. Outputs: media on `pipe:1`, gray frames on `pipe:3`, live frames on `pipe:5`. Inputs from this
 * process: video on `pipe:0`, sound on `pipe:4`.
 */
export interface CaptureCommand {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** A running capture and its pipes. All outputs must be read at all times: a full one stalls the others. */
export interface CaptureProcess extends FfmpegProcess {
  readonly media: Readable;
  readonly gray: Readable;
  /** Empty if the command has no such output. */
  readonly live: Readable;
  readonly videoIn: Writable;
  readonly audioIn: Writable;
}

/** Pipes beside stdin, stdout and stderr: 3, 4 and 5. */
const EXTRA_PIPES = 3;

/**
 * Starts ffmpeg for a capture; `onLine` gets each line of its stderr at log level info. Resolves at once; `ended` reports a process
 * that cannot start.
 */
export function startCapture(
  ffmpeg: Ffmpeg,
  capture: CaptureCommand,
  onLine: (line: string) => void,
): Promise<CaptureProcess> {
  const command = ffmpegCommand();
  // Options are spread, because fluent-ffmpeg splits members of a list at their spaces.
  for (const input of capture.inputs) command.input(input.address).inputOptions(...input.options);
  for (const output of capture.outputs) command.output(output.address).outputOptions(...output.options);
  return new Promise((resolve, reject) => {
    command.on('error', reject);
    // fluent-ffmpeg 2.1.3 asks ffmpeg for its formats and encoders before each run and cannot read ffmpeg 7's answers, so it refuses
    // formats that exist; and it has no pipes beyond the standard three. So its check is skipped and its starter replaced.
    Object.assign(command, {
      _checkCapabilities: (done: (error: null) => void) => done(null),
      availableEncoders: (done: (error: null, encoders: object) => void) => done(null, {}),
      // fluent-ffmpeg is not told of the process's end: it would stay in memory (16 KB) as long as ffmpeg runs.
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
