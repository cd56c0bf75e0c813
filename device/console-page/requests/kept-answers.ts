// Owns: what a browser keeps of its answers: the choices of a draft, never footage; a signed grant, and what has become of it. Pure. Not
// here: keeping it (answer-store.ts).

import { previewSchema } from '@doorsill/contract/console-messages';
import { receiptSchema } from '@doorsill/contract/home-messages';
import { idSchema } from '@doorsill/contract/ids';
import { parseToken } from '@doorsill/contract/jws';
import { type Grant, grantSchema } from '@doorsill/contract/owner-orders';
import { publishedRequestSchema } from '@doorsill/contract/request';
import { disclosedValuesSchema, disclosureKeySchema, windowSchema, zoneSchema } from '@doorsill/contract/shared-claims';
import { z } from 'zod';

const tokenSchema = z.string().min(1).max(65_536);

export const draftSchema = z.strictObject({
  request: idSchema,
  published: publishedRequestSchema,
  step: z.enum(['read', 'choose', 'preview']),
  isIgnored: z.boolean(),
  window: windowSchema.nullable(),
  audio: z.boolean(),
  zones: z.array(zoneSchema).max(16),
  disclose: z.array(disclosureKeySchema).max(4),
  /** The clip that was made of these choices, and when, by this browser's clock. */
  preview: z.strictObject({ made: previewSchema, atUs: z.int() }).nullable(),
});
/** What its owner has chosen so far. */
export type Draft = z.infer<typeof draftSchema>;

export const keptGrantSchema = z.strictObject({
  request: idSchema,
  published: publishedRequestSchema,
  token: tokenSchema,
  /** The facts that are disclosed, with the values that were shown when it was signed. */
  values: disclosedValuesSchema,
  atUs: z.int(),
  /** The device's last receipt about it; null until it has answered. */
  receipt: receiptSchema.nullable(),
  /** The revocation that was signed for it, before it is sent. */
  revoke: tokenSchema.nullable(),
  /** Nothing more happens to it: another grant of this request may be signed. */
  isOver: z.boolean(),
});
/** A grant as it was signed, and what has become of it. */
export type KeptGrant = z.infer<typeof keptGrantSchema>;

/** What a kept token says. Null when it is none, which no store of ours holds. */
export function grantOf({ token }: Pick<KeptGrant, 'token'>): Grant | null {
  const claims = grantSchema.safeParse(parseToken(token)?.claims);
  return claims.success ? claims.data : null;
}
