// Owns: what a camera that is served films: the drawn porch or a file, as H.264 and AAC of its own ffmpegs, each unit when its time has come,
// pass after pass. Not here: faults of units (unit-faults.ts), who watches (rtsp-server.ts, http-streams.ts).
import { PassThrough } from 'node:stream';
import {
  AdtsSplitter,
  type Clock,
  COMMON_ARGS,
  encodeArgs,
  equalBytes,
  type Ffmpeg,
  type FfmpegProcess,
  type FileFacts,
  type FileSource,
  FragmentSplitter,
  failure,
  fileInput,
  fileKind,
  type InitInfo,
  LIVE_ARGS,
  type Log,
  PACKET_SAMPLES,
  type Port,
  parseFragment,
  parseInit,
  probeFile,
  type Sample,
  soundConfigOf,
  startFfmpeg,
  writeTo,
} from '../../device/index.ts';
import { soundOf } from '../porch/chime-sound.ts';
import { parseSyntheticSource, SyntheticDriver, type SyntheticSource } from '../porch/porch-camera.ts';
import { SYNTHETIC_FPS, SYNTHETIC_SAMPLE_RATE } from '../porch/scene.ts';
import { type AccessUnit, pictureParts, type StreamFormat, videoFormat } from './access-units.ts';
import type { FaultSet } from './faults.ts';

/** What a camera films. */
export type FilmedSource = SyntheticSource | FileSource;

/**
 * Reads the name of what is filmed: `synthetic?...`, or a file, which is shown again and again unless its name says `once`.
 * Throws `camera_source_unserved`, `camera_not_found`, `camera_option_invalid`.
 */
export function readFilmedSource(text: string): FilmedSource {
  const source = parseSyntheticSource(text, { pace: 'own' }) ?? fileKind.parse(text, { pace: 'own', loop: true });
  if (!source) throw failure('camera_source_unserved', { source: text.slice(0, 40) });
  if (source.pace === 'fast')
    throw failure('camera_option_invalid', { source: source.shown, detail: 'it is shown at its own pace' });
  return source;
}

/** Sound of every camera that is served: one channel at this rate. */
const SOUND = soundConfigOf(SYNTHETIC_SAMPLE_RATE, 1);

/** So long after it was started its first picture is due: ffmpeg needs a moment. */
const LEAD_US = 400_000;
/** A file is looked through so far before it is shown, in seconds. */
const LOOK_S = 10;
/** A frame at the exact time where a run begins must not be left out for a rounding. */
const ROUNDING_US = 1_000;
/** Assumed for a last picture whose length nothing says. */
const FRAME_US_DEFAULT = 40_000;
/** Runs without a single picture, one after the other, before the footage is given up. */
const EMPTY_RUNS_MAX = 3;

export interface FootageDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly ffmpeg: Ffmpeg;
  readonly faults: FaultSet;
  /** Send a file's own H.264, bit for bit. */
  readonly isCopied: boolean;
}

export interface FootageSinks {
  /** A unit leaves the camera now. */
  unit(unit: AccessUnit): void;
  /** The pictures have another format from here on. */
  format(format: StreamFormat): void;
}

/** Where one showing of the footage lies in the camera's time. Its end is known when its last picture was read. */
interface Pass {
  readonly startUs: number;
  endUs: number | null;
  readonly ended: Promise<void>;
  readonly end: () => void;
}

/** A picture of a run: times in microseconds since the run's beginning. */
interface RunPicture {
  readonly init: InitInfo;
  readonly sample: Sample;
  readonly ptsUs: number;
  readonly dtsUs: number;
  readonly durationUs: number;
}

export class CameraFootage {
  readonly source: FilmedSource;
  private readonly deps: FootageDeps;
  private readonly sinks: FootageSinks;
  private readonly porch: SyntheticDriver | null;
  private facts: FileFacts | null = null;
  private originMs = 0;
  private originWallUs = 0;
  private pass: Pass = newPass(0);
  private run: AbortController | null = null;
  /** Of which time’s faults the run knows, and until when. */
  private madeForUs = 0;
  private madeUntilUs = 0;
  private format: StreamFormat | null = null;

  constructor(source: FilmedSource, deps: FootageDeps, sinks: FootageSinks) {
    this.source = source;
    this.deps = deps;
    this.sinks = sinks;
    // Its sound has an ffmpeg of its own, so that pictures can be made anew without a gap in the sound.
    const drawn = source.kind === 'synthetic' ? { ...source, audio: false, pace: 'fast' as const } : null;
    this.porch = drawn && new SyntheticDriver(drawn, deps.clock, () => undefined);
    deps.faults.onChange(() => this.remake());
  }

