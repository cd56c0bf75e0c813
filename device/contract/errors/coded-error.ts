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
