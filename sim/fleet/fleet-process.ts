// The doorbells of one process of a fleet: starts them as drawn, counts, and ends them in order.
import type { Clock, Timer } from '@doorsill/base/clock';
import { TaskQueue } from '@doorsill/base/task-queue';
import { assert } from '@doorsill/contract/assert';
import { isFailure } from '../errors.ts';
import type { DrawnDoorbell } from './draw-fleet.ts';
import { type FleetContext, FleetDoorbell } from './fleet-doorbell.ts';
import type { FleetLog } from './fleet-log.ts';
import type { FleetCounts, FleetTally } from './fleet-process-tally.ts';
import type { DueQueue } from './loop-schedule.ts';

interface PacedStartsOptions {
  /** Most starts at the same time. */
  readonly atOnce: number;
  /** Whether running doorbells are late. Starts take processor time from them, and with too many a full machine never catches up. */
  readonly isLate: () => boolean;
}

/** A start; it does not throw. */
type Start = () => Promise<void>;

export class PacedStarts {
  private readonly options: PacedStartsOptions;
  private readonly waiting: Start[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private isOver = false;

  constructor(options: PacedStartsOptions) {
    this.options = options;
  }

  /** Runs the start in its turn, maybe at once. */
  add(start: Start): void {
    this.waiting.push(start);
    this.fill();
  }

  /** Begins no more starts; resolves when the running ones have ended. */
  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.underWay);
  }

  private fill(): void {
    // One start always goes on: a machine that stays late starts its doorbells slowly, and shows how late they are.
    const { atOnce, isLate } = this.options;
    while (!this.isOver && this.underWay.size < (isLate() ? 1 : atOnce)) {
      const next = this.waiting.shift();
      if (!next) return;
      const started = next().finally(() => {
        this.underWay.delete(started);
        this.fill();
      });
      this.underWay.add(started);
    }
  }
}

/** Starts, or stops, at the same time for each processor: a start mostly waits for the disk. */
const AT_ONCE = 8;
/** Latency of footage from which starts wait. */
const LATE_MS = 100;
/** Longest wait for uploads when the fleet ends. */
const DRAIN_MS_MAX = 30_000;
const DRAIN_LOOK_MS = 100;

export class FleetProcess {
  readonly doorbells: readonly FleetDoorbell[];
  private readonly clock: Clock;
  private readonly log: FleetLog;
  private readonly tally: FleetTally;
  private readonly queue: DueQueue;
  private readonly atOnce: number;
  private readonly starts: PacedStarts;
  private readonly timers = new Set<Timer>();
  private isHurried = false;

  /** `processors`: that this process may keep busy. */
  constructor(drawn: readonly DrawnDoorbell[], context: FleetContext, processors: number) {
    this.clock = context.clock;
    this.log = context.log;
    this.tally = context.tally;
    this.queue = context.timebase.queue;
    this.atOnce = AT_ONCE * processors;
    const isLate = () => this.queue.lateMs > LATE_MS;
    this.starts = new PacedStarts({ atOnce: this.atOnce, isLate });
    // A cut keeps one processor busy: more at a time would only wait for each other while the rings are recorded over.
    const cuts = Array.from({ length: processors }, () => new TaskQueue());
    this.doorbells = drawn.map((one, at) => {
      const turns = cuts[at % cuts.length];
      assert(turns, 'a process has a processor');
      return new FleetDoorbell(one, context, turns);
    });
  }

  /** Starts each doorbell at its drawn time, or later if `PacedStarts` makes it wait. Returns at once. */
  start(): void {
    for (const doorbell of this.doorbells) {
      const timer = this.clock.after(doorbell.drawn.startsAfterMs, () => {
        this.timers.delete(timer);
        this.starts.add(() => startLogged(doorbell));
      });
      this.timers.add(timer);
    }
  }

  /** The counts so far. */
  get counts(): FleetCounts {
    const { counts } = this.tally;
    const sums = this.doorbells.map(({ camera, owner }) => ({ ...camera.counts, unbelieved: owner.unbelieved }));
    return {
      ...counts,
      unbelieved: sums.reduce((sum, { unbelieved }) => sum + unbelieved, 0),
      segmentsDue: sums.reduce((sum, { due }) => sum + due, 0),
      segmentsLost: sums.reduce((sum, { lost }) => sum + lost, 0),
    };
  }

  /** Whether every doorbell runs, or never will. */
  get isStarted(): boolean {
    const { doorbells, up, failed } = this.tally.counts;
    return up + failed >= doorbells;
  }

  /** Ends the fleet: stops events, waits for uploads, then stops every doorbell. */
  async stop(): Promise<void> {
    for (const timer of this.timers) timer.cancel();
    const started = this.starts.stop();
    for (const doorbell of this.doorbells) doorbell.stopEvents();
    const untilMs = this.clock.monotonicMs() + DRAIN_MS_MAX;
    const isLate = () => this.isHurried || this.clock.monotonicMs() >= untilMs;
    while (this.doorbells.some(({ isSending }) => isSending) && !isLate()) await this.clock.sleep(DRAIN_LOOK_MS);
    const left = [...this.doorbells];
    const stopNext = async () => {
      for (let next = left.pop(); next; next = left.pop()) await next.stop();
    };
    await Promise.all(Array.from({ length: this.atOnce }, stopNext));
    await started;
    this.queue.stop();
    this.log.stop();
  }

  /** Ends it in order, but without waiting for uploads. */
  hurry(): void {
    this.isHurried = true;
  }
}

/** Logs a start that failed for good; the doorbell has counted it. */
async function startLogged(doorbell: FleetDoorbell): Promise<void> {
  try {
    await doorbell.start();
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    doorbell.log.error('a simulated doorbell cannot start, and counts as failed', {
      code: thrown.code,
      detail: thrown.message,
    });
  }
}
