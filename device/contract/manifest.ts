// The documents that travel with a clip or are signed about it: full manifest, statement for its recipient, upload token, intake receipt,
// access token.
import { z } from 'zod';
import { idSchema, publicKeySchema, sha256Schema } from './ids.ts';
import { statedText } from './outside-text.ts';
import { SealedClip } from './sealing.ts';
import { DisclosedValues, expSchema, signedClaims, Window } from './shared-claims.ts';

/** `copy`: nothing was encoded, since the window starts on a keyframe; `smart-cut`: only the frames before its first keyframe were encoded. */
export const CutMethod = z.enum(['copy', 'smart-cut', 're-encode']);
export type CutMethod = z.infer<typeof CutMethod>;

/** The facts about a clip that manifest and statement share. */
const clipFacts = {
  request: idSchema,
  /** Of the file that travels: the clip or, of an encrypted one, the encrypted file. */
  clipSha256: sha256Schema,
  clipBytes: z.int().positive(),
  window: Window,
  frames: z.int().positive(),
  /** From the first frame's wall time to the end of the last one's display, never beyond the window. */
  coverage: Window,
  /** Spans of the window without footage; they are pauses in the clip's timestamps, too. */
  gaps: z.array(Window).max(1_000),
  audioPackets: z.int().nonnegative(),
  method: CutMethod,
  /** Frames encoded again (0 for `copy`). */
  encodedFrames: z.int().nonnegative(),
  redacted: z.boolean(),
  /** Exactly the granted keys. Empty for an encrypted clip, whose facts are encrypted with it. */
  disclosed: DisclosedValues,
  /** Absent for a clip that is not encrypted. */
  sealed: SealedClip.optional(),
} as const;

/**
 * The full manifest, signed by the device, for owner and bridge alone: it names the device and the owner's key. `aud` is whom the
 * clip was granted to (an agency's id, or a pet owner's), who gets a statement instead. `jti` is the clip id.
 */
export const Manifest = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  device: idSchema,
  /** The owner's grant token, whole, and the device's pairing statement for the owner's key. */
  grant: z.string().max(8_192),
  pairing: z.string().max(2_048),
  ...clipFacts,
});
export type Manifest = z.infer<typeof Manifest>;

/** Statements round coverage and gaps to this step: exact frame times would show that one camera made several clips. */
export const STATEMENT_TIME_STEP_US = 100_000;

/**
 * The manifest that vault, agency and pet owner get, signed with a key (`iss`) that is made for this one grant and signs only this and the
 * recall. Nothing in it is common to two clips of a home. `aud`: the clip's recipient; `iat`: the second in which the window ends, not the
 * time of signing, which would tell when a home answered; `jti`: the clip id.
 */
export const Statement = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  /** The home's pseudonym under this one grant, derived from `iss`. */
  home: idSchema,
  /** The grant's id. */
  grant: idSchema,
  ...clipFacts,
  /**
   * SHA-256 of the certificate's salt and the full manifest. Whoever has both can prove in a dispute that this manifest was meant; without
   * the salt nobody can confirm a guess at it.
   */
  manifestCommitment: sha256Schema,
});
export type Statement = z.infer<typeof Statement>;

/** The device's signed proof that a statement is its own (`aud`: bridge id). Only the bridge, and whoever settles a dispute, sees it. */
export const Certificate = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  device: idSchema,
  grant: idSchema,
  clip: idSchema,
  /** The statement's key. */
  key: publicKeySchema,
  statementSha256: sha256Schema,
  manifestSha256: sha256Schema,
  /** Base64url of `SALT_BYTES` random bytes: opens the statement's commitment to the full manifest. */
  salt: z.string().max(64),
});
export type Certificate = z.infer<typeof Certificate>;

/**
 * Recalls a clip from a vault, signed with the statement's key (`aud` as the statement's). It is signed together with the statement and
 * stored sealed on the device, so that the key need not be kept, and sent only with the owner's revocation.
 */
export const HomeRecall = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  home: idSchema,
  grant: idSchema,
  clip: idSchema,
  statementSha256: sha256Schema,
});
export type HomeRecall = z.infer<typeof HomeRecall>;

/** Largest manifest or statement, in letters. */
export const MANIFEST_LETTERS_MAX = 24_576;
/** Largest certificate, in letters. */
export const CERTIFICATE_LETTERS_MAX = 2_048;
/** Largest home recall, in letters. */
export const HOME_RECALL_LETTERS_MAX = 2_048;

/** Authorises one upload at one bridge (`aud`: bridge id). Presented as `Authorization: Bearer`. */
export const UploadToken = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  device: idSchema,
  grant: idSchema,
  clipSha256: sha256Schema,
  clipBytes: z.int().positive(),
  manifestSha256: sha256Schema,
});
export type UploadToken = z.infer<typeof UploadToken>;

/** Posted by the device before any byte of the clip: all that the bridge needs to decide about the upload. */
export const intakeOpeningSchema = z.strictObject({
  manifest: z.string().max(MANIFEST_LETTERS_MAX),
  statement: z.string().max(MANIFEST_LETTERS_MAX),
  certificate: z.string().max(CERTIFICATE_LETTERS_MAX),
});

/** State of one grant's clip at the bridge. */
export const IntakeStatus = z.strictObject({
  grant: idSchema,
  state: z.enum(['open', 'stored', 'deleted', 'recalled']),
  /** Present once stored, deleted or recalled: the bridge's signed receipt. */
  receipt: z.string().max(4_096).optional(),
});
export type IntakeStatus = z.infer<typeof IntakeStatus>;

/**
 * The bridge's signed statement (`aud`: device id; for `stored` there is a second one with the recipient as `aud`): the clip is stored
 * whole; or nothing is left of it; or it had been handed over when it was revoked, and the department's policy keeps it.
 */
export const IntakeReceipt = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  grant: idSchema,
  outcome: z.enum(['stored', 'deleted', 'recalled']),
  clipSha256: sha256Schema,
  clipBytes: z.int().nonnegative(),
  /** Of the full manifest. */
  manifestSha256: sha256Schema,
  /** With `stored`: of the statement. Absent in receipts that are older than statements. */
  statementSha256: sha256Schema.optional(),
  /** With `stored`, of a clip that only its recipient can read: the bridge has not seen it. */
  unopened: z.literal(true).optional(),
  /** With `stored`: the key of the one vault that the clip may be handed to; with `recall`: of the vault that answered. */
  vault: publicKeySchema.optional(),
  /** With `recalled`, and with `deleted` after a hand-over: the vault's signed answer, whole. */
  recall: z.string().max(2_800).optional(),
});
export type IntakeReceipt = z.infer<typeof IntakeReceipt>;

/** Who accesses, by name or badge. */
export const officerSchema = statedText(2, 80);
/** Why somebody accesses, refuses or ends something. */
export const reasonSchema = statedText(3, 200);
/** Required with every access, and logged. */
export const accessReasonSchema = z.strictObject({ officer: officerSchema, reason: reasonSchema });

/** An officer's access to one stored clip (`aud`: bridge id): short-lived, with officer and reason for the log. */
export const AccessToken = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  agency: idSchema,
  clip: idSchema,
  ...accessReasonSchema.shape,
});
export type AccessToken = z.infer<typeof AccessToken>;
