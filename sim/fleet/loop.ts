// A scene as a loop: encoded once by the real ffmpeg, as fragments of one GOP each, with the times of its motions. All doorbells of a
// process that film the scene share the bytes.
import type { Clock } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import { concatBytes } from '@doorsill/contract/bytes';
import { parseFragment, type Sample } from '@doorsill/contract/media/fragment';
import { FragmentSplitter } from '@doorsill/contract/media/fragment-splitter';
import { type InitInfo, parseInit } from '@doorsill/contract/media/init-segment';
import { moveFragment } from '@doorsill/contract/media/move-fragment';
import {
  FRAGMENT_ARGS_UNHURRIED,
  fileInput,
  GRAY_ARGS,
  GRAY_FPS,
  GRAY_HEIGHT,
  GRAY_WIDTH,
} from '@doorsill/device/camera/ffmpeg-capture-command';
import type { FfmpegProcess } from '@doorsill/device/camera/ffmpeg-process';
import { COMMON_ARGS, runFfmpeg, startFfmpeg } from '@doorsill/device/camera/ffmpeg-run';
import { type Ffmpeg, threadArgs } from '@doorsill/device/camera/find-ffmpeg';
import { probeFile } from '@doorsill/device/camera/probe-file';
import { DeviceConfig } from '@doorsill/device/config';
import { MotionTrial } from '@doorsill/device/motion/motion-trial';
import { type FilmedSource, readFilmedSource } from '../camera-server/camera-footage.ts';
import { failure } from '../errors.ts';
import { SyntheticDriver } from '../porch/porch-camera.ts';
import { CYCLE_FRAMES, SYNTHETIC_FPS, SYNTHETIC_SAMPLE_RATE } from '../porch/scene.ts';

/** The scene of a loop. */
export interface LoopScene {
  /** `synthetic?...` or a video file. */
  readonly camera: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly kbitPerS: number;
  /** Longest length of the loop, in microseconds; the length becomes a multiple of 8 s. */
  readonly loop: number;
}

export const DEFAULT_SCENE: LoopScene = {
  camera: 'synthetic',
  width: 1_280,
  height: 720,
  fps: 15,
  kbitPerS: 1_000,
  loop: 24_000_000,
};

/** The beginning (`moves`) or the end of a motion, in microseconds from the loop's beginning. */
export interface LoopMotion {
  readonly atUs: number;
  readonly moves: boolean;
}

/** The bytes of a loop as ffmpeg wrote them, cut into GOPs. */
export interface LoopParts {
  readonly init: Uint8Array;
  readonly gops: readonly Uint8Array[];
  readonly motions: readonly LoopMotion[];
}

/** GOP length. */
export const GOP_US = 1_000_000;
/** AAC packets at 48 kHz end on a whole second every 8 s: a loop of a multiple of that has no gap and no overlap in its sound. */
const SOUND_PERIOD_S = 8;
/** Encoded before the loop, until the encoders of picture and sound have settled. */
const LEAD_S = SOUND_PERIOD_S;
/** A motion detector has learnt a scene after this time. */
const LEARNT_S = 16;
/** Encoded after the loop, so that its last packets of sound are complete. */
const TAIL_S = 1;
const PICTURES_MS_MAX = 600_000;
const LOOK_S = 10;
/** Time of the stamp in the first drawn picture; fixed, so that the same scene has the same bytes. */
const STAMPED_FROM_US = Date.UTC(2026, 0, 1) * 1_000;
const PIPE_VIDEO = 0;
const PIPE_SOUND = 4;
/** A camera's sensor has noise; drawn pictures have none, and would need a fraction of the bitrate. */
const NOISE = 'noise=alls=4:allf=t:all_seed=1';
/** Largest loop; each scene's is in memory once. */
const LOOP_BYTES_MAX = 256 * 1024 * 1024;
/** Passes of a GOP that are kept: doorbells are at most one pass apart. */
const PASSES_KEPT = 2;

