// Runs one camera: performs the effects of capture-machine.ts, retries with pauses, and passes segments, gray frames, state changes
// and live frames on. One run: run-session.ts; kinds of sources: source-*.ts.

import { Backoff } from '@doorsill/base/backoff';
import type { Timer } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import type { Programs } from '@doorsill/base/system-programs';
import { assert } from '@doorsill/contract/assert';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { FRAGMENT_BYTES_MAX } from '@doorsill/contract/media/fragment-splitter';
import {
  CAPTURE_OFF,
  type CaptureEffect,
  type CaptureInput,
  type CaptureState,
  nextCapture,
} from './capture-machine.ts';
import { GRAY_HEIGHT, GRAY_WIDTH } from './ffmpeg-capture-command.ts';
import type { Ffmpeg } from './find-ffmpeg.ts';
import type { RecordingContext, RecordingPlace } from './fragments-to-segments.ts';
import type { FramePace } from './frame-pace.ts';
import { LiveFragments } from './live-fragments.ts';
import { type RunPlace, RunSession } from './run-session.ts';
import type { Segment } from './segment.ts';
import { SegmentQueue } from './segment-queue.ts';
import type { CameraSource, SceneMotion, SourceDriver } from './source-interfaces.ts';

/** One gray picture for the motion detector: `pixels` row by row, one byte each. */
export interface GrayFrame {
  readonly width: typeof GRAY_WIDTH;
  readonly height: typeof GRAY_HEIGHT;
  readonly pixels: Uint8Array;
  /** Wall time in microseconds, within one gray frame's duration. */
  readonly atUs: number;
}

/** A change of a camera's state or of its recording. Safe to show: the source is named without credentials. */
export interface CaptureChange {
  readonly state: CaptureState['name'];
  readonly source: string;
  readonly atUs: number;
  readonly detail?: string;
  /** For `failed` and `lost`: the reason. For `recording`: a fault of its pictures, or that sound or a control is missing. */
  readonly failure?: Failure;
  /** For `recording`: its id, the wall time of the source's time 0, and whether the video is copied from the source. */
  readonly recording?: RecordingPlace & { readonly video: 'copy' | 'encode' };
}

/** Receivers of a capture's output. */
export interface CaptureSinks {
  /** Stores a segment; awaited, one at a time. A rejection loses this segment and is reported. */
  segment(segment: Segment): Promise<void>;
  gray(frame: GrayFrame): void;
  state(change: CaptureChange): void;
  /** The drawn porch shows a visitor pressing the button at this wall time, in this frame. */
  scenePress?(atUs: number, frame: number): void;
  /** The source itself knows that something has started or stopped moving. */
  sceneMotion?(motion: SceneMotion): void;
}

/** A capture's source, dependencies and limits. */
export interface CaptureDeps extends RecordingContext {
  readonly source: CameraSource;
  readonly ffmpeg: Ffmpeg;
  readonly log: Log;
  readonly programs: Programs;
  /** Lowers the frame rate when the machine is too slow; absent: never. */
  readonly pace?: FramePace;
  /** Longest time between segments before a run counts as stalled; twice as long before its first segment. */
  readonly stallMs?: number;
  /** Pause before the first retry; doubles up to `retryMsMax`. */
  readonly retryMs?: number;
  readonly retryMsMax?: number;
  /** Limit for segments that wait to be stored, in bytes. */
  readonly queueBytesMax?: number;
}

const STALL_MS = 10_000;
const RETRY_MS = 500;
const RETRY_MS_MAX = 30_000;
/** A fault of the pictures is reported once, and again only after this time without it. */
const WELL_AGAIN_MS = 600_000;
const QUEUE_BYTES_MAX = 2 * FRAGMENT_BYTES_MAX;

const DETAIL_LENGTH_MAX = 300;

