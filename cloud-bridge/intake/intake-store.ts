import type { ErrorCode } from '@doorsill/contract/errors';

/** One grant of one device: grant ids are unique only per device, which vouches for its owners. */
export interface GrantKey {
  device: string;
  grant: string;
}

/** The intake of one clip: `open` until it is `stored` or `deleted`; a stored one may become `handed-over` to the vault. */
export interface Intake extends GrantKey {
  clip: string;
  /** Id of the agency's request or the neighbour's search that it answers. */
  request: string;
  /** The recipient: the id of an agency, or of a pet's owner (`owner-...`), which no agency's token can name. */
  agency: string;
  /** Who signed the grant, and the hash of its bytes: a revocation must match both. */
  ownerKey: string;
  grantSha256: string;
  /** Of the full manifest, which is stored sealed and separately (disputes/). */
  manifestSha256: string;
  /**
   * The document for the recipient. Empty once the clip is deleted or handed over, because it holds what the home disclosed, and for a clip
   * older than statements. Only in that last case its hash is empty, too.
   */
  statement: string;
  statementSha256: string;
  /** The home's pseudonym in the statement; empty where there is none. */
  home: string;
  clipSha256: string;
  clipBytes: number;
  /** Only the recipient can read it: hash and size are those of the encrypted file. */
  isSealed: boolean;
  /** When the grant expires, in seconds since 1970. */
  expiresS: number;
  /** Id of the upload and name of its staged file. Random, and useless without a token. */
  upload: string;
  /** Whether the upload exists (created and not terminated). */
  uploading: boolean;
  creations: number;
  state: 'open' | 'stored' | 'handed-over' | 'deleted';
  /** Why it was deleted, if it was. */
  refusal: ErrorCode | null;
  receipt: string | null;
  /** The recipient's copy of a `stored` receipt. */
  statementReceipt: string | null;
  /** Key of the vault that the receipt names: the only vault it may be handed to. */
  vault: string | null;
}

/** Whether the whole clip has arrived, wherever it is stored now. */
export function hasArrived({ state }: Pick<Intake, 'state'>): boolean {
  return state === 'stored' || state === 'handed-over';
}

export interface OpenLimits {
  openPerDeviceMax: number;
  openBytesPerDeviceMax: number;
  /** Bytes stored in the last 24 hours, plus those still expected. */
  dayBytesPerDeviceMax: number;
}

/** `revoked` is checked first: a revoked grant has no other answer. */
export type OpenOutcome = 'opened' | 'revoked' | 'known' | 'clip-taken' | 'over-quota';

/** A revocation that was carried out. */
export interface RevokedGrant extends GrantKey {
  ownerKey: string;
  grantSha256: string;
  receipt: string;
}

/**
 * A revocation as its owner signed it; if the device sent them, also the pairing that vouches for that owner, and the recall signed with
 * the key of the clip's statement.
 */
export interface OwnerRevocation {
  revocation: string;
  pairing: string | null;
  homeRecall: string | null;
}

/** Columns written in the step that makes a clip visible. */
export interface StoredClip {
  receipt: string;
  statementReceipt: string;
  storedS: number;
  vault: string | null;
}

export type RevokeOutcome =
  | { done: 'before'; receipt: string }
  | { done: 'now'; intake: Intake | null }
  /** It was handed over: the vault must be asked, and decides. */
  | { done: 'recall'; intake: Intake }
  | { done: 'too-many' };

/** A reader of clips: the id in use now, and the agency, or pet's owner, across its keys. */
export interface Reader {
  agency: string;
  organisation: string;
}

/** A clip's position in its agency's list. */
export interface ClipPosition {
  storedS: number;
  clip: string;
}

export interface IntakeStore {
  find(key: GrantKey): Promise<Intake | null>;
  findClip(clip: string): Promise<Intake | null>;
  findUpload(upload: string): Promise<Intake | null>;
  /** Adds an intake with its sealed full manifest, in one step with the checks. */
  open(intake: Intake, sealedManifest: Uint8Array, limits: OpenLimits, nowS: number): Promise<OpenOutcome>;
  /** Notes that the upload was created (again) or ended; does nothing unless the intake is open. */
  setUploading(upload: string, uploading: boolean): Promise<void>;
  /**
   * The one step that makes a clip visible: in one transaction, checks that the intake is open, its grant not
   * revoked and the request it answers still open; calls `check` with it (throws to refuse) and `move` (moves the files); stores the
   * receipt. Returns whether the clip is stored now.
   */
  publish(key: GrantKey, stored: StoredClip, check: (now: Intake) => void, move: () => Promise<void>): Promise<boolean>;
  /** Replaces the upload of an open intake with `anew`, not yet created; null when `upload` is not its upload any more. */
  beginAnew(upload: string, anew: string): Promise<Intake | null>;
  /** Ends an open intake as deleted; false when it is not open (any more). */
  drop(key: GrantKey, refusal: ErrorCode, receipt: string): Promise<boolean>;
  findRevoked(key: GrantKey): Promise<RevokedGrant | null>;
  /**
   * Stores the revocation for good and ends the intake in one step; for a handed-over clip, records that the vault must be asked. `ownerRevocation`:
   * the owner's signed revocation, to be passed on to the vault.
   */
  revoke(
    revoked: RevokedGrant,
    revokedS: number,
    perDeviceMax: number,
    ownerRevocation: OwnerRevocation,
  ): Promise<RevokeOutcome>;
  openIntakes(): Promise<Intake[]>;
  /** Clips granted to any key of a reader, here or in the vault, newest first, after `behind`. */
  storedClips(reader: Reader, behind: ClipPosition | null, most: number): Promise<(Intake & ClipPosition)[]>;
}
