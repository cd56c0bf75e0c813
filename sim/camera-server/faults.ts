// Owns: which faults a camera has when: reading `frozen@10s+5s`, what contradicts what, switching while it runs. Not here: which there are
// (fault-table.ts), what they do (camera-footage.ts, unit-faults.ts, rtsp-server.ts).
import { failure, nearestWord } from '../../device/index.ts';
import {
  FAULTS,
  type FaultName,
  type FaultValue,
  faultRow,
  isFaultName,
  type PictureChange,
  type ValueKind,
} from './fault-table.ts';
import { takesWords } from './fault-words.ts';

/** A fault and when it lasts, in microseconds since the camera's first picture. */
export interface Fault {
  readonly name: FaultName;
  readonly value: FaultValue;
  readonly fromUs: number;
  /** Infinity: until it is cleared. */
  readonly untilUs: number;
  /** As it was asked for. */
  readonly text: string;
}

/** More at once than this make no sense, and a longer text is none. */
const FAULTS_MAX = 64;
const TEXT_LENGTH_MAX = 300;
const TIME_US_MAX = 24 * 3600 * 1_000_000;
const UNITS_US: Record<string, number> = { ms: 1_000, s: 1_000_000, m: 60_000_000 };

/**
 * Reads `NAME[=VALUE][@START][+LENGTH]`: from START after the camera's first picture on, for LENGTH. Without START it begins at `nowUs`.
 * Throws `camera_fault_unknown`, `camera_fault_invalid`.
 */
export function readFault(text: string, nowUs = 0): Fault {
  const shown = text.slice(0, TEXT_LENGTH_MAX);
  const invalid = (detail: string) => failure('camera_fault_invalid', { fault: shown, detail });
  if (text.length > TEXT_LENGTH_MAX) throw invalid(`it is longer than ${TEXT_LENGTH_MAX} letters`);
  const [, word = '', behind = ''] = /^([^=@+]*)(.*)$/s.exec(text) ?? [];
  if (!isFaultName(word)) {
    const meant = nearestWord(word, Object.keys(FAULTS));
    throw failure('camera_fault_unknown', { name: word, hint: meant === null ? '' : ` (did you mean ${meant}?)` });
  }
  // A text or an address may itself hold a plus or an at: times are what stands at the very end.
  const [, said, start, length] = /^(?:=(.*?))?(?:@([\d.]+(?:ms|s|m)))?(?:\+([\d.]+(?:ms|s|m)))?$/s.exec(behind) ?? [];
  if (said === undefined && start === undefined && length === undefined && behind !== '')
    throw invalid('behind the name come =VALUE, @START and +LENGTH, in this order, such as frozen@10s+5s');
  const row = faultRow(word);
  const valueText = said ?? row.usual;
  const value = row.takes === 'nothing' ? (said === undefined ? '' : null) : readValue(row.takes, valueText ?? '');
  if (value === null) throw invalid(row.takes === 'nothing' ? 'it takes no value' : `it takes ${takesWords(row)}`);
  const fromUs = start === undefined ? nowUs : readTime(start);
  const lengthUs = length === undefined ? Number.POSITIVE_INFINITY : readTime(length);
  if (fromUs === null || lengthUs === null || lengthUs === 0) throw invalid('a time is more than 0 and at most a day');
  if (fromUs + lengthUs <= nowUs)
    throw invalid(
      `it would be over by now, ${(nowUs / 1e6).toFixed(1)} s after the first picture: leave @${start} out`,
    );
  return { name: word, value, fromUs, untilUs: fromUs + lengthUs, text: shown };
}

function readTime(text: string): number | null {
  const [, number = '', unit = ''] = /^(\d{1,8}(?:\.\d{1,6})?)(ms|s|m)$/.exec(text) ?? [];
  const us = Math.round(Number(number === '' ? Number.NaN : number) * (UNITS_US[unit] ?? Number.NaN));
  return us <= TIME_US_MAX ? us : null;
}

/** Null for a text that is no such value. */
function readValue(kind: ValueKind, text: string): FaultValue | null {
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
    case 'nothing':
      return null;
  }
}

/** Faults of pictures and sound that need no connection and no clock: footage that is replayed can have them. */
const REPLAYED: ReadonlySet<FaultName> = new Set<FaultName>([
  ...(['hidden-text', 'gap', 'lost-frames', 'lost-keyframes'] as const),
  ...(['cut-frames', 'flipped-bits', 'no-sound', 'sound-off'] as const),
]);

/** Whether footage that is replayed in a world's own time can have a fault. One stream has one codec. */
export function isReplayed(name: FaultName): boolean {
  return (faultRow(name).layer === 'picture' && name !== 'codec-change') || REPLAYED.has(name);
}

/** A camera's faults. */
export class FaultSet {
  private faults: Fault[] = [];
  private readonly listeners = new Set<() => void>();
  private readonly isCopied: boolean;

  /** `isCopied`: pictures are sent as a file has them, so no fault can change them. */
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

  /** Ends faults of a name, or all, at a time; what has not begun is forgotten. Returns how many. */
  clear(name: FaultName | 'all', nowUs: number): number {
    const isMeant = (fault: Fault) => (name === 'all' || fault.name === name) && fault.untilUs > nowUs;
    const meant = this.faults.filter(isMeant);
    this.faults = this.faults.filter((fault) => !isMeant(fault));
    for (const fault of meant) if (fault.fromUs < nowUs) this.faults.push({ ...fault, untilUs: nowUs });
    if (meant.length > 0) this.changed();
    return meant.length;
  }

  /** Those that last or are to come at a time, in the order they were asked for. What has ended is forgotten. */
  list(nowUs: number): readonly Fault[] {
    this.faults = this.faults.filter((fault) => fault.untilUs > nowUs);
    return this.faults;
  }

  /** The fault of a name that lasts at a time; null where none does. What begins with the first picture is there before it. */
  at(name: FaultName, us: number): Fault | null {
    const atUs = Math.max(0, us);
    return this.faults.find((fault) => fault.name === name && fault.fromUs <= atUs && us < fault.untilUs) ?? null;
  }

  /** How pictures are made at a time. */
  pictureAt(us: number): Required<PictureChange> {
    const changes = this.faults
      .filter((fault) => fault.fromUs <= us && us < fault.untilUs)
      .map((fault) => faultRow(fault.name).picture?.(fault.value) ?? {});
    return {
      filters: changes.flatMap(({ filters = [] }) => filters),
      encoder: changes.flatMap(({ encoder = [] }) => encoder),
    };
  }

  /** When pictures are made in another way than at `us`, at the earliest; Infinity: never as far as is known. */
  nextPictureChangeUs(us: number): number {
    const times = this.faults
      .filter((fault) => faultRow(fault.name).layer === 'picture')
      .flatMap(({ fromUs, untilUs }) => [fromUs, untilUs])
      .filter((time) => time > us);
    return Math.min(Number.POSITIVE_INFINITY, ...times);
  }

  /** Calls `listener` whenever faults were added or cleared. */
  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}
