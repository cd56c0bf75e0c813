// Faults of a virtual doorbell's disk and clock, by name and time: reads `disk-full@30s+10s`, begins and ends each fault in time. The
// faulty disk and clock themselves: simulated-disk.ts, device-clock.ts.
import { type Clock, isPossibleWall, type Timer } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { failure, isFailure } from '../errors.ts';
import { DeviceClock, MachineTime } from './device-clock.ts';
import { type FaultLanguage, parseFaultText, parseFaultTime } from './fault-text.ts';
import { type DiskState, POWER_CUT_LEAVES, type PowerCutLeaves, SimulatedDisk, SLOW_MS } from './simulated-disk.ts';
import { parseStart } from './start-time.ts';

type ValueKind = 'nothing' | 'time' | 'ppm' | 'leaves' | 'moment';

interface FaultRow {
  readonly takes: ValueKind;
  /** The default value. */
  readonly usual?: string;
  /** Faults of one group contradict each other. */
  readonly group: string;
  readonly does: string;
}

const ROWS = {
  'disk-full': { takes: 'nothing', group: 'disk', does: 'no room is left: every write ends with ENOSPC' },
  'disk-slow': { takes: 'time', usual: `${SLOW_MS}ms`, group: 'disk', does: 'every write takes this much longer' },
  'disk-failing': { takes: 'nothing', group: 'disk', does: 'every write ends with EIO' },
  'disk-read-only': {
    takes: 'nothing',
    group: 'disk',
    does: 'files can be read, and every write ends with EROFS',
  },
  'disk-unsynced': {
    takes: 'nothing',
    group: 'disk',
    does: 'a sync succeeds and does nothing: a power cut loses everything written since',
  },
  'power-cut': {
    takes: 'leaves',
    usual: 'lost',
    group: 'power',
    does: 'the process ends at once; unsynced writes are lost, torn (some of their sectors are left) or kept',
  },
  'clock-set': { takes: 'moment', group: 'clock', does: 'the clock is set to another time, and goes on from there' },
  'clock-ahead': { takes: 'time', usual: '1h', group: 'clock', does: 'the clock jumps ahead' },
  'clock-behind': { takes: 'time', usual: '1h', group: 'clock', does: 'the clock jumps back' },
  'clock-drift': {
    takes: 'ppm',
    usual: '200',
    group: 'drift',
    does: 'the clock gains this many microseconds a second',
  },
  'clock-unsure': {
    takes: 'nothing',
    group: 'trust',
    does: 'the clock is not known to be right, as on a board without a battery',
  },
} as const satisfies Record<string, FaultRow>;

export type DeviceFaultName = keyof typeof ROWS;

/** Every fault with its values and its effect, for people. */
export function listDeviceFaults(): { name: string; takes: string; does: string }[] {
  return Object.entries<FaultRow>(ROWS).map(([name, row]) => ({ name, takes: takesWords(row), does: row.does }));
}

function takesWords({ takes, usual }: FaultRow): string {
  switch (takes) {
    case 'nothing':
      return '';
    case 'time':
      return usual ?? '';
    case 'ppm':
      return `${usual} (millionths; negative: it loses)`;
    case 'leaves':
      return POWER_CUT_LEAVES.join('|');
    case 'moment':
      return '1970, 2031-05-01 or 2026-03-29T00:59:50Z';
  }
}

/** A fault and its time, in microseconds since the doorbell's start. */
export interface DeviceFault {
  readonly name: DeviceFaultName;
  /** Times and moments in microseconds, parts per million, or one of POWER_CUT_LEAVES; '' for a fault without a value. */
  readonly value: number | string;
  readonly fromUs: number;
  /** Infinity: until it is cleared. */
  readonly untilUs: number;
  /** As it was written. */
  readonly text: string;
}

export const DEVICE_FAULTS_MAX = 64;
const PPM_MAX = 500_000;

const LANGUAGE: FaultLanguage<DeviceFaultName> = {
  names: Object.keys(ROWS).filter((name): name is DeviceFaultName => Object.hasOwn(ROWS, name)),
  timeUsMax: 100 * 365 * 24 * 3_600 * 1_000_000,
  timeMaxWords: 'a hundred years',
  example: 'disk-slow=2s@30s+10s',
  origin: 'the start',
  unknown: (name, hint) => failure('device_fault_unknown', { name, hint }),
  invalid: (fault, detail) => failure('device_fault_invalid', { fault, detail }),
};

/**
 * Reads `NAME[=VALUE][@START][+LENGTH]`. START counts from the doorbell's start; the default is `nowUs`. Throws `device_fault_unknown`,
 * `device_fault_invalid`.
 */
