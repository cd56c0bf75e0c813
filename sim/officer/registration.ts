import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { SigningKey } from '@doorsill/base/keys';
import type { AgencyAction } from '@doorsill/contract/agency-calls';
import { utf8 } from '@doorsill/contract/bytes';
import type { Sealing } from '@doorsill/contract/sealing';
import { isFailure } from '../errors.ts';
import { agencyId, type OfficerDeps, signAgencyCall } from './agency-client.ts';
import { call, pages } from './service-client.ts';
import type { KnownAgency } from './service-operations.ts';

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

/** Applies to the registry in an agency's name; returns its entry there. Throws the registry's coded refusal. */
export function applyToRegistry(
  deps: OfficerDeps,
  where: RegistryPlace,
  key: SigningKey,
  facts: AgencyFacts,
): Promise<KnownAgency> {
  const registration = signAgencyCall(deps, key, where.registry, { action: 'register', ...facts });
  return call({ url: where.registryUrl }, 'applyAsAgency', {}, { registration });
}

/** All agencies that the registry knows. */
export async function knownAgencies(disk: Disk, where: RegistryPlace): Promise<KnownAgency[]> {
  const service = { url: where.registryUrl, bearer: await adminBearer(disk, where.folder) };
  const all: KnownAgency[] = [];
  for await (const { agencies } of pages((cursor) => call(service, 'listAgencies', { cursor }))) all.push(...agencies);
  return all;
}

/** The line that a domain publishes as proof that it belongs to an agency. */
export function domainProofLine(agency: string): string {
  return `doorsill-agency=${agency}`;
}

/** Writes the proof that an agency holds a domain where the registry looks for it, as its operator on this machine can. */
export async function writeDomainProof(disk: Disk, folder: string, domain: string, agency: string): Promise<void> {
  await disk.makeFolder(join(folder, 'domains'));
  await disk.replaceFile(join(folder, 'domains', domain), utf8(`${domainProofLine(agency)}\n`));
}

/** Decisions of a registry's moderator about an agency. */
export type AgencyDecision = 'approve' | 'refuse' | 'suspend' | 'revoke' | 'reinstate' | 'rotate';

/** Decides about an agency in its current revision; returns its entry afterwards. Throws the registry's coded refusal. */
export async function decideAgency(
  disk: Disk,
  where: RegistryPlace,
  agency: string,
  decision: AgencyDecision,
  body: object = {},
): Promise<KnownAgency> {
  const service = { url: where.registryUrl, bearer: await adminBearer(disk, where.folder) };
  const { revision } = await call(service, 'readAgency', { agency });
  return call(service, `${decision}Agency`, { agency }, { revision, ...body });
}

/** Proves an agency's domain, applies in its name, and approves what it applied with where that waits. Throws the registry's coded refusal. */
export async function enterAgency(deps: OfficerDeps, where: RegistryPlace, key: SigningKey, facts: AgencyFacts) {
  await writeDomainProof(deps.disk, where.folder, facts.domain, agencyId(key));
  const { state, amendment } = await applyToRegistry(deps, where, key, facts);
  if (state === 'pending' || amendment) await decideAgency(deps.disk, where, agencyId(key), 'approve');
}

/**
 * Has the demo agency apply and approves it; does nothing when that is done already, or was undone by a moderator. `sealing` is for an agency
 * that is new there: a known one keeps what it has chosen since.
 */
export async function registerAgency(
  deps: OfficerDeps,
  where: RegistryPlace,
  key: SigningKey,
  sealing: Sealing | null = null,
): Promise<void> {
  try {
    const known = await knownSealing(deps.disk, where, agencyId(key));
    const chosen = known === undefined ? sealing : known;
    await enterAgency(deps, where, key, { ...DEMO_AGENCY, ...(chosen ? { sealing: chosen } : {}) });
  } catch (thrown) {
    const undone = isFailure(thrown) && ['agency_revoked', 'agency_suspended'].includes(thrown.code);
    if (!undone) throw thrown;
  }
}

/** How clips for an agency are encrypted, as its registry has it; undefined when that does not know the agency. */
async function knownSealing(disk: Disk, where: RegistryPlace, agency: string): Promise<Sealing | null | undefined> {
  const service = { url: where.registryUrl, bearer: await adminBearer(disk, where.folder) };
  try {
    return (await call(service, 'readAgency', { agency })).sealing;
  } catch (thrown) {
    if (isFailure(thrown) && thrown.code === 'agency_unknown') return undefined;
    throw thrown;
  }
}
