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

/** Longest validity of signed documents, in seconds from `iat` to `exp`. */
export const LIFE_S_MAX = {
  credential: 24 * 3600,
  /** Also where a bridge allows more. */
  search: 24 * 3600,
  /** An owner decides for now, not for next year. */
  grant: 7 * 24 * 3600,
  /** An agency's calls, and its access tokens. */
  agencyCall: 300,
  searchCall: 300,
  custodyCall: 300,
  stillCall: 60,
  contentKeyCall: 300,
} as const;

/** A half-open span of wall time in integer microseconds since 1970: a frame is inside if startUs <= pts < endUs. */
export const Window = z
  .strictObject({ startUs: wallUsSchema, endUs: wallUsSchema })
  .refine((window) => window.startUs < window.endUs, 'a window ends after it starts');
export type Window = z.infer<typeof Window>;

/** Whether `inner` lies wholly inside `outer`. */
export function windowWithin(inner: Window, outer: Window): boolean {
  return inner.startUs >= outer.startUs && inner.endUs <= outer.endUs;
}

/** The parts of the spans that lie inside a window, in the same order. */
export function partsInside(spans: readonly Window[], window: Window): Window[] {
  return spans
    .map(({ startUs, endUs }) => ({ startUs: Math.max(startUs, window.startUs), endUs: Math.min(endUs, window.endUs) }))
    .filter((span) => span.startUs < span.endUs);
}

/** A fact about a home. */
interface DisclosedFact {
  /** Letters, at least and at most. */
  readonly least: number;
  readonly most: number;
  /** The kind of text, as a value of HTML's `autocomplete`. */
  readonly kind: 'name' | 'street-address' | 'email' | 'tel';
  readonly called: string;
}

/** The facts that an owner can disclose with a clip, in their fixed order. A new one needs a row here and its name on the page. */
export const DISCLOSED_FACTS = {
  name: { least: 1, most: 200, kind: 'name', called: 'the name' },
  address: { least: 1, most: 300, kind: 'street-address', called: 'the address' },
  email: { least: 3, most: 254, kind: 'email', called: 'the e-mail address' },
  phone: { least: 3, most: 40, kind: 'tel', called: 'the phone number' },
} as const satisfies Record<string, DisclosedFact>;

/** The name of such a fact. */
export const DisclosureKey = z.enum(Object.keys(DISCLOSED_FACTS) as (keyof typeof DISCLOSED_FACTS)[]);
export type DisclosureKey = z.infer<typeof DisclosureKey>;

/** The named sets of disclosure keys that an agency may ask for. */
export const DisclosureProfile = z.enum(['nothing', 'address-and-email', 'name-email-phone']);
export type DisclosureProfile = z.infer<typeof DisclosureProfile>;

/** The keys of each set. `address-and-email` is the default; press reports describe it. */
export const DISCLOSURE_PROFILES = {
  nothing: [],
  'address-and-email': ['address', 'email'],
  'name-email-phone': ['name', 'email', 'phone'],
} as const satisfies Record<DisclosureProfile, readonly DisclosureKey[]>;

/** A set of disclosure keys: each at most once, in the order of `DisclosureKey`, so that a set has exactly one encoding. */
export const disclosureSetSchema = z
  .array(DisclosureKey)
  .refine(
    (keys) =>
      keys.every(
        (key, at) =>
          at === 0 || DisclosureKey.options.indexOf(key) > DisclosureKey.options.indexOf(keys[at - 1] as DisclosureKey),
      ),
    `keys once each, in the order ${DisclosureKey.options.join(', ')}`,
  );

/** A schema for each fact, made of the schema of its text. */
export function eachFact<S extends z.ZodType>(of: (text: z.ZodString) => S): Record<DisclosureKey, S> {
  const facts = Object.entries(DISCLOSED_FACTS);
  const schemas = facts.map(([key, { least, most }]) => [key, of(z.string().min(least).max(most))] as const);
  return Object.fromEntries(schemas) as Record<DisclosureKey, S>;
}

/** A device's values for the keys; without a value a key cannot be disclosed. */
export const DisclosedValues = z.strictObject(eachFact((text) => text.optional()));
export type DisclosedValues = z.infer<typeof DisclosedValues>;

/** A rectangle to black out, in ten-thousandths of the picture's width and height. */
export const Zone = z
  .strictObject({
    left: z.int().min(0).max(9_999),
    top: z.int().min(0).max(9_999),
    width: z.int().min(1).max(10_000),
    height: z.int().min(1).max(10_000),
  })
  .refine((zone) => zone.left + zone.width <= 10_000 && zone.top + zone.height <= 10_000, 'a zone lies in the picture');
export type Zone = z.infer<typeof Zone>;
