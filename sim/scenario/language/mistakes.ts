// Faults of a scenario: a code from the table of errors, a position, and a suggested word.

import { nearestWord } from '@doorsill/base/schema-fault';
import { type ErrorCode, failure, isFailure } from '../../errors.ts';
import { type Place, positionOf } from './located.ts';
import type { Position } from './scenario.ts';

export interface ScenarioFault extends Position {
  code: ErrorCode;
  /** With file, line and column in front. */
  message: string;
  advice: string;
  /** The word that was probably meant. */
  suggestion?: string;
}

/** Maximum number of faults shown for one file. */
export const FAULTS_MAX = 50;

/** A fault as an exception, until it is collected. */
export class ScenarioProblem extends Error {
  readonly fault: ScenarioFault;

  constructor(fault: ScenarioFault) {
    super(fault.message);
    this.name = 'ScenarioProblem';
    this.fault = fault;
  }
}

type FaultCode = Extract<ErrorCode, `scenario_${string}`>;

/** Texts from a file are shown up to this many letters. */
const SHOWN_LENGTH_MAX = 60;

/** A text from a scenario, shortened for a message. */
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

/** A fault at a place of a file, to be thrown. */
export function problemAt(code: FaultCode, place: Place, detail: string, suggestion?: string | null): ScenarioProblem {
  return new ScenarioProblem(faultAt(code, positionOf(place), detail, suggestion));
}

const LISTED_MAX = 12;

/** The first of many names, for a message. */
export function listed(names: readonly string[]): string {
  return names.slice(0, LISTED_MAX).map(shown).join(', ') + (names.length > LISTED_MAX ? ', ...' : '');
}

/** The fault of an unknown name, with a suggestion or the list of known ones. */
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

  /** Runs `read`; collects a ScenarioProblem and returns null instead. */
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

/** Turns another part's coded failure into a fault at a place of a scenario; rethrows anything else. */
export function asProblem(place: Place, thrown: unknown): ScenarioProblem {
  if (!isFailure(thrown)) throw thrown;
  return problemAt('scenario_value_refused', place, thrown.message.replace(/\.$/, ''));
}
