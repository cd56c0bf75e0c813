// Owns: an agency's application to a registry, and deciding on it as its moderator on the same machine would.
// Not here: whether it is eligible (the registry decides).

import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { SigningKey } from '@doorsill/base/keys';
import type { AgencyAction } from '@doorsill/contract/agency-calls';
import { utf8 } from '@doorsill/contract/bytes';
import { exchangeJson } from '@doorsill/contract/json-client';
import { z } from 'zod';
import { isFailure } from '../errors.ts';
import { agencyId, type OfficerDeps, signAgencyCall } from './agency-client.ts';

/** The demo agency: fictional. */
export const DEMO_AGENCY: AgencyFacts = {
  name: 'Springfield Police Department',
  jurisdiction: 'municipal',
  domain: 'police.springfield.example',
  contact: { name: 'Det. J. Rivera', email: 'rivera@police.springfield.example' },
  profiles: ['nothing', 'address-and-email', 'name-email-phone'],
  retention: ['package-theft', 'burglary', 'missing-person'],
};

/** The admin token of a bridge or registry, as its operator reads it from its folder on this machine; empty without one. */
export async function adminBearer(disk: Disk, folder: string): Promise<string> {
  const token = await disk.readSecret(join(folder, 'admin.token'), 200);
  return new TextDecoder().decode(token ?? new Uint8Array()).trim();
}

/** Where a registry listens, and its folder on this machine, whose admin token gives a moderator's rights. */
export interface RegistryPlace {
  registryUrl: string;
  registry: string;
  folder: string;
}

/** What an agency says about itself. */
export type AgencyFacts = Omit<Extract<AgencyAction, { action: 'register' }>, 'action'>;

const standing = z.object({
  agency: z.string(),
  state: z.string(),
  revision: z.number(),
  domain: z.string(),
  /** Why a person must look at it. */
  waits: z.string().optional(),
});

/** Applies to the registry in an agency's name; returns its standing. Throws the registry's coded refusal. */
export async function applyAs(deps: OfficerDeps, where: RegistryPlace, key: SigningKey, facts: AgencyFacts) {
  const registration = signAgencyCall(deps, key, where.registry, { action: 'register', ...facts });
  return standing.parse(
    await exchangeJson(`${where.registryUrl}/v1/agencies`, { method: 'POST', body: { registration } }),
  );
}

/** The line that a domain must publish to prove that it belongs to an agency. */
export function domainLine(agency: string): string {
  return `doorsill-agency=${agency}`;
}

/** Writes the proof that an agency holds a domain where the registry looks for it, as its operator on this machine can. */
export async function vouchForDomain(disk: Disk, folder: string, domain: string, agency: string): Promise<void> {
  await disk.makeFolder(join(folder, 'domains'));
  await disk.replaceFile(join(folder, 'domains', domain), utf8(`${domainLine(agency)}\n`));
}

/** A moderator's decision about an agency in its current revision; returns its new standing. Throws the registry's coded refusal. */
export async function decideAgency(disk: Disk, where: RegistryPlace, agency: string, verb: string, body: object = {}) {
  const bearer = await adminBearer(disk, where.folder);
  const url = `${where.registryUrl}/v1/agencies/${agency}`;
  const { revision } = standing.parse(await exchangeJson(url, { method: 'GET', bearer }));
  return standing.parse(await exchangeJson(`${url}/${verb}`, { method: 'POST', body: { revision, ...body }, bearer }));
}

/** Proves an agency's domain, applies in its name, and approves it where it waits. Throws the registry's coded refusal. */
export async function enterAgency(deps: OfficerDeps, where: RegistryPlace, key: SigningKey, facts: AgencyFacts) {
  await vouchForDomain(deps.disk, where.folder, facts.domain, agencyId(key));
  const { state } = await applyAs(deps, where, key, facts);
  if (state === 'pending') await decideAgency(deps.disk, where, agencyId(key), 'approve');
}

/** Has the demo agency apply and approves it; does nothing when that is done already, or was undone by a moderator. */
export async function registerAgency(deps: OfficerDeps, where: RegistryPlace, key: SigningKey): Promise<void> {
  try {
    await enterAgency(deps, where, key, DEMO_AGENCY);
  } catch (thrown) {
    const undone = isFailure(thrown) && ['agency_revoked', 'agency_suspended'].includes(thrown.code);
    if (!undone) throw thrown;
  }
}
