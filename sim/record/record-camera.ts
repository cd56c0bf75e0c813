// Records a live camera for some time, hands over footage and events, and leaves nothing in memory or on the disk.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import { SystemRandom } from '@doorsill/base/random';
import { SystemPrograms } from '@doorsill/base/system-programs';
import type { DeviceEvent, DeviceState } from '@doorsill/contract/home-messages';
import type { Window } from '@doorsill/contract/shared-claims';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import type { CameraKind, CameraSource } from '@doorsill/device/camera/source-interfaces';
import { parseCameraSource } from '@doorsill/device/camera/sources';
import type { Press } from '@doorsill/device/hardware/button';
import type { OwnServerClient } from '@doorsill/device/owner/own-server-client';
import { type Failure, failure, isErrorCode, reportedFailure } from '../errors.ts';
import { ALL_CAMERAS } from '../porch/porch-camera.ts';
import { NO_BROKER, OWN_SERVER, VirtualHome } from '../world/virtual-home.ts';

export interface RecordPlan {
  /** As `doorsill up --camera` takes it. */
  camera: string;
  audio: boolean;
  forUs: number;
}

/** Why a recording ended: as requested, or early. */
export type RecordEnd =
  | { why: 'time' | 'camera-ended' | 'interrupted' }
  | { why: 'camera-lost' | 'memory-full'; detail: string };

/** A finished recording; readable while `keep` runs. */
export interface Recording {
  /** From the first picture to the end; footage may be longer, because it consists of whole GOPs. */
  window: Window;
  /** All events, also those after the end. */
  events: readonly DeviceEvent[];
  end: RecordEnd;
  session: OwnServerClient;
}

export interface RecordCallbacks {
  /** Called with the first picture; `press` presses the doorbell's button. */
  begins(press: (press: Press) => void): void;
  progress(recordedUs: number): void;
  event(event: DeviceEvent): void;
  /** Stores the recording, which is discarded afterwards. */
  keep(recording: Recording): Promise<void>;
}

/** Maximum length: what the doorbell's own server returns at once. */
export const RECORD_US_MAX = 3_600_000_000;
const MIB = 1024 * 1024;
const RING_BYTES_MAX = 2_048 * MIB;
const RING_BYTES_MIN = 64 * MIB;
/** Share of the free memory that footage may fill. */
const MEMORY_SHARE = 0.5;
/** Hardly a camera sends more than this: a minute of it is 120 MB. */
const BYTES_PER_S_MOST = 2 * MIB;
/** The length is limited as if a camera sent at least this much. */
const BYTES_PER_S_LEAST = MIB / 4;
/** A full ring drops its oldest footage, so the recording ends earlier, at this share. */
const FULL_SHARE = 0.75;
const POLL_MS = 250;
const FIRST_PICTURE_MS_MAX = 30_000;
/** How late the last footage may arrive: a little more than the longest GOP. */
const LATE_MS_MAX = 15_000;

/** How much memory a recording of this length may use. Throws `record_too_long`. */
export function ringBytesFor(forUs: number, freeBytes: number): number {
  const seconds = forUs / 1_000_000;
  const most = Math.min(RING_BYTES_MAX, Math.floor(freeBytes * MEMORY_SHARE));
  const held = Math.floor(most / BYTES_PER_S_LEAST / 60);
  const minutes = Math.min(RECORD_US_MAX / 60_000_000, held);
  if (forUs > RECORD_US_MAX || seconds * BYTES_PER_S_LEAST > most || most < RING_BYTES_MIN)
    throw failure('record_too_long', {
      asked: `${Math.round(seconds / 6) / 10} min`,
      detail: `footage waits in memory until it is written, ${Math.floor(most / MIB)} MiB here: at most ${minutes} min`,
    });
  return Math.min(most, Math.max(RING_BYTES_MIN, Math.ceil(seconds * BYTES_PER_S_MOST)));
}

/**
 * Records until the time is over, the camera ends or is lost, memory is full, or the signal aborts; then calls `keep`. Throws the camera's
 * failures, `record_too_long`, `record_nothing`, and what `keep` throws.
 */
