// What makes a server process one of several on a database: its settings, shared secrets and limits, and their tables.
import { isAbsolute } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { hmacSha256, type SigningKey, sha256Hex } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import { fromBase64url, utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { actorId } from '@doorsill/contract/ids';
import { z } from 'zod';
import { type CallBatchStore, type RateLimits, SharedLimits } from '../http/rate-limits.ts';
import { adminTokenIn, signingKeyIn } from '../signing/server-secrets.ts';
import type { SharedPart, Turns, TurnTables } from './instance-turns.ts';
import type { Statement } from './migrations.ts';
import { CALL_COUNTS_TABLE, type CallCountTables } from './sql-call-counts.ts';

/** For one of several processes on one database. Its data folder then holds nothing permanent. */
export const instanceFields = {
  name: z.string().regex(/^[a-z0-9]{1,12}$/, '1 to 12 lower-case letters and digits'),
  /** Folder with `signing.key`, `admin.token` and a vault's `sealing.keys`, the same for all instances; the first instance creates them. */
  secretsFolder: z.string().max(1_000).refine(isAbsolute, 'it must be an absolute path'),
  /** How long it still serves when it is told to end. `/readyz` then says that it is not ready, so that a proxy sends calls elsewhere. */
  drainS: z.int().min(0).max(300).default(5),
};

export interface InstanceTables extends TurnTables, CallCountTables {
  /** The part whose instances share this database; no row: one process has it alone. */
  shared_part: { one: number; part: string };
}

/** Statements that create them, as they were first released: never edit one. */
export const INSTANCE_TABLES: readonly Statement[] = [
  `create table shared_part (one integer primary key check (one = 1), part text not null) strict`,
  `create table turns (name text primary key, done_s integer not null) strict`,
  CALL_COUNTS_TABLE,
];

export interface Identity {
  key: SigningKey;
  /** The part and the hash of its key. */
  id: string;
  adminToken: string;
}

type Part = 'bridge' | 'vault' | 'registry';
interface Secrets {
  disk: Disk;
  random: Random;
  folder: string;
  /** Makes the part's further secrets in the folder, in the same turn. */
  makeOthers?: () => Promise<unknown>;
}

/** The secrets in a folder. Throws `state_damaged`. */
export async function identityIn(part: Part, { disk, random, folder, makeOthers }: Secrets): Promise<Identity> {
  const key = await signingKeyIn(disk, random, folder);
  await makeOthers?.();
  return { key, id: actorId(part, sha256Hex(key.publicKey)), adminToken: await adminTokenIn(disk, random, folder) };
}

/** The secrets of a process that has its database alone. Throws `database_unfit` when instances share it, `state_damaged`. */
export async function ownIdentity(part: Part, sharedPart: SharedPart, secrets: Secrets): Promise<Identity> {
  const identity = await identityIn(part, secrets);
  await sharedPart.assertNone();
  return identity;
}

/**
 * The secrets that the instances share, created by the first instance. Throws `database_unfit` when the database belongs to another part,
 * or to one whose secrets are not in the folder.
 */
export async function sharedIdentity(
  part: Part,
  { turns, sharedPart }: { turns: Turns; sharedPart: SharedPart },
  secrets: Secrets,
): Promise<Identity> {
  const found: Identity[] = [];
  await turns.run('identity', async () => {
    await secrets.disk.makeFolder(secrets.folder);
    const identity = await identityIn(part, secrets);
    await sharedPart.claim(identity.id);
    found.push(identity);
  });
  const [identity] = found;
  if (!identity) throw failure('internal', { detail: 'a turn that was not taken' });
  return identity;
}

/** Rate limits that all instances count together. */
export function sharedLimits(clock: Clock, store: CallBatchStore, key: SigningKey): RateLimits {
  const secret = fromBase64url(key.exportSecret()) ?? new Uint8Array();
  return new SharedLimits({ clock, store, key: hmacSha256(secret, utf8('names of callers')) });
}
