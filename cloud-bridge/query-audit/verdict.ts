// Judges each agency by its flags: whether a revocation is proposed, of which access, and why.

import type { FlaggedRow, Tally } from './agency-counts.ts';
import type { AuditSettings } from './query-audit-settings.ts';
import { WORD_RULES } from './word-rules.ts';

/** An agency whose access the audit proposes to revoke, with its reasons. */
export interface AuditFinding {
  agency: string;
  /** The registry's scope to revoke; null: all access. */
  scope: string | null;
  score: number;
  queries: number;
  flagged: number;
  /** The probability of at least this many flags if all were accidents of wording. */
  chance: number;
  byRule: Record<string, number>;
  samples: readonly FlaggedRow[];
  /** Why, in sentences. */
  reasons: string[];
}

/** Upper limit on the assumed rate of accidental wording: if many agencies misuse searches, their flags must not pass as accidents. */
const BACKGROUND_MAX = 0.003;
/** The chance that at least one honest agency in the file is proposed for revocation. */
const FALSE_REVOCATION_CHANCE = 0.01;
const ROUNDS_MAX = 20;
const EVIDENCE_MAX = 99;

export interface Verdicts {
  /** The estimated share of rows that are flagged by accident. */
  background: number;
  /** Worst first. */
  findings: AuditFinding[];
}

/** Rows without an agency are not judged. */
export function judge(tallies: readonly Tally[], settings: AuditSettings): Verdicts {
  const named = tallies.filter(({ agency }) => agency !== '');
  const { background, revoked } = revocable(named, settings.flaggedMin);
  const findings = [...revoked].map((tally): AuditFinding => {
    const chance = chanceOfAtLeast(tally.flagged, tally.queries * background);
    const isWhole = settings.scope === undefined || tally.flagged >= tally.queries * settings.wholeFromShare;
    return {
      agency: tally.agency,
      scope: isWhole ? null : (settings.scope ?? null),
      score: scoreOf(chance),
      queries: tally.queries,
      flagged: tally.flagged,
      chance,
      byRule: Object.fromEntries([...tally.byRule].sort(([, one], [, other]) => other - one)),
      samples: tally.samples,
      reasons: reasonsOf(tally),
    };
  });
  findings.sort((one, other) => other.score - one.score || (one.agency < other.agency ? -1 : 1));
  return { background, findings };
}

/**
 * Agencies with more flagged rows than accidental wording explains. The rate of accidents is estimated from the rows of agencies that are
 * not suspected, so both are found together, in rounds.
 */
function revocable(tallies: readonly Tally[], flaggedMin: number): { background: number; revoked: Set<Tally> } {
  const chanceMax = FALSE_REVOCATION_CHANCE / Math.max(1, tallies.length);
  let revoked = new Set<Tally>();
  let background = BACKGROUND_MAX;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const others = tallies.filter((tally) => !revoked.has(tally));
    const rows = others.reduce((sum, tally) => sum + tally.queries, 0);
    const flagged = others.reduce((sum, tally) => sum + tally.flagged, 0);
    // Plus one: zero flagged rows do not mean that the rate is zero.
    background = Math.min(BACKGROUND_MAX, (flagged + 1) / Math.max(1, rows));
    const found = new Set(
      tallies.filter(
        (tally) =>
          tally.flagged >= flaggedMin && chanceOfAtLeast(tally.flagged, tally.queries * background) < chanceMax,
      ),
    );
    if (found.size === revoked.size) break;
    revoked = found;
  }
  return { background, revoked };
}

/** Minus the decimal logarithm of a chance, limited. */
function scoreOf(chance: number): number {
  const evidence = chance > 0 ? -Math.log10(chance) : EVIDENCE_MAX;
  return Math.round(Math.min(evidence, EVIDENCE_MAX) * 10) / 10;
}

function reasonsOf(tally: Tally): string[] {
  const rules = WORD_RULES.flatMap(({ id, severity, why }) => {
    const times = tally.byRule.get(id) ?? 0;
    return times > 0 && severity !== 'minor' ? [`${times} x ${id}: ${why}`] : [];
  });
  return [`${tally.flagged} of ${tally.queries} searches are flagged by their words.`, ...rules];
}

/**
 * The probability of `count` or more events when `expected` are expected on average (Poisson); 1 for a count that is not above `expected`.
 */
export function chanceOfAtLeast(count: number, expected: number): number {
  if (count <= expected) return 1;
  if (expected <= 0) return 0;
  // The tail as a series from its first term: above the expected count the terms only fall.
  let term = Math.exp(count * Math.log(expected) - expected - logFactorial(count));
  let sum = 0;
  for (let at = count; term > sum * 1e-12; at += 1) {
    sum += term;
    term *= expected / (at + 1);
  }
  return Math.min(1, sum);
}

function logFactorial(count: number): number {
  if (count < 20) {
    let sum = 0;
    for (let factor = 2; factor <= count; factor += 1) sum += Math.log(factor);
    return sum;
  }
  // Stirling's series.
  return count * Math.log(count) - count + Math.log(2 * Math.PI * count) / 2 + 1 / (12 * count);
}