/** One camera through all its runs. */
export class Capture {
  /** Live frames for viewers; none of a file that is read faster than it plays. */
  readonly live: LiveFragments;
  private readonly deps: CaptureDeps;
  private readonly sinks: CaptureSinks;
  private readonly queue: SegmentQueue;
  private readonly backoff: Backoff;
  private driver: SourceDriver;
  private state: CaptureState = CAPTURE_OFF;
  private run: AbortController | null = null;
  private running: Promise<void> = Promise.resolve();
  private waiting: Timer | null = null;
  private lastFailure: Failure | null = null;
  /** Faults of the pictures by code, with the monotonic time at which each was last seen. */
  private readonly pictureFaults = new Map<string, { why: Failure; atMs: number }>();
  private place: RunPlace | null = null;
  private deliveredUntilUs = 0;
  /** Segments added to the queue, and taken from it to be stored, since this object was made. */
  private offered = 0;
  private handled = 0;
  /** Number of the last lost segment, until a later one is stored; null when no footage is being lost. */
  private lostAt: number | null = null;
  private unhook = () => {};

  constructor(deps: CaptureDeps, sinks: CaptureSinks) {
    this.deps = deps;
    this.sinks = sinks;
    this.live = new LiveFragments(deps.log);
    this.backoff = new Backoff(deps.random, deps.retryMs ?? RETRY_MS, deps.retryMsMax ?? RETRY_MS_MAX);
    this.driver = this.openDriver();
    this.queue = new SegmentQueue(
      {
        segment: async (segment) => {
          this.handled += 1;
          await sinks.segment(segment);
          this.onStored();
        },
        failed: (thrown) => this.onLost(isFailure(thrown) ? thrown.message : String(thrown), this.handled),
      },
      deps.queueBytesMax ?? QUEUE_BYTES_MAX,
    );
  }

  private openDriver(): SourceDriver {
    const scenePress = (atUs: number, frame: number) => this.sinks.scenePress?.(atUs, frame);
    const sceneMotion = (motion: SceneMotion) => this.sinks.sceneMotion?.(motion);
    return this.deps.source.open({ ...this.deps, scenePress, sceneMotion });
  }

  /**
   * Starts recording; resolves when the source is being read or, for a network camera, connected to. Throws faults that no retry
   * can mend: `camera_not_found`, `camera_refused_format`, `camera_no_video`. Aborting `signal` acts like `stop`. After `stop` it can
   * be started again.
   */
  async start(signal: AbortSignal): Promise<void> {
    assert(this.state.name === 'off' && this.run === null, 'a capture is started once until it is stopped');
    signal.throwIfAborted();
    const onAbort = () => void this.stop();
    signal.addEventListener('abort', onAbort, { once: true });
    this.unhook = () => signal.removeEventListener('abort', onAbort);
    this.driver = this.openDriver();
    this.deliveredUntilUs = 0;
    this.lastFailure = null;
    this.pictureFaults.clear();
    await new Promise<void>((opened) => this.dispatch({ type: 'start' }, opened));
    if (this.in('failed') && this.lastFailure) throw this.lastFailure;
  }

  /** Ends recording. When it returns, ffmpeg is gone, every finished segment is stored or reported lost, and no timer is left. */
  async stop(): Promise<void> {
    this.unhook();
    if (!this.in('off')) this.dispatch({ type: 'stop' });
    await this.settled();
  }

  /** Resolves when the current run is over and all its segments are stored: to be awaited after the state `ended`. */
  async settled(): Promise<void> {
    await this.running;
    await this.queue.empty();
  }

  private in(name: CaptureState['name']): boolean {
    return this.state.name === name;
  }

  private dispatch(input: CaptureInput, opened = () => {}): void {
    const { state, effects } = nextCapture(this.driver.policy, this.state, input);
    this.state = state;
    for (const effect of effects) this.perform(effect, opened);
  }

  private perform(effect: CaptureEffect, opened: () => void): void {
    switch (effect.do) {
      case 'run':
        // After the previous run has ended, with its pipes.
        this.running = this.running.then(() => this.execute(opened));
        break;
      case 'end-run':
        this.waiting?.cancel();
        this.waiting = null;
        this.run?.abort();
        this.live.end();
        break;
      case 'wait':
        this.waiting = this.deps.clock.after(this.backoff.nextMs(), () => this.dispatch({ type: 'retry' }));
        break;
      case 'report':
        this.report(effect.detail, effect.failures);
        break;
      case 'reject':
        this.deps.log.debug('an event of the camera is ignored in this state', {
          input: effect.input,
          state: this.state.name,
        });
        break;
    }
  }

