// Owns: the requests of this door and their answers, followed while the page is open: what waits, what this browser has drafted, signed and
// kept, and what the device says became of it. A kept token is sent again until the device has answered. Not here: keeping (answer-store.ts),
// where a request stands (request-standing.ts), drawing (requests-page.tsx).

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
import { isLastWord, type Standing, standingOf } from './request-standing.ts';

export interface AnswersView {
  /** What waits for an answer and verifies; null before the device was asked. */
  waiting: VerifiedNotice[] | null;
  /** How many did not verify, and were not shown. */
  unread: number;
  /** What was read of each request, also of those that wait no more. */
  known: ReadonlyMap<string, OpenedRequest>;
  drafts: ReadonlyMap<string, Draft>;
  kept: ReadonlyMap<string, KeptGrant>;
  receipts: ReadonlyMap<string, Receipt>;
  uploads: ReadonlyMap<string, UploadProgress>;
  /** What the device refused an answer with, by request. */
  refusals: ReadonlyMap<string, Failure>;
  /** This browser's clock less the device's, where they differ by more than an order may; null otherwise. */
  clockOffUs: number | null;
  /** Why nothing could be asked for. */
  trouble: unknown;
}

const RELOAD_MS = 200;
/** Coverage of what is asked for shrinks as old footage goes, and nothing tells of that. */
const LOOK_AGAIN_MS = 20_000;
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 8_000;
/** A device that was just started does not know its requests yet. */
const UNKNOWN_MS_MAX = 60_000;

