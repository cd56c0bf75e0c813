// A run of a fleet: whether it fits on this machine, its links, its processes, a line a second, and the summary.
import { readFileSync, statfsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { availableMemory } from 'node:process';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Log, LogLevel } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { type Failure, failure } from '../errors.ts';
import { createEnrolmentCode } from '../officer/bridge-operator.ts';
import { adminBearer } from '../officer/registration.ts';
import { Testbed } from '../testbed/testbed.ts';
import { type DrawnDoorbell, drawFleet, type FleetPart } from './draw-fleet.ts';
import { FleetAgency } from './fleet-agency.ts';
import { RING_BYTES_MIN } from './fleet-doorbell.ts';
import { ChildPart } from './fleet-process-children.ts';
import type { PartJob, PartReport } from './fleet-process-part.ts';
import { addCounts, type FleetCounts, LatencyHistogram, NO_COUNTS } from './fleet-process-tally.ts';
import type { FleetProfile } from './fleet-profile.ts';
import { type LoopParts, makeLoop } from './loop.ts';

/** Brokers and a bridge other than the embedded ones. */
export type OutsideLinks = PartJob['links'];

export interface FleetOptions {
  readonly doorbells: number;
  readonly seed: number;
  readonly profile: FleetProfile;
  /** This machine's part of the fleet. */
  readonly shard: FleetPart;
  /** Number of processes. */
  readonly workers: number;
  /** The fleet's folder, new or empty; null: a temporary folder, which is removed. */
  readonly folder: string | null;
  /** Null: broker, registry, vault and bridge are started on this machine. */
  readonly outside: OutsideLinks | null;
  /** Length of the run; null: until the signal. */
  readonly forMs: number | null;
  /** Period in which the embedded agency asks every area of the town; null: never. */
  readonly askEveryMs: number | null;
  readonly logLevel: LogLevel;
}

export interface FleetDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: Log;
  /** Progress, for people. */
  readonly say: (text: string) => void;
  /** Aborted when the ending fleet must no longer wait for uploads. */
  readonly hurry: AbortSignal;
  /** Called once a second. */
  readonly line: (line: FleetLine) => void;
  /** Called when the embedded parts run. */
  readonly ready: (facts: { folder: string; bridge: string }) => void;
}

export interface FleetLine extends FleetCounts {
  readonly seconds: number;
  /** Requests that the embedded agency has posted. */
  readonly asked: number;
  /** From filmed to sealed, of this second. */
  readonly latenessP50Ms: number | null;
  readonly latenessP99Ms: number | null;
  /** Processor time of the fleet's processes in this second, in cores. */
  readonly cores: number;
  readonly memoryBytes: number;
  /** Files and connections that these have open, and timers; both stay constant while a fleet runs unchanged. */
  readonly descriptors: number;
  readonly timers: number;
  /** Processes that ended before the fleet did. */
  readonly died: number;
}

export interface FleetSummary extends Omit<FleetLine, 'cores'> {
  readonly latenessMaxMs: number | null;
  /** From a grant until the bridge has the clip. */
  readonly deliveredP50Ms: number | null;
  readonly deliveredP99Ms: number | null;
  /** Of one core, for each doorbell, since all of them ran. */
  readonly corePercentEach: number | null;
  /** Memory for each doorbell beyond the process itself and its loops; with a ring in memory, with the ring. */
  readonly memoryBytesEach: number;
  /** Clips that the bridge shows the embedded agency at the end, without revoked ones; null without that agency. */
  readonly clipsShown: number | null;
  readonly codes: Readonly<Record<string, number>>;
}

/** Resources of a machine. */
export interface Room {
  readonly descriptors: number;
  readonly memoryBytes: number;
  /** Free on the disk that keeps the fleet. */
  readonly diskBytes: number;
}

