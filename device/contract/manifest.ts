// Owns: what travels with a clip and what is signed about it: the full manifest, the statement that its recipient gets
// instead, upload token, intake receipt. Pure. Not here: making and checking them (clip/disclosure.ts, clip/verify-clip.ts).
import { z } from 'zod';
import { idSchema, publicKeySchema, sha256Schema } from './ids.ts';
import { statedText } from './outside-text.ts';
import { DisclosedValues, expSchema, signedClaims, Window } from './shared-claims.ts';

/** How a clip was cut. `copy`: the window starts on a keyframe, nothing was encoded; `smart-cut`: only the rest of the first GOP was. */
export const CutMethod = z.enum(['copy', 'smart-cut', 're-encode']);
export type CutMethod = z.infer<typeof CutMethod>;

/** What a manifest says about its clip. */
const clipFacts = {
  request: idSchema,
  clipSha256: sha256Schema,
  clipBytes: z.int().positive(),
  window: Window,
  frames: z.int().positive(),
  /** Wall time of the first frame, and where the last one's display ends (never beyond the window). */
  coverage: Window,
  /** Spans of the window without footage. Never bridged: a pause stays a pause in the clip's time stamps. */
  gaps: z.array(Window).max(1_000),
  audioPackets: z.int().nonnegative(),
  method: CutMethod,
  /** Frames encoded again (0 for `copy`). */
  encodedFrames: z.int().nonnegative(),
  redacted: z.boolean(),
  /** Exactly the granted keys. */
  disclosed: DisclosedValues,
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

/** Coverage and gaps are rounded to this many microseconds: exact frame times would reveal one camera's clock in several clips. */
export const STATEMENT_TIME_STEP_US = 100_000;

/**
 * The manifest that vault, agency and pet owner get, signed with a key (`iss`) made for this one grant, which signs nothing else
 * but its recall. It holds nothing that two clips of a home have in common. `aud` is whom the clip was granted to; `iat` is the
 * second in which the window ends, not the time of signing, so that it hides when a home answered. `jti` is the clip id.
 */
export const Statement = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  /** The home's pseudonym under this one grant, derived from `iss`. */
  home: idSchema,
  /** The grant's id. */
  grant: idSchema,
  ...clipFacts,
  /** SHA-256 of the certificate's salt and the full manifest: it can be opened in a dispute, but nobody can guess it. */
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
 * Takes back a clip that a vault has, signed with its statement's key (`aud` as the statement's). Signed together with the statement
 * and stored sealed on the device, so that the key need not be kept; sent only with the owner's revocation.
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

/** Largest token of each kind, in letters. */
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

/** What the device posts before any byte of the clip: everything the bridge needs to judge for itself. */
export const intakeOpeningSchema = z.strictObject({
  manifest: z.string().max(MANIFEST_LETTERS_MAX),
  statement: z.string().max(MANIFEST_LETTERS_MAX),
  certificate: z.string().max(CERTIFICATE_LETTERS_MAX),
});

/** Where the bridge stands with one grant's clip. */
export const IntakeStatus = z.strictObject({
  grant: idSchema,
  state: z.enum(['open', 'stored', 'deleted', 'recalled']),
  /** Present once stored, deleted or recalled: the bridge's signed receipt. */
  receipt: z.string().max(4_096).optional(),
});
export type IntakeStatus = z.infer<typeof IntakeStatus>;

/**
 * The bridge's signed statement (`aud`: device id; a `stored` one has a twin whose `aud` is whom the clip was granted to): the clip is stored whole; or nothing is left of it; or it had been handed over
 * when it was revoked, and the department's policy keeps it.
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
  /** With `stored`: of the statement. Absent from receipts of before there were statements. */
  statementSha256: sha256Schema.optional(),
  /** With `stored`: the key of the one vault that the clip may be handed to; with `recall`: whose answer that is. */
  vault: publicKeySchema.optional(),
  /** With `recalled`, and with `deleted` after a hand-over: the vault's signed answer, whole. */
  recall: z.string().max(2_800).optional(),
});
export type IntakeReceipt = z.infer<typeof IntakeReceipt>;

/** Who accesses, by name or badge. */
export const officerSchema = statedText(2, 80);
/** Why somebody accesses, refuses or ends something. */
export const reasonSchema = statedText(3, 200);
/** Who accesses and why: given with every access, and logged, whatever it says. */
export const accessReasonSchema = z.strictObject({ officer: officerSchema, reason: reasonSchema });

/** An officer's access to a stored clip (`aud`: bridge id): short-lived, for one clip, with who and why for the log. */
export const AccessToken = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  agency: idSchema,
  clip: idSchema,
  ...accessReasonSchema.shape,
});
export type AccessToken = z.infer<typeof AccessToken>;
