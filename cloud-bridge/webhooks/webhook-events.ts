// The events that an agency receives, each made from a custody leaf. Pure. An agency learns about its own requests and about clips that it
// can see anyway, and nothing else about homes.

import { sha256Hex } from '@doorsill/base/keys';
import { CustodyEntry, FACTS } from '@doorsill/contract/custody';
import { idSchema } from '@doorsill/contract/ids';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';

export const EVENT_TYPES = [
  'request.published',
  'request.resolved',
  'request.cancelled',
  'request.expired',
  'clip.available',
  'clip.revoked',
  'clip.recalled',
] as const;

/** The event as sent. It has the same id at every attempt, so that receivers can drop duplicates. */
export const WebhookEvent = z.strictObject({
  id: idSchema,
  type: z.enum(EVENT_TYPES),
  /** When it happened, in seconds since 1970. */
  atS: z.int().nonnegative(),
  request: idSchema.optional(),
  clip: idSchema.optional(),
  /** For a recall: the decision under the department's policy. */
  answer: z.enum(['erased', 'restricted', 'kept']).optional(),
});
export type WebhookEvent = z.infer<typeof WebhookEvent>;

/** The event for a leaf of a bridge's log; null: none. */
export function eventOf(
  bridge: string,
  { leaf, entry, facts }: { leaf: number; entry: string; facts: string | null },
): WebhookEvent | null {
  const read = CustodyEntry.safeParse(parseJson(entry));
  if (!read.success) return null;
  const { kind, atS } = read.data;
  const id = idOf(bridge, `leaf ${leaf}`);
  if (kind === 'request') return { id, type: `request.${read.data.event}`, atS, request: read.data.request };
  const opened = parseJson(facts ?? '');
  if (kind === 'intake') {
    const { clip, request } = FACTS.intake.parse(opened);
    return { id, type: 'clip.available', atS, request, clip };
  }
  if (kind === 'deletion') {
    const { clip } = FACTS.deletion.parse(opened);
    return clip === undefined ? null : { id, type: 'clip.revoked', atS, clip };
  }
  if (kind !== 'recall') return null;
  const { clip, answer } = FACTS.recall.parse(opened);
  return answer === 'pending' ? null : { id, type: 'clip.recalled', atS, clip, answer };
}

/** The event for a request that has expired. */
export function expired(bridge: string, request: string, atS: number): WebhookEvent {
  return { id: idOf(bridge, `expired ${request}`), type: 'request.expired', atS, request };
}

/** Derived from the leaf, so that processing it again gives the same event. */
function idOf(bridge: string, what: string): string {
  return `event-${sha256Hex(`${bridge} ${what}`).slice(0, 32)}`;
}
