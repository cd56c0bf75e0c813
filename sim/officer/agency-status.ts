// Owns: how an agency stands with a registry, and giving it another key: at the registry, at the vault, and on its own disk.
// Not here: applying and deciding (registration.ts), what a rotation does (registry and vault).
import { join } from 'node:path';
import { z } from 'zod';
import {
  type Credential,
  credentialSchema,
  exchangeJson,
  failure,
  isFailure,
  openToken,
  PUBLIC_AUDIENCE,
  type SigningKey,
  verifySignature,
} from '../../device/client.ts';
import { CREDENTIALS_NAME, openEvidenceDesk, type VaultPlace } from './evidence-desk.ts';
import { agencyId, KEY_NAME, loadAgencyKey, type OfficerDeps, signAgencyCall } from './officer.ts';
import { adminBearer, decideAgency, type RegistryPlace, vouchForDomain } from './registration.ts';

const STATES = {
  agency_unknown: 'unknown',
  agency_pending: 'pending',
  agency_refused: 'refused',
  agency_suspended: 'suspended',
  agency_revoked: 'revoked',
  agency_key_rotated: 'retired',
} as const;

/** How an agency stands: with its credential while it may act, else with the registry's word why not. */
export type AgencyStatus =
  | { agency: string; state: 'approved'; credential: Credential }
  | { agency: string; state: (typeof STATES)[keyof typeof STATES]; detail: string };

const credentialAnswerSchema = z.object({ credential: z.string() });
const agencyAnswerSchema = z.object({ domain: z.string(), successor: z.string().optional() });

/** How an agency stands with a registry, by what that signs. Throws `unreachable`, and any refusal that says nothing of it. */
export async function standingOf(registry: { url: string; key: string }, agency: string): Promise<AgencyStatus> {
  try {
    const answer = await exchangeJson(`${registry.url}/v1/credentials/${agency}`, { method: 'GET' });
    const opened = openToken(credentialAnswerSchema.parse(answer).credential, {
      typ: 'doorsill-credential+jws',
      schema: credentialSchema,
      audience: PUBLIC_AUDIENCE,
      keys: [registry.key],
      verify: verifySignature,
    });
    if (!opened.ok || opened.claims.agency !== agency) {
      throw failure('unreachable', { what: 'the registry', where: registry.url, detail: 'its answer is not its own' });
    }
    return { agency, state: 'approved', credential: opened.claims };
  } catch (thrown) {
    const state = isFailure(thrown) ? Object.entries(STATES).find(([code]) => code === thrown.code)?.[1] : undefined;
    if (!isFailure(thrown) || state === undefined) throw thrown;
    return { agency, state, detail: thrown.message };
  }
}

/**
 * Gives an agency of a testbed on this machine another key: the registry's moderator and the vault's operator are here, too. The new key is
 * on disk before anybody is told of it, so a rotation that was interrupted goes on when it is made again. Returns the new key's
 * id. Throws the coded refusals of registry and vault.
 */
export async function rotateAgencyKey(
  deps: OfficerDeps,
  where: { registry: RegistryPlace; vault: VaultPlace | null; folder: string },
): Promise<{ from: string; agency: string }> {
  const { registry, vault, folder } = where;
  const from = agencyId(await loadAgencyKey(deps, folder));
  const next = await loadAgencyKey(deps, folder, NEXT_KEY_NAME);
  const agency = agencyId(next);
  await atRegistry(deps, registry, from, next);
  if (vault) await atVault(deps, vault, from, agency);
  // The client of the old id is dead; one for the new id is issued below, or by whoever needs it first.
  await deps.disk.remove(join(folder, CREDENTIALS_NAME));
  await deps.disk.rename(join(folder, NEXT_KEY_NAME), join(folder, KEY_NAME));
  if (vault) await openEvidenceDesk(deps, vault, { id: agency, folder });
  return { from, agency };
}

const NEXT_KEY_NAME = 'next-agency.key';

async function atRegistry(deps: OfficerDeps, registry: RegistryPlace, from: string, next: SigningKey): Promise<void> {
  const url = `${registry.registryUrl}/v1/agencies/${from}`;
  const bearer = await adminBearer(deps.disk, registry.folder);
  const { domain, successor } = agencyAnswerSchema.parse(await exchangeJson(url, { method: 'GET', bearer }));
  // A key that was rotated away names no other one, and its domain must not seem to.
  if (successor !== undefined && successor !== agencyId(next)) throw failure('agency_key_rotated', { successor });
  await vouchForDomain(deps.disk, registry.folder, domain, agencyId(next));
  const rotation = signAgencyCall(deps, next, registry.registry, { action: 'rotate-key', from });
  await decideAgency(deps.disk, registry, from, 'rotate', { rotation });
}

async function atVault({ disk }: OfficerDeps, vault: VaultPlace, from: string, agency: string): Promise<void> {
  const bearer = await adminBearer(disk, vault.folder);
  const url = `${vault.url}/v1/agencies/${from}/successor`;
  await exchangeJson(url, { method: 'PUT', bearer, body: { agency } });
}
