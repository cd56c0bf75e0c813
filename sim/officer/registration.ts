// Owns: registering the demo agency with the town's registry, as its moderator would: register, approve. Repeatable.
// Not here: whether it is eligible (the registry decides).
import { join } from 'node:path';
import {
  type AgencyAction,
  type Disk,
  exchangeJson,
  freshId,
  type SigningKey,
  signToken,
  wallSeconds,
} from '../../device/index.ts';
import { agencyId, type OfficerDeps } from './officer.ts';

/** The demo agency: fictional. */
export const DEMO_AGENCY = {
  name: 'Springfield Police Department',
  jurisdiction: 'municipal',
  domain: 'police.springfield.example',
  contact: { name: 'Det. J. Rivera', email: 'rivera@police.springfield.example' },
} as const;

const CALL_LIFE_S = 240;

/** Signs one call by an agency to a registry or bridge. */
export function signAgencyCall(deps: OfficerDeps, key: SigningKey, audience: string, call: AgencyAction): string {
  const iat = wallSeconds(deps.clock);
  const claims = {
    iss: key.publicKey,
    aud: audience,
    iat,
    exp: iat + CALL_LIFE_S,
    jti: freshId(deps.random, 'call'),
    agency: agencyId(key),
    call,
  };
  return signToken('doorsill-agency+jws', claims, key);
}

/** The admin token of a bridge or registry, as its operator reads it from its folder on this machine; empty without one. */
export async function adminBearer(disk: Disk, folder: string): Promise<string> {
  const token = await disk.readFile(join(folder, 'admin.token'), 200);
  return new TextDecoder().decode(token ?? new Uint8Array()).trim();
}

/** Registers and approves the demo agency; both do nothing when that is done already. */
export async function registerAgency(
  deps: OfficerDeps,
  where: { registryUrl: string; registry: string; folder: string },
  key: SigningKey,
): Promise<void> {
  const { name, jurisdiction, domain } = DEMO_AGENCY;
  const registration = signAgencyCall(deps, key, where.registry, { action: 'register', name, jurisdiction, domain });
  const bearer = await adminBearer(deps.disk, where.folder);
  await exchangeJson(`${where.registryUrl}/v1/agencies`, { method: 'POST', body: { registration }, bearer });
  await exchangeJson(`${where.registryUrl}/v1/agencies/${agencyId(key)}/approve`, { method: 'POST', body: {}, bearer });
}
