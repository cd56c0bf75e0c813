// Footage as the camera of a simulated world: shows each picture at its time, and continues at the right position after it was off.

import type { Timer } from '@doorsill/base/clock';
import { type CapturePlan, fileInput } from '@doorsill/device/camera/ffmpeg-capture-command';
import { type FileFacts, probeFile } from '@doorsill/device/camera/probe-file';
import { type RunEvidence, replan } from '@doorsill/device/camera/replan-capture';
import { sniffFile } from '@doorsill/device/camera/sniff';
import type {
  CameraKind,
  CameraSource,
  DriverContext,
  RunInput,
  SourceDriver,
} from '@doorsill/device/camera/source-interfaces';
import { KnownTimeline } from '@doorsill/device/camera/source-timeline';
import { failure } from '../errors.ts';
import { SyntheticDriver } from '../porch/porch-camera.ts';
import { SYNTHETIC_FPS } from '../porch/scene.ts';
import type { DeviceClock } from '../world/device-clock.ts';
import type { Track, VirtualClock } from '../world/virtual-clock.ts';
import { type CameraFaults, FAULTY_INPUT, feedFaulty } from './faulty-footage.ts';
import type { FootagePart } from './footage.ts';
import { FootagePlace } from './footage-place.ts';
import {
  cutInput,
  feedImages,
  filmedPictures,
  filmedSoundOf,
  imagesInput,
  type PartInput,
  type Showing,
  showingFrom,
  withOwnSound,
} from './replay-inputs.ts';

/** How many seconds of a video are probed before it is shown; the rest is checked as it is read. */
const PROBE_S = 30;
/** A camera whose clock was never set writes 1970 or 1904, so earlier dates are ignored. */
const EARLIEST_US = Date.UTC(2000, 0) * 1_000;

export interface ReplayCameraDeps {
  world: VirtualClock;
  /** The clock of the doorbell with this camera. */
  clock: DeviceClock;
  /** Faults of the camera. */
  faults?: CameraFaults;
}

/** One camera's footage. Give its `kind` to the doorbell, and its `source` as the camera's name. */
export class ReplayCamera {
  readonly source: string;
  readonly kind: CameraKind;
  /** Resolves when everything was shown, or its time has passed while the camera was off, or nothing more can be shown. */
  readonly over: Promise<void>;
  private readonly parts: readonly FootagePart[];
  private readonly deps: ReplayCameraDeps;
  /** Probed facts of each file. */
  private readonly facts = new Map<string, FileFacts>();
  private readonly place: FootagePlace;
  private track: Track;
  private isOver = false;
  private incomplete: string | null = null;
  private isPluggedIn = true;
  private wasUnplugged = false;
  private unplug: ((thrown: unknown) => void) | null = null;
  /** While off: the timer of the footage's end; `end` is null if the length is unknown. */
  private off: { end: Timer | null } | null = null;
  private end: () => void = () => undefined;

  constructor(name: string, parts: readonly FootagePart[], deps: ReplayCameraDeps) {
    this.source = `replay:${name}`;
    this.parts = parts;
    this.deps = deps;
    this.place = new FootagePlace(parts);
    this.over = new Promise((resolve) => {
      this.end = resolve;
    });
    // From the start, the world's time waits for the first picture.
    this.track = deps.world.open();
    const camera: CameraSource = {
      kind: 'replay',
      shown: name,
      settings: {},
      open: (context) => new ReplayDriver(this, context),
      tryOnce: async (context, signal = new AbortController().signal) => {
        await this.probeFirst(context, signal);
        return { gives: 'footage', troubles: [] };
      },
    };
    this.kind = { help: '', name: (text) => (text === this.source ? camera : null) };
  }

  /** The length of everything in microseconds; null while it is unknown. */
  get lengthUs(): number | null {
    return this.place.lengthUs;
  }

  /** Whether it repeats forever. */
  get isEndless(): boolean {
    return this.parts.some(
      ({ source, toUs, loop }) =>
        loop === 'forever' || (source.kind === 'porch' && source.source.seconds === null && toUs === undefined),
    );
  }

  /**
   * Checks that every file can be shown, and probes the first. Returns its recording time in wall time, if it has one. Throws `camera_...`.
   */
  async probeFirst(context: Pick<DriverContext, 'ffmpeg'>, signal: AbortSignal): Promise<number | null> {
    for (const { source, sound } of this.parts) {
      if (source.kind === 'video') await sniffFile(source.path, source.path);
      if (sound !== undefined) await sniffFile(sound, sound);
    }
    const first = this.parts[0];
    if (first?.source.kind !== 'video') return null;
    const { creationUs } = await this.probe(first, context, signal);
    return creationUs !== null && creationUs >= EARLIEST_US ? creationUs + first.fromUs : null;
  }

  /** Whether the last part is being shown. */
  get isLast(): boolean {
    return this.place.isLast;
  }

