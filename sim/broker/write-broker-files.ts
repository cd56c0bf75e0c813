// Owns: writing our accounts as files for another broker, only where they changed. Not here: the files' content.
import { join } from 'node:path';
import { type Disk, failure, utf8 } from '../../device/exports-without-firmware.ts';
import { type LeftOut, readAllAccounts } from './account-list.ts';
import type { AccessOptions } from './account-login.ts';
import { type FilesWish, mosquittoFiles } from './mosquitto-files.ts';
import { rabbitmqFiles } from './rabbitmq-files.ts';

export const OTHER_BROKERS = ['mosquitto', 'rabbitmq'] as const;
export type OtherBroker = (typeof OTHER_BROKERS)[number];

/** Limit that leaves room for a fleet of 100,000 accounts and more. */
const FILE_BYTES_MAX = 256 * 1024 * 1024;

export interface WrittenFiles {
  /** Paths, changed or not. */
  files: string[];
  changed: boolean;
  accounts: number;
  leftOut: LeftOut[];
}

/**
 * Writes a broker's files from the account folder, each atomically with mode 0600. Throws `usage` when a path cannot stand
 * in a configuration file; rejects with the disk's errors.
 */
export async function writeBrokerFiles(
  kind: OtherBroker,
  access: AccessOptions,
  wish: FilesWish,
): Promise<WrittenFiles> {
  // In both formats a value ends at the line end, in RabbitMQ's also at a comment sign.
  if (/[\p{Cc}#]/u.test(wish.folder)) throw failure('usage', { detail: `${wish.folder} can't be named in its files` });
  const { listed, leftOut } = await readAllAccounts(access);
  const texts = kind === 'mosquitto' ? mosquittoFiles(listed, wish) : rabbitmqFiles(listed, wish);
  await access.disk.makeFolder(wish.folder);
  let changed = false;
  for (const [name, text] of texts) {
    if (await replaceIfOther(access.disk, join(wish.folder, name), text)) changed = true;
  }
  return { files: [...texts.keys()].map((name) => join(wish.folder, name)), changed, accounts: listed.length, leftOut };
}

async function replaceIfOther(disk: Disk, path: string, text: string): Promise<boolean> {
  const bytes = utf8(text);
  const before = await disk.readFile(path, FILE_BYTES_MAX);
  if (before && Buffer.compare(before, bytes) === 0) return false;
  await disk.replaceFile(path, bytes);
  return true;
}
