// One task per grant, from the ring to the bridge: wait for the footage, cut, seal, check, report to the gate, send; and one task per
// revocation. After a restart each resumes from the state in ledger and outbox.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { SigningKey } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { freshId, type Random } from '@doorsill/base/random';
import { type ErrorCode, type Failure, failure, isFailure } from '@doorsill/contract/errors';
import type { ReceiptClip } from '@doorsill/contract/home-messages';
import { parseToken, signToken } from '@doorsill/contract/jws';
import { Manifest } from '@doorsill/contract/manifest';
import { disclosedKeys, innerClip, type SealedContents, writeContents } from '@doorsill/contract/sealing';
import type { DisclosedValues, Window } from '@doorsill/contract/shared-claims';
import { buildManifest, disclose } from '../clip/disclosure.ts';
import type { Clip } from '../clip/finished-clip.ts';
import type { HeldFootage } from '../clip/held-footage.ts';
import type { CutDeps } from '../clip/recent-encodings.ts';
import { contentsOf, sealedClaims } from '../clip/seal-to-recipient.ts';
import { SelfCheck } from '../clip/self-check.ts';
import { freshStatementSigner, makeStatement } from '../clip/sign-recipient-statement.ts';
import { footageWindow, trim } from '../clip/trim.ts';
import type { LiveGrant } from '../consent/live-grant.ts';
import type { Outbox, OutboxItem, StoredClip } from './outbox.ts';
import type { PreviewClips } from './preview-clips.ts';

/** The gate's reports, made in this order; each is durable when it resolves. */
export interface DeliveryGate {
  clipSealed(grant: string, clip: ReceiptClip, disclosed: DisclosedValues): Promise<void>;
  tokenPresented(grant: string): Promise<void>;
  delivered(grant: string, intake: string): Promise<void>;
  revocationAnswered(grant: string, intake: string): Promise<void>;
  failed(grant: string, code: ErrorCode): Promise<void>;
  /** Grants whose clips may be sent, or are held by the bridge or a vault: their owners may still need the content key. */
  heldGrants(): string[];
}

/** The tokens of a revocation for the bridge: the owner's, and the recall signed with the clip's key, if any. */
export interface SignedRevocation {
  revocation: string;
  homeRecall: string | null;
}

/** Sends sealed clips and revocations to the bridge. */
export interface DeliverySender {
  /** Resolves with the bridge's signed receipt once the whole clip is stored there. */
  send(live: LiveGrant, item: OutboxItem): Promise<string>;
  /** Resolves with the signed answer of the clip's bridge, whose id is `bridge`. */
  revoke(grant: string, tokens: SignedRevocation, bridge: string, signal: AbortSignal): Promise<string>;
}

export interface DeliveryDeps {
  device: { id: string; key: SigningKey };
  gate: DeliveryGate;
  outbox: Outbox;
  sender: DeliverySender;
  clip: CutDeps;
  previews: Pick<PreviewClips, 'take'>;
  /** Runs one cut at a time: each uses all of a small board's processor. */
  alone<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Whether another clip is being cut, so that one has to wait. */
  isCutting(): boolean;
  /** Keeps the footage of waiting clips from being deleted. */
  held: Pick<HeldFootage, 'hold'>;
  /** Resolves once the ring will get no more footage of the window, or at a timeout. */
  footageSettled(window: Window, signal: AbortSignal): Promise<void>;
  values(): DisclosedValues;
  /** Called with the failure while a clip cannot be stored, and with null once one was stored. */
  storage(fault: Failure | null): void;
  clock: Clock;
  random: Random;
  log: Log;
}

/** Delay before a retry after a transient fault (full disk, ffmpeg killed). */
const RETRY_MS = 5_000;
const RETRIES_MAX = 20;
/** Delays before a revocation is sent again after a refusal, and after an answer that does not verify. */
const REVOKE_AGAIN_MS: ReadonlyMap<ErrorCode, number> = new Map([
  ['upload_rejected', 600_000],
  ['verify_failed', 60_000],
]);

