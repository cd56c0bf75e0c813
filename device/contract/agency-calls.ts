// What an agency's client signs besides requests and clip access: registration, its webhook, calls about its own requests.
import { z } from 'zod';
import { idSchema } from './ids.ts';
import { Contact, Jurisdiction, registeredTerms } from './request.ts';
import { Sealing } from './sealing.ts';
import { expSchema, signedClaims } from './shared-claims.ts';

/** A host name of at least two labels, lower case (RFC 1123 §2.1). */
export const domainSchema = z
  .string()
  .max(253)
  .regex(/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/);

/** The calls of an agency. */
export const AgencyAction = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('register'),
    name: z.string().min(1).max(120),
    jurisdiction: Jurisdiction,
    domain: domainSchema,
    contact: Contact,
    ...registeredTerms,
    /** How clips for it are encrypted. Absent: not at all. */
    sealing: Sealing.optional(),
  }),
  /** Signed by the new key, which replaces the key that `agency` is derived from. */
  z.strictObject({ action: z.literal('rotate-key'), from: idSchema }),
  z.strictObject({ action: z.literal('list-requests') }),
  /** Where the agency wants to be notified, and the secret by which it recognises the bridge: 32 bytes as base64url. */
  z.strictObject({
    action: z.literal('set-webhook'),
    url: z.string().max(500),
    secret: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  }),
  z.strictObject({ action: z.literal('see-webhook') }),
  z.strictObject({ action: z.literal('remove-webhook') }),
  z.strictObject({ action: z.literal('see-request'), request: idSchema }),
  z.strictObject({ action: z.literal('submit-request'), request: idSchema }),
  z.strictObject({ action: z.literal('withdraw-request'), request: idSchema }),
  z.strictObject({ action: z.literal('resolve-request'), request: idSchema }),
]);
export type AgencyAction = z.infer<typeof AgencyAction>;

/** One call by an agency (`aud`: the bridge's or registry's id). Each action can be repeated without harm. */
export const agencyCallSchema = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  agency: idSchema,
  call: AgencyAction,
});

/** In an access token, in place of a clip's id: asks for the list of the agency's own clips. No clip can have this id. */
export const ALL_CLIPS = 'all';
