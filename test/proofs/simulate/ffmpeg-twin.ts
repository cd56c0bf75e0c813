// Replaces ffmpeg in a run: a camera that repeats the same footage in simulated time, without a process. It encodes nothing: a clip that
// would need that fails.

import { PassThrough } from 'node:stream';
import { type Clock, SystemClock } from '@doorsill/base/clock';
import { runFfmpeg } from '@doorsill/device/camera/ffmpeg-run';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import type { CameraKind } from '@doorsill/device/camera/source-interfaces';
import { KnownTimeline } from '@doorsill/device/camera/source-timeline';
import { failure } from 'doorsill/errors';

/** Length of a GOP, and the frame rate: just small enough pictures, and few enough, to tell places in a GOP apart. */
export const GOP_US = 5_000_000;
const FOOTAGE_FPS = 2;
/** Duration of each picture. */
export const FRAME_US = 1_000_000 / FOOTAGE_FPS;
const GOP_FRAMES = String((GOP_US * FOOTAGE_FPS) / 1_000_000);
const GOPS = 8;
const RECORD_MS_MAX = 30_000;
const FOOTAGE_BYTES_MAX = 4_000_000;
const CAPTURE_PIPE = 'pipe:3';
export const SIMULATED_CAMERA = 'town';

/** Fragmented MP4 as ffmpeg writes it for a capture. */
export interface Footage {
  readonly init: Uint8Array;
  /** One GOP each. */
  readonly fragments: readonly Uint8Array[];
  /** Bytes of each GOP's first picture that occur nowhere else. */
  readonly marks: readonly Uint8Array[];
}

/** Lets a real ffmpeg draw, encode and fragment some GOPs, with the capture's own flags. Throws `ffmpeg_failed`. */
export async function drawFootage(ffmpeg: Ffmpeg): Promise<Footage> {
  const seconds = String((GOPS * GOP_US) / 1_000_000);
  const bytes = await runFfmpeg(ffmpeg, {
    doing: 'drawing the footage of the simulation',
    args: [
      ...[
        '-f',
        'lavfi',
        '-i',
        `testsrc=size=64x48:rate=${FOOTAGE_FPS},noise=alls=16:allf=t:all_seed=1`,
        '-t',
        seconds,
        '-an',
        '-pix_fmt',
        'yuv420p',
      ],
      ...[
        '-c:v',
        'libx264',
        '-preset',
        'ultrafast',
        '-profile:v',
        'baseline',
        '-crf',
        '40',
        '-bf',
        '0',
        '-threads',
        '1',
      ],
      ...[
        '-g',
        GOP_FRAMES,
        '-keyint_min',
        GOP_FRAMES,
        '-sc_threshold',
        '0',
        '-map_metadata',
        '-1',
        '-fflags',
        '+bitexact',
      ],
      ...['-avoid_negative_ts', 'disabled', '-flags:v', '+bitexact'],
      ...['-movflags', '+frag_keyframe+empty_moov+default_base_moof+frag_discont', '-f', 'mp4', 'pipe:1'],
    ],
    stdoutBytesMax: FOOTAGE_BYTES_MAX,
    timeoutMs: RECORD_MS_MAX,
    clock: new SystemClock(),
  });
  return footageIn(bytes);
}

function footageIn(bytes: Uint8Array): Footage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  let startAt = 0;
  let init = new Uint8Array(0);
  const fragments: Uint8Array[] = [];
  while (at + 8 <= bytes.length) {
    const type = Buffer.from(bytes.subarray(at + 4, at + 8)).toString('latin1');
    at += view.getUint32(at);
    if (type === 'moov') init = bytes.slice(startAt, at);
    if (type === 'mdat') fragments.push(bytes.slice(startAt, at));
    if (type === 'moov' || type === 'mdat') startAt = at;
  }
  const marks = fragments.map(markOf);
  const isEachItsOwn = new Set(marks.map((mark) => Buffer.from(mark).toString('hex'))).size === GOPS;
  if (!isEachItsOwn) throw failure('internal', { detail: 'the footage’s GOPs cannot be told apart' });
  return { init, fragments, marks };
}

/** Length of a mark. It lies shortly before the end of the first picture, where its content differs. */
export const MARK_BYTES = 24;
const MARK_BEFORE_END = 32;

function markOf(fragment: Uint8Array): Uint8Array {
  const buffer = Buffer.from(fragment.buffer, fragment.byteOffset, fragment.length);
  const slice = afterParameters(buffer, buffer.indexOf('mdat', 0, 'latin1') + 4);
  const end = slice + 4 + buffer.readUInt32BE(slice);
  return fragment.slice(end - MARK_BEFORE_END, end - MARK_BEFORE_END + MARK_BYTES);
}

