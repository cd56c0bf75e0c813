// Gets each stored clip to the vault exactly once, through every outage, and only then deletes the bridge's copy. An owner's revocation may
// come before or after.
import { Backoff } from '@doorsill/base/backoff';
import { type Clock, type Timer, wallSeconds } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { failure, isFailure } from '@doorsill/contract/errors';
import type { RecallAnswer } from '@doorsill/contract/hand-over-documents';
import { Revoke } from '@doorsill/contract/owner-orders';
import type { ClipFiles } from '../intake/clip-files.ts';
import type { IntakeReceiptSigner } from '../intake/intake-receipts.ts';
import type { GrantKey, Intake } from '../intake/intake-store.ts';
import type { UploadLocks } from '../intake/upload-locks.ts';
import { ALONE, type Turns } from '../persistence/instance-turns.ts';
import { peekToken } from '../signing/verify-token.ts';
import type { HandOverJob, HandOverStore } from './hand-over-store.ts';
import type { VaultMessageSigner } from './sign-vault-messages.ts';
import type { VaultClient } from './vault-client.ts';

export interface HandOversDeps {
  clock: Clock;
  random: Random;
  log: Log;
  store: HandOverStore;
  files: ClipFiles;
  locks: UploadLocks;
  receipts: IntakeReceiptSigner;
  client: VaultClient;
  messages: VaultMessageSigner;
  vaultKey: string;
  retryMsFirst: number;
  retryMsMost: number;
  /** Among several instances, so that one of them hands over a clip; absent: there is one. */
  turns?: Turns;
}

const AT_ONCE_MAX = 4;
const JOBS_MAX = 1_000;

interface ClipRun {
  backoff: Backoff;
  /** Set while it waits for its next attempt. */
  timer: Timer | null;
  /** Set while it is running. */
  work: Promise<unknown> | null;
  abort: AbortController;
}

export class HandOvers {
  private readonly deps: HandOversDeps;
  private readonly runs = new Map<string, ClipRun>();
  private stopping = new AbortController();
  private reading: Promise<void> | null = null;
  private isReadWanted = false;
  private nextRead: Timer | null = null;

  constructor(deps: HandOversDeps) {
    this.deps = deps;
  }

  /** Resumes what an earlier run left unfinished. */
  start(): void {
    this.wake();
  }

  /** Stops all work where it stands; the next start resumes it. */
  async stop(): Promise<void> {
    this.stopping.abort(failure('vault_unreachable', { detail: 'the bridge is stopping' }));
    for (const { timer } of this.runs.values()) timer?.cancel();
    await this.reading;
    this.nextRead?.cancel();
    await Promise.allSettled([...this.runs.values()].map(({ work }) => work));
  }

  /** Reads the jobs now: a clip was stored, or a wait has ended. They are also read every `retryMsMost`. */
  wake(): void {
    if (this.stopping.signal.aborted) return;
    this.isReadWanted = true;
    this.reading ??= this.readJobs().finally(() => {
      this.reading = null;
      // Requested while the last read was ending.
      if (this.isReadWanted) this.wake();
    });
  }

  /** Stops sending a clip, at once: its owner has revoked. */
  stopSending(key: GrantKey): void {
    const run = this.runs.get(nameOf(key));
    if (!run) return;
    const { abort } = run;
    run.abort = new AbortController();
    abort.abort(failure('intake_revoked'));
  }

  /** Makes sure that the vault keeps nothing of a revoked clip. Throws `vault_unreachable`, `hand_over_unconfirmed`. */
  async withdraw(key: GrantKey): Promise<void> {
    await this.nowOrLater(key, async (signal) => {
      const job = await this.deps.store.job(key);
      if (job?.state === 'withdrawing') await this.sendWithdrawal(job.intake, signal);
    });
  }

  /**
   * Sends a recall and stores the answer, unless there is one. Throws `vault_unreachable`, `hand_over_unconfirmed`, the vault's refusal.
   */
  async recall(key: GrantKey): Promise<void> {
    await this.nowOrLater(key, async (signal) => {
      const job = await this.deps.store.job(key);
      if (job?.state === 'recalling') await this.sendRecall(job, signal);
    });
  }

