// Owns: what a claim is once it was examined: what was done, what was seen, what that shows and what it does not. Not here: the claims.
import { asFailure } from '@doorsill/device/terminal/output';

/** One thing that was looked at: what, the figures, and whether it is as the claim says. */
export interface Check {
  what: string;
  seen: string;
  holds: boolean;
}

/** `false`: something that was seen contradicts it, or it could not be examined to its end. `left out`: this machine cannot examine it. */
export type ClaimVerdict = 'shown' | 'false' | 'left out';

/** What a claim says, whatever comes of it. */
export interface ClaimText {
  /** Stable, for programs. */
  id: string;
  title: string;
  done: string;
  shows: string;
  notShown: string;
}

export interface Claim extends ClaimText {
  verdict: ClaimVerdict;
  checks: Check[];
  /** Why it was left out. */
  why?: string;
}

/** The claim is shown if there are checks and all of them hold. */
export function judged(text: ClaimText, checks: Check[]): Claim {
  return { ...text, verdict: checks.length > 0 && checks.every(({ holds }) => holds) ? 'shown' : 'false', checks };
}

export function leftOut(text: ClaimText, why: string): Claim {
  return { ...text, verdict: 'left out', checks: [], why };
}

/** A claim whose examination ended with a fault: nothing was shown. */
export function broken(text: ClaimText, thrown: unknown): Claim {
  const { message, code } = asFailure(thrown);
  return judged(text, [{ what: 'The examination came to its end', seen: `${message} [${code}]`, holds: false }]);
}

/** How many claims came out which way. */
export function countVerdicts(claims: readonly Claim[]): Record<ClaimVerdict, number> {
  const count = (verdict: ClaimVerdict) => claims.filter((claim) => claim.verdict === verdict).length;
  return { shown: count('shown'), false: count('false'), 'left out': count('left out') };
}

/** `9 of 9 claims were shown`, with what is false or was left out first. */
export function verdictText(claims: readonly Claim[]): string {
  const { shown, false: wrong, 'left out': without } = countVerdicts(claims);
  const all = claims.length;
  const parts = [
    ...(wrong > 0 ? [`${wrong} of ${all} claims ${wrong === 1 ? 'is' : 'are'} FALSE`] : []),
    ...(without > 0 ? [`${without} ${without === 1 ? 'was' : 'were'} left out`] : []),
    wrong > 0 || without > 0 ? `${shown} shown` : `All ${all} claims were shown`,
  ];
  return parts.join(', ');
}
