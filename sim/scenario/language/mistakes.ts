// Owns: what is said about a scenario that cannot be used: a code of the table of errors, where, and the word that was probably meant.
// Not here: what zod found, in these words (schema-faults.ts).

import { nearestWord } from '@doorsill/base/schema-fault';
import { type ErrorCode, failure, isFailure } from '../../errors.ts';
import { type Place, positionOf } from './located.ts';
import type { Position } from './scenario.ts';

export interface ScenarioFault extends Position {
  code: ErrorCode;
  /** With file, line and column in front. */
  message: string;
  /** What to do about it. */
  advice: string;
  /** The word that was probably meant. */
  suggestion?: string;
}

/** One file shows at most so many. */
export const FAULTS_MAX = 50;

/** A fault on its way to whoever collects them. */
export class ScenarioProblem extends Error {
  readonly fault: ScenarioFault;

  constructor(fault: ScenarioFault) {
    super(fault.message);
    this.name = 'ScenarioProblem';
    this.fault = fault;
  }
}

type FaultCode = Extract<ErrorCode, `scenario_${string}`>;

/** Texts from a file are shown up to so many letters. */
const SHOWN_LENGTH_MAX = 60;

/** A text from a scenario, for a message. */
export function shown(text: string): string {
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}...` : text;
}

export function faultAt(
  code: FaultCode,
  position: Position,
  detail: string,
  suggestion?: string | null,
): ScenarioFault {
  const place = `${position.file}:${position.line}:${position.column}`;
  const hint = suggestion ? ` (did you mean "${suggestion}"?)` : '';
  const { message, advice } = failure(code, { place, detail: `${detail}${hint}` });
  const { file, line, column } = position;
  return { code, file, line, column, message, advice, ...(suggestion ? { suggestion } : {}) };
}

/** To be thrown: a fault at a place of a file. */
export function problemAt(code: FaultCode, place: Place, detail: string, suggestion?: string | null): ScenarioProblem {
  return new ScenarioProblem(faultAt(code, positionOf(place), detail, suggestion));
}

const LISTED_MAX = 12;

/** Names for a message: the first ones of many. */
export function listed(names: readonly string[]): string {
  return names.slice(0, LISTED_MAX).map(shown).join(', ') + (names.length > LISTED_MAX ? ', ...' : '');
}

/** What `known` has not: a fault that lists or suggests what it has. */
export function unknownName(place: Place, what: string, name: string, known: readonly string[]): ScenarioFault {
  const meant = nearestWord(name, known);
  const has = known.length === 0 ? 'there is none' : `there are ${listed(known)}`;
  const detail = `there is no ${what} "${shown(name)}"${meant === null ? `; ${has}` : ''}`;
  return faultAt('scenario_name_unknown', positionOf(place), detail, meant);
}

/** Collects the faults of one scenario. */
export class Faults {
  readonly all: ScenarioFault[] = [];

  add(fault: ScenarioFault): void {
    if (this.all.length < FAULTS_MAX) this.all.push(fault);
  }

  /** Runs `read`; a problem of the scenario is collected, and null stands for its result. */
  catch<Result>(read: () => Result): Result | null {
    try {
      return read();
    } catch (thrown) {
      if (!(thrown instanceof ScenarioProblem)) throw thrown;
      this.add(thrown.fault);
      return null;
    }
  }
}

/** A coded failure of another part, said at a place of a scenario; anything else is rethrown. */
export function asProblem(place: Place, thrown: unknown): ScenarioProblem {
  if (!isFailure(thrown)) throw thrown;
  return problemAt('scenario_value_refused', place, thrown.message.replace(/\.$/, ''));
}