/** Log lines of work that failed for good, and what follows. */
const NOT_DELIVERED = 'a clip was not delivered to the bridge; its grant ends as failed (see code)';
const NOT_REMOVED =
  'a clip that may not be sent any more could not be deleted; the next start tries again (check the disk)';
const NOT_REVOKED = 'a revocation could not be completed; it goes on at the next start of the doorbell';

export class Deliveries {
  private readonly deps: DeliveryDeps;
  private readonly stopping = new AbortController();
  private readonly tasks = new Set<Promise<void>>();
  private readonly underWay = new Map<string, Promise<void>>();

  constructor(deps: DeliveryDeps) {
    this.deps = deps;
  }

  /** Cuts, seals and sends the clip of a grant; does nothing while that is running. */
  make(live: LiveGrant): void {
    this.begin(`deliver ${live.id}`, NOT_DELIVERED, () => this.deliver(live));
  }

  /** Continues with a clip sealed before a restart: sends exactly these bytes or none. */
  resume(live: LiveGrant, clip: ReceiptClip): void {
    this.begin(`deliver ${live.id}`, NOT_DELIVERED, () => this.deliver(live, clip));
  }

  /** Deletes a grant's clip once no task uses it. */
  remove(grant: string): void {
    const working = this.underWay.get(`deliver ${grant}`) ?? Promise.resolve();
    this.begin(`remove ${grant}`, NOT_REMOVED, async () => {
      await working;
      await this.deps.outbox.remove(grant);
      await this.dropContentKey(grant);
    });
  }

  /**
   * Delivers a revocation to the bridge with this id, and its answer to the gate. Only an answer signed by the bridge ends the
   * retries: a refusal may come from a proxy or attacker in between.
   */
  revoke(grant: string, revocation: string, bridge: string): void {
    this.begin(`revoke ${grant}`, NOT_REVOKED, async () => {
      const { signal } = this.stopping;
      const { sender, gate, outbox, clock, log } = this.deps;
      const homeRecall = await this.recallOf(grant, signal);
      for (;;) {
        try {
          const intake = await sender.revoke(grant, { revocation, homeRecall }, bridge, signal);
          await this.recorded(signal, () => gate.revocationAnswered(grant, intake));
          // If this fails, the next start removes them.
          await outbox.drop('recall', grant);
          await this.dropContentKey(grant);
          return;
        } catch (thrown) {
          const retryInMs = isFailure(thrown) ? REVOKE_AGAIN_MS.get(thrown.code) : undefined;
          if (signal.aborted || !isFailure(thrown) || retryInMs === undefined) throw thrown;
          const code = String(thrown.facts['code'] ?? thrown.code);
          log.warn('the bridge has not confirmed a revocation yet; it is sent again after retryInMs', {
            grant,
            code,
            detail: thrown.message,
            retryInMs,
          });
          await clock.sleep(retryInMs, signal);
        }
      }
    });
  }

  /** Destroys the content key of a clip that nobody holds: it never left, or was erased. */
  private async dropContentKey(grant: string): Promise<void> {
    const { gate, outbox } = this.deps;
    if (!gate.heldGrants().includes(grant)) await outbox.drop('content key', grant);
  }

  /** Stops all work at its current step; the next start resumes it. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.allSettled([...this.tasks]);
  }

  /** `ended`: the log line if the work fails. */
  private begin(name: string, ended: string, work: () => Promise<void>): void {
    if (this.underWay.has(name) || this.stopping.signal.aborted) return;
    const task = work()
      .catch((thrown: unknown) => {
        if (this.stopping.signal.aborted) return;
        const code = isFailure(thrown) ? thrown.code : 'internal';
        this.deps.log.warn(ended, {
          work: name,
          code,
          detail: thrown instanceof Error ? thrown.message : '',
        });
      })
      .finally(() => {
        this.tasks.delete(task);
        this.underWay.delete(name);
      });
    this.tasks.add(task);
    this.underWay.set(name, task);
  }