/** Descriptors of a doorbell and its owner in their process: three connections, the pairing socket, open files. */
const DESCRIPTORS_EACH = 8;
const DESCRIPTORS_SPARE = 256;
/** Descriptors of a doorbell and its owner at an embedded broker: one for each connection. */
const BROKER_DESCRIPTORS_EACH = 3;
/** Other connections: the bridge's, and new ones of clients whose old ones the broker still holds. */
const BROKER_CONNECTIONS_SPARE = 1_024;
/** Bytes of memory of a doorbell and its owner without the ring, and of their connections at an embedded broker. */
const MEMORY_EACH = 600_000;
const BROKER_MEMORY_EACH = 150_000;
/** All homes of a fleet have one address, for which a bridge usually allows the calls of one home. */
const BRIDGE = { http: { perMinuteMax: { home: 1_000_000 } } } as const;
/** Bytes of disk of a doorbell without its ring: key, ledger, clips in the outbox. */
const DISK_EACH = 1_000_000;
/** Bytes of memory of the embedded parts, and of processes without doorbells. */
const MEMORY_SPARE = 600_000_000;
const LINE_MS = 1_000;
/** Figures of the processes' reports that are added up, besides counts. */
const SUMMED = ['cpuMs', 'memoryBytes', 'memoryBeforeBytes', 'descriptors', 'timers'] as const;
/** A bridge's longest validity of a code: a doorbell may be started that late. */
const CODE_LIFE_S = 7 * 24 * 3_600;

/**
 * Throws `fleet_too_large`, with the number that fits, when this machine lacks descriptors for a process, or memory or disk for all.
 * `drawn`: the doorbells of this machine.
 */
export function checkRoom(
  drawn: readonly DrawnDoorbell[],
  { workers, isEmbedded }: { workers: number; isEmbedded: boolean },
  room: Room,
): void {
  const usable = Math.max(0, room.descriptors - DESCRIPTORS_SPARE);
  const perProcess = Math.floor(usable / DESCRIPTORS_EACH) * workers;
  const perBroker = isEmbedded ? Math.floor(usable / BROKER_DESCRIPTORS_EACH) : Number.POSITIVE_INFINITY;
  const doorbells = drawn.length;
  if (doorbells > perBroker) {
    const detail = `the embedded broker may open ${room.descriptors} files and connections: raise that (ulimit -n), or name a broker`;
    throw failure('fleet_too_large', { doorbells, fit: perBroker, detail });
  }
  if (doorbells > perProcess) {
    const detail = `a process may open ${room.descriptors} files and connections: raise that (ulimit -n), or use more --workers`;
    throw failure('fleet_too_large', { doorbells, fit: perProcess, detail });
  }
  let [memoryBytes, diskBytes] = [MEMORY_SPARE, 0];
  for (const [at, { ring }] of drawn.entries()) {
    memoryBytes += MEMORY_EACH + (isEmbedded ? BROKER_MEMORY_EACH : 0) + (ring.kind === 'memory' ? ring.bytes : 0);
    diskBytes += DISK_EACH + (ring.kind === 'file' ? Math.max(RING_BYTES_MIN, ring.bytes) : 0);
    const refuse = (detail: string) => failure('fleet_too_large', { doorbells, fit: at, detail });
    if (memoryBytes > room.memoryBytes)
      throw refuse(`${megabytes(room.memoryBytes)} of memory are free: make rings shorter, or keep them in files`);
    if (diskBytes > room.diskBytes)
      throw refuse(
        `${megabytes(room.diskBytes)} of disk are free: make rings shorter, or name another disk with --data`,
      );
  }
}

const megabytes = (bytes: number) => `${Math.floor(bytes / 1e6)} MB`;

/** The free resources of this machine; `folder` exists, and will hold the fleet. */
export function roomHere(folder: string): Room {
  const { bavail, bsize } = statfsSync(folder);
  return { descriptors: descriptorsMax(), memoryBytes: availableMemory(), diskBytes: bavail * bsize };
}

