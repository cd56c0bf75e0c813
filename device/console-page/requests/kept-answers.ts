// Owns: what a browser keeps of its answers: the choices of a draft, never footage; a signed grant, and what has become of it. Pure. Not
// here: keeping it (answer-store.ts).

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
  disclose: z.array(DisclosureKey).max(4),
  /** The clip that was made of these choices, and when, by this browser's clock. */
  preview: z.strictObject({ made: Preview, atUs: z.int() }).nullable(),
});
/** What its owner has chosen so far. */
export type Draft = z.infer<typeof Draft>;

export const KeptGrant = z.strictObject({
  request: idSchema,
  published: PublishedRequest,
  token: tokenSchema,
  /** The facts that are disclosed, with the values that were shown when it was signed. */
  values: DisclosedValues,
  atUs: z.int(),
  /** The device's last receipt about it; null until it has answered. */
  receipt: Receipt.nullable(),
  /** The revocation that was signed for it, before it is sent. */
  revoke: tokenSchema.nullable(),
  /** Nothing more happens to it: another grant of this request may be signed. */
  isOver: z.boolean(),
});
/** A grant as it was signed, and what has become of it. */
export type KeptGrant = z.infer<typeof KeptGrant>;

/** What a kept token says. Null when it is none, which no store of ours holds. */
export function grantOf({ token }: Pick<KeptGrant, 'token'>): Grant | null {
  const claims = Grant.safeParse(parseToken(token)?.claims);
  return claims.success ? claims.data : null;
}
