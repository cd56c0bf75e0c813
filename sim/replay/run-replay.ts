// One run of footage through doorbells in this process: starts them in one world, collects their events, and ends when all was shown and
// decided.

import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import { SeededRandom } from '@doorsill/base/random';
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Window } from '@doorsill/contract/shared-claims';
import { findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { failure } from '../errors.ts';
import { VirtualClock } from '../world/virtual-clock.ts';
import type { FootagePart } from './footage.ts';
import { type OwnSettings, ReplayedDoorbell } from './replayed-doorbell.ts';

export interface ReplayPlan {
  cameras: readonly { name: string; footage: readonly FootagePart[] }[];
  /** Wall time of the first picture; `own`: the first file's recording time or, without one, `START_US`. */
  startUs: number | 'own';
  /** Speed relative to real time; absent: as fast as possible. */
  speed?: number;
  seed: number;
  settings: OwnSettings;
  /** Steps of the doorbells' clocks, at times since the start. */
  clockSteps?: readonly { atUs: number; byUs: number }[];
  /** Times since the start at which a picture is kept. */
  stillsAtUs?: readonly number[];
  /** How long it runs after the first picture, even without footage; absent: until all was shown and decided. */
  forUs?: number;
}

export interface ReplayDeps {
  disk: Disk;
  log: Log;
}

/** An event, `atUs` of the world's time after the first picture. */
export interface NoticedEvent {
  camera: string;
  event: DeviceEvent;
  /** When it was published, in microseconds since the world's start. */
  publishedUs: number;
}

export interface ReplaySinks {
  /** Called when all is ready; the world begins at this wall time. */
  begins(startUs: number): void;
  /** Called with each event as it is published. */
  event(noticed: NoticedEvent): void;
  /** Called while footage is processed. `lengthUs` is the total, if known. */
  progress?(passedUs: number, lengthUs: number | null): void;
  /** Keeps the picture at a wall time; the world's time stops meanwhile. */
  keepStill?(doorbell: ReplayedDoorbell, atUs: number): Promise<void>;
  /** Keeps the pictures of an event; the world's time stops meanwhile. */
  keep?(doorbell: ReplayedDoorbell, noticed: NoticedEvent): Promise<void>;
}

export interface ReplayResult {
  startUs: number;
  events: NoticedEvent[];
  /** When each camera's footage ended, since the start, and why it was not shown whole. */
  cameras: { name: string; recorded: Window[]; lengthUs: number; fault: string | null }[];
  /** Time passed in the world, and on the machine. */
  passedUs: number;
  tookMs: number;
}

/** The default start: a weekday in daylight. */
export const START_US = Date.UTC(2026, 0, 15, 12) * 1_000;
/** With more than one encoder thread, a frame's bits depend on scheduling. */
const ENCODER_THREADS = 1;
/** Runs on after the last picture: longer than a GOP may take, and than motion takes to end. */
const AFTER_MS = 6_000;
/** Pictures are kept once the GOPs around them are in the ring. */
const KEEP_AFTER_MS = 5_000;
const PROGRESS_EVERY_MS = 250;
/** Without any progress for this long in the machine's time, the run is stuck. */
const STUCK_MS = 120_000;

/** Throws `ffmpeg_missing`, `camera_...`, `config_invalid`, `replay_stuck`, or the signal's reason. */
export async function runReplay(
  plan: ReplayPlan,
  deps: ReplayDeps,
  sinks: ReplaySinks,
  signal: AbortSignal,
): Promise<ReplayResult> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-replay-'));
  // Runs at process exit, which may be abrupt: after a closed stdout, or a second Ctrl-C.
  const discard = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', discard);
  const run = new Replay(plan, deps, sinks, folder);
  try {
    return await run.play(signal);
  } finally {
    await run.stop();
    await rm(folder, { recursive: true, force: true });
    process.off('exit', discard);
  }
}

