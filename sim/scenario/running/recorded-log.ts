// The log of a scenario's parts, in memory up to a limit, to be judged and written on a failure.
import type { Log, LogFacts } from '@doorsill/base/log';
import type { VirtualClock } from '../../world/virtual-clock.ts';

export type LogLevelName = 'info' | 'warn' | 'error';

export interface LogLine {
  at: string;
  level: LogLevelName;
  message: string;
  facts: LogFacts;
}

const LINES_MAX = 20_000;

/** Keeps lines of level info and above. */
export class RecordedLog implements Log {
  readonly lines: LogLine[];
  private readonly clock: () => VirtualClock | null;
  private readonly facts: LogFacts;

  constructor(clock: () => VirtualClock | null, lines: LogLine[] = [], facts: LogFacts = {}) {
    this.clock = clock;
    this.lines = lines;
    this.facts = facts;
  }

  debug(): void {}

  info(message: string, facts: LogFacts = {}): void {
    this.add('info', message, facts);
  }

  warn(message: string, facts: LogFacts = {}): void {
    this.add('warn', message, facts);
  }

  error(message: string, facts: LogFacts = {}): void {
    this.add('error', message, facts);
  }

  child(facts: LogFacts): Log {
    return new RecordedLog(this.clock, this.lines, { ...this.facts, ...facts });
  }

  private add(level: LogLevelName, message: string, facts: LogFacts): void {
    if (this.lines.length >= LINES_MAX) return;
    const at = new Date((this.clock()?.wallUs() ?? 0) / 1_000).toISOString();
    this.lines.push({ at, level, message, facts: { ...this.facts, ...facts } });
  }
}
