// The doorbell's requests and this browser's answers to them, followed while the page is open: waiting requests, drafts, stored grants, and
// the device's receipts. A stored token is sent again until the device answers.

import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { DeviceState, type Receipt, UploadProgress } from '@doorsill/contract/home-messages';
import type { GrantChoice } from '@doorsill/contract/owner-claims';
import { CLOCK_SKEW_S_MAX } from '@doorsill/contract/owner-orders';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import type { PublishedRequest } from '@doorsill/contract/request';
import { type OpenedRequest, openPublished, type Trust } from '@doorsill/contract/verify-published-request';
import { z } from 'zod';
import { clock, type Timer } from '../kit/browser-seams.ts';
import type { Door } from '../kit/door.ts';
import { tokenCrypto } from '../kit/token-crypto.ts';
import { AnswerStore } from './answer-store.ts';
import { type Draft, grantOf, type KeptGrant } from './kept-answers.ts';
import { isFinal, type Standing, standingOf } from './request-standing.ts';

export interface AnswersView {
  /** Unanswered requests that verify; null before the device was asked. */
  waiting: VerifiedNotice[] | null;
  /** How many do not verify; they are not shown. */
  unread: number;
  /** All verified requests by id, answered and closed ones included. */
  known: ReadonlyMap<string, OpenedRequest>;
  drafts: ReadonlyMap<string, Draft>;
  kept: ReadonlyMap<string, KeptGrant>;
  receipts: ReadonlyMap<string, Receipt>;
  uploads: ReadonlyMap<string, UploadProgress>;
  /** The device's refusal of an answer, by request. */
  refusals: ReadonlyMap<string, Failure>;
  /** This browser's clock minus the device's, if they differ by more than an order may; else null. */
  clockOffUs: number | null;
  /** Why the device could not be asked; null if it could. */
  trouble: unknown;
}

const RELOAD_MS = 200;
/** The footage of a request shrinks as old footage is overwritten, without a message. */
const LOOK_AGAIN_MS = 20_000;
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 8_000;
/** How long a device that was just started may not know its requests yet. */
const UNKNOWN_MS_MAX = 60_000;

export class RequestAnswers {
  readonly store: AnswerStore;
  private readonly door: Door;
  private readonly listeners = new Set<() => void>();
  private readonly sending = new Set<string>();
  private stopping = new AbortController();
  private reloading: Timer | null = null;
  /** Resolves when this page's changes to stored grants are durable. */
  private keeping: Promise<unknown> = Promise.resolve();
  private asked = false;
  private current: AnswersView = {
    waiting: null,
    unread: 0,
    clockOffUs: null,
    trouble: null,
    known: new Map(),
    drafts: new Map(),
    kept: new Map(),
    receipts: new Map(),
    uploads: new Map(),
    refusals: new Map(),
  };

  constructor(door: Door) {
    this.door = door;
    this.store = new AnswerStore(door.client.key.publicKey);
  }

