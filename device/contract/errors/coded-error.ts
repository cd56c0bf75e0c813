/** The row of one failure in a table of codes. */
export interface ErrorRule {
  /** One sentence: what happened. `{name}` places are filled from the error's facts. */
  readonly message: string;
  /** One sentence: what the reader should do. */
  readonly advice: string;
  /** Whether the same attempt may succeed later without anyone changing anything. */
  readonly retryable: boolean;
  /** Status when it answers an HTTP request. */
  readonly http: number;
  /** Exit status when it ends a command: 2 wrong usage, 3 refused, 4 not reachable, 5 this machine, 6 input. */
  readonly exit: number;
}

/** An expected failure with a code from the closed table. Facts are safe to show: no secrets, no footage. */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly advice: string;
  readonly retryable: boolean;
  readonly http: number;
  readonly exit: number;
  readonly facts: Readonly<Record<string, string | number>>;

  constructor(code: Code, rule: ErrorRule, facts: Record<string, string | number>, cause?: unknown) {
    super(fill(rule.message, facts), cause === undefined ? undefined : { cause });
    this.name = 'CodedError';
    this.code = code;
    this.advice = fill(rule.advice, facts);
    this.retryable = rule.retryable;
    this.http = rule.http;
    this.exit = rule.exit;
    this.facts = facts;
  }
}

function fill(text: string, facts: Record<string, string | number>): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = facts[name];
    return value === undefined
      ? whole
      : String(value)
          .replaceAll(/[\r\n]+/g, ' ')
          .replaceAll(/[^\x20-\x7e\u00a0-\uffff]/g, '?')
          .slice(0, 300);
  });
}

// A kind of failure says who is at fault, which sets a command's exit status, and whether the same attempt may succeed later.
type MakeRule = (http: number, message: string, advice: string) => ErrorRule;

const kind =
  (exit: number, retryable: boolean): MakeRule =>
  (http, message, advice) => ({ message, advice, retryable, http, exit });

/** Wrong usage: the caller's input was wrong. Exit status 2. */
export const wrongUsage = kind(2, false);

/** Refused by a rule. Exit status 3. */
export const refused = kind(3, false);
/** Refused by a rule for now: the same may be allowed later. */
export const refusedForNow = kind(3, true);

/** Not reachable, and nothing will change that by itself. Exit status 4. */
export const notReachable = kind(4, false);
/** Not reachable for now. */
export const notReachableForNow = kind(4, true);

/** This machine lacks something. Exit status 5. */
export const machineFault = kind(5, false);
/** This machine lacks something for now: room, a free device. */
export const machineFaultForNow = kind(5, true);

/** Input that cannot be used. Exit status 6. */
export const unusableInput = kind(6, false);
/** Input that cannot be used as it is now. */
export const unusableInputForNow = kind(6, true);
