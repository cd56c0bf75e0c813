// How a device enrols at a bridge, once: code, proof, statement.
import { z } from 'zod';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from './bytes.ts';
import { idSchema, publicKeySchema, sha256Schema } from './ids.ts';
import { expSchema, signedClaims } from './shared-claims.ts';

const EnrolmentCode = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).max(200),
  /** SHA-256 of the texts of the bridge's and the registry's public keys: the device pins them before it contacts anyone. */
  bridge: sha256Schema,
  registry: sha256Schema,
  secret: z.string().regex(/^[A-Za-z0-9_-]{22,64}$/),
});
/** A one-time enrolment code as the bridge prints it. */
type EnrolmentCode = z.infer<typeof EnrolmentCode>;

const CODE_PREFIX = 'doorsill-enrol.';

/** The code as one line of text. */
export function printEnrolmentCode(code: EnrolmentCode): string {
  return CODE_PREFIX + toBase64url(utf8(JSON.stringify(code)));
}

/** Reads a code; null for other text. */
export function parseEnrolmentCode(text: string): EnrolmentCode | null {
  const trimmed = text.trim();
  if (!trimmed.startsWith(CODE_PREFIX) || trimmed.length > 2_000) return null;
  const bytes = fromBase64url(trimmed.slice(CODE_PREFIX.length));
  const json = bytes && fromUtf8(bytes);
  if (!json) return null;
  try {
    const parsed = EnrolmentCode.safeParse(JSON.parse(json));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** Largest PEM of a CA in bytes. */
export const CA_BYTES_MAX = 4_096;
/** PEM of the CA of a broker's certificate, if it is not a publicly trusted CA. */
export const caSchema = z
  .string()
  .max(CA_BYTES_MAX)
  .regex(/^(-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n)+$/);

/** The device's proof (`aud`: bridge id) that it holds its key and the code. It does not tell the device's location. */
export const enrolmentProofSchema = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  device: idSchema,
  secretSha256: sha256Schema,
});

/** The body of `POST /v1/enrolments`. */
export const enrolmentBodySchema = z.strictObject({ secret: z.string().max(64), proof: z.string().max(4_096) });

/** The bridge's statement (`aud`: device id): whom to trust and how to reach the area link. */
export const EnrolmentStatement = z.strictObject({
  ...signedClaims,
  device: idSchema,
  bridge: idSchema,
  registry: publicKeySchema,
  area: z.strictObject({
    url: z.string().regex(/^mqtts?:\/\/[^\s]{1,200}$/),
    user: idSchema,
    password: z.string().min(16).max(128),
    prefix: z.string().regex(/^[a-z0-9][a-z0-9/-]{0,60}[a-z0-9]$/),
    ca: caSchema.optional(),
  }),
});
export type EnrolmentStatement = z.infer<typeof EnrolmentStatement>;
