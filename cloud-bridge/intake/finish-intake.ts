// How an intake ends: stored or deleted. Safe to repeat after a crash at any point.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import { Repeater } from '@doorsill/base/repeater';
import { type ErrorCode, type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { Statement } from '@doorsill/contract/manifest';
import { peekToken } from '../signing/verify-token.ts';
import { type AnswerableKinds, kindOfRecipient } from './answerable-request.ts';
import type { ClipFiles, KeptClips } from './clip-files.ts';
import type { IntakeReceiptSigner } from './intake-receipts.ts';
import type { Intake, IntakeStore } from './intake-store.ts';
import type { UploadLocks } from './upload-locks.ts';

export interface IntakeFinisherDeps {
  clock: Clock;
  log: Log;
  store: IntakeStore;
  files: ClipFiles;
  locks: UploadLocks;
  receipts: IntakeReceiptSigner;
  answerables: AnswerableKinds;
  sweepEveryMs: number;
  /** Key of the vault that stored clips are handed to; null: they stay here. */
  vault: string | null;
  /** Called when a clip has just been stored. */
  stored: () => void;
}

export class IntakeFinisher {
  private readonly deps: IntakeFinisherDeps;
  private readonly sweeping: Repeater;

  constructor(deps: IntakeFinisherDeps) {
    this.deps = deps;
    this.sweeping = new Repeater(deps, 'sweep intakes', deps.sweepEveryMs, () => this.sweep());
  }

  /** Repairs the leftovers of a crash, then finishes and expires waiting intakes at intervals. */
  async start(): Promise<void> {
    const { files, store } = this.deps;
    await files.start();
    for (const intake of await store.openIntakes()) await files.moveBack(intake);
    await this.showStored();
    await files.sweep(keptBy(store));
    this.sweeping.start();
    void this.sweeping.now();
  }

  async stop(): Promise<void> {
    await this.sweeping.stop();
  }

  /**
   * Stores the clip if all its bytes are there; does nothing when some are missing or it has ended already. Throws
   * `intake_hash` (send again), `intake_structure`, `intake_grant_invalid`, `intake_revoked`, `request_not_live`,
   * `agency_...`, `partner_...` (deleted), `credential_unavailable`, `intake_full` (it is tried again by itself).
   */
  async finish(upload: string): Promise<void> {
    // Checked before taking the lock, which would end an upload that is still running.
    const seen = await this.deps.store.findUpload(upload);
    if (seen?.state !== 'open' || (await this.isPartial(seen))) return;
    await this.deps.locks.hold(upload, async () => {
      const intake = await this.deps.store.findUpload(upload);
      if (intake?.state !== 'open' || !(await this.isWhole(intake))) return;
      try {
        await this.settle(intake);
      } catch (thrown) {
        if (isFailure(thrown) && isFinal(thrown)) await this.drop(intake, thrown.code);
        throw thrown;
      }
    });
  }

  /**
   * Erases staged bytes of uploads that another instance has ended, by a revocation or by starting over. A running upload ends first.
   */
  async eraseEnded(): Promise<void> {
    const { store, files, locks } = this.deps;
    for (const upload of await files.hiddenNames()) {
      const state = (await store.findUpload(upload))?.state;
      if (state !== 'open' && state !== 'stored') await locks.hold(upload, () => files.removeStaged(upload));
    }
  }

  /** Neither this nor `isWhole` holds while a clip is being stored: it is not staged any more, and the lock is held. */
  private async isPartial(intake: Intake): Promise<boolean> {
    const staged = intake.uploading ? await this.deps.files.stagedBytes(intake.upload) : 0;
    return staged !== null && staged < intake.clipBytes;
  }

  private async isWhole(intake: Intake): Promise<boolean> {
    return intake.uploading && (await this.deps.files.stagedBytes(intake.upload)) === intake.clipBytes;
  }

  private async settle(intake: Intake): Promise<void> {
    const { files, store, receipts, answerables, clock, log } = this.deps;
    if ((await files.sealStaged(intake.upload)) !== intake.clipSha256) {
      await store.setUploading(intake.upload, false);
      await files.removeStaged(intake.upload);
      throw failure('intake_hash');
    }
    const statement = peekToken(intake.statement, Statement);
    await files.checkStaged(intake.upload, statement);
    const kind = kindOfRecipient(intake.agency);
    const answerable = await answerables[kind].find(intake.request);
    const assertGood = await answerable.admit();
    // A clip granted to an agency goes to the vault, one granted to a neighbour for a pet search never does.
    const vault = kind === 'agency' ? this.deps.vault : null;
    const named = {
      ...(vault === null ? {} : { vault }),
      ...(statement.sealed ? { unopened: true as const } : {}),
    };
    const receipt = receipts.sign(intake, 'stored', named);
    const statementReceipt = receipts.signFor(intake.agency, intake, 'stored', named);
    const stored = { receipt, statementReceipt, storedS: wallSeconds(clock), vault };
    try {
      await files.makeReady(intake, intake.statement);
      const check = (now: Intake) => {
        // Another instance has started the upload over and has its bytes.
        if (now.upload !== intake.upload) throw failure('http_not_found');
        assertGrantAlive(intake, clock);
        assertGood();
      };
      const done = await store.publish(intake, stored, check, () => files.show(intake.clip));
      if (!done) throw await this.refusalOf(intake);
    } catch (thrown) {
      await files.moveBack(intake);
      throw thrown;
    }
    await files.shown(intake);
    log.info('a clip is stored', { clip: intake.clip, bytes: intake.clipBytes });
    this.deps.stored();
  }

  /**
   * Makes clips visible that are stored according to the database but were moved back: a commit whose sync fails, or whose answer is lost
   * with the connection, is reported as failed, but may have succeeded.
   */
  private async showStored(): Promise<void> {
    const { files, store, locks, log } = this.deps;
    for (const name of await files.hiddenNames()) {
      const seen = (await store.findUpload(name)) ?? (await store.findClip(name));
      if (seen?.state !== 'stored') continue;
      await locks.hold(seen.upload, async () => {
        // The former holder of the lock may have shown or deleted it meanwhile.
        const intake = await store.find(seen);
        const names = await files.hiddenNames();
        if (intake?.state !== 'stored' || !names.some((one) => one === seen.upload || one === seen.clip)) return;
        await files.showAgain(intake, intake.statement);
        log.warn('a stored clip could not be seen after an interrupted step; it can be seen again', {
          clip: intake.clip,
        });
        this.deps.stored();
      });
    }
  }

  /** Why the store refused to publish an intake that was open before. */
  private async refusalOf(intake: Intake): Promise<Failure> {
    const now = await this.deps.store.find(intake);
    if (now?.state === 'open') return failure('request_not_live');
    return failure('intake_revoked');
  }

  /** Ends an open intake as deleted, for good, and removes its files. The caller holds the upload's lock. */
  private async drop(intake: Intake, why: ErrorCode): Promise<void> {
    const { store, receipts, files, log } = this.deps;
    if (await store.drop(intake, why, receipts.sign(intake, 'deleted'))) {
      log.warn('an upload is refused for good (see code), and its bytes are deleted', { code: why });
    }
    await files.remove(intake);
  }

  private async sweep(): Promise<void> {
    const { store, files, clock, locks } = this.deps;
    await this.showStored();
    for (const intake of await store.openIntakes()) {
      try {
        if (wallSeconds(clock) < intake.expiresS) await this.finish(intake.upload);
        else await locks.hold(intake.upload, () => this.drop(intake, 'intake_grant_invalid'));
      } catch (thrown) {
        // One clip that cannot be stored must not keep the others waiting.
        const detail = thrown instanceof Error ? thrown.message : 'not an error';
        this.deps.log.warn('an upload could not be finished or ended; it is tried again at the next sweep', {
          code: isFailure(thrown) ? thrown.code : 'internal',
          detail,
        });
      }
    }
    await files.sweepShared(keptBy(store));
  }
}

function keptBy(store: IntakeStore): KeptClips {
  return {
    staged: async (upload) => (await store.findUpload(upload))?.state === 'open',
    stored: async (clip, upload) => {
      const seen = await store.findClip(clip);
      return seen?.state === 'stored' && (upload === undefined || upload === seen.upload);
    },
    known: async (clip) => (await store.findClip(clip)) !== null,
  };
}

/** Whether neither resending the bytes nor waiting would help. */
function isFinal(thrown: Failure): boolean {
  return (
    !thrown.retryable &&
    thrown.code !== 'intake_hash' &&
    /^(intake_|agency_|partner_|request_not_live)/.test(thrown.code)
  );
}

/** Throws `intake_grant_invalid` once the grant has expired: from then on nothing more is accepted under it. */
export function assertGrantAlive(intake: Pick<Intake, 'expiresS'>, clock: Clock): void {
  if (wallSeconds(clock) >= intake.expiresS) throw failure('intake_grant_invalid', { detail: 'it has expired' });
}
