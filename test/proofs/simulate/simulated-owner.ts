// The owner of a simulated home: answers requests as planned, makes mistakes, revokes, and repeats unanswered orders.

import { generateSigningKey, type SigningKey, sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { issueAccount } from '@doorsill/base/mqtt-account-files';
import { type Random, SeededRandom } from '@doorsill/base/random';
import { ClipLeaves } from '@doorsill/contract/custody';
import type { Receipt } from '@doorsill/contract/home-messages';
import { actorId } from '@doorsill/contract/ids';
import { exchangeJson } from '@doorsill/contract/json-client';
import { parseToken, signToken } from '@doorsill/contract/jws';
import { Grant } from '@doorsill/contract/owner-orders';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import { isSealedAs, sealingOf } from '@doorsill/contract/request-or-search';
import type { Sealing } from '@doorsill/contract/sealing';
import type { Window } from '@doorsill/contract/shared-claims';
import { giveOrder } from '@doorsill/device/owner/give-command';
import { OwnerSession } from '@doorsill/device/owner/owner-session';
import type { PairedDevice } from '@doorsill/device/owner/paired-devices';
import { pairWithDevice } from '@doorsill/device/owner/pairing-client';
import {
  makeCustodyCall,
  makeDenial,
  makeGrant,
  makeRevoke,
  type Signer,
} from '@doorsill/device/owner/sign-owner-messages';
import { failure } from 'doorsill/errors';
import type { VirtualClock } from 'doorsill/world/virtual-clock';
import { GOP_US } from './ffmpeg-twin.ts';
import type { MemoryNetwork } from './memory-network.ts';
import { grantOf, type MistakenOrder, mistakenOrder } from './owner-mistakes.ts';
import type { HomePlan, Mistake } from './plan.ts';
import type { SimulatedServices } from './simulated-services.ts';

/** Interval at which an owner's app repeats unanswered orders. */
const AGAIN_MS = 15_000;
const AGAIN_MAX = 80;
/** When an owner revokes: after the grant's first receipt or, in haste, after sending it. */
const REGRET_MS = { 'at-once': 0, soon: 3_000, between: 5_000, late: 60_000, hasty: 2_000 } as const;
const VOUCHED_MS_MAX = 60_000;
/** Mistakes that follow the home's answer. */
const AFTERWARDS: ReadonlySet<Mistake> = new Set([
  'the same id for another grant',
  'a second grant',
  'a denial after all',
  'a grant after all',
]);

export interface OwnerSeams {
  world: VirtualClock;
  random: Random;
  network: MemoryNetwork;
  services: SimulatedServices;
  log(part: string): Log;
}

/** An owner's stored pairing with a device. */
export interface PairedOwner {
  readonly device: string;
  readonly key: SigningKey;
  readonly account: { user: string; password: string };
  readonly home: PairedDevice;
}

/** An order that an owner has signed. */
export interface SignedOrder {
  readonly kind: 'grant' | 'deny' | 'revoke';
  readonly jti: string;
  readonly token: string;
  readonly request: string;
  /** For a grant or a denial: the requesting agency. */
  readonly agency?: string;
  /** For a grant: its exact window and keys. For a revocation: the grant. */
  readonly window?: Window;
  readonly disclose?: readonly string[];
  readonly grant?: string;
  /** A mistake, which no doorbell may execute. */
  readonly mistake?: Mistake;
}

export class SimulatedOwner {
  readonly orders: SignedOrder[] = [];
  readonly receipts: Receipt[] = [];
  private readonly plan: HomePlan;
  private readonly seams: OwnerSeams;
  private readonly random: Random;
  private device = '';
  private account: { user: string; password: string } | null = null;
  private session: OwnerSession | null = null;
  private signer: Signer | null = null;
  private home: PairedDevice | null = null;
  private readonly notices = new Map<string, VerifiedNotice>();

  constructor(plan: HomePlan, seams: OwnerSeams) {
    this.plan = plan;
    this.seams = seams;
    this.random = new SeededRandom(Math.floor(seams.random.fraction() * 2 ** 32));
  }

  /** Whether all sent orders have been answered. */
  get isAnswered(): boolean {
    return this.orders.every((order) => this.isAnsweredOf(order));
  }

  /** Pairs with a device over its socket, and subscribes unless the owner is away. */
  async start(device: string, socket: string): Promise<void> {
    const { world, network, services } = this.seams;
    const { random } = this;
    const key = generateSigningKey(random);
    const id = actorId('owner', sha256Hex(key.publicKey));
    const holder = { role: 'owner', id, homes: [device] };
    const account = await issueAccount(services.disk, random, services.path('accounts'), holder);
    const seams = { clock: world, network: network.at(`owner-of-${this.plan.name}`) };
    await this.resume({ device, key, account, home: await pairWithDevice(seams, socket, key, 'owner', account) });
  }

  /** Resumes a pairing, and subscribes unless the owner is away. */
  async resume({ device, key, account, home }: PairedOwner): Promise<void> {
    const { world, network, services, log } = this.seams;
    const { random } = this;
    this.device = device;
    this.account = account;
    this.home = home;
    this.signer = { key, clock: world, random };
    if (this.plan.manner === 'away') return;
    const name = `owner-of-${this.plan.name}`;
    const seams = { clock: world, network: network.at(name), random, disk: services.disk, log: log(name) };
    this.session = new OwnerSession(home, seams);
    this.session.listen({
      notice: (notice) => this.noticed(notice),
      receipt: (receipt) => this.onReceipt(receipt),
    });
    await this.session.start();
  }

  /** The stored pairing. Throws `not_running` before pairing. */
  get paired(): PairedOwner {
    const { device, signer, account, home } = this;
    if (!signer || !account || !home) throw failure('not_running', { folder: this.plan.name });
    return { device, key: signer.key, account, home };
  }

  /** Pairs again with the same key, after its device was restored from a backup. Throws the errors of pairing. */
  async pairAgain(socket: string): Promise<void> {
    const { world, network } = this.seams;
    const seams = { clock: world, network: network.at(`owner-of-${this.plan.name}`) };
    if (this.signer && this.account) await pairWithDevice(seams, socket, this.signer.key, 'owner', this.account);
  }

  /** Grants a request that somebody shows them and their home does not: the whole window, or another one, to the agency's `sealing`. */
  talkedInto(
    requestToken: string,
    afterMs: number,
    shown: { window?: Window | undefined; sealing?: Sealing | undefined } = {},
  ): void {
    const { signer } = this;
    if (!signer || !this.session) return;
    const { jti, token, request } = grantOf(signer, this.device, requestToken, shown);
    const mistake = 'a grant that somebody talked them into';
    this.sendAfter({ kind: 'grant', jti, token, request: request.jti, agency: request.agency, mistake }, afterMs);
  }

  /** Sends the order that the device advises while it distrusts its clock: the clock is right now. */
  async vouchForClock(): Promise<void> {
    const { session, signer } = this;
    if (!session || !signer) return;
    await giveOrder(session, signer, { action: 'reset-clock-mark' }, VOUCHED_MS_MAX).catch(() => undefined);
  }

  /** What the bridge's log says about the clip of one of their grants. Throws the bridge's refusal, `unreachable`. */
  async leavesOf(grant: string): Promise<ClipLeaves> {
    const { signer, device } = this;
    const { bridge } = this.seams.services;
    if (!signer) throw failure('not_running', { folder: this.plan.name });
    const { token: bearer } = makeCustodyCall(signer, bridge.id, { device, grant });
    const url = `${bridge.url}/v1/intakes/${grant}/custody/leaves`;
    return ClipLeaves.parse(await exchangeJson(url, { method: 'GET', bearer }));
  }

  async stop(): Promise<void> {
    await this.session?.stop();
  }

  private isAnsweredOf({ jti }: SignedOrder): boolean {
    return this.receipts.some(({ answers }) => answers === jti);
  }

  /** A new request. */
  private noticed(notice: VerifiedNotice): void {
    const request = notice.request.jti;
    const { signer, plan } = this;
    if (this.notices.has(request)) this.notices.set(request, notice);
    if (plan.manner === 'ignores' || this.orders.some((order) => order.request === request) || !signer) return;
    this.notices.set(request, notice);
    const order = plan.manner === 'declines' ? denial(signer, notice) : this.grantOf(signer, notice);
    if (!order) return;
    for (const mistake of plan.mistakes) if (!AFTERWARDS.has(mistake)) this.makeMistake(mistake, signer, notice);
    this.sendAfter(order, plan.answerAfterMs);
    if (order.kind === 'grant' && plan.regret === 'hasty')
      this.takeBack(order, sha256Hex(order.token), plan.answerAfterMs + REGRET_MS.hasty);
  }

  /** Makes a mistake, halfway to the good answer. */
  private makeMistake(mistake: Mistake, signer: Signer, notice: VerifiedNotice): void {
    const good = this.goodWindow(notice);
    // With an e-mail address this would be no mistake.
    if (!good || (mistake === 'a fact that the home does not have' && this.plan.hasEmail)) return;
    const order = mistakenOrder(mistake, signer, notice, good);
    const afterMs = Math.round(this.plan.answerAfterMs / 2);
    const { kind, ...rest } = order;
    if (kind === 'command') this.seams.world.after(afterMs, () => this.order(order));
    else this.sendAfter({ kind, ...rest, mistake }, afterMs);
  }

  /** A grant of some whole GOPs and part of one more, from the footage that the device offers. */
  private grantOf(signer: Signer, notice: VerifiedNotice): SignedOrder | null {
    const window = this.goodWindow(notice);
    if (!window) return null;
    const keys = this.plan.disclose.filter((key) => notice.askedKeys.includes(key));
    const choice = { window, disclose: keys, lifeS: this.plan.grantLifeS };
    const { jti, token } = makeGrant(signer, notice, choice);
    const { jti: request, agency } = notice.request;
    return { kind: 'grant', jti, token, request, agency, window, disclose: keys };
  }

  private goodWindow({ coverage }: VerifiedNotice): Window | null {
    const { gops, part } = this.plan;
    const span = coverage.at(-1);
    if (!span) return null;
    const held = Math.floor((span.endUs - span.startUs) / GOP_US);
    // At least a GOP and a half is needed.
    if (held < 2) return null;
    const taken = Math.min(gops, held - 1);
    const startUs = span.startUs + (held - 1 - taken) * GOP_US;
    return { startUs, endUs: startUs + taken * GOP_US + Math.round((part * GOP_US) / 1_000) * 1_000 };
  }

  private sendAfter(order: SignedOrder, afterMs: number): void {
    this.orders.push(order);
    this.seams.world.after(afterMs, () => this.send(order, AGAIN_MAX));
  }

  /** Sends an order until the device has answered it. */
  private send(order: SignedOrder, times: number): void {
    const { session } = this;
    if (!session || times === 0 || this.isAnsweredOf(order)) return;
    session.answer(order.request, order.kind, order.token).catch(() => undefined);
    this.seams.world.after(AGAIN_MS, () => this.send(order, times - 1));
  }

  private order({ token }: MistakenOrder): void {
    this.session?.command(token).catch(() => undefined);
  }

  private onReceipt(receipt: Receipt): void {
    this.receipts.push(receipt);
    this.decideAnew(receipt);
    const order = this.orders.find(({ jti }) => jti === receipt.answers);
    if (!order) return;
    this.reconsider(order, receipt);
    this.grantToNewKey(order, receipt);
    this.makeLaterMistakes(order, receipt);
    const { regret, manner } = this.plan;
    const { outcome, grantSha256 } = receipt;
    if (manner !== 'shares' || regret === 'never' || outcome !== 'granted' || order.kind !== 'grant') return;
    const isTaken = this.orders.some(({ kind, grant }) => kind === 'revoke' && grant === order.jti);
    if (!isTaken && grantSha256 !== undefined) this.takeBack(order, grantSha256, REGRET_MS[regret]);
  }

  /** Signs a revocation now, and sends it later. */
  private takeBack({ request, jti: grant }: SignedOrder, grantSha256: string, afterMs: number): void {
    const { signer } = this;
    if (!signer) return;
    const { jti, token } = makeRevoke(signer, this.device, { request, grant, grantSha256 });
    this.sendAfter({ kind: 'revoke', jti, token, request, grant }, afterMs);
  }

  /** An owner who revoked a clip may grant again. */
  private reconsider(taken: SignedOrder, { outcome }: Receipt): void {
    const notice = this.notices.get(taken.request);
    const { plan, signer, orders } = this;
    if (!plan.again || !signer || !notice || taken.kind !== 'revoke' || taken.mistake || outcome === 'refused') return;
    const grants = orders.filter(
      ({ kind, request, mistake }) => kind === 'grant' && request === taken.request && !mistake,
    );
    const order = grants.length > 1 ? null : this.grantOf(signer, notice);
    if (order) this.sendAfter(order, plan.answerAfterMs);
  }

  /** A grant for the agency's former key is signed again for its new one, as the home shows it then. */
  private grantToNewKey(order: SignedOrder, { code }: Receipt): void {
    const notice = this.notices.get(order.request);
    const { signer, plan } = this;
    if (code !== 'consent_sealing_changed' || order.mistake || !signer || !notice) return;
    const refused = Grant.parse(parseToken(order.token)?.claims);
    if (isSealedAs(refused, sealingOf(notice))) return;
    const again = this.grantOf(signer, notice);
    if (again) this.sendAfter(again, plan.answerAfterMs);
  }

  /** The owner's new decision after the only grant of a request has failed. */
  private decideAnew({ outcome, request = '' }: Receipt): void {
    const notice = this.notices.get(request);
    const { plan, signer, orders } = this;
    if (outcome !== 'failed' || plan.onFailure === 'nothing' || !signer || !notice) return;
    if (orders.filter((order) => order.request === request && order.kind !== 'revoke').length > 1) return;
    const order = plan.onFailure === 'shares' ? this.grantOf(signer, notice) : denial(signer, notice);
    if (order) this.sendAfter(order, plan.answerAfterMs);
  }

  /** Mistakes about decided requests, each once. */
  private makeLaterMistakes(order: SignedOrder, { outcome }: Receipt): void {
    const { plan, signer } = this;
    const notice = this.notices.get(order.request);
    if (!signer || !notice || order.mistake) return;
    for (const mistake of plan.mistakes) {
      const isMade = this.orders.some((one) => one.request === order.request && one.mistake === mistake);
      const isDue = AFTERWARDS.has(mistake) && outcome === (mistake === 'a grant after all' ? 'denied' : 'granted');
      if (isMade || !isDue) continue;
      const { session } = this;
      const again = makeGrant(signer, notice, { window: order.window ?? notice.request.window });
      const { jti, token } = again;
      const about = { request: order.request, mistake };
      if (mistake === 'a grant after all') this.sendAfter({ kind: 'grant', jti, token, ...about }, plan.answerAfterMs);
      else if (mistake === 'the same id for another grant') {
        const claims = { ...again.claims, jti: order.jti, audio: true };
        session
          ?.answer(order.request, 'grant', signToken('doorsill-grant+jws', claims, signer.key))
          .catch(() => undefined);
      } else this.unsure(mistake, signer, notice);
    }
  }

  /** Answers that are right only if the first one has failed by then. */
  private unsure(mistake: Mistake, signer: Signer, notice: VerifiedNotice): void {
    const kind = mistake === 'a second grant' ? 'grant' : 'deny';
    const about = this.orders.filter((one) => one.request === notice.request.jti && one.kind === kind && !one.mistake);
    if (about.length > (kind === 'grant' ? 1 : 0)) return;
    const order = kind === 'grant' ? this.grantOf(signer, notice) : denial(signer, notice);
    if (order) this.sendAfter(order, 1_000);
  }
}

function denial(signer: Signer, notice: VerifiedNotice): SignedOrder {
  const { jti, token } = makeDenial(signer, notice);
  return { kind: 'deny', jti, token, request: notice.request.jti, agency: notice.request.agency };
}