  /** A failure is retried in the background, too: the caller might not ask again. */
  private async nowOrLater(key: GrantKey, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await this.runAlone(key, work);
    } catch (thrown) {
      this.wake();
      throw thrown;
    }
  }

  private async readJobs(): Promise<void> {
    const { store, vaultKey, log } = this.deps;
    while (this.isReadWanted && !this.stopping.signal.aborted) {
      this.isReadWanted = false;
      try {
        for (const job of await store.jobs(vaultKey, JOBS_MAX)) this.begin(job);
      } catch (thrown) {
        log.error(
          'the clips to hand over could not be read from the database; nothing is lost, and it is tried again',
          {
            detail: thrown instanceof Error ? thrown.message : 'not an error',
          },
        );
      }
    }
    // Nothing else wakes it when the answer to a committed step was lost, or when the instance that took the clip is gone for good.
    this.nextRead?.cancel();
    if (this.stopping.signal.aborted) return;
    this.nextRead = this.deps.clock.after(this.deps.retryMsMost, () => this.wake());
  }

  private begin({ intake }: HandOverJob): void {
    const running = [...this.runs.values()].filter(({ work }) => work !== null).length;
    const run = this.run(intake);
    if (run.work || run.timer || running >= AT_ONCE_MAX) return;
    const { abort } = run;
    void this.runAlone(intake, (signal) => this.advance(intake, signal)).then(
      () => this.wake(),
      (thrown: unknown) => this.retryLater(intake, run, abort.signal.aborted, thrown),
    );
  }

  /** Sends the remaining messages about a clip, starting from its state in the database. */
  private async advance(key: GrantKey, signal: AbortSignal): Promise<void> {
    for (;;) {
      const job = await this.deps.store.job(key);
      if (!job) return;
      switch (job.state) {
        case null:
        case 'offered':
          if (!(await this.handOver(job.intake, signal))) return;
          break;
        case 'handed-over':
          await this.confirm(job.intake, signal);
          break;
        case 'withdrawing':
          await this.sendWithdrawal(job.intake, signal);
          break;
        case 'recalling':
          await this.sendRecall(job, signal);
          break;
      }
    }
  }

  /** `isRevoked`: the owner revoked meanwhile; the next attempt starts at once from the new state in the database. */
  private retryLater(key: GrantKey, run: ClipRun, isRevoked: boolean, thrown: unknown): void {
    if (this.stopping.signal.aborted) return;
    const retryInMs = isRevoked ? 0 : run.backoff.nextMs();
    if (!isRevoked) {
      const code = isFailure(thrown) ? thrown.code : 'internal';
      const detail = thrown instanceof Error ? thrown.message : 'not an error';
      this.deps.log.warn('a step of handing a clip over to the vault failed; it is tried again after retryInMs', {
        ...idsOf(key),
        code,
        detail,
        retryInMs,
      });
    }
    this.runs.set(nameOf(key), run);
    run.timer = this.deps.clock.after(retryInMs, () => {
      run.timer = null;
      this.wake();
    });
    // Another clip may use its slot.
    this.wake();
  }

  /** Returns whether the clip is the vault's now. The order is: offered, acknowledged, decided, erased here. */
  private async handOver(intake: Intake, signal: AbortSignal): Promise<boolean> {
    const { store, client, messages, files, clock, log } = this.deps;
    const { item } = messages.clipOf(intake);
    if (!(await store.offered(intake, item))) return false;
    const offer = await messages.step(intake, 'offer');
    const { statement, statementReceipt: receipt } = intake;
    if (receipt === null) throw failure('internal', { detail: 'a stored clip without a receipt for its recipient' });
    const clip = { bytes: intake.clipBytes, open: () => files.openClip(intake) };
    let status = await client.offer({ offer, statement, receipt }, signal);
    if (status.state === 'open') status = await client.send(item, offer, clip, signal);
    const acknowledgement = messages.acknowledgementIn(status, intake);
    if (status.state !== 'held' && status.state !== 'confirmed') {
      throw failure('hand_over_unconfirmed', { detail: `it says that the item is ${status.state}` });
    }
    const verdict = messages.verdictIn(status, intake);
    if (!(await store.handedOver(intake, { item, acknowledgement, verdict }, wallSeconds(clock)))) return false;
    const opened = verdict ? { opened: verdict.outcome } : {};
    log.info('a clip is handed over: the vault holds it now', { ...idsOf(intake), item, ...opened });
    return true;
  }

  private async confirm(intake: Intake, signal: AbortSignal): Promise<void> {
    const { store, client, messages, files, locks } = this.deps;
    await locks.hold(intake.upload, () => files.remove(intake));
    const status = await client.confirm(await messages.step(intake, 'confirm'), signal);
    messages.acknowledgementIn(status, intake);
    await store.confirmed(intake);
  }

  private async sendWithdrawal(intake: Intake, signal: AbortSignal): Promise<void> {
    const { store, client, messages } = this.deps;
    const status = await client.withdraw(await messages.step(intake, 'withdraw'), signal);
    if (status.item !== messages.clipOf(intake).item || status.state !== 'erased') {
      throw failure('hand_over_unconfirmed', { detail: 'it does not say that the clip is withdrawn' });
    }
    await store.withdrawn(intake);
  }

  private async sendRecall({ intake, ownerRevocation }: HandOverJob, signal: AbortSignal): Promise<void> {
    const { store, client, messages, files, locks, receipts, vaultKey, clock, log } = this.deps;
    if (!ownerRevocation) throw failure('internal', { detail: 'a recall without its owner’s revocation' });
    // The bridge's own copy must be gone before the vault is asked: the hand-over may not have erased it yet.
    await locks.hold(intake.upload, () => files.remove(intake));
    const { revocation } = ownerRevocation;
    const { answer } = await client.recall(messages.recall(intake, ownerRevocation), signal);
    const said: RecallAnswer = messages.answerIn(answer, intake);
    const isErased = said.decision === 'erased';
    const receipt = receipts.sign(intake, isErased ? 'deleted' : 'recalled', { vault: vaultKey, recall: answer });
    const { grantSha256 } = peekToken(revocation, Revoke);
    const { device, grant, ownerKey } = intake;
    const revoked = { device, grant, ownerKey, grantSha256, receipt };
    await store.recalled(revoked, { decision: said.decision, token: answer }, wallSeconds(clock));
    log.info('the vault has answered an owner’s recall of a clip', { ...idsOf(intake), decision: said.decision });
  }

  /** Runs work on a clip after all other work on it has ended. */
  private async runAlone(key: GrantKey, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { turns = ALONE } = this.deps;
    const run = this.run(key);
    const before = run.work;
    const turn = (async () => {
      await before?.catch(() => undefined);
      await turns.run(`hand over ${nameOf(key)}`, () =>
        work(AbortSignal.any([this.stopping.signal, run.abort.signal])),
      );
    })();
    run.work = turn;
    try {
      await turn;
    } finally {
      if (run.work === turn) {
        run.work = null;
        if (!run.timer) this.runs.delete(nameOf(key));
      }
    }
  }

  private run(key: GrantKey): ClipRun {
    const { random, retryMsFirst, retryMsMost } = this.deps;
    const name = nameOf(key);
    const fresh = () => ({
      backoff: new Backoff(random, retryMsFirst, retryMsMost),
      timer: null,
      work: null,
      abort: new AbortController(),
    });
    const run = this.runs.get(name) ?? fresh();
    this.runs.set(name, run);
    return run;
  }
}

function nameOf({ device, grant }: GrantKey): string {
  return `${device}/${grant}`;
}

/** For the log: a grant without its device. */
function idsOf({ grant }: GrantKey): { grant: string } {
  return { grant: sha256Hex(grant).slice(0, 12) };
}
