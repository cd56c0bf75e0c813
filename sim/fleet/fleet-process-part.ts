// One process's part of a fleet: its job, its doorbells on the machine's seams, and its report.
import { readdirSync, statSync } from 'node:fs';
import { SystemClock } from '@doorsill/base/clock';
import { SystemDisk } from '@doorsill/base/disk';
import { type LogLevel, openLog } from '@doorsill/base/log';
import { SystemRandom } from '@doorsill/base/random';
import { findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { drawFleet, type FleetPart } from './draw-fleet.ts';
import type { FleetLinks } from './fleet-doorbell.ts';
import { FleetLog } from './fleet-log.ts';
import { FleetProcess } from './fleet-process.ts';
import { type FleetCounts, FleetTally, LatencyHistogram } from './fleet-process-tally.ts';
import type { FleetProfile } from './fleet-profile.ts';
import { Loop, type LoopParts } from './loop.ts';
import { DueQueue } from './loop-schedule.ts';

/** A process's job. Only values, so that it can be sent. */
export interface PartJob {
  readonly doorbells: number;
  readonly seed: number;
  readonly part: FleetPart;
  readonly profile: FleetProfile;
  /** By the name of the scene. */
  readonly loops: Readonly<Record<string, LoopParts>>;
  /** The code, from the bridge's operator, is valid for all doorbells. */
  readonly links: Omit<FleetLinks, 'enrolmentCode'> & { readonly enrolmentCode: string };
  readonly folder: string;
  readonly logLevel: LogLevel;
  /** Processors that it may keep busy, at least 1. */
  readonly processors: number;
}

/** A process's report. */
export interface PartReport {
  readonly counts: FleetCounts;
  /** Latency from filmed to sealed since the last report: the steps of a `LatencyHistogram`. */
  readonly sealed: ReadonlyMap<number, number>;
  /** Time from grant to bridge, since the start. */
  readonly delivered: ReadonlyMap<number, number>;
  readonly codes: ReadonlyMap<string, number>;
  /** Processor time since its doorbells began to start. */
  readonly cpuMs: number;
  /** Memory of the process now, and before its first doorbell. */
  readonly memoryBytes: number;
  readonly memoryBeforeBytes: number;
  /** Files and connections that the process has open; 0 if unknown. */
  readonly descriptors: number;
  /** Timers of the process, and calls in its queue. */
  readonly timers: number;
}

/** A process's part, running. */
export class RunningPart {
  private readonly tally: FleetTally;
  private readonly fleet: FleetProcess;
  private readonly queue: DueQueue;
  private readonly before: { cpu: NodeJS.CpuUsage; memoryBytes: number };

  private constructor(fleet: FleetProcess, tally: FleetTally, queue: DueQueue) {
    this.fleet = fleet;
    this.tally = tally;
    this.queue = queue;
    this.before = { cpu: process.cpuUsage(), memoryBytes: process.memoryUsage.rss() };
  }

  /** Begins to start the doorbells. Throws `ffmpeg_missing`, `fleet_scene_unusable`. */
  static async start(job: PartJob): Promise<RunningPart> {
    const [clock, random, disk] = [new SystemClock(), new SystemRandom(), new SystemDisk()];
    const log = new FleetLog(openLog(job.logLevel, 'fleet'), clock);
    const tally = new FleetTally();
    const queue = new DueQueue(clock);
    const context = {
      clock,
      random,
      disk,
      log,
      tally,
      profile: job.profile,
      folder: job.folder,
      ffmpeg: await findFfmpeg(),
      timebase: { queue, clock, beganMs: clock.monotonicMs() },
      loops: new Map(Object.entries(job.loops).map(([name, parts]) => [name, new Loop(parts)])),
      links: { ...job.links, enrolmentCode: async () => job.links.enrolmentCode },
    };
    const drawn = drawFleet(job.profile, job.seed, job.doorbells, job.part);
    const fleet = new FleetProcess(drawn, context, job.processors);
    const part = new RunningPart(fleet, tally, queue);
    fleet.start();
    return part;
  }

  report(): PartReport {
    const { tally, fleet, before } = this;
    const { user, system } = process.cpuUsage(before.cpu);
    return {
      counts: fleet.counts,
      sealed: tally.takeRecent().steps,
      delivered: tally.delivered.steps,
      codes: tally.codes,
      cpuMs: (user + system) / 1_000,
      memoryBytes: process.memoryUsage.rss(),
      memoryBeforeBytes: before.memoryBytes,
      descriptors: openDescriptors(),
      timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length + this.queue.size,
    };
  }

  /** While it ends: no longer waits for uploads. */
  hurry(): void {
    this.fleet.hurry();
  }

  /** Ends it in order; returns its last report. */
  async stop(): Promise<PartReport> {
    const before = this.report();
    await this.fleet.stop();
    const last = this.report();
    const sealed = new LatencyHistogram(before.sealed);
    sealed.merge(new LatencyHistogram(last.sealed));
    // Doorbells and their resources are reported as they were while they ran.
    const counts = { ...last.counts, up: before.counts.up };
    const { memoryBytes, descriptors, timers } = before;
    return { ...last, counts, sealed: sealed.steps, memoryBytes, descriptors, timers };
  }
}

/** Number of files and connections that this process has open; 0 if unknown. */
export function openDescriptors(): number {
  try {
    // Linux 6.2 and later give the number as the folder's size; listing four thousand names would take 3.6 ms every second.
    const size = statSync('/proc/self/fd', { throwIfNoEntry: false })?.size ?? 0;
    return size > 0 ? size : readdirSync('/dev/fd').length;
  } catch {
    return 0;
  }
}