class Replay {
  private readonly plan: ReplayPlan;
  private readonly deps: ReplayDeps;
  private readonly sinks: ReplaySinks;
  private readonly folder: string;
  private readonly world: VirtualClock;
  private readonly doorbells: ReplayedDoorbell[] = [];
  private readonly machine = new SystemClock();
  private readonly events: NoticedEvent[] = [];
  private readonly pendingStores = new Set<Promise<void>>();
  private readonly recorded = new Map<string, Window[]>();
  private readonly startedUs = new Map<string, number>();
  private readonly faults = new Map<string, string>();
  private running: Promise<void> | null = null;
  private errors: { readonly thrown: unknown }[] = [];

  constructor(plan: ReplayPlan, deps: ReplayDeps, sinks: ReplaySinks, folder: string) {
    this.plan = plan;
    this.deps = deps;
    this.sinks = sinks;
    this.folder = folder;
    const { startUs, speed } = plan;
    this.world = new VirtualClock({
      startUs: startUs === 'own' ? START_US : startUs,
      ...(speed === undefined ? {} : { speed }),
    });
  }

  async play(signal: AbortSignal): Promise<ReplayResult> {
    const startedMs = this.machine.monotonicMs();
    const ffmpeg = { ...(await findFfmpeg()), encoderThreads: ENCODER_THREADS };
    const random = new SeededRandom(this.plan.seed);
    for (const { name, footage } of this.plan.cameras) {
      const options = {
        name,
        footage,
        settings: this.plan.settings,
        ownServer: this.sinks.keep !== undefined,
        folder: join(this.folder, name),
      };
      const doorbell = new ReplayedDoorbell(options, { ...this.deps, world: this.world, random, ffmpeg });
      doorbell.onEvent((event) => this.onEvent(doorbell, event));
      this.doorbells.push(doorbell);
    }
    // One time for all: it begins when every camera is ready.
    await this.world.holding(async () => {
      this.running = this.world.run().catch((thrown: unknown) => this.fail(thrown));
      const recordedAtUs: (number | null)[] = [];
      for (const { camera } of this.doorbells) recordedAtUs.push(await camera.probeFirst({ ffmpeg }, signal));
      const [own = null] = recordedAtUs;
      if (this.plan.startUs === 'own' && own !== null) this.world.startAt(own);
      this.sinks.begins(this.world.wallUs());
      for (const doorbell of this.doorbells) await doorbell.start();
    });
    this.setClocks();
    this.keepStillsLater();
    await this.untilOver(signal);
    const { passedUs } = this.world;
    const startUs = this.world.wallUs() - passedUs;
    const tookMs = this.machine.monotonicMs() - startedMs;
    return { startUs, events: this.events, cameras: this.cameras(), passedUs, tookMs };
  }

  async stop(): Promise<void> {
    // Timers that doorbells wait for while they stop must fire.
    await Promise.all(this.doorbells.map((doorbell) => doorbell.stop()));
    this.world.stop();
    await this.running;
  }

  private setClocks(): void {
    for (const { atUs, byUs } of this.plan.clockSteps ?? []) {
      this.world.after(atUs / 1_000, () => {
        for (const { clock } of this.doorbells) clock.stepBy(byUs);
      });
    }
  }

  /** Waits until everything is shown and decided, and pictures are kept. */
  private async untilOver(signal: AbortSignal): Promise<void> {
    const { forUs, settings } = this.plan;
    const afterMs = (settings.postRollS ?? 6) * 1_000 + AFTER_MS;
    const shown = async () => {
      if (forUs !== undefined) return this.world.sleep(forUs / 1_000);
      await Promise.all(this.doorbells.map(({ camera }) => camera.over));
      await this.world.sleep(afterMs);
    };
    const over = shown().then(() => true);
    let [movedMs, movedUs] = [this.machine.monotonicMs(), -1];
    for (;;) {
      const pause = new AbortController();
      const isOver = await Promise.race([over, this.machine.sleep(PROGRESS_EVERY_MS, pause.signal).then(() => false)]);
      pause.abort();
      signal.throwIfAborted();
      this.throwFirstError();
      const nowMs = this.machine.monotonicMs();
      if (this.world.passedUs !== movedUs || this.pendingStores.size > 0)
        [movedMs, movedUs] = [nowMs, this.world.passedUs];
      this.sinks.progress?.(this.world.passedUs, this.lengthUs());
      if (isOver) break;
      if (nowMs - movedMs > STUCK_MS)
        throw failure('replay_stuck', { camera: this.plan.cameras[0]?.name ?? '', seconds: STUCK_MS / 1_000 });
    }
    await Promise.all(this.pendingStores);
    this.throwFirstError();
  }

