import { join } from 'node:path';
import { type SigningKey, verifySignature } from '@doorsill/base/keys';
import { addSealingKey, readSealingKeys } from '@doorsill/base/sealing-keys';
import { openToken } from '@doorsill/contract/jws';
import { Credential } from '@doorsill/contract/request';
import { PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import { failure, isFailure } from '../errors.ts';
import { agencyId, KEY_NAME, loadAgencyKey, type OfficerDeps, signAgencyCall } from './agency-client.ts';
import { SEALING_KEYS_NAME } from './agency-sealing.ts';
import { CREDENTIALS_NAME, openEvidenceClient, type VaultPlace } from './evidence-client.ts';
import { adminBearer, decideAgency, enterAgency, type RegistryPlace, writeDomainProof } from './registration.ts';
import { call } from './service-client.ts';

const STATES = {
  agency_unknown: 'unknown',
  agency_pending: 'pending',
  agency_refused: 'refused',
  agency_suspended: 'suspended',
  agency_revoked: 'revoked',
  agency_key_rotated: 'retired',
} as const;

/** An agency's status: with its credential while it may act, else with the registry's reason why not. */
export type AgencyStatus =
  | { agency: string; state: 'approved'; credential: Credential }
  | { agency: string; state: (typeof STATES)[keyof typeof STATES]; detail: string };

/** An agency's status by its registry's signed credential or refusal. Throws `unreachable`, and any refusal that does not state the status. */
export async function readAgencyStatus(
  { url, key }: { url: string; key: string },
  agency: string,
): Promise<AgencyStatus> {
  try {
    const { credential } = await call({ url }, 'readCredential', { agency });
    const opened = openToken(credential, {
      typ: 'doorsill-credential+jws',
      schema: Credential,
      audience: PUBLIC_AUDIENCE,
      keys: [key],
      verify: verifySignature,
    });
    if (!opened.ok || opened.claims.agency !== agency) {
      throw failure('unreachable', { what: 'the registry', where: url, detail: 'it did not sign its answer itself' });
    }
    return { agency, state: 'approved', credential: opened.claims };
  } catch (thrown) {
    const state = isFailure(thrown) ? Object.entries(STATES).find(([code]) => code === thrown.code)?.[1] : undefined;
    if (!isFailure(thrown) || state === undefined) throw thrown;
    return { agency, state, detail: thrown.message };
  }
}

/**
 * Rotates the key of an agency in a testbed on this machine, acting as the registry's moderator and the vault's operator, too. The
 * new key is on disk before registry or vault learn of it, so running an interrupted rotation again completes it. Returns old
 * and new id. Throws the coded refusals of registry and vault.
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
  // The old id's client is invalid; one for the new id is issued below, or on first use.
  await deps.disk.remove(join(folder, CREDENTIALS_NAME));
  await deps.disk.rename(join(folder, NEXT_KEY_NAME), join(folder, KEY_NAME));
  if (vault) await openEvidenceClient(deps, vault, { id: agency, folder });
  return { from, agency };
}

/**
 * Makes an agency's new clips be encrypted to a new key of its own: adds the key to its folder, applies again with it, and approves that as
 * the registry's moderator. A key that an interrupted rotation has added is used now. Former keys stay. Returns the new public key and the
 * number of keys. Throws `usage` where clips are not encrypted to a key of the agency's own, and the coded refusals of the registry.
 */
export async function rotateSealingKey(
  deps: OfficerDeps,
  registry: RegistryPlace,
  { key, id, folder }: { key: SigningKey; id: string; folder: string },
): Promise<{ key: string; keys: number }> {
  const service = { url: registry.registryUrl, bearer: await adminBearer(deps.disk, registry.folder) };
  const { name, jurisdiction, domain, contact, profiles, retention, sealing } = await call(service, 'readAgency', {
    agency: id,
  });
  if (sealing?.keeper !== 'recipient' || !contact)
    throw failure('usage', { detail: 'its clips are not encrypted to a key of its own: `agency apply` chooses that' });
  const path = join(folder, SEALING_KEYS_NAME);
  const before = await readSealingKeys(deps.disk, path);
  const isInterrupted = before !== null && before[0].publicKey !== sealing.key;
  const keys = isInterrupted ? before : await addSealingKey(deps.disk, deps.random, path);
  const next = { key: keys[0].publicKey, keeper: 'recipient' as const };
  await enterAgency(deps, registry, key, { name, jurisdiction, domain, contact, profiles, retention, sealing: next });
  return { key: next.key, keys: keys.length };
}

const NEXT_KEY_NAME = 'next-agency.key';

async function atRegistry(deps: OfficerDeps, registry: RegistryPlace, from: string, next: SigningKey): Promise<void> {
  const service = { url: registry.registryUrl, bearer: await adminBearer(deps.disk, registry.folder) };
  const { domain, successor } = await call(service, 'readAgency', { agency: from });
  // A retired key has its one successor; its domain's proof must not name another key.
  if (successor !== undefined && successor !== agencyId(next)) throw failure('agency_key_rotated', { successor });
  await writeDomainProof(deps.disk, registry.folder, domain, agencyId(next));
  const rotation = signAgencyCall(deps, next, registry.registry, { action: 'rotate-key', from });
  await decideAgency(deps.disk, registry, from, 'rotate', { rotation });
}

async function atVault({ disk }: OfficerDeps, vault: VaultPlace, from: string, agency: string): Promise<void> {
  const service = { url: vault.url, bearer: await adminBearer(disk, vault.folder) };
  await call(service, 'setSuccessor', { agency: from }, { agency });
}
