// Reads `NAME[=VALUE][@START][+LENGTH]`, the form in which faults of doorbells and cameras are written.
import { nearestWord } from '@doorsill/base/schema-fault';
import { parseDurationUs } from './durations.ts';

export const FAULT_LETTERS_MAX = 300;

/** How the faults of one kind of thing are written. */
export interface FaultLanguage<Name extends string> {
  readonly names: readonly Name[];
  /** The longest time that is accepted, in microseconds and in words. */
  readonly timeUsMax: number;
  readonly timeMaxWords: string;
  /** A fault with its times, as an example in refusals. */
  readonly example: string;
  /** The moment that times count from, in words: `the start`. */
  readonly origin: string;
  /** The error for a word that names no fault; `hint` names the one that was probably meant, or is empty. */
  unknown(name: string, hint: string): Error;
  invalid(fault: string, detail: string): Error;
}

/** A fault as it was written. Times in microseconds; `untilUs` is Infinity without a length, `value` null without a value. */
export interface FaultText<Name extends string> {
  readonly name: Name;
  readonly value: string | null;
  readonly fromUs: number;
  readonly untilUs: number;
  readonly text: string;
}

/**
 * Reads `NAME[=VALUE][@START][+LENGTH]`: from START on, for LENGTH. The default START is `nowUs`. Throws the errors that the language's
 * `unknown` and `invalid` make.
 */
export function parseFaultText<Name extends string>(
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
  // A value may itself hold `+` or `@`: times are at the very end.
  const parts = /^(?:=(.*?))?(?:@([\d.]+(?:ms|[smhd])))?(?:\+([\d.]+(?:ms|[smhd])))?$/s.exec(behind);
  if (parts === null)
    throw refuse(`the name is followed by =VALUE, @START and +LENGTH, in this order, such as ${example}`);
  const [, value = null, start, length] = parts;
  const fromUs = start === undefined ? nowUs : parseFaultTime(start, timeUsMax);
  const lengthUs = length === undefined ? Number.POSITIVE_INFINITY : parseFaultTime(length, timeUsMax);
  if (fromUs === null || lengthUs === null || lengthUs === 0)
    throw refuse(`a time is at most ${timeMaxWords}, and a length more than 0`);
  if (fromUs + lengthUs <= nowUs)
    throw refuse(`it would be over by now, ${(nowUs / 1e6).toFixed(1)} s after ${origin}: leave @${start} out`);
  return { name, value, fromUs, untilUs: fromUs + lengthUs, text: shown };
}

/** A duration without a sign, in microseconds; null for other text, or if it is longer than `usMax`. */
export function parseFaultTime(text: string, usMax: number): number | null {
  const us = /^\d/.test(text) ? parseDurationUs(text) : null;
  return us !== null && us <= usMax ? us : null;
}