  /** Microseconds since the camera's first picture. */
  get nowUs(): number {
    return Math.round((this.deps.clock.monotonicMs() - this.originMs) * 1_000);
  }

  /** Wall time of a time of the camera. */
  wallUs(us: number): number {
    return this.originWallUs + us;
  }

  /** Films until the footage is over or the signal is aborted. Throws `camera_not_found`, `camera_no_video`, `camera_refused_format`. */
  async film(signal: AbortSignal): Promise<void> {
    const { clock, ffmpeg } = this.deps;
    if (this.source.kind === 'file') {
      this.facts = await probeFile(ffmpeg, this.source, { clock, signal, lookS: LOOK_S });
    }
    // Draws what is drawn once.
    await this.porch?.openAt(0, 0);
    this.begin(LEAD_US);
    const ending = new AbortController();
    const either = AbortSignal.any([signal, ending.signal]);
    const faults: unknown[] = [];
    const breakOff = (thrown: unknown) => {
      faults.push(thrown);
      ending.abort();
    };
    const pictures = this.playPictures(either).catch(breakOff);
    const over = pictures.finally(() => {
      ending.abort();
      this.pass.end();
    });
    await Promise.all([over, this.hasSound ? this.playSound(either).catch(breakOff) : null]);
    if (faults.length > 0) throw faults[0];
  }

  /** The first picture is due so long from now. */
  private begin(inUs: number): void {
    const { clock } = this.deps;
    this.originMs = clock.monotonicMs() + inUs / 1_000;
    this.originWallUs = clock.wallUs() + inUs;
  }

  private get hasSound(): boolean {
    return this.facts ? this.facts.plan.audio !== 'none' : this.source.audio;
  }

  /** Faults of the pictures were switched: a run that would not do as they want ends. */
  private remake(): void {
    if (this.run && this.deps.faults.nextPictureChangeUs(this.madeForUs) !== this.madeUntilUs) this.run.abort();
  }

  private async playPictures(signal: AbortSignal): Promise<void> {
    const { clock, faults } = this.deps;
    /** Where the footage is, in its own time. */
    let atUs = 0;
    let empty = 0;
    while (!signal.aborted) {
      const run = new AbortController();
      const { pass } = this;
      this.run = run;
      const fromUs = atUs;
      // A fault that begins within a rounding of the next picture begins with it.
      this.madeForUs = pass.startUs + fromUs + ROUNDING_US;
      this.madeUntilUs = faults.nextPictureChangeUs(this.madeForUs);
      const lengthUs = this.madeUntilUs - pass.startUs - fromUs;
      let passedUs = 0;
      for await (const picture of this.picturesOf(fromUs, lengthUs, AbortSignal.any([signal, run.signal]))) {
        passedUs = Math.max(passedUs, picture.ptsUs + picture.durationUs);
        atUs = fromUs + passedUs;
        const unit = unitOf(picture, pass.startUs + fromUs);
        // A machine that was slow to begin did not miss anything.
        if (this.format === null && this.nowUs > unit.dueUs) this.begin(-unit.dueUs);
        this.learn(picture.init);
        await clock.sleep(Math.max(0, (unit.dueUs - this.nowUs) / 1_000), signal).catch(() => undefined);
        if (signal.aborted) return;
        this.sinks.unit(unit);
        if (run.signal.aborted) break;
      }
      empty = passedUs === 0 && !run.signal.aborted ? empty + 1 : 0;
      if (empty >= EMPTY_RUNS_MAX)
        throw failure('camera_no_video', { source: this.source.shown, detail: 'no picture comes' });
      // Ended by a fault.
      if (run.signal.aborted || (passedUs > 0 && passedUs >= lengthUs - ROUNDING_US * 2)) continue;
      if (!this.goesOnAfter(atUs)) return;
      // The porch has not come to its end: its run broke, and is taken up where it was.
      if (this.source.kind === 'synthetic') continue;
      if (atUs > 0) this.nextPass(pass, atUs);
      atUs = 0;
    }
  }

  /** Whether more comes after a run that has shown all it could, up to `atUs` of the footage. */
  private goesOnAfter(atUs: number): boolean {
    if (this.source.kind === 'file') return this.source.loop;
    return this.source.seconds === null || atUs < this.source.seconds * 1_000_000 - ROUNDING_US * 2;
  }

