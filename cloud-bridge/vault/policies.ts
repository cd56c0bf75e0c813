// A department's policy: its retention categories, the period of declined items, its answer to recalls.

import type { Clock } from '@doorsill/base/clock';
import { failure } from '@doorsill/contract/errors';
import { RECALL_REASON_LETTERS_MAX } from '@doorsill/contract/hand-over-documents';
import { statedText } from '@doorsill/contract/outside-text';
import { z } from 'zod';
import { type Actor, assertScope } from './clients.ts';
import { UNCATEGORIZED } from './retention.ts';
import type { Policy, PolicyChange, PolicyStore, TrailLine } from './vault-store.ts';

const DAYS_MAX = 100 * 366;
const DAY_S = 24 * 3600;

/** In whole days; null: until somebody deletes the item. */
const daysSchema = z.int().min(1).max(DAYS_MAX).nullable();
export const categoryBodySchema = z.strictObject({ days: daysSchema });

export const policyBodySchema = z
  .strictObject({
    recall: z
      .strictObject({
        answer: z.enum(['erase', 'restrict', 'keep']),
        reason: statedText(3, RECALL_REASON_LETTERS_MAX).optional(),
      })
      .refine(({ answer, reason }) => answer !== 'keep' || reason !== undefined, 'keeping needs a reason')
      .optional(),
    /** `same`: declined items are kept like all others. */
    declinedDays: z.union([daysSchema, z.literal('same')]).optional(),
  })
  .refine(({ recall, declinedDays }) => recall !== undefined || declinedDays !== undefined, 'nothing to change');

const daysView = z.number().nullable();
/** Periods in days. */
export const policyViewSchema = z.strictObject({
  categories: z.record(z.string(), daysView),
  recall: z.strictObject({ answer: z.enum(['erase', 'restrict', 'keep']), reason: z.string().nullable() }),
  declinedDays: z.union([daysView, z.literal('same')]),
});
type PolicyView = z.infer<typeof policyViewSchema>;

export interface PoliciesDeps {
  clock: Clock;
  policies: PolicyStore;
  /** Deletes at once what is overdue under the new policy. */
  changed: () => Promise<void>;
}

export class Policies {
  private readonly deps: PoliciesDeps;

  constructor(deps: PoliciesDeps) {
    this.deps = deps;
  }

  async show(actor: Actor): Promise<PolicyView> {
    assertScope(actor, 'evidence.any.read');
    return viewOf(await this.deps.policies.policyOf(actor.agency));
  }

  /** Sets a category's period; items that become overdue are deleted before this resolves. */
  async setCategory(actor: Actor, category: string, days: number | null): Promise<PolicyView> {
    return this.change(actor, { set: 'category', category, periodS: days === null ? null : days * DAY_S });
  }

  /** Removes a category. Throws `evidence_category` for `uncategorized`, which always stays, and for an unknown one. */
  async removeCategory(actor: Actor, category: string): Promise<PolicyView> {
    assertScope(actor, 'policy.any.update');
    if (category === UNCATEGORIZED) throw failure('evidence_category', { detail: 'uncategorized cannot be removed' });
    const { categories } = await this.deps.policies.policyOf(actor.agency);
    if (!categories.has(category)) throw failure('evidence_category', { detail: `there is no ${category}` });
    return this.change(actor, { set: 'no-category', category });
  }

  async set(actor: Actor, { recall, declinedDays }: z.infer<typeof policyBodySchema>): Promise<PolicyView> {
    if (recall) {
      await this.change(actor, { set: 'recall', recall: { answer: recall.answer, reason: recall.reason ?? null } });
    }
    if (declinedDays !== undefined) {
      const periodS = declinedDays === 'same' ? undefined : declinedDays === null ? null : declinedDays * DAY_S;
      await this.change(actor, { set: 'declined', periodS });
    }
    return viewOf(await this.deps.policies.policyOf(actor.agency));
  }

  private async change(actor: Actor, change: PolicyChange): Promise<PolicyView> {
    assertScope(actor, 'policy.any.update');
    const { policies, clock, changed } = this.deps;
    const { by, officer, reason, agency } = actor;
    const about = { item: '', cases: [], event: 'policy-changed', detail: JSON.stringify(change) };
    const line: TrailLine = { atUs: clock.wallUs(), by, officer, reason, agency, ...about };
    await policies.change(agency, change, line);
    await changed();
    return viewOf(await policies.policyOf(agency));
  }
}

function viewOf({ categories, recall, ...rest }: Policy): PolicyView {
  const days = (periodS: number | null) => (periodS === null ? null : periodS / DAY_S);
  return {
    categories: Object.fromEntries([...categories].map(([category, periodS]) => [category, days(periodS)])),
    recall,
    declinedDays: rest.declinedPeriodS === undefined ? 'same' : days(rest.declinedPeriodS),
  };
}
