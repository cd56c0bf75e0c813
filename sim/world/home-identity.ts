// A simulated home's identity: the demo home's place and personal data, a doorbell's key, its account at the home broker.
import type { Disk } from '@doorsill/base/disk';
import { sha256Hex } from '@doorsill/base/keys';
import { issueAccount } from '@doorsill/base/mqtt-account-files';
import type { Random } from '@doorsill/base/random';
import { actorId } from '@doorsill/contract/ids';
import { loadOrCreateDeviceKey } from '@doorsill/device/identity';

/** The demo home: fictional, and constant, so that a second run has the same home. */
export const DEMO_HOME = {
  place: { longitude: -89.644, latitude: 39.799 },
  disclosure: {
    name: 'Robin Maple',
    address: '12 Maple Street, Springfield',
    email: 'robin@maple.example',
    phone: '+1 217 555 0142',
  },
} as const;

/** A folder, and the seams to make files in it. */
export interface FilePlace {
  readonly disk: Disk;
  readonly random: Random;
  readonly folder: string;
}

/** A doorbell's public identity, and its account at the home broker. */
export interface HomeIdentity {
  readonly id: string;
  /** The public key of its signatures. */
  readonly key: string;
  readonly account: { readonly user: string; readonly password: string };
}

/** For a home that has not started. */
export const NO_IDENTITY: HomeIdentity = { id: '', key: '', account: { user: '', password: '' } };

/** Makes a doorbell's key, unless it exists, and issues its account in the home broker's folder of accounts. */
export async function makeIdentity(own: FilePlace, accounts: FilePlace): Promise<HomeIdentity> {
  const { publicKey: key } = await loadOrCreateDeviceKey(own.disk, own.random, own.folder);
  const id = actorId('device', sha256Hex(key));
  const account = await issueAccount(accounts.disk, accounts.random, accounts.folder, { role: 'device-home', id });
  return { id, key, account };
}
