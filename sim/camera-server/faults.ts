// Parses faults such as `frozen@10s+5s`, refuses contradicting ones, and says which are active when.
import { failure } from '../errors.ts';
import { type FaultLanguage, parseFaultText, parseFaultTime } from '../world/fault-text.ts';
import {
  FAULTS,
  type FaultName,
  type FaultValue,
  faultRow,
  isFaultName,
  type PictureChange,
  takesWords,
  type ValueKind,
} from './fault-table.ts';

/** A fault and its period, in microseconds since the camera's first picture. */
export interface Fault {
  readonly name: FaultName;
  readonly value: FaultValue;
  readonly fromUs: number;
  /** Infinity: until it is cleared. */
  readonly untilUs: number;
  /** As the user wrote it. */
  readonly text: string;
}

const FAULTS_MAX = 64;

const LANGUAGE: FaultLanguage<FaultName> = {
  names: Object.keys(FAULTS).filter(isFaultName),
  timeUsMax: 24 * 3_600 * 1_000_000,
  timeMaxWords: 'a day',
  example: 'frozen@10s+5s',
  origin: 'the first picture',
  unknown: (name, hint) => failure('camera_fault_unknown', { name, hint }),
  invalid: (fault, detail) => failure('camera_fault_invalid', { fault, detail }),
};

/**
 * Reads `NAME[=VALUE][@START][+LENGTH]`: from START after the camera's first picture, for LENGTH. Without START it begins at `nowUs`.
 * Throws `camera_fault_unknown`, `camera_fault_invalid`.
 */
export function parseFault(text: string, nowUs = 0): Fault {
  const read = parseFaultText(text, nowUs, LANGUAGE);
  const { name, value: said } = read;
  const row = faultRow(name);
  if (row.takes === 'nothing') {
    if (said !== null) throw LANGUAGE.invalid(read.text, 'it takes no value');
    return { ...read, value: '' };
  }
  const value = readValue(row.takes, said ?? row.usual ?? '');
  if (value === null) throw LANGUAGE.invalid(read.text, `it takes ${takesWords(row)}`);
  return { ...read, value };
}

const readTime = (text: string) => parseFaultTime(text, LANGUAGE.timeUsMax);

/** Null if the text is no value of this kind. */
function readValue(kind: Exclude<ValueKind, 'nothing'>, text: string): FaultValue | null {
  switch (kind) {
    case 'percent': {
      const share = Number(/^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(text)?.[1] ?? Number.NaN) / 100;
      return share > 0 && share <= 1 ? share : null;
    }
    case 'time':
      return readTime(text) || null;
    case 'signed-time': {
      const us = readTime(text.replace(/^-/, '')) || null;
      return us !== null && text.startsWith('-') ? -us : us;
    }
    case 'ppm': {
      const ppm = /^-?\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
      return Math.abs(ppm) <= 500_000 && ppm !== 0 ? ppm : null;
    }
    case 'size': {
      const [, width = 0, height = 0] = /^(\d{2,4})x(\d{2,4})$/.exec(text)?.map(Number) ?? [];
      const fits =
        width % 2 === 0 && height % 2 === 0 && width >= 64 && height >= 64 && width <= 3840 && height <= 2160;
      return fits ? text : null;
    }
    case 'text':
      return /^[\x20-\x7e]{1,200}$/.test(text) ? text : null;
    case 'address':
      return URL.canParse(text) && new URL(text).protocol === 'rtsp:' && !/\s/.test(text) ? text : null;
  }
}

/** Faults that need neither a connection nor a clock, so that replayed footage can have them. */
const REPLAYED: ReadonlySet<FaultName> = new Set<FaultName>([
  ...(['hidden-text', 'gap', 'lost-frames', 'lost-keyframes'] as const),
  ...(['cut-frames', 'flipped-bits', 'no-sound', 'sound-off'] as const),
]);

/** Whether replayed footage can have a fault. `codec-change` is excluded: a recording has one codec. */
export function isReplayed(name: FaultName): boolean {
  return (faultRow(name).layer === 'picture' && name !== 'codec-change') || REPLAYED.has(name);
}

export class FaultSet {
  private faults: Fault[] = [];
  private readonly listeners = new Set<() => void>();
  private readonly isCopied: boolean;

  /** `isCopied`: a file's pictures are sent unchanged, so picture faults are refused. */
  constructor({ isCopied = false }: { isCopied?: boolean } = {}) {
    this.isCopied = isCopied;
  }

  /** Adds a fault. Throws `camera_faults_contradict`, `camera_faults_too_many`. */
  add(fault: Fault): void {
    const row = faultRow(fault.name);
    if (row.layer === 'picture' && this.isCopied)
      throw failure('camera_faults_contradict', {
        first: fault.text,
        second: '--copy, which leaves pictures as they are',
      });
    const other = this.faults.find(
      (one) =>
        (one.name === fault.name || (row.group !== undefined && faultRow(one.name).group === row.group)) &&
        one.fromUs < fault.untilUs &&
        fault.fromUs < one.untilUs,
    );
    if (other) throw failure('camera_faults_contradict', { first: fault.text, second: other.text });
    if (this.faults.length === FAULTS_MAX) throw failure('camera_faults_too_many', { most: FAULTS_MAX });
    this.faults.push(fault);
    this.changed();
  }

  /** Ends active faults of a name, or all, at a time, and drops future ones. Returns how many. */
  clear(name: FaultName | 'all', nowUs: number): number {
    const isMeant = (fault: Fault) => (name === 'all' || fault.name === name) && fault.untilUs > nowUs;
    const meant = this.faults.filter(isMeant);
    this.faults = this.faults.filter((fault) => !isMeant(fault));
    for (const fault of meant) if (fault.fromUs < nowUs) this.faults.push({ ...fault, untilUs: nowUs });
    if (meant.length > 0) this.changed();
    return meant.length;
  }

  /** Faults that are active or planned at a time, in the order they were added. Drops those that have ended. */
  list(nowUs: number): readonly Fault[] {
    this.faults = this.faults.filter((fault) => fault.untilUs > nowUs);
    return this.faults;
  }

  /** The active fault of that name, or null. Times before the first picture count as the first picture's. */
  at(name: FaultName, us: number): Fault | null {
    const atUs = Math.max(0, us);
    return this.faults.find((fault) => fault.name === name && fault.fromUs <= atUs && us < fault.untilUs) ?? null;
  }

  /** ffmpeg's filters and options at a time. */
  pictureAt(us: number): Required<PictureChange> {
    const changes = this.faults
      .filter((fault) => fault.fromUs <= us && us < fault.untilUs)
      .map((fault) => faultRow(fault.name).picture?.(fault.value) ?? {});
    return {
      filters: changes.flatMap(({ filters = [] }) => filters),
      encoder: changes.flatMap(({ encoder = [] }) => encoder),
    };
  }

  /** The next time at which `pictureAt` changes; Infinity if none is known. */
  nextPictureChangeUs(us: number): number {
    const times = this.faults
      .filter((fault) => faultRow(fault.name).layer === 'picture')
      .flatMap(({ fromUs, untilUs }) => [fromUs, untilUs])
      .filter((time) => time > us);
    return Math.min(Number.POSITIVE_INFINITY, ...times);
  }

  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}