  private throwFirstError(): void {
    const [broken] = this.errors;
    if (broken) throw broken.thrown;
  }

  private onEvent(doorbell: ReplayedDoorbell, event: DeviceEvent): void {
    const noticed = { camera: doorbell.name, event, publishedUs: this.world.passedUs };
    this.events.push(noticed);
    if (event.type === 'camera') this.noteCameraState(doorbell.name, event);
    this.sinks.event(noticed);
    if (this.sinks.keep) this.keepLater(doorbell, noticed);
  }

  private noteCameraState(name: string, event: Extract<DeviceEvent, { type: 'camera' }>): void {
    const spans = this.recorded.get(name) ?? [];
    this.recorded.set(name, spans);
    const open = spans.at(-1);
    const { passedUs } = this.world;
    if (event.state === 'starting') this.startedUs.set(name, passedUs);
    if (event.state === 'recording') {
      // Recording is reported with the first GOP, which began when the camera did.
      if (!open || open.endUs >= 0) spans.push({ startUs: this.startedUs.get(name) ?? passedUs, endUs: -1 });
    } else if (open && open.endUs < 0 && event.state !== 'starting') open.endUs = passedUs;
    if (event.state === 'failed' || event.state === 'lost')
      this.faults.set(name, event.detail ?? event.code ?? event.state);
  }

  private keepLater(doorbell: ReplayedDoorbell, noticed: NoticedEvent): void {
    if (!['ring', 'motion-start', 'event-window'].includes(noticed.event.type)) return;
    this.world.after(KEEP_AFTER_MS, () => this.sweepNow(async () => this.sinks.keep?.(doorbell, noticed)));
  }

  private keepStillsLater(): void {
    const startUs = this.world.wallUs() - this.world.passedUs;
    for (const atUs of this.plan.stillsAtUs ?? []) {
      for (const doorbell of this.doorbells) {
        const keep = async () => this.sinks.keepStill?.(doorbell, startUs + atUs);
        this.world.after(atUs / 1_000 + KEEP_AFTER_MS, () => this.sweepNow(keep));
      }
    }
  }

  private sweepNow(keep: () => Promise<void>): void {
    const kept = this.world
      .holding(keep)
      .catch((thrown: unknown) => this.fail(thrown))
      .finally(() => this.pendingStores.delete(kept));
    this.pendingStores.add(kept);
  }

  private fail(thrown: unknown): void {
    this.errors.push({ thrown });
  }

  private lengthUs(): number | null {
    let most = 0;
    for (const { camera } of this.doorbells) {
      const { lengthUs } = camera;
      if (lengthUs === null) return null;
      most = Math.max(most, lengthUs);
    }
    return most;
  }

  private cameras(): ReplayResult['cameras'] {
    const startUs = this.world.wallUs() - this.world.passedUs;
    return this.doorbells.map(({ name, camera, kept }) => {
      const spans = (this.recorded.get(name) ?? []).map(({ startUs, endUs }) => ({
        startUs,
        endUs: endUs < 0 ? this.world.passedUs : endUs,
      }));
      return {
        name,
        recorded: kept.map((span) => ({ startUs: span.startUs - startUs, endUs: span.endUs - startUs })),
        lengthUs: spans.at(-1)?.endUs ?? 0,
        fault: this.faults.get(name) ?? camera.fault,
      };
    });
  }
}