  private report(detail?: string, failures?: number): void {
    const { source, clock, log } = this.deps;
    if (failures !== undefined) {
      const facts = { source: source.shown, times: failures, detail: detail ?? 'unknown' };
      this.lastFailure = failure('camera_failed', facts, this.lastFailure ?? undefined);
    }
    const name = this.state.name;
    const place = name === 'recording' ? this.place : null;
    const [pictureFault] = place ? this.pictureFaults.values() : [];
    const lacks = detail === undefined ? (pictureFault?.why ?? place?.troubles[0]) : undefined;
    const reported = name === 'failed' || name === 'lost' ? this.lastFailure : (lacks ?? null);
    const change: CaptureChange = {
      state: name,
      source: source.shown,
      atUs: clock.wallUs(),
      ...(detail === undefined ? {} : { detail: detail.slice(0, DETAIL_LENGTH_MAX) }),
      ...(reported === null ? {} : { failure: reported }),
      ...(place ? { recording: placeOf(place) } : {}),
    };
    log.info('camera state', { state: name, source: source.shown, detail, recording: change.recording?.recording });
    this.sinks.state(change);
  }

  /** One run, from opening the source to giving its end to the state machine. */
  private async execute(opened: () => void): Promise<void> {
    if (this.in('off')) return opened();
    const { deps, driver, queue, live } = this;
    const run = new AbortController();
    this.run = run;
    const session = new RunSession(
      { ...deps, driver, queue, live, shown: deps.source.shown, stallMs: deps.stallMs ?? STALL_MS },
      {
        opened,
        segment: (endUs, place) => this.onSegment(endUs, place),
        pictureFault: (why) => this.onPictureFault(why),
        dropped: () => this.onLost('storing is too slow', this.offered),
        stalled: (detail) => this.dispatch({ type: 'stall', detail }),
        gray: (pixels, atUs) => this.sinks.gray({ width: GRAY_WIDTH, height: GRAY_HEIGHT, pixels, atUs }),
      },
    );
    const verdict = await session.execute(run.signal, this.deliveredUntilUs);
    this.run = null;
    // A source that ends counts as ended only once all of it is stored.
    if (verdict.how === 'complete') await queue.empty();
    this.lastFailure = verdict.failure;
    if (!this.in('off')) this.dispatch({ type: 'run-ended', how: verdict.how, detail: verdict.detail });
    // When `starting`, the next run follows at once and takes over the live stream.
    if (!this.in('starting')) live.end();
    opened();
  }

  private onSegment(endUs: number, place: RunPlace | null): void {
    const before = this.state.name;
    this.deliveredUntilUs = endUs;
    this.deps.pace?.gop(endUs);
    this.place = place ?? this.place;
    this.backoff.reset();
    this.dispatch({ type: 'segment' });
    this.offered += 1;
    const isBetter = this.dropOldFaults();
    if (before === 'recording' && (place !== null || isBetter)) this.report();
  }

  private onPictureFault(why: Failure): void {
    const isNew = !this.pictureFaults.has(why.code);
    this.pictureFaults.set(why.code, {
      why: this.pictureFaults.get(why.code)?.why ?? why,
      atMs: this.deps.clock.monotonicMs(),
    });
    if (isNew && this.in('recording')) this.report();
  }

  /** Forgets faults that have not been seen for `WELL_AGAIN_MS`; returns whether there were any. */
  private dropOldFaults(): boolean {
    const untilMs = this.deps.clock.monotonicMs() - WELL_AGAIN_MS;
    const well = [...this.pictureFaults].filter(([, { atMs }]) => atMs < untilMs);
    for (const [code] of well) this.pictureFaults.delete(code);
    return well.length > 0;
  }

  /** Segment number `at` was lost on its way to its sink: reported once until a later one is stored. */
  private onLost(detail: string, at: number): void {
    const first = this.lostAt === null;
    this.lostAt = at;
    if (!first) return;
    this.deps.log.warn('footage is being lost, as it cannot be stored; later footage is tried again (check the disk)', {
      detail,
    });
    if (this.in('recording')) this.report(`footage is being lost: ${detail}`);
  }

  private onStored(): void {
    if (this.lostAt === null || this.handled <= this.lostAt) return;
    this.lostAt = null;
    if (this.in('recording')) this.report();
  }
}

function placeOf({ recording, sourceStartUs, video }: RunPlace): NonNullable<CaptureChange['recording']> {
  return { recording, sourceStartUs, video };
}
