// Plays the drawn porch or a file as H.264 and AAC in real time, again and again. Faults of single units are in unit-faults.ts.

import { PassThrough } from 'node:stream';
import type { Clock } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import { equalBytes } from '@doorsill/contract/bytes';
import type { InitInfo } from '@doorsill/contract/media/init-segment';
import { fileInput } from '@doorsill/device/camera/ffmpeg-capture-command';
import type { FfmpegProcess } from '@doorsill/device/camera/ffmpeg-process';
import { writeTo } from '@doorsill/device/camera/ffmpeg-run';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { type FileFacts, type FileSource, probeFile } from '@doorsill/device/camera/probe-file';
import { fileKind } from '@doorsill/device/camera/source-file';
import type { Port } from '@doorsill/device/camera/start-ffmpeg';
import { failure } from '../errors.ts';
import { soundOf } from '../porch/chime-sound.ts';
import { parseSyntheticSource, SyntheticDriver, type SyntheticSource } from '../porch/porch-camera.ts';
import { SYNTHETIC_FPS, SYNTHETIC_SAMPLE_RATE } from '../porch/scene.ts';
import { type AccessUnit, type StreamFormat, sizeOf, videoFormat } from './access-units.ts';
import type { FaultSet } from './faults.ts';
import { filmPictures, filmSound, type RunPicture, SOUND, soundUnitOf, unitOf } from './film-runs.ts';

export type FilmedSource = SyntheticSource | FileSource;

/**
 * Reads a source: `synthetic?...`, or a file, which is repeated unless its text says `once`. Throws `camera_source_unserved`,
 * `camera_not_found`, `camera_option_invalid`.
 */
export function readFilmedSource(text: string): FilmedSource {
  const source = parseSyntheticSource(text, { pace: 'own' }) ?? fileKind.parse(text, { pace: 'own', loop: true });
  if (!source) throw failure('camera_source_unserved', { source: text.slice(0, 40) });
  if (source.pace === 'fast')
    throw failure('camera_option_invalid', { source: source.shown, detail: 'it is shown at its own pace' });
  return source;
}

/** Delay from start to the first picture: ffmpeg needs a moment. */
const LEAD_US = 400_000;
/** How many seconds of a file are probed before it is played. */
const PROBE_S = 10;
/** Tolerance, so that rounding does not drop a frame at the exact time where a run begins. */
const ROUNDING_US = 1_000;
/** After this many runs in a row without a picture the footage is given up. */
const EMPTY_RUNS_MAX = 3;

export interface FootageDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly ffmpeg: Ffmpeg;
  readonly faults: FaultSet;
  /** Send the file's own H.264 unchanged. */
  readonly isCopied: boolean;
}

export interface FootageSinks {
  unit(unit: AccessUnit): void;
  /** The format changes from the next unit on. */
  format(format: StreamFormat): void;
}

/** One playing of the footage, placed in the camera's time. Its end is known once its last picture was read. */
interface Pass {
  readonly startUs: number;
  endUs: number | null;
  readonly ended: Promise<void>;
  readonly end: () => void;
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
  /** The current run applies the faults that are active at this time, until `runFaultsUntilUs`. */
  private runFaultsAtUs = 0;
  private runFaultsUntilUs = 0;
  private format: StreamFormat | null = null;

  constructor(source: FilmedSource, deps: FootageDeps, sinks: FootageSinks) {
    this.source = source;
    this.deps = deps;
    this.sinks = sinks;
    // The sound has an ffmpeg of its own, so that pictures can be encoded anew without a gap in the sound.
    const drawn = source.kind === 'synthetic' ? { ...source, audio: false, pace: 'fast' as const } : null;
    this.porch = drawn && new SyntheticDriver(drawn, deps.clock, () => undefined);
    deps.faults.onChange(() => this.restartRun());
  }

  /** Microseconds since the camera's first picture. */
  get nowUs(): number {
    return Math.round((this.deps.clock.monotonicMs() - this.originMs) * 1_000);
  }

  /** Wall time of a time on the camera's clock. */
  wallUs(us: number): number {
    return this.originWallUs + us;
  }

  /** Plays until the footage ends or the signal aborts. Throws `camera_not_found`, `camera_no_video`, `camera_refused_format`. */
  async film(signal: AbortSignal): Promise<void> {
    const { clock, ffmpeg } = this.deps;
    if (this.source.kind === 'file') {
      this.facts = await probeFile(ffmpeg, this.source, { clock, signal, lookS: PROBE_S });
    }
    await this.porch?.openAt(0, 0);
    this.begin(LEAD_US);
    const ending = new AbortController();
    const either = AbortSignal.any([signal, ending.signal]);
    const faults: unknown[] = [];
    const fail = (thrown: unknown) => {
      faults.push(thrown);
      ending.abort();
    };
    const pictures = this.playPictures(either).catch(fail);
    const over = pictures.finally(() => {
      ending.abort();
      this.pass.end();
    });
    await Promise.all([over, this.hasSound ? this.playSound(either).catch(fail) : null]);
    if (faults.length > 0) throw faults[0];
  }

  /** Makes the first picture due `inUs` from now. */
  private begin(inUs: number): void {
    const { clock } = this.deps;
    this.originMs = clock.monotonicMs() + inUs / 1_000;
    this.originWallUs = clock.wallUs() + inUs;
  }

  private get hasSound(): boolean {
    return this.facts ? this.facts.plan.audio !== 'none' : this.source.audio;
  }

  /** Ends the run of ffmpeg if the picture faults that it was started with no longer apply. */
  private restartRun(): void {
    if (this.run && this.deps.faults.nextPictureChangeUs(this.runFaultsAtUs) !== this.runFaultsUntilUs)
      this.run.abort();
  }