/** The limit of open files; Node raises the soft limit to the hard one. Infinity if unknown. */
function descriptorsMax(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return soft === undefined || soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * Runs a fleet until its time is over or the signal is aborted, and ends it in order. Throws `fleet_too_large`, `data_folder_foreign`, and
 * the failures of its scenes and of the embedded parts; nothing runs then.
 */
export async function runFleet(options: FleetOptions, deps: FleetDeps, signal: AbortSignal): Promise<FleetSummary> {
  const drawn = drawFleet(options.profile, options.seed, options.doorbells, options.shard);
  checkRoom(
    drawn,
    { workers: options.workers, isEmbedded: options.outside === null },
    roomHere(options.folder ?? tmpdir()),
  );
  if (options.folder !== null && (await deps.disk.list(options.folder)).length > 0)
    throw failure('data_folder_foreign', {
      folder: options.folder,
      detail: 'it is not empty',
      advice: 'Name a new or empty folder, or leave out --data.',
    });
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'doorsill-fleet-')));
  const run = new FleetRun(options, deps, folder);
  try {
    await run.begin(signal);
    return await run.untilOver(signal);
  } finally {
    await run.end();
    if (options.folder === null) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

class FleetRun {
  private readonly options: FleetOptions;
  private readonly deps: FleetDeps;
  private readonly folder: string;
  private testbed: Testbed | null = null;
  private agency: FleetAgency | null = null;
  private parts: ChildPart[] = [];
  private readonly reports = new Map<number, PartReport>();
  private readonly sealed = new LatencyHistogram();
  private recent = new LatencyHistogram();
  private startedMs = 0;
  private died = 0;
  /** Processor time at the last line, and when all doorbells first ran. */
  private before = { cpuMs: 0, atMs: 0 };
  private steady: { cpuMs: number; atMs: number } | null = null;
  private failed: Failure | null = null;

  constructor(options: FleetOptions, deps: FleetDeps, folder: string) {
    this.options = options;
    this.deps = deps;
    this.folder = folder;
  }

  async begin(signal: AbortSignal): Promise<void> {
    const { options, deps, folder } = this;
    const loops = await this.makeLoops(signal);
    const links = options.outside ?? (await this.startTestbed());
    signal.throwIfAborted();
    const { workers, shard, doorbells, seed, profile, logLevel } = options;
    const processors = Math.max(1, Math.floor(availableParallelism() / workers));
    const jobs = Array.from({ length: workers }, (_, at): PartJob => {
      const part = { index: shard.index + at * shard.of, of: shard.of * workers };
      return { doorbells, seed, profile, part, loops, links, logLevel, processors, folder: join(folder, 'doorbells') };
    });
    await deps.disk.makeFolder(join(folder, 'doorbells'));
    this.startedMs = deps.clock.monotonicMs();
    this.before = { cpuMs: 0, atMs: this.startedMs };
    this.parts = jobs.map((job, at) => this.startChild(job, at));
  }

  /** One line a second, until it is over. */
  async untilOver(signal: AbortSignal): Promise<FleetSummary> {
    const { options, deps } = this;
    const { clock } = deps;
    const endsMs = options.forMs === null ? Number.POSITIVE_INFINITY : this.startedMs + options.forMs;
    for (let nextMs = this.startedMs + LINE_MS; !signal.aborted && nextMs <= endsMs; nextMs += LINE_MS) {
      await clock.sleep(Math.max(0, nextMs - clock.monotonicMs()), signal).catch(() => undefined);
      if (this.failed) throw this.failed;
      deps.line(this.line());
    }
    deps.say('The fleet ends and waits for uploads.');
    await this.agency?.stop();
    await this.stopParts();
    return this.summary((await this.agency?.clipsShown()) ?? null);
  }

  async end(): Promise<void> {
    await this.agency?.stop();
    await this.stopParts();
    await this.testbed?.stop();
  }

  private async makeLoops(signal: AbortSignal): Promise<Record<string, LoopParts>> {
    const { clock, log, say } = this.deps;
    const loops: Record<string, LoopParts> = {};
    for (const [name, scene] of Object.entries(this.options.profile.scenes)) {
      if (scene.percent === 0) continue;
      say(`Encoding the scene ${name} once.`);
      loops[name] = (await makeLoop(scene, { ffmpeg: await findFfmpeg(), clock, log }, signal)).parts;
    }
    return loops;
  }

  private async startTestbed(): Promise<OutsideLinks> {
    const { options, deps, folder } = this;
    deps.say('Starting broker, registry, vault and bridge.');
    const connections = BROKER_CONNECTIONS_SPARE + BROKER_DESCRIPTORS_EACH * options.doorbells;
    const { logLevel } = options;
    const testbed = new Testbed({ folder, kind: 'doorsill-fleet', logLevel, connections, bridge: BRIDGE }, deps);
    this.testbed = testbed;
    const { broker, bridge, bridgeFolder, agencyKey } = await testbed.startServices();
    const wish = { devices: options.doorbells, lifeS: CODE_LIFE_S };
    const { code } = await createEnrolmentCode(bridge.url, await adminBearer(deps.disk, bridgeFolder), wish);
    if (options.askEveryMs !== null) {
      const { town } = options.profile;
      this.agency = new FleetAgency({ ...deps, bridge, agencyKey, town, everyMs: options.askEveryMs });
      this.agency.start();
    }
    deps.ready({ folder, bridge: bridge.url });
    return { home: broker, enrolmentCode: code };
  }

  private startChild(job: PartJob, at: number): ChildPart {
    const child = new ChildPart(job, {
      report: (report) => this.take(at, report),
      died: (how) => {
        this.failed ??= child.failure;
        this.died += 1;
        this.markDied(at);
        this.deps.log.error('a process of the fleet has ended; its doorbells count as failed', {
          process: at + 1,
          detail: how,
        });
        this.deps.say(`A process of the fleet has ended (${how}): its doorbells are gone.`);
      },
    });
    return child;
  }

  /** Keeps the report of a process that is gone, but counts its doorbells as failed. */
  private markDied(at: number): void {
    const last = this.reports.get(at);
    if (!last) return;
    const counts = { ...last.counts, up: 0, failed: last.counts.doorbells, clipsUnderWay: 0 };
    this.reports.set(at, { ...last, counts, memoryBytes: last.memoryBeforeBytes, descriptors: 0, timers: 0 });
  }

  private take(at: number, report: PartReport): void {
    this.reports.set(at, report);
    const sealed = new LatencyHistogram(report.sealed);
    this.sealed.merge(sealed);
    this.recent.merge(sealed);
  }

  private async stopParts(): Promise<void> {
    const stopping = this.parts.splice(0).map(async (part, at) => {
      const last = await part.stop(this.deps.hurry);
      if (last) this.take(at, last);
    });
    await Promise.all(stopping);
  }

  private sums() {
    const counts: FleetCounts = { ...NO_COUNTS };
    const sums = { cpuMs: 0, memoryBytes: 0, memoryBeforeBytes: 0, descriptors: 0, timers: 0 };
    for (const report of this.reports.values()) {
      addCounts(counts, report.counts);
      for (const name of SUMMED) sums[name] += report[name];
    }
    return { counts, ...sums };
  }

  private line(): FleetLine {
    const { counts, cpuMs, memoryBytes, descriptors, timers } = this.sums();
    const atMs = this.deps.clock.monotonicMs();
    const { before, recent } = this;
    this.before = { cpuMs, atMs };
    this.recent = new LatencyHistogram();
    if (this.steady === null && counts.doorbells > 0 && counts.up + counts.failed >= counts.doorbells)
      this.steady = { cpuMs, atMs };
    return {
      ...counts,
      seconds: Math.round((atMs - this.startedMs) / 1_000),
      asked: this.agency?.asked ?? 0,
      latenessP50Ms: recent.quantile(0.5),
      latenessP99Ms: recent.quantile(0.99),
      cores: Math.round(((cpuMs - before.cpuMs) / Math.max(1, atMs - before.atMs)) * 1_000) / 1_000,
      memoryBytes,
      descriptors,
      timers,
      died: this.died,
    };
  }

  private summary(clipsShown: number | null): FleetSummary {
    const { steady, before } = this;
    const { cores: _cores, ...line } = this.line();
    const { memoryBeforeBytes } = this.sums();
    const delivered = new LatencyHistogram();
    const codes: Record<string, number> = {};
    for (const report of this.reports.values()) {
      delivered.merge(new LatencyHistogram(report.delivered));
      for (const [code, count] of report.codes) codes[code] = (codes[code] ?? 0) + count;
    }
    for (const [code, count] of this.agency?.refused ?? []) codes[code] = (codes[code] ?? 0) + count;
    const each = Math.max(1, line.doorbells);
    const steadyMs = steady === null ? 0 : before.atMs - steady.atMs;
    return {
      ...line,
      // All that was due has been sealed by now, or never will be.
      segmentsLost: line.segmentsDue - line.segmentsStored,
      latenessP50Ms: this.sealed.quantile(0.5),
      latenessP99Ms: this.sealed.quantile(0.99),
      latenessMaxMs: this.sealed.quantile(1),
      deliveredP50Ms: delivered.quantile(0.5),
      deliveredP99Ms: delivered.quantile(0.99),
      corePercentEach:
        steady && steadyMs > 0
          ? Math.round(((before.cpuMs - steady.cpuMs) / steadyMs / each) * 100 * 10_000) / 10_000
          : null,
      memoryBytesEach: Math.round((line.memoryBytes - memoryBeforeBytes) / each),
      clipsShown,
      codes,
    };
  }
}
