// Sends a sealed clip to the bridge, and a revocation after it, through every outage: what is retried, how soon, and when to give up.
import { Backoff } from '@doorsill/base/backoff';
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { type SigningKey, sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { Network } from '@doorsill/base/network';
import { freshId, type Random } from '@doorsill/base/random';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import type { UploadProgress } from '@doorsill/contract/home-messages';
import { parseToken, signToken } from '@doorsill/contract/jws';
import type { IntakeStatus, UploadToken } from '@doorsill/contract/manifest';
import { type Pairing, Revoke } from '@doorsill/contract/owner-orders';
import { PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import { assertMayLeave, type LiveGrant } from '../consent/live-grant.ts';
import { BridgeHttp, type BridgeHttpOptions, readBridgeTls } from './bridge-http.ts';
import type { SignedRevocation } from './delivery.ts';
import {
  baseOf,
  findUpload,
  implausible,
  isUploadUrl,
  openAtBridge,
  type PinnedBridge,
  type RevocationBody,
  receiptIn,
  revokeAtBridge,
  statusAtBridge,
} from './intake-requests.ts';
import type { Outbox, OutboxItem } from './outbox.ts';
import { sendRest } from './transfer.ts';

export interface UploaderDeps {
  device: { id: string; key: SigningKey };
  outbox: Outbox;
  /** The bridge pinned at enrolment; read for every attempt. */
  bridge: () => PinnedBridge;
  /** Called at each change of state, and while sending at most every half second. */
  progress: (progress: UploadProgress) => void;
  /** Absent: the machine's network. */
  network?: Network | undefined;
  clock: Clock;
  random: Random;
  log: Log;
}

const RETRY_FIRST_MS = 500;
const RETRY_MOST_MS = 60_000;
/** Maximum Retry-After that a clip's upload obeys; for an owner's revocation it is `RETRY_MOST_MS`. */
const ASKED_MOST_MS = 600_000;
const PROGRESS_EVERY_MS = 500;
const TOKEN_LIFE_S = 600;
/** A token is replaced at this age, so that it never expires during a slow upload. */
const TOKEN_FRESH_MS = 120_000;
/**
 * We give up when the bridge has rejected our hash or token this many times. Until then a retry may help: the bridge may have stored
 * corrupted bytes, or a wrong clock may be corrected.
 */
const DOUBTS_MAX = 3;
const DOUBTFUL = new Set<string>(['intake_hash', 'intake_token_invalid']);

export class Uploader {
  private readonly deps: UploaderDeps;

  constructor(deps: UploaderDeps) {
    this.deps = deps;
  }

  /**
   * Sends a clip and resolves with the bridge's signed receipt that it is stored. Retries until then, or until the grant ends;
   * acknowledged bytes are not sent again. After the grant's end at most one chunk beyond the acknowledged bytes leaves. Throws
   * `grant_dead`, `upload_rejected` (with the bridge's code), `outbox_damaged`, `device_moved` when the request came from another
   * bridge than the present one.
   */
  async send(live: LiveGrant, item: OutboxItem): Promise<string> {
    const { clock, random } = this.deps;
    const report = new ProgressReport(this.deps, item);
    const backoff = new Backoff(random, RETRY_FIRST_MS, RETRY_MOST_MS);
    let doubts = 0;
    report.state('waiting');
    for (;;) {
      try {
        assertMayLeave(live);
        const receipt = await this.attempt(live, item.grant, (bytes) => {
          backoff.reset();
          report.acknowledged(bytes);
        });
        report.state('stored');
        return receipt;
      } catch (thrown) {
        const failed = live.signal.aborted ? live.signal.reason : thrown;
        if (isFailure(failed) && DOUBTFUL.has(failed.code)) doubts += 1;
        if (!isPassing(failed, doubts)) {
          report.state('stopped', isFailure(failed) ? failed.code : 'internal');
          throw rejection(failed);
        }
        const retryInMs = retryWaitMs(failed, backoff.nextMs(), ASKED_MOST_MS, random);
        this.deps.log.info('an upload cannot go on now; it is tried again after retryInMs', {
          grant: item.grant,
          code: failed.code,
          retryInMs,
        });
        report.state('retrying', failed.code, retryInMs);
        // The start of the next attempt detects a grant that has ended meanwhile.
        await clock.sleep(retryInMs, live.signal).catch(() => undefined);
      }
    }
  }

  /**
   * Sends the owner's revocation to the bridge and resolves with its signed receipt: either nothing of the clip is left there, or
   * it had been handed over and the vault has answered. The consent gate must have verified the revocation, because the device vouches for
   * its signer. Retries until done or `signal` is aborted. Throws the signal's reason, `upload_rejected`, `device_moved` when the
   * clip's bridge, `bridgeId`, is not the present one: no other bridge may learn of the clip or confirm its end.
   */
  async revoke(grant: string, tokens: SignedRevocation, bridgeId: string, signal: AbortSignal): Promise<string> {
    const { clock, random, device, log } = this.deps;
    const backoff = new Backoff(random, RETRY_FIRST_MS, RETRY_MOST_MS);
    const { revocation, homeRecall } = tokens;
    const recall = homeRecall === null ? {} : { homeRecall };
    const body = { revocation, pairing: this.pairingFor(revocation), ...recall };
    let doubts = 0;
    for (;;) {
      signal.throwIfAborted();
      try {
        const bridge = this.deps.bridge();
        assertSameBridge(bridge, bridgeId);
        const status = await this.handOver(bridge, grant, body, signal);
        const { token, claims } = receiptIn(status, { bridgeKey: bridge.key, device: device.id });
        if (claims.outcome === 'stored') throw implausible('its receipt does not answer the revocation');
        return token;
      } catch (thrown) {
        signal.throwIfAborted();
        if (isFailure(thrown) && DOUBTFUL.has(thrown.code)) doubts += 1;
        if (!isPassing(thrown, doubts)) throw rejection(thrown);
        const retryInMs = retryWaitMs(thrown, backoff.nextMs(), RETRY_MOST_MS, random);
        log.info('a revocation could not be delivered to the bridge; it is sent again after retryInMs', {
          grant,
          code: thrown.code,
          retryInMs,
        });
        await clock.sleep(retryInMs, signal);
      }
    }
  }

  /** The options of every connection to the bridge. */
  private get channel(): Pick<BridgeHttpOptions, 'clock' | 'network'> {
    const { clock, network } = this.deps;
    return { clock, network };
  }

  private async handOver(
    bridge: PinnedBridge,
    grant: string,
    body: RevocationBody,
    signal: AbortSignal,
  ): Promise<IntakeStatus> {
    const mayLeave = () => signal.throwIfAborted();
    const tls = await readBridgeTls(bridge.tls);
    const http = new BridgeHttp({ ...this.channel, baseUrl: baseOf(bridge), mayLeave, signal, tls });
    try {
      return await revokeAtBridge(http, grant, body);
    } finally {
      http.close();
    }
  }

  /** One attempt: open the intake, find or create the upload, send the missing bytes, fetch the receipt. May be repeated at any step. */
  private async attempt(live: LiveGrant, grant: string, acknowledged: (bytes: number) => void): Promise<string> {
    const item = this.deps.outbox.item(grant);
    if (!item) throw failure('outbox_damaged', { grant });
    const bridge = this.deps.bridge();
    assertSameBridge(bridge, live.facts.request.aud);
    const http = new BridgeHttp({
      ...this.channel,
      baseUrl: baseOf(bridge),
      bearer: this.bearer(item, bridge.id),
      mayLeave: () => assertMayLeave(live),
      signal: live.signal,
      tls: await readBridgeTls(bridge.tls),
    });
    try {
      const opened = await openAtBridge(http, item);
      if (opened.state !== 'open') return this.stored(opened, item, bridge);
      await this.sendMissing(http, live, item, acknowledged);
      return this.stored(await statusAtBridge(http, grant), item, bridge);
    } finally {
      http.close();
    }
  }

  private async sendMissing(
    http: BridgeHttp,
    live: LiveGrant,
    item: OutboxItem,
    acknowledged: (bytes: number) => void,
  ): Promise<void> {
    const reader = await this.deps.outbox.reader(item.grant);
    try {
      const uploadUrl = await this.uploadUrl(http, item);
      await sendRest({ http, uploadUrl, reader, signal: live.signal, acknowledged });
    } catch (thrown) {
      if (isFailure(thrown) && thrown.code === 'http_not_found') await this.remember(item.grant, null);
      throw thrown;
    } finally {
      await reader.close();
    }
  }

  private async uploadUrl(http: BridgeHttp, item: OutboxItem): Promise<string> {
    if (item.uploadUrl !== null && isUploadUrl(http.baseUrl, item.uploadUrl)) return item.uploadUrl;
    const found = await findUpload(http, item);
    await this.remember(item.grant, found);
    return found;
  }

  /** Stores the upload's address, which only saves a later request: a full disk must not stop the upload. */
  private async remember(grant: string, uploadUrl: string | null): Promise<void> {
    try {
      await this.deps.outbox.setUploadUrl(grant, uploadUrl);
    } catch (thrown) {
      this.deps.log.warn('the address of an upload could not be stored; a later attempt asks the bridge for it', {
        grant,
        error: String(thrown),
      });
    }
  }

  /** The receipt for exactly this clip. Throws `upload_unreachable` for any other answer. */
  private stored(status: IntakeStatus, item: OutboxItem, bridge: PinnedBridge): string {
    if (status.state === 'open') throw implausible('it has not stored the clip yet');
    const { token, claims } = receiptIn(status, { bridgeKey: bridge.key, device: this.deps.device.id });
    const isSame =
      claims.clipSha256 === item.clipSha256 &&
      claims.clipBytes === item.clipBytes &&
      claims.manifestSha256 === item.manifestSha256 &&
      (claims.unopened ?? false) === item.isSentSealed &&
      item.papers !== null &&
      // The hash is absent when the bridge stored the clip before statements existed.
      (claims.statementSha256 === undefined || claims.statementSha256 === sha256Hex(item.papers.statement));
    if (status.state !== 'stored' || claims.outcome !== 'stored' || !isSame) {
      throw implausible('its receipt is not for the clip that was sent');
    }
    return token;
  }

  /** Returns the upload token of one attempt, and a fresh one once it is `TOKEN_FRESH_MS` old. */
  private bearer(item: OutboxItem, bridge: string): () => string {
    const { clock } = this.deps;
    let token = this.uploadToken(item, bridge);
    let signedMs = clock.monotonicMs();
    return () => {
      if (clock.monotonicMs() - signedMs > TOKEN_FRESH_MS) {
        token = this.uploadToken(item, bridge);
        signedMs = clock.monotonicMs();
      }
      return token;
    };
  }

  private uploadToken(item: OutboxItem, bridge: string): string {
    const { device, clock, random } = this.deps;
    const iat = wallSeconds(clock);
    const claims: UploadToken = {
      iss: device.key.publicKey,
      aud: bridge,
      iat,
      exp: iat + TOKEN_LIFE_S,
      jti: freshId(random, 'upload'),
      device: device.id,
      grant: item.grant,
      clipSha256: item.clipSha256,
      clipBytes: item.clipBytes,
      manifestSha256: item.manifestSha256,
    };
    return signToken('doorsill-upload+jws', claims, device.key);
  }

  /** The pairing statement of the revoking owner, whom the bridge may not know: another owner or nobody may have sent it a grant. */
  private pairingFor(revocation: string): string {
    const { device, clock } = this.deps;
    const claims = Revoke.parse(parseToken(revocation)?.claims);
    const pairing: Pairing = {
      iss: device.key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: wallSeconds(clock),
      device: device.id,
      key: claims.iss,
    };
    return signToken('doorsill-pairing+jws', pairing, device.key);
  }
}

/**
 * The wait before a retry in milliseconds: `ownMs` or, if that is longer, the bridge's Retry-After. Of Retry-After at most `mostMs` counts;
 * up to half of it is added at random, so that doorbells with the same answer do not come back together.
 */
export function retryWaitMs(failed: Failure, ownMs: number, mostMs: number, random: Pick<Random, 'fraction'>): number {
  const { retryAfterS } = failed.facts;
  if (typeof retryAfterS !== 'number' || !(retryAfterS > 0)) return ownMs;
  const askedMs = Math.min(mostMs, retryAfterS * 1_000);
  return Math.max(ownMs, Math.round(askedMs * (1 + random.fraction() / 2)));
}

/** Refuses another bridge, which the device was enrolled with later: an owner consents to an upload to one bridge. */
function assertSameBridge(bridge: PinnedBridge, bridgeId: string): void {
  if (bridge.id !== bridgeId) throw failure('device_moved', { bridge: bridgeId });
}

/** Whether the same attempt may succeed later. */
function isPassing(thrown: unknown, doubts: number): thrown is Failure {
  if (!isFailure(thrown)) return false;
  if (DOUBTFUL.has(thrown.code)) return doubts < DOUBTS_MAX;
  // The bridge has a temporary problem, or lost an upload that can be created again.
  return thrown.retryable || thrown.code === 'internal' || thrown.code === 'http_not_found';
}

const OUR_OWN = new Set<string>(['grant_dead', 'outbox_damaged', 'upload_rejected', 'device_moved']);

/** Converts a bridge's refusal into the code reported to the owner; our own failures stay unchanged. */
function rejection(thrown: unknown): unknown {
  if (!isFailure(thrown) || OUR_OWN.has(thrown.code)) return thrown;
  return failure('upload_rejected', { code: thrown.code }, thrown);
}

/** One upload's progress as reported to the owner. */
class ProgressReport {
  private readonly deps: Pick<UploaderDeps, 'device' | 'progress' | 'clock'>;
  private readonly item: OutboxItem;
  private sentBytes = 0;
  private reported: UploadProgress['state'] = 'waiting';
  private reportedMs = 0;

  constructor(deps: Pick<UploaderDeps, 'device' | 'progress' | 'clock'>, item: OutboxItem) {
    this.deps = deps;
    this.item = item;
  }

  acknowledged(bytes: number): void {
    this.sentBytes = bytes;
    const isDue = this.deps.clock.monotonicMs() - this.reportedMs >= PROGRESS_EVERY_MS;
    if (this.reported !== 'sending' || isDue) this.state('sending');
  }

  state(state: UploadProgress['state'], code?: string, retryInMs?: number): void {
    this.reported = state;
    this.reportedMs = this.deps.clock.monotonicMs();
    if (state === 'stored') this.sentBytes = this.item.clipBytes;
    this.deps.progress({
      device: this.deps.device.id,
      grant: this.item.grant,
      request: this.item.request,
      state,
      sentBytes: this.sentBytes,
      totalBytes: this.item.clipBytes,
      ...(code === undefined ? {} : { code }),
      ...(retryInMs === undefined ? {} : { retryInMs }),
    });
  }
}