/** One scene's loop in memory. */
export class Loop {
  readonly init: Uint8Array;
  readonly info: InitInfo;
  readonly motions: readonly LoopMotion[];
  readonly lengthUs: number;
  /** Presentation time of the first picture of the first pass, in microseconds. */
  readonly firstUs: number;
  /** Average bitrate. */
  readonly bitsPerSecond: number;
  private readonly gops: readonly { bytes: Uint8Array; passes: { pass: number; bytes: Uint8Array }[] }[];

  /** Throws `fleet_scene_unusable` for parts that cannot be repeated without a gap. */
  constructor({ init, gops, motions }: LoopParts) {
    this.init = init;
    this.info = parseInit(init);
    this.motions = motions;
    this.lengthUs = gops.length * GOP_US;
    this.gops = gops.map((bytes) => ({ bytes, passes: [] }));
    const fragments = gops.map((bytes) => parseFragment(this.info, bytes));
    const first = fragments[0]?.video[0];
    if (!first) throw unusable('it has no picture');
    const { video, audio } = this.info;
    this.firstUs = Math.round((first.pts * 1_000_000) / video.timescale);
    const bytes = gops.reduce((sum, gop) => sum + gop.length, 0);
    this.bitsPerSecond = Math.round((bytes * 8 * 1_000_000) / this.lengthUs);
    for (const fragment of fragments)
      if (!fragment.video[0]?.key) throw unusable('a second does not begin with a keyframe');
    this.checkTrack(
      fragments.flatMap((fragment) => fragment.video),
      video.timescale,
    );
    if (audio)
      this.checkTrack(
        fragments.flatMap((fragment) => fragment.audio),
        audio.timescale,
      );
  }

  /** Number of GOPs. */
  get gopCount(): number {
    return this.gops.length;
  }

  /** GOP number `gop` of the endlessly repeated loop, counted over all passes. All doorbells share the bytes: never change them. */
  fragment(gop: number): Uint8Array {
    const pass = Math.floor(gop / this.gops.length);
    const held = this.gops[gop % this.gops.length];
    if (!held) throw failure('internal', { detail: `a loop has no GOP ${gop}` });
    const known = held.passes.find((one) => one.pass === pass);
    if (known) return known.bytes;
    const bytes = moveFragment(this.info, held.bytes, pass * this.lengthUs);
    // `mfhd` is the first box in `moof`: two headers, version and flags, then the number (ISO/IEC 14496-12 §8.8.5).
    new DataView(bytes.buffer).setUint32(20, (gop + 1) >>> 0);
    held.passes.unshift({ pass, bytes });
    held.passes.length = Math.min(held.passes.length, PASSES_KEPT);
    return bytes;
  }

  /** Its bytes and motions, for other processes. */
  get parts(): LoopParts {
    return { init: this.init, gops: this.gops.map(({ bytes }) => bytes), motions: this.motions };
  }

  /** Checks that every sample begins where the one before it ends, and the first one where the last one of the pass before ends. */
  private checkTrack(samples: readonly Sample[], timescale: number): void {
    const [first] = samples;
    let nextDts = first?.dts;
    for (const { dts, duration } of samples) {
      if (dts !== nextDts) throw unusable('it has a gap');
      nextDts = dts + duration;
    }
    const length = (this.lengthUs * timescale) / 1_000_000;
    if (first && nextDts !== first.dts + length) throw unusable('its end does not meet its beginning');
  }
}

function unusable(detail: string) {
  return failure('fleet_scene_unusable', { detail });
}