  /** The part to show now, its offset, and its start in the world's time. Waits until it begins. */
  async next(isFresh: boolean, goesOn: boolean, signal: AbortSignal): Promise<Showing> {
    const { world } = this.deps;
    if (this.isOver) throw failure('camera_failed', { source: this.source, times: 1, detail: 'its footage has ended' });
    if (isFresh) this.reopen();
    else if (!goesOn) this.place.advance(world.passedUs);
    // Skips what has passed while the camera was off.
    if (isFresh) this.place.skipTo(world.passedUs);
    const part = this.place.current;
    if (!part) throw failure('camera_failed', { source: this.source, times: 1, detail: 'it has no footage' });
    const startedUs = this.place.begin();
    await this.track.reach(startedUs, signal);
    const intoUs = Math.max(0, world.passedUs - startedUs);
    return { part, intoUs, startUs: world.passedUs };
  }

  /** Waits for the world's time. Throws `camera_gone` if it is unplugged meanwhile. */
  async waitUntil(atUs: number, signal: AbortSignal): Promise<void> {
    if (!this.isPluggedIn) throw this.unpluggedFailure();
    await Promise.race([this.track.reach(atUs, signal), this.unplugged()]);
  }

  /** Unplugs the camera, or plugs it in: it continues where its footage would be by then. */
  plug(isPluggedIn: boolean): void {
    this.isPluggedIn = isPluggedIn;
    if (isPluggedIn || this.isOver) return;
    this.wasUnplugged = true;
    this.unplug?.(this.unpluggedFailure());
    this.switchOff();
  }

  /** Whether it is plugged in. */
  get isPlugged(): boolean {
    return this.isPluggedIn;
  }

  /** Whether it was unplugged since it was last opened. */
  takeReplugged(): boolean {
    const wasUnplugged = this.wasUnplugged;
    this.wasUnplugged = false;
    return wasUnplugged;
  }

  unpluggedFailure(): Error {
    return failure('camera_gone', { source: this.source });
  }

  private unplugged(): Promise<never> {
    return new Promise((_resolve, reject) => {
      this.unplug = reject;
    });
  }

  /** Why its footage is incomplete although it was shown to the end; null if it is complete. */
  get fault(): string | null {
    return this.incomplete;
  }

  /** Notes that a file ended before the length in its container. */
  setFault(detail: string): void {
    this.incomplete ??= detail;
  }

  /** The camera is switched off: the world's time does not wait for it, and its footage passes unseen. */
  switchOff(): void {
    this.track.end();
    this.off?.end?.cancel();
    const { world } = this.deps;
    const { endUs } = this.place;
    this.off = { end: endUs === null ? null : world.after((endUs - world.passedUs) / 1_000, () => this.end()) };
  }

  /** Whether it is off with footage of unknown length. */
  get isOffForUnknownTime(): boolean {
    return this.off !== null && this.off.end === null;
  }

  /** Nothing more is shown. */
  finish(): void {
    this.isOver = true;
    this.track.end();
    this.cancelOff();
    this.end();
  }

  /** Probes a video. Throws `camera_...`. */
  async probe(part: FootagePart, { ffmpeg }: Pick<DriverContext, 'ffmpeg'>, signal: AbortSignal): Promise<FileFacts> {
    const { source, audio } = part;
    const path = source.kind === 'video' ? source.path : '';
    const known = this.facts.get(path);
    if (known) return known;
    const facts = await probeFile(
      ffmpeg,
      { kind: 'file', path, shown: path, audio, loop: false, pace: 'own' },
      { clock: this.deps.world, signal, lookS: PROBE_S },
    );
    this.facts.set(path, facts);
    if (facts.toldUs !== null) this.place.setLength(path, facts.toldUs);
    return facts;
  }

  get faults(): CameraFaults | null {
    return this.deps.faults ?? null;
  }

  /** The wall time on the doorbell's clock when the world's time is `atUs`. */
  wallAt(atUs: number): number {
    return this.deps.clock.wallAt(atUs);
  }

  /** Registers an ffmpeg that waits for its reader, so that time may pass while it runs; returns the function that unregisters it. */
  running(): () => void {
    return this.deps.world.running();
  }

  /** Calls back at a drawn visitor's press. */
  later(atUs: number, call: () => void): void {
    const { world } = this.deps;
    world.after((atUs - world.passedUs) / 1_000, call);
  }

  private cancelOff(): void {
    this.off?.end?.cancel();
    this.off = null;
  }

  private reopen(): void {
    this.cancelOff();
    this.track.end();
    this.track = this.deps.world.open();
  }
}

const CUT_OFF = /: partial file$|File ended prematurely/;

/** The runs between switching the camera on and off. */
class ReplayDriver implements SourceDriver {
  readonly live = false;
  readonly unchanging = true;
  private readonly camera: ReplayCamera;
  private readonly context: DriverContext;
  private opened = 0;
  private plan: CapturePlan | null = null;
  private facts: FileFacts | null = null;
  private isReplanned = false;

  constructor(camera: ReplayCamera, context: DriverContext) {
    this.camera = camera;
    this.context = context;
  }

