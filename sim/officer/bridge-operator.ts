// What a bridge's moderator and operator do there: deciding on requests, partners, enrolment codes.

import type { Disk } from '@doorsill/base/disk';
import { failure } from '../errors.ts';
import { adminBearer } from './registration.ts';
import { type Answers, call, pages } from './service-client.ts';
import type { PartnerFacts, PartnerSecrets, WaitingRequest } from './service-operations.ts';

/** Where a bridge listens, and its folder on this machine. */
export interface BridgePlace {
  url: string;
  folder: string;
  /** A moderator's own token; absent: the admin's, which is in the folder. */
  token?: string;
}

async function serviceAt(disk: Disk, { url, token, folder }: BridgePlace) {
  return { url, bearer: token ?? (await adminBearer(disk, folder)) };
}

/** All requests that wait for a moderator at the bridge. */
export async function waitingRequests(disk: Disk, bridge: BridgePlace): Promise<WaitingRequest[]> {
  const service = await serviceAt(disk, bridge);
  const all: WaitingRequest[] = [];
  for await (const { requests } of pages((cursor) => call(service, 'listWaitingRequests', { cursor })))
    all.push(...requests);
  return all;
}

/** Publishes or turns down a waiting request in its current revision; returns its state. Throws the bridge's coded refusal. */
export async function decideRequest(
  disk: Disk,
  bridge: BridgePlace,
  id: string,
  verb: 'approve' | 'refuse',
  body: object,
): Promise<string> {
  const waiting = (await waitingRequests(disk, bridge)).find(({ request }) => request === id);
  if (!waiting) throw failure('request_not_live');
  const service = await serviceAt(disk, bridge);
  return (await call(service, `${verb}Request`, { request: id }, { revision: waiting.revision, ...body })).state;
}

/** All partners of a bridge, including those whose partnership has ended. */
export async function listPartners({ url }: Pick<BridgePlace, 'url'>): Promise<PartnerFacts[]> {
  return (await call({ url }, 'listPartners')).partners;
}

/** Enters a partner as active. Throws `partner_ended`, `partner_changed`. */
export async function addPartner(
  disk: Disk,
  bridge: BridgePlace,
  partner: string,
  name: string,
): Promise<PartnerSecrets> {
  return call(await serviceAt(disk, bridge), 'addPartner', {}, { partner, name });
}

/** Issues a partner new secrets; the old ones become invalid. Throws `partner_unknown`, `partner_ended`. */
export async function renewPartner(disk: Disk, bridge: BridgePlace, partner: string): Promise<PartnerSecrets> {
  return call(await serviceAt(disk, bridge), 'renewPartner', { partner }, {});
}

/**
 * Sets a partner's status in its current revision; `ended` is final. Returns how many requests it cancelled. Throws `partner_unknown`,
 * `partner_ended`, `partner_changed`.
 */
export async function setPartnerStatus(
  disk: Disk,
  bridge: BridgePlace,
  partner: string,
  status: 'active' | 'suspended' | 'ended',
): Promise<Answers['setPartnerStatus']> {
  const service = await serviceAt(disk, bridge);
  const { revision } = await call(service, 'readPartner', { partner });
  return call(service, 'setPartnerStatus', { partner }, { status, revision });
}

/** How many devices a code lets in, one by default; for how many seconds, by default as the bridge is set. */
export interface CodeWish {
  readonly devices?: number;
  readonly lifeS?: number;
}

/** Makes an enrolment code at the bridge at `url`; `bearer` is its admin token. Throws the bridge's refusal, `unreachable`. */
export function createEnrolmentCode(
  url: string,
  bearer: string,
  wish: CodeWish = {},
): Promise<Answers['createEnrolmentCode']> {
  return call({ url, bearer }, 'createEnrolmentCode', {}, wish);
}
