// Owns: what travels with a clip and what is signed about it: manifest, upload token, intake receipt. Pure.
import { z } from 'zod';
import { disclosedValuesSchema, expSchema, signedClaims, windowSchema } from './claims.ts';
import { idSchema, publicKeySchema, sha256Schema } from './ids.ts';

/** How a clip was cut. `copy`: the window starts on a keyframe, nothing was encoded; `smart-cut`: only the first GOP's rest. */
export const CUT_METHODS = ['copy', 'smart-cut', 're-encode'] as const;

/** Signed by the device for its recipient (`aud`: an agency's id, or a pet owner's). `jti` is the clip id. */
export const manifestSchema = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  device: idSchema,
  request: idSchema,
  /** The owner's grant token, whole, and the device's pairing statement for the owner's key. */
  grant: z.string().max(8_192),
  pairing: z.string().max(2_048),
  clipSha256: sha256Schema,
  clipBytes: z.int().positive(),
  window: windowSchema,
  frames: z.int().positive(),
  /** Wall time of the first frame, and where the last one's display ends (never beyond the window). */
  coverage: windowSchema,
  /** Spans of the window without footage. Never bridged: a pause stays a pause in the clip's time stamps. */
  gaps: z.array(windowSchema).max(1_000),
  audioPackets: z.int().nonnegative(),
  method: z.enum(CUT_METHODS),
  /** Frames encoded again (0 for `copy`). */
  encodedFrames: z.int().nonnegative(),
  redacted: z.boolean(),
  /** Exactly the granted keys. */
  disclosed: disclosedValuesSchema,
});
export type Manifest = z.infer<typeof manifestSchema>;

/** Authorises one upload at one bridge (`aud`: bridge id). Presented as `Authorization: Bearer`. */
export const uploadTokenSchema = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  device: idSchema,
  grant: idSchema,
  clipSha256: sha256Schema,
  clipBytes: z.int().positive(),
  manifestSha256: sha256Schema,
});
export type UploadToken = z.infer<typeof uploadTokenSchema>;

/** What the device posts before any byte of the clip: everything the bridge needs to judge for itself. */
export const intakeOpeningSchema = z.strictObject({
  manifest: z.string().max(24_576),
});
export type IntakeOpening = z.infer<typeof intakeOpeningSchema>;

/** Where the bridge stands with one grant's clip. */
export const intakeStatusSchema = z.strictObject({
  grant: idSchema,
  state: z.enum(['open', 'stored', 'deleted', 'recalled']),
  /** Present once stored, deleted or recalled: the bridge's signed receipt. */
  receipt: z.string().max(4_096).optional(),
});
export type IntakeStatus = z.infer<typeof intakeStatusSchema>;

/**
 * The bridge's signed word (`aud`: device id): the clip is stored whole; or nothing is left of it; or it had been handed over
 * when it was revoked, and the department's policy keeps it.
 */
export const intakeReceiptSchema = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  grant: idSchema,
  outcome: z.enum(['stored', 'deleted', 'recalled']),
  clipSha256: sha256Schema,
  clipBytes: z.int().nonnegative(),
  manifestSha256: sha256Schema,
  /** With `stored`: the key of the one vault that the clip may be handed to; with `recall`: whose answer that is. */
  vault: publicKeySchema.optional(),
  /** With `recalled`, and with `deleted` after a hand-over: the vault's signed answer, whole. */
  recall: z.string().max(2_800).optional(),
});
export type IntakeReceipt = z.infer<typeof intakeReceiptSchema>;

/** Who looks, by name or badge, and why: said with every access. The log says what was said, whatever it is. */
export const accessReasonSchema = z.strictObject({
  officer: z.string().min(2).max(80),
  reason: z.string().min(3).max(200),
});

/** An officer's access to a stored clip (`aud`: bridge id): short-lived, for one clip, with who and why for the log. */
export const accessTokenSchema = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  agency: idSchema,
  clip: idSchema,
  ...accessReasonSchema.shape,
});
export type AccessToken = z.infer<typeof accessTokenSchema>;
