// Moves footage from the camera into the ring, applies privacy, and knows when a window's footage is complete.
import type { Clock } from '@doorsill/base/clock';
import { LastingTrouble } from '@doorsill/base/lasting-trouble';
import type { Log } from '@doorsill/base/log';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import type { Window } from '@doorsill/contract/shared-claims';
import { Capture, type CaptureChange, type CaptureDeps, type CaptureSinks } from './camera/capture.ts';
import type { LiveFragments } from './camera/live-fragments.ts';
import type { Segment } from './camera/segment.ts';
import type { Ring } from './ring/ring-interface.ts';

/** Receivers of footage and states besides the ring. */
export interface RecorderSinks extends Pick<CaptureSinks, 'gray' | 'scenePress' | 'sceneMotion'> {
  camera(change: CaptureChange): void;
  /** Called after every change: whether the camera may be filming, and whether privacy was ordered. */
  filming(isFilming: boolean, privacy: boolean): void;
  /** Moves the shutter; never rejects. */
  shutter(closed: boolean): Promise<void>;
  /** Called after each segment: why it could not be stored, or null. */
  storage(fault: Failure | null): void;
  /** Footage of this wall time is in the ring. */
  stored?(window: Window): void;
}

export interface RecorderDeps {
  camera: CaptureDeps;
  ring: Ring;
  clock: Clock;
  log: Log;
  sinks: RecorderSinks;
}

/** Maximum delay from filming until footage is in the ring: one GOP plus the time in ffmpeg. */
const SETTLED_US = 8_000_000;
const SETTLED_POLL_MS = 250;
/** The capture itself detects and reports stalls within seconds. */
const WEDGED_MS = 120_000;
/** States in which no camera program runs. Not `off`: it is reported before the program has ended. */
const WITHOUT_CAMERA: ReadonlySet<CaptureChange['state']> = new Set(['lost', 'ended', 'failed']);

export class ContinuousRecorder {
  private readonly deps: RecorderDeps;
  private readonly capture: Capture;
  private readonly stopping = new AbortController();
  private state: CaptureChange['state'] = 'off';
  private turn: Promise<void> = Promise.resolve();
  /** From before the camera is started until its program has ended. */
  private isStarted = false;
  private privacyOn = false;
  private readonly lost: LastingTrouble;
  /** When the camera last gave footage or changed its state, monotonic milliseconds. */
  private heardMs = 0;
  private stored: { window: Window; atMs: number } | null = null;

  constructor(deps: RecorderDeps) {
    this.deps = deps;
    this.lost = new LastingTrouble(deps, 'the camera does not record, and no footage is stored until it does');
    const { gray, scenePress, sceneMotion } = deps.sinks;
    this.capture = new Capture(deps.camera, {
      segment: (segment) => this.keep(segment),
      gray,
      state: (change) => this.onChange(change),
      ...(scenePress ? { scenePress } : {}),
      ...(sceneMotion ? { sceneMotion } : {}),
    });
  }

  /** The camera's live fragments, for viewers. Privacy ends them at once. */
  get live(): LiveFragments {
    return this.capture.live;
  }

  /** The segment that was stored last in this process, and how long ago by the monotonic clock; null if none was. */
  get newest(): { window: Window; ageMs: number } | null {
    return this.stored && { window: this.stored.window, ageMs: this.deps.clock.monotonicMs() - this.stored.atMs };
  }

  /** Starts recording unless privacy is on. A camera that cannot be opened is reported in the state, not thrown. */
  start(privacyOn: boolean): void {
    this.privacy(privacyOn);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.turn;
    await this.end();
  }

  /** Privacy stops the camera's program, then closes the shutter. Presses still ring. */
  privacy(on: boolean): void {
    this.privacyOn = on;
    if (on) this.lost.is(null);
    this.reportFilming();
    // Orders run one after the other: a camera that is still stopping cannot start.
    this.turn = this.turn.then(async () => {
      if (on) await this.end();
      await this.deps.sinks.shutter(on);
      if (!on && this.state === 'off') this.record();
    });
  }

  /** Whether the camera reports recording but delivered nothing for too long: its own stall detection failed. */
  isWedged(): boolean {
    return this.state === 'recording' && this.deps.clock.monotonicMs() - this.heardMs > WEDGED_MS;
  }

  /** Waits while footage of a moment may still be on its way from the camera to the ring. Rejects with the signal's reason. */
  async settled(untilUs: number, signal: AbortSignal): Promise<void> {
    const { clock, ring } = this.deps;
    for (;;) {
      const newestUs = Math.max(0, ...ring.coverage().map((span) => span.endUs));
      const isRecording = this.state === 'recording' || this.state === 'starting';
      if (newestUs >= untilUs || !isRecording || clock.wallUs() > untilUs + SETTLED_US) return;
      await clock.sleep(SETTLED_POLL_MS, signal);
    }
  }

  private async end(): Promise<void> {
    await this.capture.stop();
    this.isStarted = false;
    this.reportFilming();
  }

  private reportFilming(): void {
    this.deps.sinks.filming(this.isStarted && !WITHOUT_CAMERA.has(this.state), this.privacyOn);
  }

  private record(): void {
    if (this.stopping.signal.aborted) return;
    this.isStarted = true;
    this.reportFilming();
    this.capture.start(this.stopping.signal).catch((thrown: unknown) => {
      const detail = thrown instanceof Error ? thrown.message : String(thrown);
      const coded = isFailure(thrown) ? { code: thrown.code, advice: thrown.advice } : {};
      this.deps.log.error('the camera cannot be used, and nothing is recorded', { detail, ...coded });
      this.lost.is(null); // The line above reports it.
    });
  }

  private onChange(change: CaptureChange): void {
    this.state = change.state;
    this.heardMs = this.deps.clock.monotonicMs();
    this.reportFilming();
    this.watch(change);
    this.deps.sinks.camera(change);
  }

  /** Logs a camera that stays lost, unless privacy is on. */
  private watch({ state, source, detail = state, failure: why }: CaptureChange): void {
    if (state === 'starting' || state === 'stalled') return;
    const isLost = (state === 'lost' || state === 'failed') && !this.privacyOn;
    this.lost.is(isLost ? (why ?? failure('camera_failed', { source, times: 1, detail })) : null);
  }

  /** A full or failing disk is shown to the owner in the state, and each segment is a new attempt. */
  private async keep(segment: Segment): Promise<void> {
    const { ring, sinks } = this.deps;
    this.heardMs = this.deps.clock.monotonicMs();
    try {
      await ring.append(segment);
      const window = { startUs: segment.startUs, endUs: segment.endUs };
      this.stored = { window, atMs: this.deps.clock.monotonicMs() };
      sinks.storage(null);
      sinks.stored?.(window);
    } catch (thrown) {
      if (isFailure(thrown)) sinks.storage(thrown);
      throw thrown;
    }
  }
}
