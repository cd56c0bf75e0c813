// One log for many doorbells: each line names its doorbell; a warning that many give at the same time becomes one line with a count.
import type { Clock, Timer } from '@doorsill/base/clock';
import type { Log, LogFacts } from '@doorsill/base/log';

/** After a doorbell's warning, the same warning of others is only counted for this long. */
const COUNTED_MS = 30_000;

type Loud = 'warn' | 'error';

/** A message that was written, and its repetitions since. */
interface CountedMessage {
  readonly level: Loud;
  readonly message: string;
  readonly code: LogFacts[string];
  /** Lines that were not written since, and their doorbells. */
  times: number;
  readonly doorbells: Set<string>;
  readonly timer: Timer;
}

/** The log of a process's doorbells. When a broker stops, a thousand doorbells lose it at once, but one line is enough. */
export class FleetLog {
  private readonly log: Log;
  private readonly clock: Clock;
  private readonly counted = new Map<string, CountedMessage>();

  constructor(log: Log, clock: Clock) {
    this.log = log;
    this.clock = clock;
  }

  /** The log of one doorbell. All lines below a warning are written. */
  of(doorbell: string): Log {
    return new DoorbellLog(this.log.child({ doorbell }), doorbell, this);
  }

  /** Whether a line is to be written. Otherwise it is counted, and the count is written 30 s after the first line. */
  isNew(doorbell: string, level: Loud, message: string, { code }: LogFacts = {}): boolean {
    const counted = this.counted.get(keyOf({ level, message, code }));
    if (!counted) {
      this.count({ level, message, code });
      return true;
    }
    counted.times += 1;
    counted.doorbells.add(doorbell);
    return false;
  }

  /** Writes all counts, and ends. */
  stop(): void {
    for (const counted of [...this.counted.values()]) {
      counted.timer.cancel();
      this.writeCount(counted);
    }
  }

  private count(what: Pick<CountedMessage, 'level' | 'message' | 'code'>): void {
    const timer = this.clock.after(COUNTED_MS, () => {
      if (this.writeCount(counted)) this.count(what);
    });
    const counted: CountedMessage = { ...what, times: 0, doorbells: new Set(), timer };
    this.counted.set(keyOf(what), counted);
  }

  /** Writes one line for all that were counted; returns whether there were any. */
  private writeCount(counted: CountedMessage): boolean {
    this.counted.delete(keyOf(counted));
    if (counted.times === 0) return false;
    const { level, message, code, times, doorbells } = counted;
    const facts = { doorbells: doorbells.size, times, withinS: COUNTED_MS / 1_000 };
    this.log[level](message, code === undefined ? facts : { code, ...facts });
    return true;
  }
}

const keyOf = ({ level, message, code }: Pick<CountedMessage, 'level' | 'message' | 'code'>) =>
  `${level} ${code} ${message}`;

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
    if (this.fleet.isNew(this.doorbell, 'warn', message, facts)) this.inner.warn(message, facts);
  }

  error(message: string, facts?: LogFacts): void {
    if (this.fleet.isNew(this.doorbell, 'error', message, facts)) this.inner.error(message, facts);
  }

  child(facts: LogFacts): Log {
    return new DoorbellLog(this.inner.child(facts), this.doorbell, this.fleet);
  }
}
