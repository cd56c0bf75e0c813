// What whoever opens an encrypted clip says of it, after the checks of media/check-decrypted.ts.
import { z } from 'zod';
import { failure, isFailure } from './errors.ts';
import { idSchema, sha256Schema } from './ids.ts';
import { VerdictOutcome } from './sealing.ts';
import { signedClaims } from './shared-claims.ts';

/** Outcomes by which a clip is refused. */
export type Refusal = Exclude<VerdictOutcome, 'as-granted'>;

/** The signed verdict of whoever opened an encrypted clip: its vault, or its recipient (`aud`: the bridge's id). */
export const Verdict = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  grant: idSchema,
  clip: idSchema,
  /** Of the encrypted file. */
  clipSha256: sha256Schema,
  statementSha256: sha256Schema,
  outcome: VerdictOutcome,
});
export type Verdict = z.infer<typeof Verdict>;

/** Most letters of a signed verdict. */
export const VERDICT_LETTERS_MAX = 2_048;

/** The failure of a clip of which nothing is shown. */
export function unopened(outcome: Refusal, detail: string) {
  return failure('clip_unopened', { outcome, detail });
}

/** The outcome that a failure stands for; null for one that says nothing about the clip, such as of a disk. */
export function outcomeOf(thrown: unknown): Refusal | null {
  if (!isFailure(thrown) || thrown.code !== 'clip_unopened') return null;
  const outcome = VerdictOutcome.safeParse(thrown.facts['outcome']);
  return outcome.success && outcome.data !== 'as-granted' ? outcome.data : null;
}
