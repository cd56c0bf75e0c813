// The testbed's folder: where each part keeps its data, and the file that records the testbed's kind, ports and addresses.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { type FolderLock, lockFolder } from '@doorsill/base/folder-lock';
import type { BridgeConfigInput, RegistryConfigInput } from '@doorsill/cloud-bridge';
import { utf8 } from '@doorsill/contract/bytes';
import { z } from 'zod';
import { failure } from '../errors.ts';

export const TestbedFile = z.strictObject({
  kind: z.enum(['doorsill-up', 'doorsill-demo', 'doorsill-fleet']),
  format: z.literal(1),
  /** Ports of the last run, used again so that addresses stay the same. */
  ports: z.strictObject({ broker: z.int(), registry: z.int(), bridge: z.int(), vault: z.int().default(0) }),
  /** Set once the parts have run; other commands need these to reach them. */
  bridge: z.strictObject({ id: z.string(), url: z.string() }).optional(),
  registry: z.strictObject({ id: z.string(), url: z.string(), key: z.string() }).optional(),
  vault: z.strictObject({ id: z.string(), url: z.string(), key: z.string() }).optional(),
  device: z.string().optional(),
});
/** The file in which a testbed records itself. */
export type TestbedFile = z.infer<typeof TestbedFile>;

export type TestbedKind = TestbedFile['kind'];

/** The command that makes testbeds of this kind, as it is written. */
export function makerOf(kind: TestbedKind): string {
  return kind.replace('-', ' ');
}

const NAME = 'town.json';
const FILE_BYTES_MAX = 20_000;
/** Files of a start that was killed at its very beginning. */
const OURS = /^(process\.lock(\.after-.*)?|\.town\.json(\..*)?\.tmp)$/;

/** Folders of the parts of a testbed. */
export function testbedPaths(folder: string) {
  return {
    accounts: join(folder, 'broker', 'accounts'),
    broker: join(folder, 'broker'),
    registry: join(folder, 'registry'),
    bridge: join(folder, 'bridge'),
    vault: join(folder, 'vault'),
    agency: join(folder, 'agency'),
    doorbell: join(folder, 'doorbell'),
    owner: join(folder, 'owner'),
    logs: join(folder, 'logs'),
  } as const;
}

/** The folder of an item of evidence in a testbed's vault: `clip.mp4` and `manifest.jws`. */
export function evidenceFolder(folder: string, item: string): string {
  return join(testbedPaths(folder).vault, 'blobs', item);
}

/** A testbed's file; null when the folder has none. Throws `state_damaged`. */
export async function readTestbedFile(disk: Disk, folder: string): Promise<TestbedFile | null> {
  const path = join(folder, NAME);
  const bytes = await disk.readFile(path, FILE_BYTES_MAX);
  if (!bytes) return null;
  try {
    return TestbedFile.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (thrown) {
    throw failure('state_damaged', { file: path, detail: 'it does not describe a testbed' }, thrown);
  }
}

export async function storeTestbedFile(disk: Disk, folder: string, file: TestbedFile): Promise<void> {
  await disk.replaceFile(join(folder, NAME), utf8(`${JSON.stringify(file, null, 2)}\n`));
}

/**
 * Locks a folder for a testbed of this kind: a new or empty folder, or one of such a testbed. Throws `data_folder_foreign`,
 * `data_folder_locked`, `state_damaged`.
 */
export async function claimFolder(
  disk: Disk,
  folder: string,
  kind: TestbedKind,
): Promise<{ file: TestbedFile | null; lock: FolderLock }> {
  const file = await readTestbedFile(disk, folder);
  const advice = `Name a new or empty folder, or one that \`${makerOf(kind)}\` made.`;
  if (file && file.kind !== kind)
    throw failure('data_folder_foreign', { folder, detail: `it was made by \`${makerOf(file.kind)}\``, advice });
  const names = await disk.list(folder);
  if (!file && names.some((name) => !OURS.test(name))) {
    throw failure('data_folder_foreign', { folder, detail: 'it holds other files', advice });
  }
  const lock = lockFolder(folder);
  if ('heldBy' in lock) throw failure('data_folder_locked', { folder, pid: lock.heldBy });
  // Written before any part's files, so that the next start can continue an interrupted first one.
  const ports = { broker: 0, registry: 0, bridge: 0, vault: 0 };
  if (!file) await storeTestbedFile(disk, folder, { kind, format: 1, ports });
  return { file, lock };
}

/**
 * Writes the settings of registry and bridge, unless they exist. A testbed on one machine has no domains, so their proof is a file; and no
 * moderator, so only a request whose wording may concern a barred subject waits for one (`doorsill bridge moderate`). The registry is local
 * and can be polled often. Webhooks may be on this machine. `more`: settings of the bridge.
 */
export async function writeServiceSettings(
  disk: Disk,
  folders: { registry: string; bridge: string },
  more: Partial<BridgeConfigInput> = {},
): Promise<void> {
  const registry: Partial<RegistryConfigInput> = { domainProofs: ['local'] };
  const bridge: Partial<BridgeConfigInput> = {
    revocationsEveryS: 2,
    requests: { moderation: 'findings' },
    webhooks: { loopback: true },
    ...more,
  };
  const files = [
    [join(folders.registry, 'registry.json'), registry],
    [join(folders.bridge, 'bridge.json'), bridge],
  ] as const;
  for (const [path, settings] of files) {
    if ((await disk.sizeOf(path)) !== null) continue;
    await disk.replaceFile(path, utf8(`${JSON.stringify(settings, null, 2)}\n`));
  }
}