export async function recordCamera(
  plan: RecordPlan,
  deps: LiveDoorbellDeps & { freeBytes: number },
  sinks: RecordCallbacks,
  signal: AbortSignal,
): Promise<void> {
  const ringBytes = ringBytesFor(plan.forUs, deps.freeBytes);
  const source = recordedCamera(plan.camera, plan.audio);
  await source.tryOnce({ ...deps, programs: new SystemPrograms() }, signal);
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-record-'));
  const run = new Run(plan, deps.clock, sinks);
  const own = { folder: join(folder, 'front'), ringBytes, heard: (event: DeviceEvent) => run.heard(event) };
  const home = liveDoorbell({ ...plan, ...own }, deps);
  try {
    await home.start();
    await home.openSession('record');
    await sinks.keep(await run.follow(home, signal));
  } finally {
    await home.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** One recording from the first picture to the last. */
class Run {
  private readonly plan: RecordPlan;
  private readonly clock: Clock;
  private readonly sinks: RecordCallbacks;
  private readonly events: DeviceEvent[] = [];
  private camera: Extract<DeviceEvent, { type: 'camera' }> | null = null;
  private isOver = false;

  constructor(plan: RecordPlan, clock: Clock, sinks: RecordCallbacks) {
    this.plan = plan;
    this.clock = clock;
    this.sinks = sinks;
  }

  heard(event: DeviceEvent): void {
    if (event.type === 'camera') this.camera = event;
    else this.events.push(event);
    if (!this.isOver) this.sinks.event(event);
  }

  async follow(home: VirtualHome, signal: AbortSignal): Promise<Recording> {
    const { session } = home.owner;
    const startUs = await this.firstPicture(session, signal);
    this.sinks.begins((press) => home.press(press));
    const end = await this.untilEnd(session, startUs, signal);
    const askedUs = startUs + this.plan.forUs;
    const endUs = end.why === 'time' ? askedUs : Math.min(askedUs, this.clock.wallUs());
    if (end.why !== 'memory-full') await this.arrived(session, startUs, endUs);
    this.isOver = true;
    // The camera is off while footage is written, so that the ring drops nothing.
    await home.doorbell.endCamera();
    const heldUs = heldUntil(await session.state(), startUs);
    return { window: { startUs, endUs: Math.min(heldUs, endUs) }, events: this.events, end, session };
  }

  /** Wall time of the first picture. Throws `record_nothing`, the camera's failure, the signal's reason. */
  private async firstPicture(session: OwnServerClient, signal: AbortSignal): Promise<number> {
    const givenUpMs = this.clock.monotonicMs() + FIRST_PICTURE_MS_MAX;
    for (;;) {
      signal.throwIfAborted();
      const [first] = (await session.state()).ring.coverage;
      if (first) return first.startUs;
      const state = this.camera?.state;
      if (state === 'failed' || state === 'ended' || this.clock.monotonicMs() > givenUpMs) throw this.nothing();
      await this.clock.sleep(POLL_MS, signal);
    }
  }

  private nothing(): Failure {
    const { code, detail = 'no picture came' } = this.camera ?? {};
    if (code !== undefined && isErrorCode(code)) return reportedFailure(code, detail);
    return failure('record_nothing', { detail });
  }

  private async untilEnd(session: OwnServerClient, startUs: number, signal: AbortSignal): Promise<RecordEnd> {
    for (;;) {
      const now = await session.state();
      const { ring } = now;
      const recordedUs = heldUntil(now, startUs) - startUs;
      this.sinks.progress(Math.min(recordedUs, this.plan.forUs));
      const { state, detail = 'it does not answer' } = this.camera ?? {};
      if (recordedUs >= this.plan.forUs || this.clock.wallUs() >= startUs + this.plan.forUs) return { why: 'time' };
      if (signal.aborted) return { why: 'interrupted' };
      if (state === 'ended') return { why: 'camera-ended' };
      if (state === 'lost' || state === 'failed')
        return { why: 'camera-lost', detail: `the camera is ${state}: ${detail}` };
      if (ring.bytes >= ring.bytesMax * FULL_SHARE)
        return {
          why: 'memory-full',
          detail: `its ${Math.floor(ring.bytesMax / MIB)} MiB of memory are full; the camera's bit rate is high`,
        };
      await this.clock.sleep(POLL_MS, signal).catch(() => undefined);
    }
  }

  /** Waits until footage up to `untilUs` has arrived, or none comes any more. */
  private async arrived(session: OwnServerClient, startUs: number, untilUs: number): Promise<void> {
    const givenUpMs = this.clock.monotonicMs() + LATE_MS_MAX;
    for (;;) {
      const heldUs = heldUntil(await session.state(), startUs);
      const nothingComes = ['lost', 'failed', 'ended'].includes(this.camera?.state ?? '');
      if (heldUs >= untilUs || nothingComes || this.clock.monotonicMs() > givenUpMs) return;
      await this.clock.sleep(POLL_MS);
    }
  }
}

/** Where the newest footage ends; `startUs` if there is none. */
function heldUntil({ ring }: DeviceState, startUs: number): number {
  return Math.max(startUs, ...ring.coverage.map(({ endUs }) => endUs));
}

export interface LiveDoorbellDeps {
  ffmpeg: Ffmpeg;
  clock: Clock;
  disk: Disk;
  log: Log;
}

interface LiveDoorbellOptions {
  /** As `doorsill up --camera` takes it. */
  camera: string;
  /** Whether sound is requested from the camera. */
  audio: boolean;
  /** Its own folder, absolute, inside one that only this user can open. */
  folder: string;
  /** Size of its in-memory ring. */
  ringBytes: number;
  heard(event: DeviceEvent): void;
}

/** Camera kinds for a recording: a file is played once, and sound is requested only if wanted. */
function recordedKinds(audio: boolean): CameraKind[] {
  return ALL_CAMERAS.map((kind) => ({
    help: kind.help,
    name: (text, defaults) => kind.name(text, { ...defaults, loop: false, audio }),
  }));
}

/** Parses a camera. Throws `camera_unsupported`, `camera_option_invalid`, `camera_not_found`, and `usage` for `pace=fast`. */
export function recordedCamera(text: string, audio: boolean): CameraSource {
  const source = parseCameraSource(text, {}, recordedKinds(audio));
  if ('pace' in source.settings && source.settings.pace === 'fast')
    throw failure('usage', { detail: 'a recording runs in real time: leave out pace=fast' });
  return source;
}

/** A doorbell with its own server and without a home broker, not yet started. */
function liveDoorbell(options: LiveDoorbellOptions, deps: LiveDoorbellDeps): VirtualHome {
  const { camera, audio, folder, ringBytes, heard } = options;
  const random = new SystemRandom();
  const ring = { kind: 'memory', bytes: ringBytes } as const;
  return new VirtualHome(folder, deps.clock, () => ({
    settings: { name: 'front', camera, home: NO_BROKER, console: OWN_SERVER, ring },
    options: { cameraKinds: recordedKinds(audio), homeBroker: 'none', serverRandom: random, heard },
    seams: { ...deps, random, programs: new SystemPrograms() },
  }));
}
