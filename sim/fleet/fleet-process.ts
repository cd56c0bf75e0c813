// Owns: the doorbells of one process of a fleet: starting them as drawn, their counts, ending them in order. Not here: one doorbell
// (fleet-doorbell.ts), several processes (fleet.ts).
import { availableParallelism } from 'node:os';
import { assert, type Clock, isFailure, TaskQueue, type Timer } from '../../device/index.ts';
import type { DrawnDoorbell } from './draw-fleet.ts';
import { FleetDoorbell, type FleetSurroundings } from './fleet-doorbell.ts';
import type { FleetLog } from './fleet-log.ts';
import type { FleetCounts, FleetTally } from './fleet-process-tally.ts';
import type { DueQueue } from './loop-schedule.ts';

/** Doorbells that are being started, or stopped, at the same time: a start is mostly waiting for the disk. */
const AT_ONCE = 8 * availableParallelism();
/** How long clips on their way may take when the fleet ends. */
const DRAIN_MS_MAX = 30_000;
const DRAIN_LOOK_MS = 100;

export class FleetProcess {
  readonly doorbells: readonly FleetDoorbell[];
  private readonly clock: Clock;
  private readonly log: FleetLog;
  private readonly tally: FleetTally;
  private readonly queue: DueQueue;
  private readonly timers = new Set<Timer>();
  private readonly waiting: FleetDoorbell[] = [];
  private readonly starting = new Set<Promise<void>>();
  private isOver = false;
  private isHurried = false;

  constructor(drawn: readonly DrawnDoorbell[], around: FleetSurroundings) {
    this.clock = around.clock;
    this.log = around.log;
    this.tally = around.tally;
    this.queue = around.deck.queue;
    // A cut takes one processor: more at a time would only wait for each other, while the rings go on.
    const cuts = Array.from({ length: availableParallelism() }, () => new TaskQueue());
    this.doorbells = drawn.map((one, at) => {
      const turns = cuts[at % cuts.length];
      assert(turns, 'a machine has a processor');
      return new FleetDoorbell(one, around, turns);
    });
  }

  /** Starts each doorbell when its time has come, a bounded number at a time. Returns at once. */
  start(): void {
    for (const doorbell of this.doorbells) {
      const timer = this.clock.after(doorbell.drawn.startsAfterMs, () => {
        this.timers.delete(timer);
        this.waiting.push(doorbell);
        this.startNext();
      });
      this.timers.add(timer);
    }
  }

  /** What happened so far. */
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

  /** Ends the fleet: nobody rings any more, clips that are on their way may arrive, then every doorbell signs off. */
  async stop(): Promise<void> {
    this.isOver = true;
    for (const timer of this.timers) timer.cancel();
    this.waiting.length = 0;
    for (const doorbell of this.doorbells) doorbell.quieten();
    const untilMs = this.clock.monotonicMs() + DRAIN_MS_MAX;
    const isLate = () => this.isHurried || this.clock.monotonicMs() >= untilMs;
    while (this.doorbells.some(({ isSending }) => isSending) && !isLate()) await this.clock.sleep(DRAIN_LOOK_MS);
    const left = [...this.doorbells];
    const stopNext = async () => {
      for (let next = left.pop(); next; next = left.pop()) await next.stop();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, stopNext));
    await Promise.all(this.starting);
    this.queue.stop();
    this.log.stop();
  }

  /** Ends it without waiting for clips that are on their way; in order all the same. */
  hurry(): void {
    this.isHurried = true;
  }

  private startNext(): void {
    if (this.isOver || this.starting.size >= AT_ONCE) return;
    const next = this.waiting.shift();
    if (!next) return;
    const started = next
      .start()
      .catch((thrown: unknown) => {
        if (!isFailure(thrown)) throw thrown;
        next.log.error('a doorbell cannot start', { code: thrown.code, detail: thrown.message });
      })
      .finally(() => {
        this.starting.delete(started);
        this.startNext();
      });
    this.starting.add(started);
  }
}
