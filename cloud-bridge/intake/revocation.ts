// An owner's verified revocation wins over everything in progress.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { failure } from '@doorsill/contract/errors';
import { IntakeReceipt, type IntakeStatus } from '@doorsill/contract/manifest';
import { Revoke } from '@doorsill/contract/owner-orders';
import type { EnrolmentStore } from '../enrolment/enrolment-store.ts';
import { peekToken, readToken } from '../signing/verify-token.ts';
import type { ClipFiles } from './clip-files.ts';
import type { IntakeReceiptSigner } from './intake-receipts.ts';
import type { GrantKey, Intake, IntakeStore } from './intake-store.ts';
import type { UploadLocks } from './upload-locks.ts';
import { pairedKey } from './verify-consent-chain.ts';

/**
 * What the device posts. `pairing` vouches for the revoking owner if the bridge has not seen that owner's grant; `homeRecall` is the
 * recall signed with the key of the clip's statement.
 */
export interface PostedRevocation {
  revocation: string;
  grant?: string | undefined;
  pairing?: string | undefined;
  /** Passed on to the vault, which verifies it; nothing here depends on it. */
  homeRecall?: string | undefined;
}

export interface RevocationHandlerDeps {
  clock: Clock;
  log: Log;
  store: IntakeStore;
  enrolments: EnrolmentStore;
  files: ClipFiles;
  locks: UploadLocks;
  receipts: IntakeReceiptSigner;
  /** Ends every running download of the clip; called once the revocation is durable. Never rejects. */
  endDownloads: (clip: string) => Promise<void>;
  /** The vault's side; null: this bridge does not hand over clips. */
  vault: RevokedAtVault | null;
}

/** What a revocation needs from the hand-over. Throws `vault_unreachable` and the like until the vault has answered. */
export interface RevokedAtVault {
  /** Stops sending the clip at once. */
  stopSending(key: GrantKey): void;
  /** Resolves when the vault keeps nothing of a clip that was not handed over yet. */
  withdraw(key: GrantKey): Promise<void>;
  /** Resolves when the vault has answered by department policy for a handed-over clip, and the answer is stored. */
  recall(key: GrantKey): Promise<void>;
}

/** Grants unknown to the bridge that one device may have revoked. */
const UNKNOWN_PER_DEVICE_MAX = 10_000;

export class RevocationHandler {
  private readonly deps: RevocationHandlerDeps;

  constructor(deps: RevocationHandlerDeps) {
    this.deps = deps;
  }

  /**
   * Revokes for good; every paired owner may. When it resolves, no byte of the clip is left here, nor at the vault unless the clip had
   * been handed over and department policy keeps it, which the receipt then says. A repeat gets the same answer. Throws
   * `device_not_enrolled`, `token_...`, `intake_grant_invalid`, `http_rate_limited`; and until the vault has answered,
   * `vault_unreachable`, `hand_over_unconfirmed`.
   */
  async revoke(grant: string, posted: PostedRevocation): Promise<IntakeStatus> {
    const { store, enrolments, clock, log } = this.deps;
    const claimed = peekToken(posted.revocation, Revoke);
    const key: GrantKey = { device: claimed.aud, grant: claimed.grant };
    if (claimed.grant !== grant) throw failure('message_topic_mismatch');
    const deviceKey = await enrolments.deviceKey(key.device);
    if (deviceKey === null) throw failure('device_not_enrolled');
    const intake = await store.find(key);
    const known = intake ?? (await store.findRevoked(key));
    const { iss, grantSha256 } = this.readRevocation(key, known, posted, deviceKey);
    const receipt = this.deps.receipts.sign(intake ?? { ...key, ...NOTHING }, 'deleted');
    const revoked = { ...key, ownerKey: known?.ownerKey ?? iss, grantSha256, receipt };
    const { revocation, pairing = null, homeRecall = null } = posted;
    const ownerRevocation = { revocation, pairing, homeRecall };
    const outcome = await store.revoke(revoked, wallSeconds(clock), UNKNOWN_PER_DEVICE_MAX, ownerRevocation);
    if (outcome.done === 'too-many') throw failure('http_rate_limited');
    if (outcome.done === 'recall') return this.recall(key);
    const clip = outcome.done === 'now' ? outcome.intake : intake;
    if (clip) await this.wipe(clip);
    if (outcome.done === 'now')
      log.info('an owner revoked a grant; the bridge keeps no clip of it', { hadClip: outcome.intake !== null });
    // The vault may hold bytes that were offered to it: a clip reported as deleted must be gone there, too.
    await this.deps.vault?.withdraw(key);
    return outcome.done === 'before' ? revokedStatus(grant, outcome.receipt) : { grant, state: 'deleted', receipt };
  }

  private async recall(key: GrantKey): Promise<IntakeStatus> {
    const { store, vault } = this.deps;
    if (!vault)
      throw failure('vault_unreachable', { detail: 'this bridge’s settings do not name the vault that has the clip' });
    await vault.recall(key);
    const answered = await store.findRevoked(key);
    if (!answered) throw failure('vault_unreachable', { detail: 'it has not answered yet' });
    return revokedStatus(key.grant, answered.receipt);
  }

  /** The revocation of this very grant token, signed by the owner who granted or by another one the device vouches for. */
  private readRevocation(
    key: GrantKey,
    known: Pick<Intake, 'ownerKey' | 'grantSha256'> | null,
    posted: PostedRevocation,
    deviceKey: string,
  ): Revoke {
    const vouched = posted.pairing === undefined ? null : pairedKey(posted.pairing, key.device, deviceKey);
    const revocation = readToken(posted.revocation, {
      typ: 'doorsill-revoke+jws',
      schema: Revoke,
      audience: key.device,
      keys: [known?.ownerKey, vouched].filter((owner) => typeof owner === 'string'),
    });
    const grantSha256 = known?.grantSha256 ?? revocation.grantSha256;
    const shown = posted.grant === undefined ? grantSha256 : sha256Hex(posted.grant);
    if (revocation.grantSha256 !== grantSha256 || shown !== grantSha256) {
      throw failure('intake_grant_invalid', { detail: 'the revocation is about other bytes of the grant' });
    }
    return revocation;
  }

  /** Deletes all files once the decision is durable. Taking the lock ends a running upload. */
  private async wipe(intake: Intake): Promise<void> {
    const { files, locks, endDownloads } = this.deps;
    this.deps.vault?.stopSending(intake);
    await endDownloads(intake.clip);
    await locks.hold(intake.upload, () => files.remove(intake));
  }
}

/** The status of a revoked grant, from its receipt. */
export function revokedStatus(grant: string, receipt: string): IntakeStatus {
  const { outcome } = peekToken(receipt, IntakeReceipt);
  return { grant, state: outcome === 'recalled' ? 'recalled' : 'deleted', receipt };
}

/** Facts in the receipt of a grant without a clip. */
const NOTHING = { clipSha256: sha256Hex(''), clipBytes: 0, manifestSha256: sha256Hex('') };