  private nextPass(before: Pass, lengthUs: number): void {
    before.endUs = before.startUs + lengthUs;
    this.pass = newPass(before.endUs);
    before.end();
  }

  private learn(init: InitInfo): void {
    const found = videoFormat(init);
    if (!found) throw failure('camera_no_video', { source: this.source.shown, detail: 'it is not H.264' });
    if (this.format && equalBytes(this.format.sps, found.sps) && equalBytes(this.format.pps, found.pps)) return;
    this.format = { ...found, sound: this.hasSound ? SOUND : null };
    this.sinks.format(this.format);
  }

  /** The pictures of one run of ffmpeg: the footage from `fromUs` on, for `lengthUs`, made as the faults of that time want it. */
  private async *picturesOf(fromUs: number, lengthUs: number, signal: AbortSignal): AsyncGenerator<RunPicture> {
    const { faults } = this.deps;
    const { filters, encoder } = faults.pictureAt(this.madeForUs);
    const { input, feed, beforeUs } = await this.pictureInput(fromUs, signal);
    const output = [
      ...(Number.isFinite(lengthUs) ? ['-t', `${lengthUs + beforeUs}us`] : []),
      ...this.codecArgs(filters, encoder),
      ...['-an', ...LIVE_ARGS, 'pipe:1'],
    ];
    const running = this.start([...input.options, '-i', input.address, ...output], signal);
    const fed = feed?.(running, signal).catch(() => undefined);
    const splitter = new FragmentSplitter();
    let init: InitInfo | null = null;
    let originUs: number | null = null;
    let durationUs = FRAME_US_DEFAULT;
    let isWhole = false;
    try {
      for await (const chunk of running.child.stdout ?? []) {
        for (const part of splitter.push(chunk)) {
          if (part.kind === 'init') init = parseInit(part.bytes);
          else if (init) {
            for (const sample of parseFragment(init, part.bytes).video) {
              const us = (ticks: number) => Math.round((ticks * 1_000_000) / (init?.video.timescale ?? 1));
              durationUs = us(sample.duration) || durationUs;
              // Where pictures are reordered, the MP4 writer moves all times until the first decoding time is 0.
              originUs ??= sample.dts === 0 && sample.pts > 0 ? us(sample.pts) : beforeUs;
              yield { init, sample, ptsUs: us(sample.pts) - originUs, dtsUs: us(sample.dts) - originUs, durationUs };
            }
          }
        }
      }
      isWhole = true;
    } finally {
      await this.conclude(running, isWhole);
      await fed;
    }
  }

  /** What ffmpeg reads. The first picture lies `beforeUs` behind the time where it begins to read. */
  private async pictureInput(
    fromUs: number,
    signal: AbortSignal,
  ): Promise<{
    input: Port;
    feed: ((running: FfmpegProcess, signal: AbortSignal) => Promise<void>) | null;
    beforeUs: number;
  }> {
    if (this.porch) {
      const first = Math.round((fromUs * SYNTHETIC_FPS) / 1_000_000);
      const drawn = await this.porch.openAt(this.wallUs(this.madeForUs - ROUNDING_US), first);
      const [input = { options: [], address: '' }] = drawn.inputs;
      const silence = new PassThrough().resume();
      const feed = async ({ child }: FfmpegProcess) => {
        if (child.stdin) await drawn.feed?.({ video: child.stdin, audio: silence }, signal);
      };
      return { input, feed, beforeUs: 0 };
    }
    const file = this.fileInput();
    const beforeUs = Math.min(fromUs, ROUNDING_US);
    const seek = fromUs === 0 ? [] : ['-ss', `${fromUs - beforeUs}us`];
    return { input: { ...file, options: [...file.options, ...seek] }, feed: null, beforeUs };
  }

  private fileInput(): Port {
    if (this.source.kind !== 'file' || !this.facts)
      throw failure('internal', { detail: 'a file is looked through first' });
    return fileInput(this.source.path, this.facts.container);
  }

  private codecArgs(filters: readonly string[], encoder: readonly string[]): string[] {
    const { ffmpeg, isCopied } = this.deps;
    const map = ['-map', this.facts?.plan.videoStream ?? '0:v:0'];
    if (isCopied) return [...map, '-c:v', 'copy'];
    // One thread: the same footage becomes the same bytes on every machine.
    const usual = encodeArgs({ ...ffmpeg, encoderThreads: 1 }, 'libx264');
    // Of an option that is given twice, the last one counts.
    const chain = [...filters, 'crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0'].join(',');
    return [...map, ...usual, ...(filters.length > 0 ? ['-vf', chain] : []), ...encoder];
  }