  /** `sealedAs`: the sealed clip by the ledger; no other clip is made in its place. */
  private async deliver(live: LiveGrant, sealedAs?: ReceiptClip): Promise<void> {
    const { gate, outbox, sender } = this.deps;
    const signal = AbortSignal.any([live.signal, this.stopping.signal]);
    try {
      await this.loaded(live.id, signal);
      const kept = outbox.item(live.id);
      if (!kept && sealedAs) throw failure('outbox_damaged', { grant: live.id });
      const item = await this.withStatement(live, kept ?? (await this.makeItem(live, signal)));
      const { clip, disclosed } = await this.factsOf(live, item, signal);
      await this.recorded(signal, () => gate.clipSealed(live.id, clip, disclosed));
      await this.recorded(signal, () => gate.tokenPresented(live.id));
      const intake = await sender.send(live, item);
      await this.recorded(signal, () => gate.delivered(live.id, intake));
    } catch (thrown) {
      if (signal.aborted) return;
      // Not bound to the grant's signal: the failure ends the grant, and recording it must still wait for the ledger.
      await this.recorded(this.stopping.signal, () =>
        gate.failed(live.id, isFailure(thrown) ? thrown.code : 'internal'),
      );
      throw thrown;
    }
  }

  /** Signs a statement for a clip that was sealed before statements existed; the clip's bytes do not change. */
  private async withStatement(live: LiveGrant, item: OutboxItem): Promise<OutboxItem> {
    return item.papers ? item : this.deps.outbox.addStatement(live.id, makeStatement(live, item.manifest, this.deps));
  }

  /** Waits until the outbox can tell whether a clip exists. */
  private loaded(grant: string, signal: AbortSignal): Promise<void> {
    return this.onceReadable(grant, signal, () => this.deps.outbox.load(grant));
  }

  /** The recall to send with a revocation; null when there is none. */
  private recallOf(grant: string, signal: AbortSignal): Promise<string | null> {
    return this.onceReadable(grant, signal, () => this.deps.outbox.recallOf(grant));
  }

  /** Reads from the outbox with endless retries: a temporary disk error must not drop a decision. */
  private async onceReadable<Result>(grant: string, signal: AbortSignal, read: () => Promise<Result>): Promise<Result> {
    const { clock, log, storage } = this.deps;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const found = await read();
        if (attempt > 1) storage(null);
        return found;
      } catch (thrown) {
        if (signal.aborted || !isDiskFault(thrown)) throw thrown;
        storage(thrown);
        log.warn('a clip cannot be read now; it is tried again after retryInMs (check the disk)', {
          grant,
          code: thrown.code,
          retryInMs: RETRY_MS,
        });
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }

