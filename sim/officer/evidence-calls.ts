// Owns: what an officer does with an agency's evidence and its department's policy, as calls to the vault. Not here: reaching the vault
// (evidence-desk.ts), what it allows.
import { z } from 'zod';
import { type EvidenceDesk, ItemView, type Who } from './evidence-desk.ts';

const itemsSchema = z.object({ items: z.array(ItemView), next: z.string().nullable() });
const linkSchema = z.object({ url: z.string(), expiresS: z.int() });
const trailSchema = z.object({
  entries: z.array(
    z.object({
      sequence: z.int(),
      atUs: z.int(),
      item: z.string(),
      event: z.string(),
      detail: z.string(),
      by: z.string(),
      officer: z.string(),
      reason: z.string(),
    }),
  ),
  next: z.string().nullable(),
});
const DepartmentPolicy = z.object({
  /** Days; null: until somebody deletes it. */
  categories: z.record(z.string(), z.number().nullable()),
  recall: z.object({ answer: z.enum(['erase', 'restrict', 'keep']), reason: z.string().nullable() }),
  declinedDays: z.union([z.number(), z.literal('same')]).nullable(),
});

/** One line of the trail. */
export type TrailEntry = z.infer<typeof trailSchema>['entries'][number];
/** A department's policy. */
export type DepartmentPolicy = z.infer<typeof DepartmentPolicy>;

/** Filters for items; an absent field matches all. */
export interface ItemsWanted {
  state?: string;
  triage?: string;
  category?: string;
  case?: string;
}

/** The agency's items that match, newest first, page after page. Each page is recorded in the trail. */
export async function* listEvidence(desk: EvidenceDesk, who: Who, wanted: ItemsWanted): AsyncGenerator<ItemView> {
  for await (const page of pages(desk, who, '/evidence', wanted, itemsSchema)) yield* page.items;
}

/** The trail of an item, or of the whole agency, newest first. */
export async function* readTrail(desk: EvidenceDesk, who: Who, item?: string): AsyncGenerator<TrailEntry> {
  const path = item === undefined ? '/trail' : `/evidence/${item}/trail`;
  for await (const page of pages(desk, who, path, {}, trailSchema)) yield* page.entries;
}

async function* pages<Page extends { next: string | null }>(
  desk: EvidenceDesk,
  who: Who,
  path: string,
  wanted: object,
  schema: z.ZodType<Page>,
): AsyncGenerator<Page> {
  for (let after: string | null | undefined; after !== null; ) {
    const query = new URLSearchParams(Object.entries({ ...wanted, limit: '200' }));
    if (after !== undefined) query.set('after', after);
    const page = schema.parse(await desk.call('GET', `${path}?${query}`, who));
    yield page;
    after = page.next;
  }
}

/** A link that works once, without a token. */
export async function makeLink(desk: EvidenceDesk, who: Who, item: string): Promise<z.infer<typeof linkSchema>> {
  return linkSchema.parse(await desk.call('POST', `/evidence/${item}/links`, who));
}

export async function seePolicy(desk: EvidenceDesk, who: Who): Promise<DepartmentPolicy> {
  return DepartmentPolicy.parse(await desk.call('GET', '/policy', who));
}

/** Sets the vault's answer to recalls after the hand-over. Keeping a clip needs a reason, which the owner is told. */
export async function setRecallPolicy(
  desk: EvidenceDesk,
  who: Who,
  recall: { answer: 'erase' | 'restrict' | 'keep'; reason?: string },
): Promise<DepartmentPolicy> {
  return DepartmentPolicy.parse(await desk.call('PUT', '/policy', who, { recall }));
}

/** Sets for how many days a category keeps evidence; null: until somebody deletes it. */
export async function setCategory(
  desk: EvidenceDesk,
  who: Who,
  category: string,
  days: number | null,
): Promise<DepartmentPolicy> {
  return DepartmentPolicy.parse(await desk.call('PUT', `/categories/${category}`, who, { days }));
}

export async function removeCategory(desk: EvidenceDesk, who: Who, category: string): Promise<DepartmentPolicy> {
  return DepartmentPolicy.parse(await desk.call('DELETE', `/categories/${category}`, who));
}
