// Fetches the requests that an owner decides on, prints them, and waits for the device's receipts.
import type { Clock } from '@doorsill/base/clock';
import type { Receipt, UploadProgress } from '@doorsill/contract/home-messages';
import { withoutUnseen } from '@doorsill/contract/outside-text';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import type { VerifiedSighting } from '@doorsill/contract/read-sighting';
import type { DisclosureKey, Window } from '@doorsill/contract/shared-claims';
import type { OwnerSession } from '../owner/owner-session.ts';
import { refusalInReceipt } from '../owner/read-receipt.ts';
import { makeCommand, type Signer } from '../owner/sign-owner-messages.ts';
import { failure, isFailure } from './errors.ts';
import { printBytes, printLength, printMoment } from './format-units.ts';
import { calledAs } from './shell-words.ts';
import { readersOf } from './who-can-read.ts';

const ANSWER_MS_MAX = 15_000;
/** Maximum wait for a device's receipt of an order. */
export const RECEIPT_MS_MAX = 20_000;
/** Time for collecting notices after asking for all open requests: a device sends them back to back. */
const GATHER_MS = 700;

/** An agency's request, or a sighting of a missing pet. */
export type Answerable = VerifiedNotice | VerifiedSighting;

/**
 * Asks the device for everything that awaits an answer and returns the item with this id. Throws `consent_request_unknown`, or the
 * reason why the device cannot ask its owners about it.
 */
export async function fetchNotice(session: OwnerSession, signer: Signer, request: string): Promise<Answerable> {
  const found = (await fetchAnswerable(session, signer, request)).find((one) => one.request.jti === request);
  if (!found) throw session.whyUnasked(request) ?? failure('consent_request_unknown');
  return found;
}

/** Asks the device for its open requests. */
export async function fetchNotices(session: OwnerSession, signer: Signer): Promise<VerifiedNotice[]> {
  return (await fetchAnswerable(session, signer)).filter((one) => 'credential' in one);
}

/** Asks the device for its possible sightings of searched pets. */
export async function fetchSightings(session: OwnerSession, signer: Signer): Promise<VerifiedSighting[]> {
  return (await fetchAnswerable(session, signer)).filter((one) => 'sighted' in one);
}

/** Asks the device for everything that awaits an answer; returns early once the item with id `until` has arrived. */
async function fetchAnswerable(session: OwnerSession, signer: Signer, until?: string): Promise<Answerable[]> {
  const notices = new Map<string, Answerable>();
  const note = (found: Answerable, done: () => void) => {
    notices.set(found.request.jti, found);
    if (found.request.jti === until) done();
  };
  const command = makeCommand(signer, session.home.device, { action: 'announce' });
  const asked = session.waitFor<void>(
    'the open requests',
    ANSWER_MS_MAX,
    (found) => ({
      notice: (notice) => note(notice, () => found()),
      sighting: (sighting) => note(sighting, () => found()),
      // The device confirms the command after it has sent the notices.
      receipt: (receipt) => {
        if (receipt.answers === command.jti) signer.clock.after(GATHER_MS, () => found());
      },
    }),
    () => session.command(command.token),
  );
  await asked.catch((thrown: unknown) => {
    // A device whose clock is wrong answers no order, but its state says why it cannot ask its owners.
    throw (isFailure(thrown) && thrown.code === 'timed_out' && session.whyUnasked(until)) || thrown;
  });
  return [...notices.values()];
}

/** The device's repeated receipts about a request or a grant, which show its state. */
export async function receiptsAbout(session: OwnerSession, signer: Signer, id: string): Promise<Receipt[]> {
  const heard: Receipt[] = [];
  const stop = session.listen({
    receipt: (receipt) => {
      if (receipt.request === id || receipt.grant === id) heard.push(receipt);
    },
  });
  await fetchNotices(session, signer);
  stop();
  return heard;
}

/** Asks the device to publish its state and open requests again; the session's listeners receive them. */
export function askForState(session: OwnerSession, signer: Signer): void {
  // A lost message does not matter: callers that wait for an answer ask again.
  session.command(makeCommand(signer, session.home.device, { action: 'announce' }).token).catch(() => undefined);
}

