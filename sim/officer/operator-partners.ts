// Owns: a bridge's operator and its partners: entering one, suspending, resuming and ending it. Not here: what a partner may do
// (the bridge's partners/).

import type { Disk } from '@doorsill/base/disk';
import { exchangeJson } from '@doorsill/contract/json-client';
import { z } from 'zod';
import type { BridgePlace } from './moderator.ts';
import { adminBearer } from './registration.ts';

const PartnerFacts = z.object({ partner: z.string(), name: z.string(), status: z.string(), since: z.string() });
const listSchema = z.object({ partners: z.array(PartnerFacts) });
const seenSchema = PartnerFacts.extend({ revision: z.int() });
const changedSchema = PartnerFacts.extend({ cancelled: z.int() });
const PartnerSecrets = PartnerFacts.extend({ token: z.string(), webhookSecret: z.string() });

/** Public facts about a partner. */
export type PartnerFacts = z.infer<typeof PartnerFacts>;
/** The same with its secrets, which the bridge shows once. */
export type PartnerSecrets = z.infer<typeof PartnerSecrets>;

/** All partners of a bridge, including those whose partnership has ended. */
export async function listPartners({ url }: Pick<BridgePlace, 'url'>): Promise<PartnerFacts[]> {
  return listSchema.parse(await exchangeJson(`${url}/v1/partners`, { method: 'GET' })).partners;
}

/** Enters a partner as active. Throws `partner_ended`, `partner_changed`. */
export async function addPartner(
  disk: Disk,
  bridge: BridgePlace,
  partner: string,
  name: string,
): Promise<PartnerSecrets> {
  const body = { partner, name };
  const bearer = await adminBearer(disk, bridge.folder);
  return PartnerSecrets.parse(await exchangeJson(`${bridge.url}/v1/partners`, { method: 'POST', body, bearer }));
}

/** Issues a partner new secrets; the old ones become invalid. Throws `partner_unknown`, `partner_ended`. */
export async function renewPartner(disk: Disk, bridge: BridgePlace, partner: string): Promise<PartnerSecrets> {
  const bearer = await adminBearer(disk, bridge.folder);
  const url = `${bridge.url}/v1/partners/${partner}/tokens`;
  return PartnerSecrets.parse(await exchangeJson(url, { method: 'POST', body: {}, bearer }));
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
): Promise<PartnerFacts & { cancelled: number }> {
  const bearer = await adminBearer(disk, bridge.folder);
  const url = `${bridge.url}/v1/partners/${partner}`;
  const { revision } = seenSchema.parse(await exchangeJson(url, { method: 'GET', bearer }));
  return changedSchema.parse(
    await exchangeJson(`${url}/status`, { method: 'POST', body: { status, revision }, bearer }),
  );
}