  /** Records a step before the work continues, with retries while the ledger has no room for it. */
  private async recorded(signal: AbortSignal, report: () => Promise<void>): Promise<void> {
    const { clock, log } = this.deps;
    for (;;) {
      try {
        await report();
        return;
      } catch (thrown) {
        if (!isFailure(thrown) || thrown.code !== 'consent_storage_failed') throw thrown;
        log.warn('a step of a clip cannot be recorded now; it is tried again after retryInMs (check the disk)', {
          code: thrown.code,
          retryInMs: RETRY_MS,
        });
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }

  /** Cuts and seals, with retries after transient faults; while the disk is full or fails, for as long as the grant lives. */
  private async makeItem(live: LiveGrant, signal: AbortSignal): Promise<OutboxItem> {
    const { isCutting, held, footageSettled, clip } = this.deps;
    await footageSettled(live.facts.grant.window, signal);
    const hold = isCutting() ? held.hold(footageWindow(live), signal) : null;
    const segments = (window: Window) => (hold ?? clip).segments(window);
    try {
      return await this.cutUntilMade(live, { ...clip, segments, signal });
    } finally {
      hold?.release();
    }
  }

  private async cutUntilMade(live: LiveGrant, clip: CutDeps & { signal: AbortSignal }): Promise<OutboxItem> {
    const { clock, log, storage } = this.deps;
    const { signal } = clip;
    for (let attempt = 1; ; ) {
      try {
        const item = await this.deps.alone(() => this.cutAndSeal(live, clip));
        storage(null);
        return item;
      } catch (thrown) {
        if (signal.aborted || !isFailure(thrown) || !thrown.retryable || attempt >= RETRIES_MAX) throw thrown;
        if (isDiskFault(thrown)) storage(thrown);
        else attempt += 1;
        log.warn('a clip could not be made yet, and nothing of it has left; it is tried again after retryInMs', {
          grant: live.id,
          code: thrown.code,
          retryInMs: RETRY_MS,
        });
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }

  private async cutAndSeal(live: LiveGrant, deps: CutDeps): Promise<OutboxItem> {
    if (live.facts.grant.clipSha256 !== undefined) return this.sealPreviewed(live, live.facts.grant.clipSha256);
    const clip = await trim(live, deps);
    const check = new SelfCheck(live, clip, deps);
    try {
      return await this.seal(live, clip, (stored) => check.run(stored.reader));
    } finally {
      await check.stop();
    }
  }

  /** Seals exactly the bytes that the owner looked at, which were checked when they were cut; no others are made in their place. */
  private async sealPreviewed(live: LiveGrant, clipSha256: string): Promise<OutboxItem> {
    const { clip, done } = this.deps.previews.take(live.facts.grant);
    try {
      return await this.seal(live, clip, async (stored) => {
        if (stored.sha256 !== clipSha256) throw failure('preview_changed');
      });
    } finally {
      await done();
    }
  }

  /** Stores a clip, encrypted to its recipient where the grant says so; `check` throws unless it may be sent. */
  private seal(live: LiveGrant, clip: Clip, check: (stored: StoredClip) => Promise<void>): Promise<OutboxItem> {
    const contents = contentsOf(live, this.deps.values(), this.deps.random);
    const prepare = async (stored: StoredClip) => {
      await check(stored);
      const signer = freshStatementSigner(this.deps.random);
      const manifest = this.manifestOf(live, clip, { stored, contents, home: signer.home });
      return { manifest, ...makeStatement(live, manifest, this.deps, signer) };
    };
    return this.deps.outbox.seal(live, clip, prepare, contents && writeContents(contents));
  }

  /** `home`: of the statement that follows from the manifest. */
  private manifestOf(
    live: LiveGrant,
    clip: Clip,
    { stored, contents, home }: { stored: StoredClip; contents: SealedContents | null; home: string },
  ): string {
    const { device, values, clock, random } = this.deps;
    const { sha256: clipSha256, bytes: clipBytes, sealed: file } = stored;
    const sealed =
      file && contents
        ? {
            ...file,
            claims: sealedClaims(live, contents, { clipSha256, clipBytes, contentKey: file.contentKey, home }, random),
          }
        : null;
    const claims = buildManifest(live, {
      clipId: freshId(random, 'clip'),
      clip,
      clipSha256,
      disclosed: contents?.disclosed ?? disclose(live, values()),
      sealed,
      device: { id: device.id, publicKey: device.key.publicKey },
      iat: wallSeconds(clock),
    });
    return signToken('doorsill-manifest+jws', claims, device.key);
  }

  /** The facts of a stored clip for ledger and receipts, and the disclosed values for the ledger alone. */
  private async factsOf(
    live: LiveGrant,
    item: OutboxItem,
    signal: AbortSignal,
  ): Promise<{ clip: ReceiptClip; disclosed: DisclosedValues }> {
    const manifest = Manifest.parse(parseToken(item.manifest)?.claims);
    const { sealing } = live.facts.grant.recipient;
    const { sealed } = manifest;
    const clip: ReceiptClip = {
      id: manifest.jti,
      sha256: manifest.clipSha256,
      bytes: manifest.clipBytes,
      ...(sealed && sealing ? { sealed: { ...innerClip(manifest), keeper: sealing.keeper } } : {}),
      frames: manifest.frames,
      window: manifest.window,
      method: manifest.method,
      disclosed: disclosedKeys(manifest),
      manifestSha256: item.manifestSha256,
    };
    const contents = await this.onceReadable(live.id, signal, () => this.deps.outbox.contents(live.id));
    return { clip, disclosed: contents?.disclosed ?? manifest.disclosed };
  }
}

function isDiskFault(thrown: unknown): thrown is Failure {
  return isFailure(thrown) && (thrown.code === 'outbox_full' || thrown.code === 'outbox_unusable');
}