export class RequestAnswers {
  readonly store: AnswerStore;
  private readonly door: Door;
  private readonly listeners = new Set<() => void>();
  private readonly sending = new Set<string>();
  private stopping = new AbortController();
  private reloading: Timer | null = null;
  /** Resolves when what this page has changed of its grants is kept. */
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
    const forget = [
      this.door.onTold((kind, value) => this.take(kind, value)),
      this.door.subscribe(() => {
        const isBack = link !== 'online' && this.door.view.link === 'online';
        link = this.door.view.link;
        // What the device said meanwhile was missed.
        if (isBack) this.asked = false;
        if (isBack) this.reloadSoon();
      }),
    ];
    void this.readKept().then(() => this.reload());
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
      for (const one of forget) one();
    };
  }

  /** Where a request stands. */
  standing(request: string): Standing {
    const { waiting, receipts, kept, uploads } = this.current;
    const own = kept.get(request) ?? null;
    const ownGrant = own && !own.isOver ? (grantOf(own)?.jti ?? null) : null;
    const heard = receipts.get(request) ?? null;
    // What is said of an earlier grant is not the answer to the one that is under way.
    const receipt = ownGrant === null || heard?.grant === ownGrant ? heard : null;
    const grant = receipt?.grant ?? ownGrant ?? '';
    return standingOf({
      isWaiting: waiting?.some((notice) => notice.request.jti === request) ?? false,
      listed: this.door.view.state?.requests.find((one) => one.request === request)?.state ?? null,
      receipt,
      kept: own,
      upload: uploads.get(grant) ?? null,
    });
  }

  /** The draft of a request as it was kept, or a new one in which nothing is chosen. */
  draftOf(opened: OpenedRequest): Draft {
    const { published, request } = opened;
    return this.current.drafts.get(request.jti) ?? { request: request.jti, published, ...NOTHING_CHOSEN };
  }

  /** Changes a draft and keeps it: it is there again after a reload. */
  change(opened: OpenedRequest, changes: Partial<Draft>): void {
    this.keep({ ...this.draftOf(opened), ...changes });
  }

  /** Changes what would leave: the clip of a preview is of other choices then, and its place is for another. */
  choose(opened: OpenedRequest, changes: Partial<Draft>): void {
    void this.endPreview(opened);
    this.change(opened, { ...changes, preview: null });
  }

  /** Ends the preview of a draft, if it has one: best effort, because it ends by itself. */
  async endPreview(opened: OpenedRequest): Promise<void> {
    const { preview } = this.draftOf(opened);
    if (!preview) return;
    const path = `/api/v1/previews/${preview.made.preview}`;
    await this.door.client.call(z.unknown(), path, { method: 'DELETE' }).catch(() => undefined);
  }

  private keep(draft: Draft): void {
    this.show({ drafts: new Map(this.current.drafts).set(draft.request, draft) });
    // Without a disk of its own (a private window) the draft lives as long as the page.
    this.store.keepDraft(draft).catch(() => undefined);
  }

  clearRefusal(request: string): void {
    if (!this.current.refusals.has(request)) return;
    const refusals = new Map(this.current.refusals);
    refusals.delete(request);
    this.show({ refusals });
  }

  /**
   * Signs a grant, keeps it, and sends it until the device has answered. Where another tab has kept one already, that one is sent and no
   * other. Throws what keeping it throws: then nothing was sent.
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

  /** Signs a denial and gives it to the device. Throws what the device refuses with, or `unreachable`. */
  async decline(notice: VerifiedNotice): Promise<void> {
    this.heard(await this.door.client.deny(notice));
    this.reloadSoon();
  }

  /** Takes a grant back, whichever owner's: at once, and again until the device has answered. Throws `consent_nothing_to_revoke`. */
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
    this.heard(await client.revoke({ request, grant, grantSha256 }));
  }

  /** Gives up a grant that the device has not accepted: it is not sent any more. */
  async giveUp(request: string): Promise<void> {
    const kept = this.current.kept.get(request);
    if (kept) await this.settle(kept, { isOver: true });
    this.clearRefusal(request);
  }

  /** Sends what is kept and not answered yet: the revocation where there is one, else the grant. */
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
        this.heard(receipt);
        // It may have been taken back while the grant was under way.
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
      // The device has noted the revocation: should the grant ever come, it is refused.
      await this.settle(kept, { isOver: true });
      return this.reloadSoon();
    }
    // What is refused for now can be sent again as it is; everything else needs another grant. First, so that no reason is shown beside a
    // grant that still counts as under way.
    if (order === 'grant' && !why.retryable) await this.settle(kept, { isOver: true });
    this.show({ refusals: new Map(this.current.refusals).set(request, why) });
    const draft = this.current.drafts.get(request);
    // The clip that was looked at, or its footage, is not there any more: another has to be looked at.
    if (draft && /^(preview|consent_window)_/.test(why.code)) this.keep({ ...draft, step: 'choose', preview: null });
    const isTakenBack = why.code === 'consent_revoked_before';
    if (isTakenBack || why.code === 'consent_already_granted') await this.askStandings();
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

  /** What is kept, with every change of this page: one that was read before would hide a revocation that has just been signed. */
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
        this.heard(this.door.client.readReceipt(value));
      } catch {
        // Not the device's: nothing is shown of it.
      }
    } else if (kind === 'upload') {
      const upload = UploadProgress.safeParse(value);
      if (upload.success) this.show({ uploads: new Map(this.current.uploads).set(upload.data.grant, upload.data) });
    } else if (kind === 'request' || kind === 'state') this.reloadSoon();
  }

  private heard(receipt: Receipt): void {
    const { request, outcome } = receipt;
    if (request === undefined || outcome === 'refused' || outcome === 'command-done') return;
    const before = this.current.receipts.get(request);
    // The hash that names a grant stands in the first receipt about it alone.
    const isSame = before?.grant !== undefined && before.grant === receipt.grant;
    const grantSha256 = receipt.grantSha256 ?? (isSame ? before.grantSha256 : undefined);
    const whole = { ...receipt, ...(grantSha256 === undefined ? {} : { grantSha256 }) };
    this.show({ receipts: new Map(this.current.receipts).set(request, whole) });
    const kept = this.current.kept.get(request);
    if (kept && receipt.grant !== undefined && grantOf(kept)?.jti === receipt.grant) {
      const draft = this.current.drafts.get(request);
      // The clip that was looked at never leaves: another has to be looked at.
      if (outcome === 'failed' && !kept.isOver && draft) this.keep({ ...draft, step: 'choose', preview: null });
      void this.settle(kept, { receipt: whole, ...(isLastWord(receipt) ? { isOver: true } : {}) });
    }
    this.reloadSoon();
  }

  private async readKept(): Promise<void> {
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

  /** Asks for what waits, reads it, and sends what was not answered yet. */
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
    // Another tab may have drafted, signed or taken back something.
    const kept = await this.readGrants();
    this.show({ kept: new Map([...this.current.kept, ...kept.map((grant) => [grant.request, grant] as const)]) });
    for (const { request, receipt, revoke, isOver } of kept) {
      const isUnanswered = receipt === null || (revoke !== null && receipt.outcome !== 'revoked');
      if (!isOver && isUnanswered && !this.current.refusals.has(request)) this.send(request);
    }
    if (this.isUntold()) await this.askStandings();
  }

  /**
   * Requests of an earlier visit, from what was kept of them, and those that other owners have answered: their signatures are checked
   * again, their time is not.
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

  /** Whether an answer that stands is not of this browser: another owner gave it, or this one elsewhere. */
  isAnothers(request: string): boolean {
    const { at } = this.standing(request);
    const kept = this.current.kept.get(request);
    return (!kept || kept.isOver) && ['under-way', 'sent', 'recalled', 'taken-back', 'declined'].includes(at);
  }

  /** Whether the device lists a decision, and was not asked what became of it since this page has followed it. */
  private isUntold(): boolean {
    const listed = this.door.view.state?.requests ?? [];
    return !this.asked && listed.some(({ state }) => state !== 'pending');
  }

  /** Has the device repeat its receipts: they come as messages. */
  private async askStandings(): Promise<void> {
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