  /** A failed run is not retried: it would fail at the same picture. */
  get policy(): SourceDriver['policy'] {
    const { isLast, isPlugged } = this.camera;
    return { atEnd: isLast ? 'ended' : 'again', retriesMax: isPlugged ? 0 : null, forgiveAfter: null };
  }

  async open(signal: AbortSignal): Promise<RunInput> {
    const { camera } = this;
    if (!camera.isPlugged) throw camera.unpluggedFailure();
    const isFresh = camera.takeReplugged() || this.opened === 0;
    const goesOn = this.isReplanned;
    this.opened += 1;
    this.isReplanned = false;
    if (!goesOn) this.plan = null;
    try {
      const showing = await camera.next(isFresh, goesOn, signal);
      const { faults } = camera;
      const input = faults ? await this.faulty(showing, faults, signal) : await this.inputOf(showing, signal);
      const ended = camera.running();
      return {
        ...input,
        timeline: () => new KnownTimeline(camera.wallAt(showing.startUs), true),
        skipBeforeUs: 0,
        isReadFast: true,
        mayBeDamaged: faults !== null,
        reach: (sourceUs, run) => camera.waitUntil(showing.startUs + sourceUs, run),
        release: () => {
          ended();
          if (signal.aborted) camera.switchOff();
          else if (camera.isPlugged && !this.isReplanned && camera.isLast) camera.finish();
        },
      };
    } catch (thrown) {
      if (signal.aborted || !camera.isPlugged) camera.switchOff();
      else camera.finish();
      throw thrown;
    }
  }

  learn(evidence: RunEvidence): boolean {
    const better = this.plan && replan(this.plan, evidence);
    if (!better) return false;
    this.plan = better;
    this.isReplanned = true;
    return true;
  }

  explain(): null {
    return null;
  }

  /** ffmpeg only logs that a file is truncated, shows it as far as it goes, and ends normally. */
  endedBy(line: string): null {
    if (CUT_OFF.test(line)) this.camera.setFault('the file is cut off');
    return null;
  }

  private async inputOf(showing: Showing, signal: AbortSignal): Promise<PartInput> {
    const { part, intoUs } = showing;
    switch (part.source.kind) {
      case 'porch':
        return this.porch(showing);
      case 'images':
        return this.withSound(showing, {
          inputs: [imagesInput(part.source.paths[0] ?? '', part.source.fps)],
          feed: (pipes, run) => feedImages(part, intoUs, pipes, run),
          plan: { video: 'encode', audio: 'none', videoStream: '0:v:0', audioStream: '1:a:0' },
        });
      case 'video': {
        if (!this.plan || !this.facts) {
          this.facts = await this.camera.probe(part, this.context, signal);
          this.plan = this.facts.plan;
        }
        const input = cutInput(fileInput(part.source.path, this.facts.container), part, intoUs);
        return this.withSound(showing, { inputs: [input], plan: this.plan, feed: null });
      }
    }
  }

  private async withSound({ part, intoUs }: Showing, input: PartInput): Promise<PartInput> {
    const all = await withOwnSound(part, intoUs, input);
    if (all !== input) this.plan = all.plan;
    return all;
  }

  /** Footage of a camera with faults: encoded anew, and read by the device as it comes. */
  private async faulty(showing: Showing, faults: CameraFaults, signal: AbortSignal): Promise<PartInput> {
    const { camera, context } = this;
    const { part, startUs } = showing;
    const facts = part.source.kind === 'video' ? await camera.probe(part, context, signal) : null;
    const sound = await filmedSoundOf(showing, facts);
    this.plan ??= { video: 'copy', audio: sound ? 'copy' : 'none', videoStream: '0:v:0', audioStream: '0:a:0' };
    const film = {
      faults,
      startUs,
      sound,
      running: () => camera.running(),
      pictures: (fromUs: number, lengthUs: number) =>
        filmedPictures(showingFrom(showing, fromUs, lengthUs), facts, (cut) => this.porch(cut)),
    };
    const feed: RunInput['feed'] = ({ video }, run) => feedFaulty({ ...context, log: faults.log }, film, video, run);
    return { inputs: [FAULTY_INPUT], plan: this.plan, feed };
  }

  private async porch({ part, intoUs, startUs }: Showing): Promise<PartInput> {
    const { camera, context } = this;
    if (part.source.kind !== 'porch') throw failure('internal', { detail: 'not a drawn porch' });
    const { audio, seconds } = part.source.source;
    const end = part.toUs === undefined ? seconds : part.toUs / 1_000_000;
    const drawn = { ...part.source.source, pace: 'fast' as const, audio: audio && part.audio, seconds: end };
    const wallUs = camera.wallAt(startUs);
    const driver = new SyntheticDriver(drawn, context.clock, (atUs, frame) =>
      camera.later(startUs + (atUs - wallUs), () => context.scenePress?.(context.clock.wallUs(), frame)),
    );
    const first = Math.round(((part.fromUs + intoUs) * SYNTHETIC_FPS) / 1_000_000);
    return driver.openAt(wallUs, first);
  }
}