export interface LoopDeps {
  readonly ffmpeg: Ffmpeg;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Encodes a scene and looks for motion in it, as a doorbell with default settings would. The same scene gives the same bytes. Throws
 * `fleet_scene_unusable`, `camera_source_unserved`, `camera_not_found`, `camera_option_invalid`, `camera_no_video`,
 * `camera_refused_format`, `ffmpeg_failed`, or the signal's reason.
 */
export async function makeLoop(scene: LoopScene, deps: LoopDeps, signal: AbortSignal): Promise<Loop> {
  const source = readFilmedSource(scene.camera);
  const { init, fragments } = await encode(source, scene, deps, signal);
  const gops = fragments.slice(LEAD_S, fragments.length - TAIL_S);
  const motions = await motionsIn(new Loop({ init, gops, motions: [] }), deps, signal);
  return new Loop({ init, gops, motions });
}

/** The largest multiple of 8 s within a time, at least 8 s; in seconds. */
function wholeS(us: number): number {
  return Math.max(1, Math.floor(us / 1_000_000 / SOUND_PERIOD_S)) * SOUND_PERIOD_S;
}

/** The input of a scene; `feed` writes it where ffmpeg does not read it by itself. */
interface SceneInput {
  readonly args: readonly string[];
  readonly hasSound: boolean;
  readonly lengthS: number;
  readonly isDrawn: boolean;
  feed(running: FfmpegProcess, signal: AbortSignal): Promise<void>;
}

/** Lead, loop and tail, as fragments of one second each. */
async function encode(
  source: FilmedSource,
  scene: LoopScene,
  deps: LoopDeps,
  signal: AbortSignal,
): Promise<{ init: Uint8Array; fragments: Uint8Array[] }> {
  const input =
    source.kind === 'file' ? await fileScene(source, scene, deps, signal) : await drawnScene(source, scene, deps);
  const seconds = LEAD_S + input.lengthS + TAIL_S;
  const args = [
    ...COMMON_ARGS,
    '-loglevel',
    'level+error',
    ...input.args,
    '-t',
    String(seconds),
    ...encoderArgs(scene, input, deps),
  ];
  const running = startFfmpeg(deps.ffmpeg, args, { pipes: 2 });
  const kill = () => running.kill();
  signal.addEventListener('abort', kill, { once: true });
  const late = deps.clock.after(PICTURES_MS_MAX, kill);
  const fed = input.feed(running, signal).catch(() => undefined);
  try {
    const splitter = new FragmentSplitter();
    let init: Uint8Array | null = null;
    const fragments: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of running.child.stdout ?? []) {
      for (const part of splitter.push(chunk)) {
        if (part.kind === 'init') init = part.bytes;
        else fragments.push(part.bytes);
        bytes += part.bytes.length;
        if (bytes > LOOP_BYTES_MAX) throw unusable(`it takes more than ${LOOP_BYTES_MAX} bytes`);
      }
    }
    const { status, words } = await running.ended;
    signal.throwIfAborted();
    if (status !== 0) throw failure('ffmpeg_failed', { doing: 'encoding a scene', detail: words });
    if (!init || fragments.length !== seconds)
      throw unusable(`${seconds} s of it became ${fragments.length} fragments`);
    return { init, fragments };
  } finally {
    late.cancel();
    signal.removeEventListener('abort', kill);
    running.kill();
    await fed;
    await running.ended;
  }
}

function encoderArgs({ width, height, fps, kbitPerS }: LoopScene, input: SceneInput, { ffmpeg }: LoopDeps): string[] {
  const fit = [
    `scale=${width}:${height}:force_original_aspect_ratio=decrease:force_divisible_by=2`,
    `pad=${width}:${height}:-1:-1`,
    'setsar=1',
  ];
  const filters = [`fps=${fps}:start_time=0`, ...fit, ...(input.isDrawn ? [NOISE] : []), 'format=yuv420p'];
  const rate = `${kbitPerS}k`;
  const video = [
    ...['-map', '0:v:0', '-vf', filters.join(','), '-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency'],
    ...['-b:v', rate, '-maxrate', rate, '-bufsize', rate, '-bf', '0'],
    ...['-g', String(fps), '-keyint_min', String(fps), '-sc_threshold', '0'],
    // One thread, so that the same scene becomes the same bytes on every machine.
    ...threadArgs({ ...ffmpeg, encoderThreads: 1 }),
  ];
  const sound = [
    ...['-map', input.isDrawn ? '1:a:0' : '0:a:0', '-af', 'aresample=async=1:first_pts=0'],
    ...['-c:a', 'aac', '-b:a', '96k', '-ac', '1', '-ar', String(SYNTHETIC_SAMPLE_RATE)],
  ];
  return [...video, ...(input.hasSound ? sound : ['-an']), ...FRAGMENT_ARGS_UNHURRIED, 'pipe:1'];
}

