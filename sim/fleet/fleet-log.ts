// Owns: one log for many doorbells: each line names its doorbell, and what many say at a time is one line with a count. Not here: how a line
// is written (device/base/log.ts).
import type { Clock, Timer } from '@doorsill/base/clock';
import type { Log, LogFacts } from '@doorsill/base/log';

/** What one doorbell has warned of is only counted at others for this long. */
const COUNTED_MS = 30_000;

type Loud = 'warn' | 'error';

/** A message with its code, as of its last line. */
interface Told {
  readonly level: Loud;
  readonly message: string;
  readonly code: LogFacts[string];
  /** Lines that were not written since, and whose they were. */
  times: number;
  readonly doorbells: Set<string>;
  readonly timer: Timer;
}

/** The log of a process's doorbells. A broker that goes away is lost by a thousand at once, and that is one thing to know. */
export class FleetLog {
  private readonly log: Log;
  private readonly clock: Clock;
  private readonly told = new Map<string, Told>();

  constructor(log: Log, clock: Clock) {
    this.log = log;
    this.clock = clock;
  }

  /** The log of one doorbell. Lines below a warning are all written: whoever asks for them wants each. */
  of(doorbell: string): Log {
    return new DoorbellLog(this.log.child({ doorbell }), doorbell, this);
  }

  /** Whether a line is to be written; else it is counted, and told of 30 s after the line before. */
  isNews(doorbell: string, level: Loud, message: string, { code }: LogFacts = {}): boolean {
    const told = this.told.get(keyOf({ level, message, code }));
    if (!told) {
      this.count({ level, message, code });
      return true;
    }
    told.times += 1;
    told.doorbells.add(doorbell);
    return false;
  }

  /** Tells of what was only counted, and ends. */
  stop(): void {
    for (const told of [...this.told.values()]) {
      told.timer.cancel();
      this.sum(told);
    }
  }

  private count(what: Pick<Told, 'level' | 'message' | 'code'>): void {
    const timer = this.clock.after(COUNTED_MS, () => {
      if (this.sum(told)) this.count(what);
    });
    const told: Told = { ...what, times: 0, doorbells: new Set(), timer };
    this.told.set(keyOf(what), told);
  }

  /** Writes one line for all that were counted; returns whether there were any. */
  private sum(told: Told): boolean {
    this.told.delete(keyOf(told));
    if (told.times === 0) return false;
    const { level, message, code, times, doorbells } = told;
    const counted = { doorbells: doorbells.size, times, withinS: COUNTED_MS / 1_000 };
    this.log[level](message, code === undefined ? counted : { code, ...counted });
    return true;
  }
}

const keyOf = ({ level, message, code }: Pick<Told, 'level' | 'message' | 'code'>) => `${level} ${code} ${message}`;

class DoorbellLog implements Log {
  private readonly inner: Log;
  private readonly doorbell: string;
  private readonly fleet: FleetLog;

  constructor(inner: Log, doorbell: string, fleet: FleetLog) {
    this.inner = inner;
    this.doorbell = doorbell;
    this.fleet = fleet;
  }

  debug(message: string, facts?: LogFacts): void {
    this.inner.debug(message, facts);
  }

  info(message: string, facts?: LogFacts): void {
    this.inner.info(message, facts);
  }

  warn(message: string, facts?: LogFacts): void {
    if (this.fleet.isNews(this.doorbell, 'warn', message, facts)) this.inner.warn(message, facts);
  }

  error(message: string, facts?: LogFacts): void {
    if (this.fleet.isNews(this.doorbell, 'error', message, facts)) this.inner.error(message, facts);
  }

  child(facts: LogFacts): Log {
    return new DoorbellLog(this.inner.child(facts), this.doorbell, this.fleet);
  }
}
