// When evidence is deleted and when its bytes are destroyed; and the states of an item. Pure.
import type { EvidenceSource } from '../signing/hand-over-documents.ts';

const DAY_S = 24 * 3600;

/** The category of items without another one. Its period may change, but it cannot be removed. */
export const UNCATEGORIZED = 'uncategorized';

/** Deleted evidence can be restored for this long. */
export const RECOVERABLE_S = 7 * DAY_S;

/** In seconds; null: until somebody deletes the item. */
export type PeriodS = number | null;

export interface RetentionRules {
  categories: ReadonlyMap<string, PeriodS>;
  /** Replaces the categories' periods for declined items; absent: they are kept like all others. */
  declinedPeriodS?: PeriodS | undefined;
}

/** Times in seconds since 1970. */
export interface RetentionFacts {
  source: EvidenceSource;
  recordedS: number;
  uploadedS: number;
  categories: readonly string[];
  cases: readonly string[];
  triage: 'pending' | 'accepted' | 'declined';
  restoredS: number | null;
}

/** When an item is deleted, in seconds since 1970; null: never automatically. */
export function deletedAtS(item: RetentionFacts, rules: RetentionRules): number | null {
  // Membership of a case suspends deletion, whatever the categories say.
  if (item.cases.length > 0) return null;
  const periodS = periodOf(item, rules);
  if (periodS === null) return null;
  const startS = item.source === 'community-request' ? item.uploadedS : item.recordedS;
  const dueS = startS + periodS;
  // Otherwise a restored item would be overdue again at once.
  return item.restoredS === null ? dueS : Math.max(dueS, item.restoredS + RECOVERABLE_S);
}

function periodOf(item: RetentionFacts, rules: RetentionRules): PeriodS {
  if (item.triage === 'declined' && rules.declinedPeriodS !== undefined) return rules.declinedPeriodS;
  // A category that the department does not have (any more) has no effect.
  const known = item.categories.filter((category) => rules.categories.has(category));
  const periods = (known.length > 0 ? known : [UNCATEGORIZED]).map(
    (category) => rules.categories.get(category) ?? null,
  );
  // The longest period wins; null is the longest.
  return periods.includes(null) ? null : Math.max(...periods.map((period) => period ?? 0));
}

/** When a deleted item's bytes are destroyed, in seconds since 1970. */
export function erasedAtS(deletedS: number): number {
  return deletedS + RECOVERABLE_S;
}

/** `held`: stored, but not the vault's yet, and shown to nobody. `deleted`: can be restored. `erased`: the bytes are gone. */
export type ItemState = 'held' | 'active' | 'deleted' | 'erased';

export const ITEM_STEPS = ['confirm', 'withdraw', 'delete', 'restore', 'erase', 'recall'] as const;
export type ItemStep = (typeof ITEM_STEPS)[number];

/** The next state for each step; a step that is not listed is refused. */
const STEPS: Record<ItemState, Partial<Record<ItemStep, ItemState>>> = {
  held: { confirm: 'active', withdraw: 'erased', recall: 'erased' },
  active: { confirm: 'active', delete: 'deleted', recall: 'erased' },
  deleted: { confirm: 'deleted', restore: 'active', erase: 'erased', recall: 'erased' },
  erased: { confirm: 'erased', withdraw: 'erased', recall: 'erased' },
};

/** The state after a step; null when it is not allowed. */
export function afterStep(state: ItemState, step: ItemStep): ItemState | null {
  return STEPS[state][step] ?? null;
}