/** A request as lines for the owner: the agency, its purpose, and the device's footage. */
export function showNotice(notice: VerifiedNotice): string[] {
  const { request, credential } = notice;
  return [
    `Request ${request.jti}`,
    `  from      ${credential.name} (${credential.jurisdiction}, ${credential.domain}), verified`,
    `  about     ${request.incidentType}, investigation ${request.investigation}`,
    `  text      ${request.text}`,
    `  contact   ${[request.contact.name, request.contact.email, request.contact.phone].filter(Boolean).join(', ')}`,
    `  asks for  ${showWindow(request.window)}`,
    `  can read  ${readersOf(notice)}`,
    `  you have  ${notice.coverage.map(showWindow).join('; ') || 'no footage of that time'}`,
    `  wants to know  ${notice.askedKeys.map((key) => `${key} (${notice.wouldDisclose[key] ?? 'not set'})`).join(', ') || 'nothing about you'}`,
  ].map(withoutUnseen);
}

/** A sighting as lines for the owner: the search, and when the device may have seen the pet. */
export function showSighting(sighting: VerifiedSighting): string[] {
  const { request, sighted, wouldDisclose, askedKeys } = sighting;
  return [
    `Search ${request.jti}`,
    `  for       a ${request.kind} lost around ${request.cell}; posted by an unverified neighbour`,
    `  text      ${request.text}`,
    ...sighted.map(
      ({ window, likeness }) => `  seen      ${showWindow(window)}, ${Math.round(likeness * 100)} % alike`,
    ),
    `  can read  ${readersOf(sighting)}`,
    `  wants to know  ${askedKeys.map((key) => `${key} (${wouldDisclose[key] ?? 'not set'})`).join(', ') || 'nothing about you'}`,
    `  still     ${calledAs()} search-party still ${request.jti} --out still.jpg`,
    `  answer    ${calledAs()} grant ${request.jti} --still`,
  ].map(withoutUnseen);
}

/** A span of time as text for an owner. */
export function showWindow(window: Window): string {
  return `${printMoment(window.startUs)} to ${printMoment(window.endUs)} (${printLength(window.endUs - window.startUs)})`;
}

/** The command that grants a window of a request. */
export function grantLine(request: string, window: Window, disclose: readonly DisclosureKey[]): string {
  const keys = disclose.length > 0 ? ` --disclose ${disclose.join(',')}` : '';
  return `${calledAs()} grant ${request} --from ${printMoment(window.startUs)} --to ${printMoment(window.endUs)}${keys}`;
}

/** An owner's signed message that is being sent. */
export interface Order {
  jti: string;
  /** The request that it answers. Such an order is idempotent, so it is sent again after an outage. */
  request?: string;
  send: () => Promise<void>;
}

/**
 * Sends an order and waits for the device's receipt for it; throws the failure in a refusal. Device, broker and this session may each
 * go offline meanwhile.
 */
export async function answered(
  session: OwnerSession,
  order: Order,
  withinMs: number,
  accept: (receipt: Receipt) => boolean,
  onOther?: (receipt: Receipt) => void,
  onUpload?: (progress: UploadProgress) => void,
): Promise<{ receipt: Receipt; token: string }> {
  const { jti, request, send } = order;
  let isRepeated = false;
  const repeat = () => {
    if (request === undefined) return;
    isRepeated = true;
    send().catch(() => undefined);
  };
  return session.waitFor(
    "the device's receipt",
    withinMs,
    (found, failed) => ({
      returned: repeat,
      status: (status) => status === 'online' && repeat(),
      // The device still sends the request's notice: our answer has not reached it.
      notice: (notice) => notice.request.jti === request && repeat(),
      sighting: (sighting) => sighting.request.jti === request && repeat(),
      receipt: (receipt, token) => {
        if (receipt.answers !== jti && receipt.grant !== jti) return;
        // A restarted device does not know the request yet; once it sends the notice, the order is sent again.
        if (isRepeated && receipt.code === 'consent_request_unknown') return;
        if (receipt.outcome === 'refused' || receipt.outcome === 'failed') failed(refusalInReceipt(receipt));
        else if (accept(receipt)) found({ receipt, token });
        else onOther?.(receipt);
      },
      ...(onUpload ? { upload: (progress: UploadProgress) => progress.grant === jti && onUpload(progress) } : {}),
    }),
    send,
  );
}

/** One line of an upload's progress. */
export function showUpload(progress: UploadProgress): string {
  const share = progress.totalBytes > 0 ? Math.floor((100 * progress.sentBytes) / progress.totalBytes) : 0;
  const retry =
    progress.retryInMs === undefined
      ? ''
      : `, next try in ${(progress.retryInMs / 1000).toFixed(1)} s (${progress.code})`;
  return `  upload ${progress.state}: ${printBytes(progress.sentBytes)} of ${printBytes(progress.totalBytes)} (${share} %)${retry}`;
}

/** Milliseconds since `startMs` on the monotonic clock. */
export function elapsedMs(clock: Clock, startMs: number): number {
  return Math.round(clock.monotonicMs() - startMs);
}
