import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { Random } from '@doorsill/base/random';
import { toBase64url, utf8 } from '@doorsill/contract/bytes';
import { failure } from '../errors.ts';
import { type LeftOut, type ListedAccount, readAllAccounts } from './account-list.ts';
import type { AccessOptions } from './account-login.ts';
import { type FilesWish, mosquittoFiles } from './mosquitto-files.ts';
import { type NatsCluster, type NatsClusterWish, natsFiles } from './nats-files.ts';

export const OTHER_BROKERS = ['mosquitto', 'nats'] as const;
export type OtherBroker = (typeof OTHER_BROKERS)[number];

/** The file of a cluster's password. */
const CLUSTER_PASSWORD = 'cluster.password';
const CLUSTER_PASSWORD_BYTES = 32;

/** Enough for more than 100,000 accounts. */
const FILE_BYTES_MAX = 256 * 1024 * 1024;

export interface BrokerFilesWish extends FilesWish {
  /** NATS only: several nodes. Their password is drawn once and kept in the folder. */
  cluster?: NatsClusterWish & { random: Random };
}

export interface WrittenFiles {
  /** Paths of all files, changed or not. */
  files: string[];
  changed: boolean;
  accounts: number;
  leftOut: LeftOut[];
}

/**
 * Writes a broker's files from the account folder, each atomically with mode 0600. Throws `usage` for a path that a configuration file
 * cannot contain; rejects with the disk's errors.
 */
export async function writeBrokerFiles(
  kind: OtherBroker,
  access: AccessOptions,
  wish: BrokerFilesWish,
): Promise<WrittenFiles> {
  // In a configuration file a value ends at a line end or a comment sign.
  if (/[\p{Cc}#]/u.test(wish.folder)) throw failure('usage', { detail: `${wish.folder} can't be named in its files` });
  const { listed, leftOut } = await readAllAccounts(access, kind);
  await access.disk.makeFolder(wish.folder);
  const texts = await textsFor(kind, listed, access.disk, wish);
  let changed = false;
  for (const [name, text] of texts) {
    if (await replaceIfOther(access.disk, join(wish.folder, name), text)) changed = true;
  }
  return { files: [...texts.keys()].map((name) => join(wish.folder, name)), changed, accounts: listed.length, leftOut };
}

async function textsFor(
  kind: OtherBroker,
  listed: readonly ListedAccount[],
  disk: Disk,
  wish: BrokerFilesWish,
): Promise<Map<string, string>> {
  switch (kind) {
    case 'mosquitto':
      return mosquittoFiles(listed, wish);
    case 'nats':
      return natsFiles(listed, wish, await clusterOf(disk, wish));
  }
}

async function clusterOf(disk: Disk, { folder, cluster }: BrokerFilesWish): Promise<NatsCluster | null> {
  if (!cluster) return null;
  const path = join(folder, CLUSTER_PASSWORD);
  const kept = new TextDecoder().decode((await disk.readSecret(path, FILE_BYTES_MAX)) ?? new Uint8Array()).trim();
  if (kept !== '') {
    if (!/^[A-Za-z0-9_-]{32,128}$/.test(kept))
      throw failure('usage', { detail: `${path} holds no password of 32 to 128 letters; remove it for a new one` });
    return { ...cluster, password: kept };
  }
  const password = toBase64url(cluster.random.bytes(CLUSTER_PASSWORD_BYTES));
  await disk.replaceFile(path, utf8(`${password}\n`));
  return { ...cluster, password };
}

async function replaceIfOther(disk: Disk, path: string, text: string): Promise<boolean> {
  const bytes = utf8(text);
  const before = await disk.readFile(path, FILE_BYTES_MAX);
  if (before && Buffer.compare(before, bytes) === 0) return false;
  await disk.replaceFile(path, bytes);
  return true;
}