export function parseDeviceFault(text: string, nowUs: number): DeviceFault {
  const read = parseFaultText(text, nowUs, LANGUAGE);
  const { name, value: given, untilUs } = read;
  const invalid = (detail: string) => LANGUAGE.invalid(read.text, detail);
  const row: FaultRow = ROWS[name];
  if (given !== null && row.takes === 'nothing') throw invalid('it takes no value');
  const value = row.takes === 'nothing' ? '' : readValue(row.takes, given ?? row.usual ?? '', invalid);
  if (value === null) throw invalid(`it takes ${takesWords(row)}`);
  if (name === 'power-cut' && Number.isFinite(untilUs))
    throw invalid('it has no length: start the doorbell again yourself');
  return { ...read, value };
}

/** Null for another text. */
function readValue(
  kind: Exclude<ValueKind, 'nothing'>,
  text: string,
  invalid: (detail: string) => Error,
): number | string | null {
  switch (kind) {
    case 'time':
      return parseFaultTime(text, LANGUAGE.timeUsMax) || null;
    case 'ppm': {
      const ppm = /^-?\d{1,6}$/.test(text) ? Number(text) : 0;
      return ppm !== 0 && Math.abs(ppm) <= PPM_MAX ? ppm : null;
    }
    case 'leaves':
      return POWER_CUT_LEAVES.find((word) => word === text) ?? null;
    case 'moment':
      return readMoment(text, invalid);
  }
}

/** A year, a day or an instant, in microseconds since 1970. */
function readMoment(text: string, invalid: (detail: string) => Error): number | null {
  if (text === '') return null;
  const whole = /^\d{4}$/.test(text) ? `${text}-01-01` : text;
  try {
    return parseStart(/^\d{4}-\d\d-\d\d$/.test(whole) ? `${whole}T00:00:00Z` : whole).wallUs;
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    throw invalid(thrown.message);
  }
}

/** As a machine's own clock, it is not known to be right while its time is earlier than this software. */
class FaultyClock extends DeviceClock {
  override synchronised(): boolean {
    return super.synchronised() && isPossibleWall(this.wallUs());
  }
}

export interface DeviceFaultsDeps {
  /** The machine's. */
  clock: Clock;
  disk: Disk;
  random: Random;
  log: Log;
  /** Ends the process at once, as a power cut does: nothing after this call runs. */
  cutOff(): void;
}

/** One fault of a list. Seconds since the doorbell's start; `untilS` null: until it is cleared. */
export interface ListedDeviceFault {
  fault: string;
  name: string;
  fromS: number;
  untilS: number | null;
}

/** A virtual doorbell's faults, with the disk and the clock that have them. Times count from the construction. */
export class DeviceFaults {
  readonly disk: SimulatedDisk;
  readonly clock: DeviceClock;
  private readonly deps: DeviceFaultsDeps;
  private readonly time: MachineTime;
  private faults: DeviceFault[] = [];
  /** Present faults, each with the function that ends it. */
  private readonly lasting = new Map<DeviceFault, () => void>();
  private readonly listeners = new Set<() => void>();
  private timer: Timer | null = null;

  constructor(deps: DeviceFaultsDeps) {
    this.deps = deps;
    this.time = new MachineTime(deps.clock);
    this.disk = new SimulatedDisk(deps.disk, deps);
    this.clock = new FaultyClock(this.time);
  }

  /** Microseconds since the doorbell's start. */
  get nowUs(): number {
    return this.time.passedUs;
  }

  /**
   * Adds faults; one that is due begins before this returns. Throws `device_fault_unknown` and `device_fault_invalid` before any is added;
   * after `device_faults_contradict` and `device_faults_too_many` the faults before the offending one stay.
   */
  add(texts: readonly string[]): void {
    const { nowUs } = this;
    const read = texts.map((text) => parseDeviceFault(text, nowUs));
    try {
      for (const fault of read) {
        const other = this.faults.find((one) => isContrary(one, fault));
        if (other) throw failure('device_faults_contradict', { first: fault.text, second: other.text });
        if (this.faults.length === DEVICE_FAULTS_MAX)
          throw failure('device_faults_too_many', { most: DEVICE_FAULTS_MAX });
        this.faults.push(fault);
      }
    } finally {
      this.follow();
    }
  }