  private async playPictures(signal: AbortSignal): Promise<void> {
    const { clock, faults } = this.deps;
    /** Position in the footage, in its own time. */
    let atUs = 0;
    let empty = 0;
    while (!signal.aborted) {
      const run = new AbortController();
      const { pass } = this;
      this.run = run;
      const fromUs = atUs;
      // A fault that begins within a rounding of the next picture begins with it.
      this.runFaultsAtUs = pass.startUs + fromUs + ROUNDING_US;
      this.runFaultsUntilUs = faults.nextPictureChangeUs(this.runFaultsAtUs);
      const lengthUs = this.runFaultsUntilUs - pass.startUs - fromUs;
      let passedUs = 0;
      for await (const picture of this.picturesOf(fromUs, lengthUs, AbortSignal.any([signal, run.signal]))) {
        passedUs = Math.max(passedUs, picture.ptsUs + picture.durationUs);
        atUs = fromUs + passedUs;
        const unit = unitOf(picture, pass.startUs + fromUs);
        // On a slow machine ffmpeg may begin late: the first picture is then due now, not in the past.
        if (this.format === null && this.nowUs > unit.dueUs) this.begin(-unit.dueUs);
        this.updateFormat(picture.init);
        await clock.sleep(Math.max(0, (unit.dueUs - this.nowUs) / 1_000), signal).catch(() => undefined);
        if (signal.aborted) return;
        this.sinks.unit(unit);
        if (run.signal.aborted) break;
      }
      empty = passedUs === 0 && !run.signal.aborted ? empty + 1 : 0;
      if (empty >= EMPTY_RUNS_MAX)
        throw failure('camera_no_video', { source: this.source.shown, detail: 'no picture comes' });
      // A change of faults ended this run.
      if (run.signal.aborted || (passedUs > 0 && passedUs >= lengthUs - ROUNDING_US * 2)) continue;
      if (!this.goesOnAfter(atUs)) return;
      // The drawn porch has not ended: its run failed, so a new one goes on where it stopped.
      if (this.source.kind === 'synthetic') continue;
      if (atUs > 0) this.nextPass(pass, atUs);
      atUs = 0;
    }
  }

  /** Whether footage remains after a run that ended at `atUs` of the footage. */
  private goesOnAfter(atUs: number): boolean {
    if (this.source.kind === 'file') return this.source.loop;
    return this.source.seconds === null || atUs < this.source.seconds * 1_000_000 - ROUNDING_US * 2;
  }

  private nextPass(before: Pass, lengthUs: number): void {
    before.endUs = before.startUs + lengthUs;
    this.pass = newPass(before.endUs);
    before.end();
  }

  private updateFormat(init: InitInfo): void {
    const found = videoFormat(init, this.hasSound ? SOUND : null);
    if (!found) throw failure('camera_no_video', { source: this.source.shown, detail: 'it is not H.264' });
    if (this.format && isSame(this.format, found)) return;
    this.format = found;
    this.sinks.format(found);
  }

  /** The pictures of one run of ffmpeg: the footage from `fromUs` for `lengthUs`, with the picture faults that are active then. */
  private async *picturesOf(fromUs: number, lengthUs: number, signal: AbortSignal): AsyncGenerator<RunPicture> {
    const { faults, isCopied } = this.deps;
    const change = faults.pictureAt(this.runFaultsAtUs);
    const { input, feed, beforeUs } = await this.pictureInput(fromUs, signal);
    const stream = this.facts?.plan.videoStream ?? '0:v:0';
    yield* filmPictures(this.deps, { inputs: [input], feed, stream, beforeUs, lengthUs, change, isCopied }, signal);
  }

  /** ffmpeg's input. The first picture lies `beforeUs` after the position where ffmpeg begins to read. */
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
      const drawn = await this.porch.openAt(this.wallUs(this.runFaultsAtUs - ROUNDING_US), first);
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
      throw failure('internal', { detail: 'a file is probed before it is played' });
    return fileInput(this.source.path, this.facts.container);
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
      const unit = soundUnitOf(packet, at, pass.startUs);
      at += 1;
      if (at === 1 && !isFirst) continue;
      await clock.sleep(Math.max(0, (unit.dueUs - this.nowUs) / 1_000), signal).catch(() => undefined);
      if (isOver(unit.dueUs)) return;
      this.sinks.unit(unit);
    }
  }

  /** The packets of sound of one pass. */
  private packetsOf(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (this.source.kind === 'file') {
      const stream = this.facts?.plan.audioStream ?? '0:a:0';
      return filmSound(this.deps, { inputs: [this.fileInput()], feed: null, stream, isFilled: true }, signal);
    }
    const drawn = { options: ['-f', 's16le', '-ar', String(SYNTHETIC_SAMPLE_RATE), '-ac', '1'], address: 'pipe:0' };
    return filmSound(this.deps, { inputs: [drawn], feed: feedSound, stream: '0:a:0', isFilled: false }, signal);
  }
}

async function feedSound({ child }: FfmpegProcess, signal: AbortSignal): Promise<void> {
  for (let frame = 0; child.stdin && !signal.aborted; frame += 1) {
    if (!(await writeTo(child.stdin, soundOf(frame)))) return;
  }
}

function isSame(one: StreamFormat, other: StreamFormat): boolean {
  if (one.codec === 'mjpeg' || other.codec === 'mjpeg') {
    const [a, b] = [sizeOf(one), sizeOf(other)];
    return one.codec === other.codec && a.width === b.width && a.height === b.height;
  }
  return equalBytes(one.sps, other.sps) && equalBytes(one.pps, other.pps);
}

function newPass(startUs: number): Pass {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { startUs, endUs: null, ended, end };
}