  get view(): AnswersView {
    return this.current;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Follows the device until the returned function is called. */
  start(): () => void {
    this.stopping = new AbortController();
    const { signal } = this.stopping;
    let link = this.door.view.link;
    const unsubscribe = [
      this.door.onMessage((kind, value) => this.take(kind, value)),
      this.door.subscribe(() => {
        const isBack = link !== 'online' && this.door.view.link === 'online';
        link = this.door.view.link;
        // Messages were missed meanwhile.
        if (isBack) this.asked = false;
        if (isBack) this.reloadSoon();
      }),
    ];
    void this.readStored().then(() => this.reload());
    this.store.prune(Math.floor(clock.wallUs() / 1_000_000)).catch(() => undefined);
    const look = async () => {
      while (!signal.aborted) {
        await clock.pause(LOOK_AGAIN_MS, signal);
        if (!signal.aborted && this.door.view.link === 'online') await this.reload();
      }
    };
    void look();
    return () => {
      this.stopping.abort();
      this.reloading?.cancel();
      for (const one of unsubscribe) one();
    };
  }

  /** Where a request stands. */
  standing(request: string): Standing {
    const { waiting, receipts, kept, uploads } = this.current;
    const own = kept.get(request) ?? null;
    const ownGrant = own && !own.isOver ? (grantOf(own)?.jti ?? null) : null;
    const received = receipts.get(request) ?? null;
    // A receipt about an earlier grant does not answer the current one.
    const receipt = ownGrant === null || received?.grant === ownGrant ? received : null;
    const grant = receipt?.grant ?? ownGrant ?? '';
    return standingOf({
      isWaiting: waiting?.some((notice) => notice.request.jti === request) ?? false,
      listed: this.door.view.state?.requests.find((one) => one.request === request)?.state ?? null,
      receipt,
      kept: own,
      upload: uploads.get(grant) ?? null,
    });
  }

  /** The stored draft of a request, or an empty one. */
  draftOf(opened: OpenedRequest): Draft {
    const { published, request } = opened;
    return this.current.drafts.get(request.jti) ?? { request: request.jti, published, ...NOTHING_CHOSEN };
  }

  /** Changes a draft and stores it, so that it survives a reload. */
  change(opened: OpenedRequest, changes: Partial<Draft>): void {
    this.keep({ ...this.draftOf(opened), ...changes });
  }

  /** Changes the choices of a draft. Its preview was made of other choices, so it is ended. */
  choose(opened: OpenedRequest, changes: Partial<Draft>): void {
    void this.endPreview(opened);
    this.change(opened, { ...changes, preview: null });
  }

  /** Ends a draft's preview, if it has one: best effort, because it expires by itself. */
  async endPreview(opened: OpenedRequest): Promise<void> {
    const { preview } = this.draftOf(opened);
    if (!preview) return;
    const path = `/api/v1/previews/${preview.made.preview}`;
    await this.door.client.call(z.unknown(), path, { method: 'DELETE' }).catch(() => undefined);
  }

  private keep(draft: Draft): void {
    this.show({ drafts: new Map(this.current.drafts).set(draft.request, draft) });
    // In a private window nothing can be stored: the draft lives as long as the page.
    this.store.keepDraft(draft).catch(() => undefined);
  }

  clearRefusal(request: string): void {
    if (!this.current.refusals.has(request)) return;
    const refusals = new Map(this.current.refusals);
    refusals.delete(request);
    this.show({ refusals });
  }

  /**
   * Signs a grant, stores it, and sends it until the device answers. If another tab has stored one already, that one is sent instead.
   * Throws if it cannot be stored; nothing is sent then.
   */
  async grant(notice: VerifiedNotice, choice: GrantChoice): Promise<void> {
    const request = notice.request.jti;
    const token = await this.door.client.signedGrant(notice, choice);
    const values = Object.fromEntries((choice.disclose ?? []).map((key) => [key, notice.wouldDisclose[key]]));
    const fresh = { request, published: notice.published, token, values, atUs: clock.wallUs() };
    const kept = await this.store.keepGrant({ ...fresh, receipt: null, revoke: null, isOver: false });
    this.showKept(kept);
    this.clearRefusal(request);
    this.send(request);
  }

  /** Signs and sends a denial. Throws the device's refusal, or `unreachable`. */
  async decline(notice: VerifiedNotice): Promise<void> {
    this.onReceipt(await this.door.client.deny(notice));
    this.reloadSoon();
  }

  /** Revokes a grant of any owner; for this browser's grant, resends until the device answers. Throws `consent_nothing_to_revoke`. */
  async takeBack(request: string): Promise<void> {
    const { client } = this.door;
    const kept = this.current.kept.get(request);
    const receipt = this.current.receipts.get(request);
    const own = kept && !kept.isOver ? grantOf(kept) : null;
    if (kept && own) {
      const grantSha256 = tokenCrypto.sha256Hex(kept.token);
      const revoke = kept.revoke ?? (await client.signedRevoke({ request, grant: own.jti, grantSha256 }));
      const changed = await this.changeKept(kept, { revoke });
      if (changed) this.showKept(changed);
      return this.send(request);
    }
    const { grant, grantSha256 } = receipt ?? {};
    if (!grant || !grantSha256) throw failure('consent_nothing_to_revoke');
    this.onReceipt(await client.revoke({ request, grant, grantSha256 }));
  }

  /** Stops sending a grant that the device has not accepted. */
  async giveUp(request: string): Promise<void> {
    const kept = this.current.kept.get(request);
    if (kept) await this.settle(kept, { isOver: true });
    this.clearRefusal(request);
  }

  /** Sends the stored revocation if there is one, else the stored grant. */
  send(request: string): void {
    if (this.sending.has(request)) return;
    this.sending.add(request);
    void this.sendKept(request).finally(() => this.sending.delete(request));
  }

  private async sendKept(request: string): Promise<void> {
    const { signal } = this.stopping;
    let waitMs = RETRY_MS_MIN;
    const startMs = clock.monotonicMs();
    while (!signal.aborted) {
      const kept = this.current.kept.get(request);
      if (!kept || kept.isOver) return;
      const order = kept.revoke === null ? 'grant' : 'revoke';
      try {
        const receipt = await this.door.client.answer(order, request, kept.revoke ?? kept.token);
        this.clearRefusal(request);
        this.onReceipt(receipt);
        // It may have been revoked while the grant was being sent.
        if (order === 'revoke' || this.current.kept.get(request)?.revoke === null) return;
      } catch (thrown) {
        if (!isFailure(thrown)) return this.show({ trouble: thrown });
        const mayComeYet = thrown.code === 'consent_request_unknown' && clock.monotonicMs() - startMs < UNKNOWN_MS_MAX;
        if (thrown.code !== 'unreachable' && !mayComeYet) return this.refused(kept, order, thrown);
        await clock.pause(waitMs, signal);
        waitMs = Math.min(waitMs * 2, RETRY_MS_MAX);
      }
    }
  }

  private async refused(kept: KeptGrant, order: 'grant' | 'revoke', why: Failure): Promise<void> {
    const { request } = kept;
    if (order === 'revoke' && why.code === 'consent_nothing_to_revoke') {
      // The device has recorded the revocation: it will refuse the grant if that ever arrives.
      await this.settle(kept, { isOver: true });
      return this.reloadSoon();
    }
    // A retryable refusal allows sending the same grant again; any other needs a new grant. Settled before the refusal shows, so that the
    // grant does not still count as being sent.
    if (order === 'grant' && !why.retryable) await this.settle(kept, { isOver: true });
    this.show({ refusals: new Map(this.current.refusals).set(request, why) });
    const draft = this.current.drafts.get(request);
    // The previewed clip, or its footage, is gone: a new preview is needed.
    if (draft && /^(preview|consent_window)_/.test(why.code)) this.keep({ ...draft, step: 'choose', preview: null });
    const isRevoked = why.code === 'consent_revoked_before';
    if (isRevoked || why.code === 'consent_already_granted') await this.askReceipts();
    this.reloadSoon();
  }

  private async settle(kept: KeptGrant, changes: Partial<KeptGrant>): Promise<void> {
    const changed = await this.changeKept(kept, changes).catch(() => null);
    this.showKept(changed ?? { ...kept, ...changes });
  }

  private changeKept({ token, request }: KeptGrant, changes: Partial<KeptGrant>): Promise<KeptGrant | null> {
    const changing = this.store.changeGrant(token, request, changes);
    this.keeping = Promise.allSettled([this.keeping, changing]);
    return changing;
  }

  /** The stored grants, read after all of this page's changes: an older reading would hide a revocation that was just signed. */
  private async readGrants(): Promise<KeptGrant[]> {
    for (;;) {
      const { keeping } = this;
      await keeping;
      const grants = await this.store.grants().catch(() => []);
      if (this.keeping === keeping) return grants;
    }
  }

  private take(kind: string, value: unknown): void {
    if (kind === 'receipt' && typeof value === 'string') {
      try {
        this.onReceipt(this.door.client.readReceipt(value));
      } catch {
        // The device did not sign it: ignored.
      }
    } else if (kind === 'upload') {
      const upload = UploadProgress.safeParse(value);
      if (upload.success) this.show({ uploads: new Map(this.current.uploads).set(upload.data.grant, upload.data) });
    } else if (kind === 'request' || kind === 'state') this.reloadSoon();
  }

  private onReceipt(receipt: Receipt): void {
    const { request, outcome } = receipt;
    if (request === undefined || outcome === 'refused' || outcome === 'command-done') return;
    const before = this.current.receipts.get(request);
    // Only the first receipt about a grant holds its hash.
    const isSame = before?.grant !== undefined && before.grant === receipt.grant;
    const grantSha256 = receipt.grantSha256 ?? (isSame ? before.grantSha256 : undefined);
    const whole = { ...receipt, ...(grantSha256 === undefined ? {} : { grantSha256 }) };
    this.show({ receipts: new Map(this.current.receipts).set(request, whole) });
    const kept = this.current.kept.get(request);
    if (kept && receipt.grant !== undefined && grantOf(kept)?.jti === receipt.grant) {
      const draft = this.current.drafts.get(request);
      // The previewed clip was not sent: a new preview is needed.
      if (outcome === 'failed' && !kept.isOver && draft) this.keep({ ...draft, step: 'choose', preview: null });
      void this.settle(kept, { receipt: whole, ...(isFinal(receipt) ? { isOver: true } : {}) });
    }
    this.reloadSoon();
  }

  private async readStored(): Promise<void> {
    const [drafts, kept] = await Promise.all([this.store.drafts(), this.store.grants()]).catch(() => [[], []] as const);
    this.show({
      drafts: new Map(drafts.map((draft) => [draft.request, draft])),
      kept: new Map(kept.map((grant) => [grant.request, grant])),
    });
  }

  private reloadSoon(): void {
    this.reloading ??= clock.after(RELOAD_MS, () => {
      this.reloading = null;
      if (!this.stopping.signal.aborted) void this.reload();
    });
  }

  /** Fetches the requests and sends the stored tokens that the device has not answered. */
  async reload(): Promise<void> {
    const { client } = this.door;
    try {
      const beforeUs = clock.wallUs();
      const state = await client.call(DeviceState, '/api/v1/state');
      const offUs = (beforeUs + clock.wallUs()) / 2 - state.atUs;
      const isOff = state.clockTrusted && Math.abs(offUs) > CLOCK_SKEW_S_MAX * 1_000_000;
      const { requests, answered, unread, trust } = await client.requests();
      const known = new Map(this.current.known);
      for (const notice of requests) known.set(notice.request.jti, notice);
      if (trust) this.readPublished(known, answered, trust);
      this.show({ waiting: requests, unread, known, clockOffUs: isOff ? offUs : null, trouble: null });
    } catch (thrown) {
      return this.show({ trouble: thrown });
    }
    // Another tab may have signed or revoked a grant.
    const kept = await this.readGrants();
    this.show({ kept: new Map([...this.current.kept, ...kept.map((grant) => [grant.request, grant] as const)]) });
    for (const { request, receipt, revoke, isOver } of kept) {
      const isUnanswered = receipt === null || (revoke !== null && receipt.outcome !== 'revoked');
      if (!isOver && isUnanswered && !this.current.refusals.has(request)) this.send(request);
    }
    if (this.needsReceipts()) await this.askReceipts();
  }

  /**
   * Adds the requests of stored answers and those that other owners have answered. Their signatures are checked again; their expiry is
   * not.
   */
  private readPublished(known: Map<string, OpenedRequest>, answered: readonly PublishedRequest[], trust: Trust): void {
    const kept = [...this.current.kept.values(), ...this.current.drafts.values()];
    for (const { request, published } of [...kept, ...answered.map((one) => ({ request: null, published: one }))]) {
      if (request !== null && known.has(request)) continue;
      const read = openPublished(published, trust, tokenCrypto);
      const id = read.ok ? read.opened.request.jti : null;
      if (read.ok && id !== null && (request ?? id) === id && !known.has(id)) known.set(id, read.opened);
    }
  }

  /** Whether the answer in force came from another owner, or from this owner in another browser. */
  isAnothers(request: string): boolean {
    const { at } = this.standing(request);
    const kept = this.current.kept.get(request);
    return (!kept || kept.isOver) && ['under-way', 'sent', 'recalled', 'taken-back', 'declined'].includes(at);
  }

  /** Whether the device lists decisions whose receipts this page has not asked for yet. */
  private needsReceipts(): boolean {
    const listed = this.door.view.state?.requests ?? [];
    return !this.asked && listed.some(({ state }) => state !== 'pending');
  }

  /** Has the device repeat its receipts, which arrive as messages. */
  private async askReceipts(): Promise<void> {
    this.asked = true;
    await this.door.client.command({ action: 'announce' }).catch(() => undefined);
  }

  private showKept(grant: KeptGrant): void {
    this.show({ kept: new Map(this.current.kept).set(grant.request, grant) });
  }

  private show(changes: Partial<AnswersView>): void {
    this.current = { ...this.current, ...changes };
    for (const listener of this.listeners) listener();
  }
}

const NOTHING_CHOSEN = {
  step: 'read',
  isIgnored: false,
  window: null,
  audio: false,
  preview: null,
  zones: [],
  disclose: [],
} satisfies Omit<Draft, 'request' | 'published'>;
