// The records that this browser stores of its answers: a draft's choices (never footage), and a signed grant with what became of it.

import { Preview } from '@doorsill/contract/console-messages';
import { Receipt } from '@doorsill/contract/home-messages';
import { idSchema } from '@doorsill/contract/ids';
import { parseToken } from '@doorsill/contract/jws';
import { Grant } from '@doorsill/contract/owner-orders';
import { PublishedRequest } from '@doorsill/contract/request';
import { DisclosedValues, DisclosureKey, Window, Zone } from '@doorsill/contract/shared-claims';
import { z } from 'zod';

const tokenSchema = z.string().min(1).max(65_536);

export const Draft = z.strictObject({
  request: idSchema,
  published: PublishedRequest,
  step: z.enum(['read', 'choose', 'preview']),
  isIgnored: z.boolean(),
  window: Window.nullable(),
  audio: z.boolean(),
  zones: z.array(Zone).max(16),
  disclose: z.array(DisclosureKey).max(DisclosureKey.options.length),
  /** The preview made of these choices, and when, by this browser's clock. */
  preview: z.strictObject({ made: Preview, atUs: z.int() }).nullable(),
});
export type Draft = z.infer<typeof Draft>;

export const KeptGrant = z.strictObject({
  request: idSchema,
  published: PublishedRequest,
  token: tokenSchema,
  /** The disclosed facts, with the values shown at signing. */
  values: DisclosedValues,
  atUs: z.int(),
  /** The device's last receipt about it; null before the first. */
  receipt: Receipt.nullable(),
  /** A signed revocation, stored before it is sent. */
  revoke: tokenSchema.nullable(),
  /** Settled: another grant for this request may be signed. */
  isOver: z.boolean(),
});
export type KeptGrant = z.infer<typeof KeptGrant>;

/** The claims of a stored grant's token; null if it is malformed, which no stored token is. */
export function grantOf({ token }: Pick<KeptGrant, 'token'>): Grant | null {
  const claims = Grant.safeParse(parseToken(token)?.claims);
  return claims.success ? claims.data : null;
}

/** The settled grants to delete, oldest first, so that at most `most` remain. A grant that may still be sent is never one of them. */
export function surplusGrants(grants: readonly KeptGrant[], most: number): KeptGrant[] {
  const settled = grants.filter(({ isOver }) => isOver).sort((a, b) => a.atUs - b.atUs);
  return settled.slice(0, Math.max(0, grants.length - most));
}

/** The same for drafts: those of expired requests, the longest expired first. */
export function surplusDrafts(drafts: readonly Draft[], most: number, nowS: number): Draft[] {
  const expired = drafts.filter((draft) => expiryS(draft) < nowS).sort((a, b) => expiryS(a) - expiryS(b));
  return expired.slice(0, Math.max(0, drafts.length - most));
}

const expirySchema = z.object({ exp: z.int() });

/** When a draft's request expires; 0 for a malformed request. */
function expiryS({ published }: Draft): number {
  const claims = expirySchema.safeParse(parseToken(published.request)?.claims);
  return claims.success ? claims.data.exp : 0;
}
