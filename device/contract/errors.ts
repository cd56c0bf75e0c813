// The table of the failures that cross a wire; the simulator extends it by its own. ERRORS.md prints the table; a test keeps the two equal.
import { bridgeErrors } from './errors/bridge.ts';
import { cameraErrors } from './errors/camera.ts';
import { clipErrors } from './errors/clip.ts';
import { CodedError, type ErrorRule } from './errors/coded-error.ts';
import { consentErrors } from './errors/consent.ts';
import { consoleErrors } from './errors/console.ts';
import { deviceErrors } from './errors/device.ts';
import { privatePathErrors } from './errors/private-paths.ts';
import { usageErrors } from './errors/usage.ts';
import type { TokenFault } from './jws.ts';

/** In the order of ERRORS.md; no code stands in two sections. */
export const ERRORS = {
  ...usageErrors,
  ...privatePathErrors,
  ...cameraErrors,
  ...deviceErrors,
  ...consentErrors,
  ...clipErrors,
  ...consoleErrors,
  ...bridgeErrors,
} as const satisfies Record<string, ErrorRule>;

/** A code of this table. */
export type ErrorCode = keyof typeof ERRORS;

/** An expected failure with a code of this table. */
export type Failure = CodedError<ErrorCode>;

/** Functions that make and recognise the failures of one table. */
export interface Failures<Code extends string> {
  /** Makes the failure of a code; `facts` fill the `{name}` places of its sentences and must be safe to show. */
  failure(code: Code, facts?: Record<string, string | number>, cause?: unknown): CodedError<Code>;
  /**
   * A failure that another program raised and worded: `text` is its message, with or without the code's advice after it, as receipts
   * carry it. At most 600 letters of it are kept.
   */
  reportedFailure(code: Code, text: string): CodedError<Code>;
  /** Whether a text from outside is one of the table's codes. */
  isErrorCode(text: string): text is Code;
  /** Whether a thrown value is a coded failure, of this table or of a larger one. */
  isFailure(thrown: unknown): thrown is CodedError<Code>;
}

/** Makes the functions of a table of failures. */
export function failuresOf<Table extends Record<string, ErrorRule>>(table: Table): Failures<keyof Table & string> {
  type Code = keyof Table & string;
  const ruleOf = (code: Code): ErrorRule => table[code] as ErrorRule;
  return {
    failure: (code, facts = {}, cause) => new CodedError(code, ruleOf(code), facts, cause),
    reportedFailure: (code, text) => {
      const rule = ruleOf(code);
      const hasAdvice = text.endsWith(rule.advice);
      const message = (hasAdvice ? text.slice(0, -rule.advice.length) : text).trim().slice(0, 600);
      return new CodedError(code, { ...rule, message: message || rule.message }, { detail: message });
    },
    isErrorCode: (text): text is Code => Object.hasOwn(table, text),
    isFailure: (thrown): thrown is CodedError<Code> => thrown instanceof CodedError,
  };
}

export const { failure, reportedFailure, isErrorCode, isFailure }: Failures<ErrorCode> = failuresOf(ERRORS);

/** The code for each fault of a token. */
export const TOKEN_FAULT_CODES = {
  malformed: 'token_malformed',
  'too-large': 'token_too_large',
  'wrong-type': 'token_wrong_type',
  'unknown-claims': 'token_unknown_claims',
  'wrong-audience': 'token_wrong_audience',
  'unknown-signer': 'token_unknown_signer',
  'bad-signature': 'token_bad_signature',
} as const satisfies Record<TokenFault, ErrorCode>;
