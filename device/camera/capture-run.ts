// One run of ffmpeg from start to end: reading its outputs, feeding its inputs, ending it.
import type { Readable } from 'node:stream';
import type { Clock } from '@doorsill/base/clock';
import { assert } from '@doorsill/contract/assert';
import { type FragmentSamples, type InitInfo, parseFragment, parseInit } from '@doorsill/contract/media/fragment';
import { FragmentSplitter } from '@doorsill/contract/media/fragment-splitter';
import { GRAY_HEIGHT, GRAY_WIDTH } from './ffmpeg-capture-command.ts';
import type { ProcessEnd } from './ffmpeg-process.ts';
import type { Ffmpeg } from './find-ffmpeg.ts';
import type { RunInput } from './source-interfaces.ts';
import { type CaptureCommand, type CaptureProcess, startCapture } from './start-ffmpeg.ts';

/** Receive a run's output. An error that a sink throws ends the run and is rethrown by it. */
export interface RunSinks {
  /** The process has started. */
  started(): void;
  line(line: string): void;
  init(init: InitInfo, bytes: Uint8Array): void;
  /** Awaited; meanwhile nothing more is read from this pipe. */
  fragment(bytes: Uint8Array, samples: FragmentSamples): Promise<void>;
  /** There are no more fragments. */
  fragmentsOver?(): void;
  /** Called with each gray frame and its number; a promise is awaited. */
  gray(pixels: Uint8Array, index: number): Promise<void> | void;
  /** There are no more gray frames. */
  grayOver?(): void;
  /** Called with each chunk of the live output. */
  live(chunk: Uint8Array): void;
}

export interface RunSetup {
  readonly ffmpeg: Ffmpeg;
  readonly command: CaptureCommand;
  readonly feed: RunInput['feed'];
  readonly clock: Clock;
  /** Ends the run; ffmpeg's remaining output is still read. */
  readonly signal: AbortSignal;
}

/** Time for ffmpeg to finish after SIGTERM. */
const GRACE_MS = 2_000;

/** Runs ffmpeg once. When it returns or throws, the process is gone and all its output was read. */
export async function runCapture(setup: RunSetup, sinks: RunSinks): Promise<ProcessEnd> {
  const running = await startCapture(setup.ffmpeg, setup.command, sinks.line);
  let broken: { readonly thrown: unknown } | null = null;
  const breakOff = (thrown: unknown) => {
    broken ??= { thrown };
    running.kill();
  };
  const onAbort = () => void running.end(setup.clock, GRACE_MS);
  if (setup.signal.aborted) onAbort();
  else setup.signal.addEventListener('abort', onAbort, { once: true });
  const fed = new AbortController();
  try {
    sinks.started();
    await Promise.all([
      readMedia(running.media, sinks)
        .catch(breakOff)
        .finally(() => sinks.fragmentsOver?.()),
      readGray(running.gray, sinks)
        .catch(breakOff)
        .finally(() => sinks.grayOver?.()),
      readLive(running.live, sinks).catch(breakOff),
      feedInputs(running, setup, fed.signal).catch(breakOff),
      running.ended.then(() => fed.abort()),
    ]);
  } catch (thrown) {
    breakOff(thrown);
  } finally {
    setup.signal.removeEventListener('abort', onAbort);
  }
  const end = await running.ended;
  if (broken !== null) throw (broken as { readonly thrown: unknown }).thrown;
  return end;
}

async function feedInputs(running: CaptureProcess, setup: RunSetup, gone: AbortSignal): Promise<void> {
  const { videoIn, audioIn } = running;
  await setup.feed?.({ video: videoIn, audio: audioIn }, AbortSignal.any([setup.signal, gone]));
  videoIn.end();
  audioIn.end();
}

async function readMedia(pipe: Readable, sinks: RunSinks): Promise<void> {
  const splitter = new FragmentSplitter();
  let init: InitInfo | null = null;
  for await (const chunk of pipe) {
    assert(chunk instanceof Uint8Array, 'a pipe gives bytes');
    for (const part of splitter.push(chunk)) {
      if (part.kind === 'init') {
        init = parseInit(part.bytes);
        sinks.init(init, part.bytes);
      } else {
        assert(init, 'the splitter gives the init segment first');
        await sinks.fragment(part.bytes, parseFragment(init, part.bytes));
      }
    }
  }
}

/** Uses the `data` event, because a loop with `await` costs more, and this runs at every frame whether or not somebody watches. */
function readLive(pipe: Readable, sinks: RunSinks): Promise<void> {
  return new Promise((resolve, reject) => {
    pipe.on('data', (chunk: Uint8Array) => {
      try {
        sinks.live(chunk);
      } catch (thrown) {
        reject(thrown);
      }
    });
    pipe.once('close', resolve);
  });
}

const GRAY_BYTES = GRAY_WIDTH * GRAY_HEIGHT;

async function readGray(pipe: Readable, sinks: RunSinks): Promise<void> {
  let frame: Uint8Array | null = null;
  let filled = 0;
  let index = 0;
  for await (const chunk of pipe) {
    assert(chunk instanceof Uint8Array, 'a pipe gives bytes');
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + GRAY_BYTES - filled);
      frame ??= new Uint8Array(GRAY_BYTES);
      frame.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < GRAY_BYTES) continue;
      await sinks.gray(frame, index);
      index += 1;
      frame = null;
      filled = 0;
    }
  }
}