  /** Ends faults of a name, or `all`, now, and forgets those that have not begun. Throws `device_fault_not_set` if there is none. */
  clear(name: string): void {
    const meant = this.faults.filter((fault) => name === 'all' || fault.name === name);
    if (meant.length === 0 && name !== 'all') throw failure('device_fault_not_set', { name });
    for (const fault of meant) this.end(fault);
    this.follow(meant.length > 0);
  }

  /** Present and future faults, in the order in which they were added. */
  list(): ListedDeviceFault[] {
    const seconds = (us: number) => us / 1_000_000;
    return this.faults.map(({ text, name, fromUs, untilUs }) => {
      const untilS = Number.isFinite(untilUs) ? seconds(untilUs) : null;
      return { fault: text, name, fromS: seconds(fromUs), untilS };
    });
  }

  /** Present faults, as they were written, without a power cut, which a doorbell cannot report. */
  now(): string[] {
    return [...this.lasting.keys()].filter(isReported).map(({ text }) => text);
  }

  /** Calls `listener` whenever a fault has begun or ended. */
  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** Begins and ends no more faults; present ones stay. */
  stop(): void {
    this.timer?.cancel();
    this.listeners.clear();
  }

  /** Begins faults that are due, ends those that are over, and sets a timer for the next change. */
  private follow(hasChanged = false): void {
    this.timer?.cancel();
    const { nowUs } = this;
    const over = this.faults.filter(({ untilUs }) => untilUs <= nowUs);
    for (const fault of over) this.end(fault);
    const due = this.faults.filter((fault) => fault.fromUs <= nowUs && !this.lasting.has(fault));
    for (const fault of due) {
      this.deps.log.warn('a simulated fault begins', { fault: fault.text });
      this.lasting.set(fault, this.begin(fault));
    }
    const next = Math.min(
      ...this.faults.flatMap(({ fromUs, untilUs }) => [fromUs, untilUs]).filter((us) => us > nowUs),
    );
    this.timer = Number.isFinite(next)
      ? this.deps.clock.after(Math.ceil((next - nowUs) / 1_000), () => this.follow())
      : null;
    if (hasChanged || [...over, ...due].some(isReported)) for (const listener of this.listeners) listener();
  }

  private end(fault: DeviceFault): void {
    this.faults = this.faults.filter((other) => other !== fault);
    const end = this.lasting.get(fault);
    this.lasting.delete(fault);
    if (end === undefined) return;
    end();
    this.deps.log.warn('a simulated fault ends', { fault: fault.text });
  }

  /** Begins a fault; returns the function that ends it. */
  private begin({ name, value }: DeviceFault): () => void {
    switch (name) {
      case 'disk-full':
        return this.diskIs('full');
      case 'disk-slow':
        return this.diskIs('slow', Number(value) / 1_000);
      case 'disk-failing':
        return this.diskIs('failing');
      case 'disk-read-only':
        return this.diskIs('read-only');
      case 'disk-unsynced':
        return this.diskIs('unsynced');
      case 'power-cut':
        void this.cutPower(POWER_CUT_LEAVES.find((word) => word === value) ?? 'lost');
        return () => undefined;
      case 'clock-set':
        return this.clockJumps(Number(value) - this.clock.wallUs());
      case 'clock-ahead':
        return this.clockJumps(Number(value));
      case 'clock-behind':
        return this.clockJumps(-Number(value));
      case 'clock-drift':
        return this.clockDrifts(Number(value));
      case 'clock-unsure':
        this.clock.trust(false);
        return () => this.clock.trust(true);
    }
  }

  private diskIs(state: DiskState, slowMs?: number): () => void {
    this.disk.set(state, slowMs);
    return () => this.disk.set('ok');
  }

  private async cutPower(leaves: PowerCutLeaves): Promise<void> {
    await this.disk.cut(leaves);
    this.deps.cutOff();
  }

  /** At its end the clock is set right again. */
  private clockJumps(us: number): () => void {
    this.clock.stepBy(us);
    return () => this.clock.stepBy(-us);
  }

  private clockDrifts(ppm: number): () => void {
    const fromUs = this.nowUs;
    this.clock.drift(ppm);
    return () => {
      this.clock.drift(0);
      this.clock.stepBy(-Math.round(((this.nowUs - fromUs) * ppm) / 1_000_000));
    };
  }
}

function isReported({ name }: DeviceFault): boolean {
  return name !== 'power-cut';
}

/** Whether two faults of one group overlap in time. */
function isContrary(one: DeviceFault, other: DeviceFault): boolean {
  const isSameGroup = ROWS[one.name].group === ROWS[other.name].group;
  return isSameGroup && one.fromUs < other.untilUs && other.fromUs < one.untilUs;
}
