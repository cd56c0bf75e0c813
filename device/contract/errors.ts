// Owns: the one closed table of expected failures, joined from the domains' sections, for every part and every language that speaks
// the contract. Pure. ERRORS.md beside this file prints the same table for readers; a test keeps the two equal.
// Not here: the failures themselves (errors/).
import { CodedError, type ErrorRule } from './coded-error.ts';
import { auditErrors } from './errors/audit.ts';
import { boardErrors } from './errors/board.ts';
import { bridgeErrors } from './errors/bridge.ts';
import { cameraErrors } from './errors/camera.ts';
import { cameraServerErrors } from './errors/camera-server.ts';
import { clientErrors } from './errors/client.ts';
import { clipErrors } from './errors/clip.ts';
import { consentErrors } from './errors/consent.ts';
import { consoleErrors } from './errors/console.ts';
import { custodyErrors } from './errors/custody.ts';
import { deviceFaultErrors } from './errors/device-faults.ts';
import { eventErrors } from './errors/events.ts';
import { fleetErrors } from './errors/fleet.ts';
import { hardwareErrors } from './errors/hardware.ts';
import { notificationErrors } from './errors/notifications.ts';
import { onvifErrors } from './errors/onvif.ts';
import { replayErrors } from './errors/replay.ts';
import { reportErrors } from './errors/report.ts';
import { ringErrors } from './errors/ring.ts';
import { scenarioErrors } from './errors/scenario.ts';
import { searchPartyErrors } from './errors/search-party.ts';
import { storyErrors } from './errors/story.ts';
import { tlsErrors } from './errors/tls.ts';
import { tokenErrors } from './errors/token.ts';
import { truthErrors } from './errors/truth.ts';
import { updateErrors } from './errors/update.ts';
import { uploadErrors } from './errors/upload.ts';
import { usageErrors } from './errors/usage.ts';
import { vaultErrors } from './errors/vault.ts';
import { verificationErrors } from './errors/verification.ts';
import { wiredCameraErrors } from './errors/wired-camera.ts';
import type { TokenFault } from './jws.ts';

/** In the order of ERRORS.md; no code stands in two sections. */
export const ERRORS = {
  ...usageErrors,
  ...tlsErrors,
  ...cameraErrors,
  ...wiredCameraErrors,
  ...ringErrors,
  ...eventErrors,
  ...tokenErrors,
  ...consentErrors,
  ...clipErrors,
  ...consoleErrors,
  ...notificationErrors,
  ...uploadErrors,
  ...bridgeErrors,
  ...vaultErrors,
  ...hardwareErrors,
  ...custodyErrors,
  ...storyErrors,
  ...auditErrors,
  ...searchPartyErrors,
  ...verificationErrors,
  ...clientErrors,
  ...replayErrors,
  ...reportErrors,
  ...truthErrors,
  ...scenarioErrors,
  ...onvifErrors,
  ...cameraServerErrors,
  ...deviceFaultErrors,
  ...boardErrors,
  ...fleetErrors,
  ...updateErrors,
} as const satisfies Record<string, ErrorRule>;

export type ErrorCode = keyof typeof ERRORS;

/** Whether a text from outside is one of the table's codes. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}

/** An expected failure of this project. */
export type Failure = CodedError<ErrorCode>;

/** Makes the failure for a code; `facts` fill the {places} of its sentences and must be safe to show. */
export function failure(code: ErrorCode, facts: Record<string, string | number> = {}, cause?: unknown): Failure {
  return new CodedError(code, ERRORS[code], facts, cause);
}

/**
 * A failure that another part raised and put into words: `words` is its message, with or without the code's advice behind it,
 * as receipts carry it. At most 600 letters of it are kept.
 */
export function reportedFailure(code: ErrorCode, words: string): Failure {
  const rule = ERRORS[code];
  const isWhole = !words.endsWith(rule.advice);
  const message = (isWhole ? words : words.slice(0, -rule.advice.length)).trim().slice(0, 600);
  return new CodedError(code, { ...rule, message: message || rule.message }, { detail: message });
}

/** Whether a thrown value is a coded failure. */
export function isFailure(thrown: unknown): thrown is Failure {
  return thrown instanceof CodedError && isErrorCode(thrown.code);
}

/** The code of a token that was not accepted. */
export const TOKEN_FAULT_CODES = {
  malformed: 'token_malformed',
  'too-large': 'token_too_large',
  'wrong-type': 'token_wrong_type',
  'unknown-claims': 'token_unknown_claims',
  'wrong-audience': 'token_wrong_audience',
  'unknown-signer': 'token_unknown_signer',
  'bad-signature': 'token_bad_signature',
} as const satisfies Record<TokenFault, ErrorCode>;
