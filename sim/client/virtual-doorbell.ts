import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { type SigningKey, sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { freshId, type Random } from '@doorsill/base/random';
import type { DeviceEvent, DeviceState, Receipt } from '@doorsill/contract/home-messages';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import type { Window } from '@doorsill/contract/shared-claims';
import { giveOrder } from '@doorsill/device/owner/give-command';
import type { OwnerSession } from '@doorsill/device/owner/owner-session';
import { refusalInReceipt } from '@doorsill/device/owner/read-receipt';
import {
  makeCommand,
  makeDenial,
  makeGrant,
  makeRevoke,
  type Signer,
} from '@doorsill/device/owner/sign-owner-messages';
import { askForState, fetchNotices, RECEIPT_MS_MAX } from '@doorsill/device/terminal/owner-requests';
import { failure, isFailure } from '../errors.ts';
import { postRequest, signFootageRequest } from '../officer/agency-client.ts';
import { demoAsk } from '../story/demo-request.ts';
import { sendDecision } from '../story/send-decision.ts';
import { DEMO_HOME, type TestbedFacts } from '../testbed/testbed.ts';
import { Arrivals } from './arrivals.ts';
import { type DeliveredClip, fetchDeliveredClip } from './delivered-clip.ts';
import {
  type AskOptions,
  type GrantOptions,
  readAsk,
  readEventType,
  readEventWait,
  readGrant,
  readOutcome,
  readRequestId,
  readWait,
  type WaitOptions,
} from './options.ts';

/** The types of a doorbell's events. */
export type EventType = DeviceEvent['type'];
/** The event with this type. */
export type EventOf<Type extends EventType> = Extract<DeviceEvent, { type: Type }>;

/** An agency's request as the owner sees it, verified. */
export interface DoorRequest {
  id: string;
  /** The agency's name in its credential. */
  agency: string;
  text: string;
  /** The footage that `ask` was about, which `grant` grants by default. The request itself covers more: at least 15 minutes. */
  window: Window;
  /** The whole verified request, with its full window and the requested facts. */
  notice: VerifiedNotice;
}

/** The parts of a virtual doorbell; `close` ends it and removes its folder. */
export interface DoorbellParts {
  folder: string;
  /** The testbed's folder. */
  testbed: string;
  session: OwnerSession;
  ownerKey: SigningKey;
  /** Null without an agency. */
  facts: TestbedFacts | null;
  deps: { clock: Clock; random: Random; disk: Disk; log: Log };
  close: () => Promise<void>;
}

type Arrival = DeviceEvent | Receipt;
type Answer = { kind: 'granted'; grant: string; grantSha256: string } | { kind: 'denied' | 'ignored' | 'revoked' };

const EVENT_MS_MAX = 20_000;
const FOOTAGE_MS_MAX = 60_000;
const NOTICE_MS_MAX = 30_000;
const CLIP_MS_MAX = 120_000;
const LAST_S = 5;
/** Timeout for a doorbell's state. */
const STATE_MS_MAX = 10_000;
/** Minimum interval between two queries of the recorded footage. */
const ASK_AGAIN_MS = 250;

/** Outcomes that settle whether a grant's clip gets to the bridge. */
const SETTLED = new Set<Receipt['outcome']>(['sent', 'failed', 'revoked', 'deleted', 'recalled']);

/** A doorbell in this process, with its owner's side, for tests. */
export class VirtualDoorbell {
  /** Its folder, which `stop` removes: clips, logs, the data of all parts. */
  readonly folder: string;
  private readonly parts: DoorbellParts;
  private readonly signer: Signer;
  private readonly arrivals: Arrivals<Arrival>;
  /** All receipts about grants. */
  private readonly grantReceipts: Receipt[] = [];
  private readonly requestsById = new Map<string, DoorRequest>();
  private readonly abouts = new Map<string, Window>();
  private readonly answers = new Map<string, Answer>();
  private readonly stopping = new AbortController();
  private stopped: Promise<void> | null = null;

  /** Made by `startDoorbell`. */
  constructor(parts: DoorbellParts) {
    const { clock, random } = parts.deps;
    this.parts = parts;
    this.folder = parts.folder;
    this.signer = { key: parts.ownerKey, clock, random };
    this.arrivals = new Arrivals(clock, nameOf);
    parts.session.listen({
      event: (event) => this.arrivals.add(event.id, event),
      receipt: (receipt) => this.onReceipt(receipt),
      returned: () => askForState(parts.session, this.signer),
    });
  }

  /** The device's id. */
  get id(): string {
    return this.parts.session.home.device;
  }

  /**
   * Presses a button by the owner's signed command. Resolves when the doorbell has confirmed it; `event('ring')` returns the press itself.
   * Throws `button_unknown`.
   */
  press(button = 'front'): Promise<void> {
    return this.call('press()', async () => {
      await giveOrder(this.parts.session, this.signer, { action: 'press', button }, RECEIPT_MS_MAX);
    });
  }

  /**
   * Returns the oldest event of a type that was not returned yet; waits for one if there is none. Each event is returned once, whether it
   * came before or after the call. `where` filters them. Throws `client_nothing_came`.
   */
  event<Type extends EventType>(
    type: Type,
    options: WaitOptions & { where?: (event: EventOf<Type>) => boolean } = {},
  ): Promise<EventOf<Type>> {
    return this.call('event()', () => {
      readEventType(type);
      const { timeoutMs = EVENT_MS_MAX } = readEventWait(options);
      const isOf = (message: Arrival): message is EventOf<Type> => 'type' in message && message.type === type;
      const isWanted = (message: Arrival): message is EventOf<Type> =>
        isOf(message) && (options.where?.(message) ?? true);
      return this.arrivals.take(`event "${type}"`, isWanted, timeoutMs);
    });
  }

  /** The oldest receipt with an outcome that was not returned yet, as with `event`. The doorbell signs each. */
  receipt(outcome: Receipt['outcome'], options: WaitOptions = {}): Promise<Receipt> {
    return this.call('receipt()', () => {
      readOutcome(outcome);
      const { timeoutMs = EVENT_MS_MAX } = readWait('receipt()', options);
      const isWanted = (message: Arrival): message is Receipt => 'outcome' in message && message.outcome === outcome;
      return this.arrivals.take(`receipt "${outcome}"`, isWanted, timeoutMs);
    });
  }

  /** The doorbell's state now: camera, footage, storage, open requests. */
  state(options: WaitOptions = {}): Promise<DeviceState> {
    return this.call('state()', () =>
      askState(this.parts.session, this.signer, readWait('state()', options).timeoutMs ?? STATE_MS_MAX),
    );
  }

  /** The requests that wait for an answer, as the owner sees them. */
  requests(): Promise<DoorRequest[]> {
    return this.call('requests()', async () =>
      (await fetchNotices(this.parts.session, this.signer)).map((notice) => this.take(notice)),
    );
  }

  /**
   * Sends the agency's request for footage once the doorbell has recorded it; resolves when the owner has the verified request. `lastS`: the
   * seconds before this call, or the first seconds of footage if there are fewer yet. Throws `client_no_footage`, `client_no_agency`, and the
   * bridge's refusals.
   */
  ask(options: AskOptions = {}): Promise<DoorRequest> {
    return this.call('ask()', async () => {
      const wanted = readAsk(options);
      const { facts, session, deps } = this.parts;
      if (!facts) throw failure('client_no_agency');
      const about = await recordedWindow(
        session,
        this.signer,
        wanted.window ?? wanted.lastS ?? LAST_S,
        wanted.timeoutMs ?? FOOTAGE_MS_MAX,
        this.stopping.signal,
      );
      const ask = demoAsk(deps.clock, DEMO_HOME.place, about, wanted.profile);
      const { id, token } = signFootageRequest(deps, facts.agencyKey, facts.bridge.id, {
        ...ask,
        // An agency may post an investigation twice at most.
        investigation: freshId(deps.random, 'case'),
        ...(wanted.text === undefined ? {} : { text: wanted.text }),
      });
      this.abouts.set(id, about);
      const notice = await session.waitFor<VerifiedNotice>(
        'the request at the doorbell',
        wanted.timeoutMs ?? NOTICE_MS_MAX,
        (found) => ({ notice: (received) => received.request.jti === id && found(received) }),
        () => postRequest(facts.bridge.url, token),
      );
      return this.take(notice);
    });
  }

  /** Grants exactly this window and these facts as the owner. Resolves with the receipt; `clip` waits for the clip. */
  grant(request: DoorRequest, options: GrantOptions = {}): Promise<Receipt> {
    return this.call('grant()', async () => {
      const { timeoutMs = RECEIPT_MS_MAX, disclose, window, audio, zones } = readGrant(options);
      const known = this.known('grant()', request);
      const grant = makeGrant(this.signer, known.notice, {
        window: window ?? known.window,
        ...(disclose === undefined ? {} : { disclose }),
        ...(audio === undefined ? {} : { audio }),
        ...(zones === undefined ? {} : { zones }),
      });
      const receipt = await sendDecision(this.parts.session, 'grant', grant, timeoutMs);
      this.answers.set(known.id, { kind: 'granted', grant: grant.jti, grantSha256: sha256Hex(grant.token) });
      return receipt;
    });
  }

  /** Denies the request as the owner; nobody outside learns of it. */
  deny(request: DoorRequest, options: WaitOptions = {}): Promise<Receipt> {
    return this.call('deny()', async () => {
      const { timeoutMs = RECEIPT_MS_MAX } = readWait('deny()', options);
      const known = this.known('deny()', request);
      const denial = makeDenial(this.signer, known.notice);
      const receipt = await sendDecision(this.parts.session, 'deny', denial, timeoutMs);
      this.answers.set(known.id, { kind: 'denied' });
      return receipt;
    });
  }

  /** Revokes the grant as the owner. Resolves with the receipt `revoked`; sent bytes are erased, or recalled, after that. */
  revoke(request: DoorRequest, options: WaitOptions = {}): Promise<Receipt> {
    return this.call('revoke()', async () => {
      const { timeoutMs = RECEIPT_MS_MAX } = readWait('revoke()', options);
      const known = this.known('revoke()', request);
      const answer = this.answers.get(known.id);
      if (answer?.kind !== 'granted') throw failure('consent_nothing_to_revoke');
      const { grant, grantSha256 } = answer;
      const revoke = makeRevoke(this.signer, this.id, { request: known.id, grant, grantSha256 });
      const receipt = await sendDecision(this.parts.session, 'revoke', revoke, timeoutMs);
      this.answers.set(known.id, { kind: 'revoked' });
      return receipt;
    });
  }

  /** Leaves the request unanswered: nothing is sent, so nobody can tell. From then on `clip` does not wait for this request. */
  ignore(request: DoorRequest): Promise<void> {
    return this.call('ignore()', async () => {
      const known = this.known('ignore()', request);
      if (this.answers.get(known.id)?.kind !== 'granted') this.answers.set(known.id, { kind: 'ignored' });
    });
  }

  /**
   * The clip of a granted request, once the vault has it: a plain file, verified. Throws `client_not_granted`, `timed_out`, and the reason why
   * it could not be made or sent.
   */
  clip(request: DoorRequest, options: WaitOptions = {}): Promise<DeliveredClip> {
    return this.call('clip()', async () => {
      const { timeoutMs = CLIP_MS_MAX } = readWait('clip()', options);
      const { id } = this.known('clip()', request);
      const { facts, session, deps, testbed, folder } = this.parts;
      const answer = this.answers.get(id);
      if (!facts || answer?.kind !== 'granted') throw noClip(id, answer?.kind ?? 'not answered');
      const isSettled = ({ grant, outcome }: Receipt) => grant === answer.grant && SETTLED.has(outcome);
      const receipt =
        this.grantReceipts.find(isSettled) ??
        (await session.waitFor<Receipt>('the clip at the bridge', timeoutMs, (found) => ({
          receipt: (received) => isSettled(received) && found(received),
        })));
      if (receipt.outcome === 'failed') throw refusalInReceipt(receipt);
      if (receipt.outcome !== 'sent') throw noClip(id, receipt.outcome);
      const route = { testbed, bridge: facts.bridge, home: session.home, into: join(folder, 'clips') };
      return fetchDeliveredClip(deps, route, receipt, timeoutMs, this.stopping.signal);
    });
  }

  /** Ends every process and removes the folder. Calls that still wait throw `client_stopped`. May be called again. */
  stop(): Promise<void> {
    if (!this.stopped) {
      const reason = failure('interrupted', { signal: 'stop()' });
      this.stopping.abort(reason);
      this.arrivals.end(reason);
      this.stopped = this.parts.close();
    }
    return this.stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Runs a call. Throws `client_stopped` once the doorbell is stopped, and for a call that `stop` interrupts. */
  private async call<Result>(call: string, work: () => Promise<Result>): Promise<Result> {
    const { signal } = this.stopping;
    if (signal.aborted) throw failure('client_stopped', { call });
    try {
      return await work();
    } catch (thrown) {
      const isEnded = signal.aborted && isFailure(thrown) && thrown.code === 'interrupted';
      throw isEnded ? failure('client_stopped', { call }, thrown) : thrown;
    }
  }

  private onReceipt(receipt: Receipt): void {
    const { outcome, answers = '', grant, request } = receipt;
    if (grant !== undefined) this.grantReceipts.push(receipt);
    // `command-done` answers this client's own commands. The device repeats the others on request, with a new time, and so with new ids.
    if (outcome === 'command-done') return;
    this.arrivals.add(`${outcome} ${outcome === 'refused' ? answers : (grant ?? request)}`, receipt);
  }

  private take(notice: VerifiedNotice): DoorRequest {
    const { jti: id, text, window } = notice.request;
    const request = { id, agency: notice.credential.name, text, window: this.abouts.get(id) ?? window, notice };
    this.requestsById.set(id, request);
    return request;
  }

  /** The request that a call names. Throws `client_argument_invalid` for one that this doorbell never returned. */
  private known(call: string, given: DoorRequest): DoorRequest {
    const found = this.requestsById.get(readRequestId(call, given));
    if (found) return found;
    throw failure('client_argument_invalid', {
      call,
      detail: 'it takes a request that ask() or requests() of this doorbell returned',
    });
  }
}

function noClip(request: string, why: string) {
  return failure('client_not_granted', { request, detail: `it was ${why}` });
}

/** The name of an arrival in a failure. */
function nameOf(message: Arrival): string {
  if ('outcome' in message) return `receipt "${message.outcome}"${message.code ? ` (${message.code})` : ''}`;
  if (message.type === 'ring') return `ring of ${message.button}`;
  if (message.type === 'camera' || message.type === 'hardware') return `${message.type} ${message.state}`;
  return message.type;
}

/** The doorbell's current state, which it publishes on request. Throws `timed_out`. */
function askState(session: OwnerSession, signer: Signer, withinMs: number): Promise<DeviceState> {
  const { token } = makeCommand(signer, session.home.device, { action: 'announce' });
  return session.waitFor<DeviceState>(
    "the doorbell's state",
    withinMs,
    (found) => ({ state: found }),
    () => session.command(token),
  );
}

/**
 * Waits until the ring holds a window, or a number of seconds up to now; returns the window. If recording began later than that, returns its
 * first seconds. Throws `client_no_footage`, the signal's reason.
 */
async function recordedWindow(
  session: OwnerSession,
  signer: Signer,
  wanted: Window | number,
  withinMs: number,
  signal: AbortSignal,
): Promise<Window> {
  const { clock } = signer;
  const [askedUs, endMs] = [clock.wallUs(), clock.monotonicMs() + withinMs];
  for (;;) {
    const { ring, camera } = await askState(session, signer, STATE_MS_MAX);
    const last = ring.coverage.at(-1) ?? { startUs: askedUs, endUs: askedUs };
    const window = typeof wanted === 'number' ? lastSeconds(wanted, askedUs, last) : wanted;
    if (last.endUs >= window.endUs) return window;
    const missingMs = (window.endUs - last.endUs) / 1_000;
    const leftMs = endMs - clock.monotonicMs();
    if (camera.state === 'failed' || leftMs <= 0) {
      const hasS = ((last.endUs - last.startUs) / 1_000_000).toFixed(1);
      const detail = `its camera is ${camera.state}${camera.detail ? ` (${camera.detail})` : ''}, and it has ${hasS} s`;
      const wantedS = (window.endUs - window.startUs) / 1_000_000;
      throw failure('client_no_footage', { wanted: wantedS, seconds: withinMs / 1_000, detail });
    }
    await clock.sleep(Math.min(leftMs, Math.max(ASK_AGAIN_MS, missingMs)), signal);
  }
}

/** The seconds of a span of footage up to `us`, or its first ones if it has fewer before that. */
function lastSeconds(seconds: number, us: number, span: Window): Window {
  const lengthUs = Math.round(seconds * 1_000_000);
  const endUs = Math.max(us, span.startUs + lengthUs);
  return { startUs: endUs - lengthUs, endUs };
}
