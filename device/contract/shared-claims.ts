// Owns: the claims and shapes that several documents share: signer, audience, times, windows, disclosure. Pure.
import { z } from 'zod';
import { idSchema, publicKeySchema } from './ids.ts';

/** RFC 7519 §4.1: signer's key, audience, time of signing in whole seconds. */
export const signedClaims = {
  iss: publicKeySchema,
  aud: idSchema,
  iat: z.int().nonnegative(),
} as const;

/** Audience of documents that anyone may read. */
export const PUBLIC_AUDIENCE = 'public';

/** Expiry in whole seconds since 1970; the document is invalid from that second on. */
export const expSchema = z.int().positive();

const wallUsSchema = z.int().min(0).max(8_000_000_000_000_000);

/** A half-open span of wall time in integer microseconds since 1970: a frame is inside if startUs <= pts < endUs. */
export const windowSchema = z
  .strictObject({ startUs: wallUsSchema, endUs: wallUsSchema })
  .refine((window) => window.startUs < window.endUs, 'a window ends after it starts');
export type Window = z.infer<typeof windowSchema>;

/** Whether `inner` lies wholly inside `outer`. */
export function windowWithin(inner: Window, outer: Window): boolean {
  return inner.startUs >= outer.startUs && inner.endUs <= outer.endUs;
}

/** The parts of spans that lie inside a window, in their order. */
export function partsInside(spans: readonly Window[], window: Window): Window[] {
  return spans
    .map(({ startUs, endUs }) => ({ startUs: Math.max(startUs, window.startUs), endUs: Math.min(endUs, window.endUs) }))
    .filter((span) => span.startUs < span.endUs);
}

/** The facts about a home that an owner can disclose with a clip, in their fixed order. */
export const DISCLOSURE_KEYS = ['name', 'address', 'email', 'phone'] as const;
export const disclosureKeySchema = z.enum(DISCLOSURE_KEYS);
export type DisclosureKey = z.infer<typeof disclosureKeySchema>;

/** Named sets an agency may ask for. `address-and-email` is the default (what press reports describe). */
export const DISCLOSURE_PROFILES = {
  nothing: [],
  'address-and-email': ['address', 'email'],
  'name-email-phone': ['name', 'email', 'phone'],
} as const satisfies Record<string, readonly DisclosureKey[]>;
export type DisclosureProfile = keyof typeof DISCLOSURE_PROFILES;
export const disclosureProfileSchema = z.enum(['nothing', 'address-and-email', 'name-email-phone']);

/** A set of disclosure keys: each at most once, in the order of DISCLOSURE_KEYS, so that a set has exactly one encoding. */
export const disclosureSetSchema = z
  .array(disclosureKeySchema)
  .refine(
    (keys) =>
      keys.every(
        (key, at) => at === 0 || DISCLOSURE_KEYS.indexOf(key) > DISCLOSURE_KEYS.indexOf(keys[at - 1] as DisclosureKey),
      ),
    'keys once each, in the order name, address, email, phone',
  );

/** Values a device holds for the keys; what it has no value for cannot be disclosed. */
export const disclosedValuesSchema = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  address: z.string().min(1).max(300).optional(),
  email: z.string().min(3).max(254).optional(),
  phone: z.string().min(3).max(40).optional(),
});
export type DisclosedValues = z.infer<typeof disclosedValuesSchema>;

/** A rectangle to black out, in ten-thousandths of the picture's width and height. */
export const zoneSchema = z
  .strictObject({
    left: z.int().min(0).max(9_999),
    top: z.int().min(0).max(9_999),
    width: z.int().min(1).max(10_000),
    height: z.int().min(1).max(10_000),
  })
  .refine((zone) => zone.left + zone.width <= 10_000 && zone.top + zone.height <= 10_000, 'a zone lies in the picture');
export type Zone = z.infer<typeof zoneSchema>;