async function drawnScene(
  source: Extract<FilmedSource, { kind: 'synthetic' }>,
  scene: LoopScene,
  { clock }: LoopDeps,
): Promise<SceneInput> {
  if (source.seconds !== null)
    throw failure('camera_option_invalid', {
      source: source.shown,
      detail: 'a loop has its own length, not seconds=N',
    });
  const lengthS = wholeS(scene.loop);
  // The lead is the end of the scene's cycle, so that the loop begins at the cycle's beginning.
  const first = CYCLE_FRAMES - LEAD_S * SYNTHETIC_FPS;
  const seconds = CYCLE_FRAMES / SYNTHETIC_FPS + lengthS + TAIL_S;
  const driver = new SyntheticDriver({ ...source, pace: 'fast', seconds }, clock, () => undefined);
  const drawn = await driver.openAt(STAMPED_FROM_US, first);
  return {
    args: drawn.inputs.flatMap(({ options, address }) => [...options, '-i', address]),
    hasSound: source.audio,
    lengthS,
    isDrawn: true,
    feed: async ({ child: { stdio } }, signal) => {
      const [video, audio] = [stdio[PIPE_VIDEO], stdio[PIPE_SOUND]];
      if (video && 'write' in video && audio && 'write' in audio) await drawn.feed?.({ video, audio }, signal);
    },
  };
}

async function fileScene(
  source: Extract<FilmedSource, { kind: 'file' }>,
  scene: LoopScene,
  { ffmpeg, clock }: LoopDeps,
  signal: AbortSignal,
): Promise<SceneInput> {
  const facts = await probeFile(ffmpeg, { ...source, loop: false, pace: 'fast' }, { clock, signal, lookS: LOOK_S });
  const { options, address } = fileInput(source.path, facts.container);
  return {
    args: ['-stream_loop', '-1', ...options, '-i', address],
    hasSound: facts.plan.audio !== 'none',
    lengthS: wholeS(Math.min(scene.loop, facts.durationUs ?? scene.loop)),
    isDrawn: false,
    feed: async ({ child: { stdin } }) => void stdin?.end(),
  };
}

/** The loop's motions, for a detector that has learnt the scene in earlier passes. */
async function motionsIn(loop: Loop, { ffmpeg, clock }: LoopDeps, signal: AbortSignal): Promise<LoopMotion[]> {
  const passes = Math.ceil(LEARNT_S / loop.gopCount);
  const seconds = (passes + 1) * loop.gopCount;
  const footage = concatBytes([loop.init, ...Array.from({ length: seconds }, (_, at) => loop.fragment(at))]);
  const picture = GRAY_WIDTH * GRAY_HEIGHT;
  const gray = await runFfmpeg(ffmpeg, {
    doing: 'looking for motion in a scene',
    args: ['-f', 'mov', '-i', 'pipe:0', '-map', '0:v:0', ...GRAY_ARGS, 'pipe:1'],
    stdin: footage,
    stdoutBytesMax: (LEAD_S + seconds + 1) * GRAY_FPS * picture,
    timeoutMs: PICTURES_MS_MAX,
    clock,
    signal,
  });
  const { sensitivity } = DeviceConfig.shape.motion.parse(undefined);
  const trial = new MotionTrial([{ sensitivity, zones: [] }]);
  const atUs = (at: number) => Math.round((at * 1_000_000) / GRAY_FPS) + 1;
  const count = Math.floor(gray.length / picture);
  const events = Array.from({ length: count }, (_, at) =>
    trial.frame(gray.subarray(at * picture, (at + 1) * picture), atUs(at)),
  );
  const [fromUs, untilUs] = [passes * loop.lengthUs, (passes + 1) * loop.lengthUs];
  return [...events.flat(), ...trial.end(atUs(count))].flatMap(({ startUs, endUs }) => {
    const [start, end] = [Math.max(startUs, fromUs), Math.min(endUs, untilUs)];
    return start < end
      ? [
          { atUs: start - fromUs, moves: true },
          { atUs: end - fromUs, moves: false },
        ]
      : [];
  });
}
