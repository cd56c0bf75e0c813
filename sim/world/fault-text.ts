// Owns: the words in which a fault is asked for, whatever has it: reading `NAME[=VALUE][@START][+LENGTH]`, and their times. Not here: which
// faults there are and what each takes (fault-table.ts, sim/world/device-faults.ts).
import { nearestWord } from '@doorsill/base/schema-fault';
import { readDurationUs } from './durations.ts';

export const FAULT_LETTERS_MAX = 300;

/** What one kind of fault is like. */
export interface FaultLanguage<Name extends string> {
  readonly names: readonly Name[];
  /** The longest time that makes sense, in microseconds, and in words. */
  readonly timeUsMax: number;
  readonly timeMaxWords: string;
  /** One fault with its times, to be shown to whoever wrote none of them. */
  readonly example: string;
  /** Times count from there: `the start`. */
  readonly origin: string;
  /** The error for a word that names no fault; `hint` names the one that was probably meant, or is empty. */
  unknown(name: string, hint: string): Error;
  invalid(fault: string, detail: string): Error;
}

/** A fault as it was asked for. Times in microseconds; `untilUs` is Infinity where no length is said, `value` null where no value is. */
export interface FaultText<Name extends string> {
  readonly name: Name;
  readonly value: string | null;
  readonly fromUs: number;
  readonly untilUs: number;
  readonly text: string;
}

/**
 * Reads `NAME[=VALUE][@START][+LENGTH]`: from START on, for LENGTH. Without START it begins at `nowUs`. Throws what the language's `unknown` and
 * `invalid` make.
 */
export function readFaultText<Name extends string>(
  text: string,
  nowUs: number,
  { names, timeUsMax, timeMaxWords, example, origin, unknown, invalid }: FaultLanguage<Name>,
): FaultText<Name> {
  const shown = text.slice(0, FAULT_LETTERS_MAX);
  const refuse = (detail: string) => invalid(shown, detail);
  if (text.length > FAULT_LETTERS_MAX) throw refuse(`it is longer than ${FAULT_LETTERS_MAX} letters`);
  const [, word = '', behind = ''] = /^([^=@+]*)(.*)$/s.exec(text) ?? [];
  const name = names.find((one) => one === word);
  if (name === undefined) {
    const meant = nearestWord(word, names);
    throw unknown(word, meant === null ? '' : ` (did you mean ${meant}?)`);
  }
  // A value may itself hold a plus or an at: times are what stands at the very end.
  const parts = /^(?:=(.*?))?(?:@([\d.]+(?:ms|[smhd])))?(?:\+([\d.]+(?:ms|[smhd])))?$/s.exec(behind);
  if (parts === null)
    throw refuse(`behind the name come =VALUE, @START and +LENGTH, in this order, such as ${example}`);
  const [, value = null, start, length] = parts;
  const fromUs = start === undefined ? nowUs : readFaultTime(start, timeUsMax);
  const lengthUs = length === undefined ? Number.POSITIVE_INFINITY : readFaultTime(length, timeUsMax);
  if (fromUs === null || lengthUs === null || lengthUs === 0)
    throw refuse(`a time is at most ${timeMaxWords}, and a length more than 0`);
  if (fromUs + lengthUs <= nowUs)
    throw refuse(`it would be over by now, ${(nowUs / 1e6).toFixed(1)} s after ${origin}: leave @${start} out`);
  return { name, value, fromUs, untilUs: fromUs + lengthUs, text: shown };
}

/** A duration without a sign, in microseconds; null for what is none, or longer than `usMax`. */
export function readFaultTime(text: string, usMax: number): number | null {
  const us = /^\d/.test(text) ? readDurationUs(text) : null;
  return us !== null && us <= usMax ? us : null;
}
