// Rows of the bridge's stores with a value in every field, to be altered by tests: an intake with the rows it needs, an access, a partner.
import type { Database } from '../../../cloud-bridge/bridge-database.ts';
import type { Access } from '../../../cloud-bridge/clips/access-log.ts';
import type { Intake } from '../../../cloud-bridge/intake/intake-store.ts';
import type { Partner } from '../../../cloud-bridge/partners/partners-store.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { PLENTY, storedRequest } from '../../support/stored-request.ts';

export const key = { device: 'device-a', grant: 'grant-a' };
export const limits = { openPerDeviceMax: 3, openBytesPerDeviceMax: 1_000, dayBytesPerDeviceMax: 2_000 };
/** A full manifest as the database sees it. */
export const SEALED = new Uint8Array([1, 2, 3]);
/** A vault's answer that it has taken a clip over. */
export const TAKEN = { item: 'item-a', acknowledgement: 'acknowledgement', verdict: null };

export function plainIntake(changes: Partial<Intake> = {}): Intake {
  return {
    ...key,
    clip: 'clip-a',
    request: 'request-a',
    agency: 'agency-a',
    ownerKey: 'o',
    grantSha256: 'g',
    manifestSha256: sha256Hex('h'),
    statement: 's',
    statementSha256: sha256Hex('s'),
    home: 'home-a',
    clipSha256: sha256Hex('c'),
    clipBytes: 100,
    isSealed: false,
    expiresS: 1_000,
    upload: 'upload-a',
    uploading: false,
    creations: 0,
    state: 'open',
    refusal: null,
    receipt: null,
    statementReceipt: null,
    vault: null,
    ...changes,
  };
}

/** Makes the device of `key` known. */
export async function enrolDevice(database: Database): Promise<void> {
  await database.enrolments.addCode('s', 100, 0);
  await database.enrolments.redeem('s', { device: key.device, key: 'k', enrolledS: 1 });
}

/** What a database must hold before there is an intake. */
export async function enrolAndAsk(database: Database): Promise<void> {
  await enrolDevice(database);
  await database.requests.add(storedRequest(), PLENTY);
}

export function plainAccess(changes: Partial<Access> = {}): Access {
  return {
    atUs: 1,
    agency: 'agency-a',
    clip: 'clip-a',
    part: 'clip',
    action: 'download',
    officer: 'badge 7',
    reason: 'case 12',
    token: 'access-a',
    ...changes,
  };
}

export const plainPartner: Partner = {
  partner: 'partner-a',
  name: 'A',
  status: 'active',
  sinceS: 1,
  revision: 1,
  tokenSha256: 'h',
  webhookSecret: '',
};
