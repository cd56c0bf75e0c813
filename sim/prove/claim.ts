import { asFailure } from '@doorsill/device/terminal/output';

/** One check of a claim: what was checked, the figures, and whether they are as the claim says. */
export interface Check {
  what: string;
  seen: string;
  holds: boolean;
}

/** `false`: a check contradicts the claim, or the examination failed. `left out`: this machine cannot examine it. */
export type ClaimVerdict = 'shown' | 'false' | 'left out';

/** The texts of a claim, whatever its verdict. */
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

/** A claim with its checks: shown if there are any and all of them hold. */
export function judged(text: ClaimText, checks: Check[]): Claim {
  return { ...text, verdict: checks.length > 0 && checks.every(({ holds }) => holds) ? 'shown' : 'false', checks };
}

export function leftOut(text: ClaimText, why: string): Claim {
  return { ...text, verdict: 'left out', checks: [], why };
}

/** A claim whose examination failed, which shows nothing. */
export function broken(text: ClaimText, thrown: unknown): Claim {
  const { message, code } = asFailure(thrown);
  return judged(text, [{ what: 'The examination was completed', seen: `${message} [${code}]`, holds: false }]);
}

/** How many claims have each verdict. */
export function countVerdicts(claims: readonly Claim[]): Record<ClaimVerdict, number> {
  const count = (verdict: ClaimVerdict) => claims.filter((claim) => claim.verdict === verdict).length;
  return { shown: count('shown'), false: count('false'), 'left out': count('left out') };
}

/** `All 9 claims were shown`, or the numbers of false, left out and shown claims. */
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