/** NAL units that are no slice (ISO/IEC 14496-10 Table 7-1): SEI, parameter sets, delimiters. */
function isParameters(first: number | undefined): boolean {
  return ((first ?? 0) & 31) > 5;
}

function afterParameters(buffer: Buffer, from: number): number {
  let at = from;
  while (isParameters(buffer[at + 4])) at += 4 + buffer.readUInt32BE(at);
  return at;
}

/** The fragment as number `index` of a recording, with its decoding time. */
function numbered(fragment: Uint8Array, index: number, ticksPerGop: number): Uint8Array {
  const bytes = Buffer.from(fragment);
  const mfhd = bytes.indexOf('mfhd', 0, 'latin1');
  const tfdt = bytes.indexOf('tfdt', 0, 'latin1');
  bytes.writeUInt32BE(index + 1, mfhd + 8);
  // `tfdt` of version 1: version and flags, then 64 bits (ISO/IEC 14496-12 §8.8.12).
  bytes.writeBigUInt64BE(BigInt(index) * BigInt(ticksPerGop), tfdt + 8);
  return bytes;
}

/** Ticks of decoding time between the first two GOPs. */
function ticksOf({ fragments: [, second] }: Footage): number {
  const bytes = Buffer.from(second ?? []);
  return Number(bytes.readBigUInt64BE(bytes.indexOf('tfdt', 0, 'latin1') + 8));
}

/**
 * An ffmpeg for one boot of a doorbell: a capture delivers each GOP when it is complete, every other job fails. `filming` is called when a
 * capture begins.
 */
export function ffmpegTwin(footage: Footage, clock: Clock, filming: () => void): Ffmpeg {
  const ticks = ticksOf(footage);
  return {
    path: 'none',
    version: 'a simulated town’s',
    release: [7, 1],
    origin: 'system',
    start: (args) => {
      const [stdin, stdout, stderr, gray, audio, live] = Array.from({ length: 6 }, () => new PassThrough());
      const pipes = [stdin, stdout, stderr, gray, audio, live];
      const child = { stdin: stdin ?? null, stdout: stdout ?? null, stdio: pipes };
      let finish: (status: number | null) => void = () => undefined;
      const ended = new Promise<{ status: number | null; signal: string | null; words: string }>((resolve) => {
        finish = (status) => {
          for (const pipe of pipes) pipe?.end();
          resolve({
            status,
            signal: status === null ? 'SIGKILL' : null,
            words: status === 1 ? 'it encodes nothing' : '',
          });
        };
      });
      for (const pipe of pipes) pipe?.on('error', () => undefined);
      stdin?.resume();
      audio?.resume();
      stderr?.resume();
      if (!args.includes(CAPTURE_PIPE)) {
        finish(1);
        return { child, ended, kill: () => undefined, end: () => ended };
      }
      filming();
      stdout?.write(footage.init);
      let index = 0;
      const film = () => {
        const fragment = footage.fragments[index % footage.fragments.length];
        if (fragment) stdout?.write(numbered(fragment, index, ticks));
        index += 1;
        timer = clock.after(GOP_US / 1_000, film);
      };
      let timer = clock.after(GOP_US / 1_000, film);
      const stop = (status: number | null) => {
        timer.cancel();
        finish(status);
      };
      return {
        child,
        ended,
        kill: () => stop(null),
        end: () => {
          stop(0);
          return ended;
        },
      };
    },
  };
}

/** The camera of every simulated home; its footage comes from the twin. */
export const simulatedCamera: CameraKind = {
  help: '',
  name: (text) =>
    text !== SIMULATED_CAMERA
      ? null
      : {
          kind: SIMULATED_CAMERA,
          shown: SIMULATED_CAMERA,
          settings: {},
          open: ({ clock }) => ({
            policy: { atEnd: 'lost', retriesMax: null, forgiveAfter: 1 },
            live: true,
            unchanging: false,
            open: async () => ({
              inputs: [{ options: [], address: SIMULATED_CAMERA }],
              plan: { video: 'copy', audio: 'none', videoStream: '0:v:0', audioStream: '0:a:0' },
              timeline: () => new KnownTimeline(clock.wallUs(), true),
              skipBeforeUs: 0,
              feed: null,
            }),
            learn: () => false,
            explain: () => null,
          }),
          tryOnce: async () => ({ gives: 'footage', troubles: [] }),
        },
};
