// Judges each agency by its flags and habits: its score, and whether a revocation or a review is proposed, for which data.

import { type FlaggedRow, searchCounts, type Tally } from './agency-counts.ts';
import { discoveries, type HiddenMisuse, judgeHabits } from './hidden-misuse.ts';
import type { AuditSettings } from './query-audit-settings.ts';
import { chanceOfAtLeast } from './statistics.ts';
import { WORD_RULES } from './word-rules.ts';

/**
 * `revoke`: the words of its own searches show misuse. `review`: more of its searches than its habits predict are in the pattern of hidden
 * misuse (wide, without a meaningful reason and without a case), and a person should ask why.
 */
export type Verdict = 'revoke' | 'review';

/** An audit's proposal about one agency, with its reasons. */
export interface AuditFinding {
  agency: string;
  verdict: Verdict;
  /** The registry's scope to revoke; null: all access. Only for `revoke`. */
  scope: string | null;
  score: number;
  queries: number;
  flagged: number;
  /** The probability of at least this many flags if all were accidents of wording. */
  chance: number;
  byRule: Record<string, number>;
  /** Null unless hidden misuse is suspected. `offHours`: the searches in the pattern that were made off hours. */
  hidden: (HiddenMisuse & { offHours: number }) | null;
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
  /** Whether there were enough agencies to estimate honest habits. */
  habitsJudged: boolean;
  /** Worst first. */
  findings: AuditFinding[];
}

/** Rows without an agency are not judged. `wideFrom`: the reach (class of numbers of searched networks) from which a search is wide. */
export function judge(tallies: readonly Tally[], wideFrom: number, settings: AuditSettings): Verdicts {
  const named = tallies.filter(({ agency }) => agency !== '');
  const { background, revoked } = revocable(named, settings.flaggedMin);
  const { habitsJudged, hiding } = findHidden(
    named.filter((tally) => !revoked.has(tally)),
    wideFrom,
    settings.falseDiscoveries,
  );
  const findings = named.flatMap((tally): AuditFinding[] => {
    const hidden = hiding.get(tally) ?? null;
    const verdict = revoked.has(tally) ? 'revoke' : hidden ? 'review' : null;
    if (verdict === null) return [];
    const chance = chanceOfAtLeast(tally.flagged, tally.queries * background);
    const isWhole = settings.scope === undefined || tally.flagged >= tally.queries * settings.wholeFromShare;
    return [
      {
        agency: tally.agency,
        verdict,
        scope: verdict === 'revoke' && !isWhole ? (settings.scope ?? null) : null,
        score: scoreOf(hidden ? hidden.honestChance : chance),
        queries: tally.queries,
        flagged: tally.flagged,
        chance,
        byRule: Object.fromEntries([...tally.byRule].sort(([, one], [, other]) => other - one)),
        hidden,
        samples: tally.samples,
        reasons: reasonsOf(tally, hidden),
      },
    ];
  });
  const rank = { revoke: 0, review: 1 };
  findings.sort(
    (one, other) =>
      rank[one.verdict] - rank[other.verdict] || other.score - one.score || (one.agency < other.agency ? -1 : 1),
  );
  return { background, habitsJudged, findings };
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

/** Agencies that search in the pattern of hidden misuse more than their habits predict. `tallies`: without those to revoke. */
function findHidden(
  tallies: readonly Tally[],
  wideFrom: number,
  bound: number,
): { habitsJudged: boolean; hiding: Map<Tally, NonNullable<AuditFinding['hidden']>> } {
  const counts = tallies.map((tally) => searchCounts(tally, wideFrom));
  const judged = judgeHabits(tallies.map(({ agency }, at) => ({ name: agency, counts: counts[at] ?? [] })));
  const hiding = new Map<Tally, NonNullable<AuditFinding['hidden']>>();
  for (const at of discoveries(judged ?? [], bound)) {
    const [tally, hidden] = [tallies[at], judged?.[at]];
    // The last cell: in the pattern and off hours.
    if (tally && hidden) hiding.set(tally, { ...hidden, offHours: counts[at]?.at(-1) ?? 0 });
  }
  return { habitsJudged: judged !== null, hiding };
}

/** Minus the decimal logarithm of a chance, limited. */
function scoreOf(chance: number): number {
  const evidence = chance > 0 ? -Math.log10(chance) : EVIDENCE_MAX;
  return Math.round(Math.min(evidence, EVIDENCE_MAX) * 10) / 10;
}

function reasonsOf(tally: Tally, hidden: AuditFinding['hidden']): string[] {
  const reasons = hidden ? [hiddenText(hidden)] : [];
  if (tally.flagged === 0) return reasons;
  const rules = WORD_RULES.flatMap(({ id, severity, why }) => {
    const times = tally.byRule.get(id) ?? 0;
    return times > 0 && severity !== 'minor' ? [`${times} x ${id}: ${why}`] : [];
  });
  return [`${tally.flagged} of ${tally.queries} searches are flagged by their words.`, ...rules, ...reasons];
}

function hiddenText({ inPattern, predicted, offHours, honestChance }: NonNullable<AuditFinding['hidden']>): string {
  const habit = predicted < 10 ? predicted.toFixed(1) : String(Math.round(predicted));
  return `${inPattern} searches were wide, wordless and without a case; its habits predict ${habit}. ${offHours} of them were at night. The chance that it is honest all the same: ${percent(honestChance)}.`;
}

function percent(share: number): string {
  return share < 0.001 ? 'under 0.1 %' : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}