  private async playSound(signal: AbortSignal): Promise<void> {
    let isFirst = true;
    while (!signal.aborted) {
      const { pass } = this;
      await this.playSoundOf(pass, isFirst, signal);
      isFirst = false;
      await pass.ended;
    }
  }

  private async playSoundOf(pass: Pass, isFirst: boolean, signal: AbortSignal): Promise<void> {
    const { clock } = this.deps;
    const isOver = (us: number) => signal.aborted || (pass.endUs !== null && us >= pass.endUs);
    let at = 0;
    for await (const packet of this.packetsOf(signal)) {
      // The encoder's first packet sounds before the first picture.
      const ptsUs = pass.startUs + Math.round(((at - 1) * PACKET_SAMPLES * 1_000_000) / SOUND.sampleRate);
      at += 1;
      if (at === 1 && !isFirst) continue;
      await clock.sleep(Math.max(0, (ptsUs - this.nowUs) / 1_000), signal).catch(() => undefined);
      if (isOver(ptsUs)) return;
      this.sinks.unit({ track: 'audio', ptsUs, dtsUs: ptsUs, dueUs: ptsUs, key: true, parts: [packet] });
    }
  }

  /** The packets of one showing's sound, one after the other without a gap. */
  private async *packetsOf(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const aac = ['-c:a', 'aac', '-b:a', '96k', '-ar', String(SOUND.sampleRate), '-ac', '1', '-f', 'adts', 'pipe:1'];
    const drawn = ['-f', 's16le', '-ar', String(SYNTHETIC_SAMPLE_RATE), '-ac', '1', '-i', 'pipe:0'];
    const file = this.source.kind === 'file' ? this.fileInput() : null;
    const input = file
      ? [...file.options, '-i', file.address, '-map', this.facts?.plan.audioStream ?? '0:a:0', '-vn']
      : drawn;
    // Where a file's sound begins late or has a hole, silence keeps its place.
    const fill = file ? ['-af', 'aresample=async=1:first_pts=0'] : [];
    const running = this.start([...input, ...fill, ...aac], signal);
    const fed = file ? Promise.resolve() : feedSound(running, signal);
    const splitter = new AdtsSplitter(SOUND);
    let isWhole = false;
    try {
      for await (const chunk of running.child.stdout ?? []) yield* splitter.push(chunk);
      isWhole = true;
    } finally {
      await this.conclude(running, isWhole);
      await fed;
    }
  }

  private start(args: readonly string[], signal: AbortSignal): FfmpegProcess {
    const { ffmpeg, log } = this.deps;
    const options = { onLine: (line: string) => log.debug('ffmpeg', { line }) };
    const running = startFfmpeg(ffmpeg, [...COMMON_ARGS, '-loglevel', 'level+warning', ...args], options);
    if (signal.aborted) running.kill();
    else signal.addEventListener('abort', running.kill, { once: true });
    void running.ended.then(() => signal.removeEventListener('abort', running.kill));
    return running;
  }

  /** Waits until a run is gone, all of whose output was read or is wanted no more; says why, if it failed. */
  private async conclude(running: FfmpegProcess, isWhole: boolean): Promise<void> {
    if (!isWhole) running.kill();
    const end = await running.ended;
    if (end.status !== null && end.status !== 0) this.deps.log.warn('ffmpeg failed', { detail: end.words });
  }
}

async function feedSound({ child }: FfmpegProcess, signal: AbortSignal): Promise<void> {
  for (let frame = 0; child.stdin && !signal.aborted; frame += 1) {
    if (!(await writeTo(child.stdin, soundOf(frame)))) return;
  }
}

function newPass(startUs: number): Pass {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { startUs, endUs: null, ended, end };
}

/** A picture as a unit; its run begins at `startUs` of the camera's time. */
function unitOf({ init, sample, ptsUs, dtsUs }: RunPicture, startUs: number): AccessUnit {
  const times = { ptsUs: startUs + ptsUs, dtsUs: startUs + dtsUs, dueUs: startUs + dtsUs };
  return { track: 'video', ...times, key: sample.key, parts: pictureParts(init, sample) };
}
