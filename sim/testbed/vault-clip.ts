// Clips in the folder of a vault on this machine, as whoever may read that folder gets them: an encrypted clip is opened with a key of the
// vault or of the agency.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { readSealingKeys, type SealingKeys } from '@doorsill/base/sealing-keys';
import type { Statement } from '@doorsill/contract/manifest';
import type { DisclosedValues } from '@doorsill/contract/shared-claims';
import { openWithContentKey, partsOf } from '@doorsill/device/clip/open-with-content-key';
import { writePrivateFile } from '@doorsill/device/terminal/private-output';
import { SEALING_KEYS_NAME } from '../officer/agency-sealing.ts';
import { openClipFile, withClipFile } from '../officer/clip-file.ts';
import { contentKeyOf, peekStatement } from '../officer/open-sealed-clip.ts';
import { evidenceFolder, testbedPaths } from './testbed-folder.ts';

/** The files of an item of evidence: in its folder in the vault, and where it is copied to. */
export const CLIP_NAME = 'clip.mp4';
export const STATEMENT_NAME = 'manifest.jws';

const STATEMENT_BYTES_MAX = 65_536;

/** A vault's item on this machine. */
export interface VaultItem {
  /** Its folder in the vault. */
  folder: string;
  /** Folders with a `sealing.keys` whose keys open it: the vault's own, the agency's. */
  keyFolders: readonly string[];
}

/** An item in the vault of the testbed in `testbed`, which the vault or its demo agency can open. */
export function vaultItem(testbed: string, item: string): VaultItem {
  const { vault, agency } = testbedPaths(testbed);
  return { folder: evidenceFolder(testbed, item), keyFolders: [vault, agency] };
}

/** A clip of a vault. */
export interface VaultClip {
  statement: Statement;
  /** The statement as it is signed; nothing of it is verified yet. */
  token: string;
  /** The disclosed facts, read from the clip if it was encrypted. */
  disclosed: DisclosedValues;
  /** The clip's bytes, decrypted and compared with the statement, read anew each time. */
  read(): AsyncGenerator<Uint8Array>;
}

/**
 * A clip in a vault's folder. Throws `verify_failed` for what is no statement or another file than it names, and `clip_unopened` for an
 * encrypted clip that does not open with these keys or is not what its statement says; `read` does, too.
 */
export async function readVaultClip(disk: Disk, { folder, keyFolders }: VaultItem): Promise<VaultClip> {
  const path = join(folder, CLIP_NAME);
  const signed = await disk.readFile(join(folder, STATEMENT_NAME), STATEMENT_BYTES_MAX);
  const token = new TextDecoder().decode(signed ?? undefined).trim();
  const statement = peekStatement(token);
  const { sealed } = statement;
  const key = sealed && contentKeyOf({ ...statement, sealed }, await keysIn(disk, keyFolders));
  async function* read(): AsyncGenerator<Uint8Array> {
    const file = await openClipFile(path);
    try {
      yield* partsOf(key ? (await openWithContentKey(file, statement, key)).clip : file);
    } finally {
      await file.close();
    }
  }
  const contents =
    key && (await withClipFile(path, async (file) => (await openWithContentKey(file, statement, key)).contents));
  return { statement, token, disclosed: contents?.disclosed ?? statement.disclosed, read };
}

/** Writes a clip of a vault to `folder` as `clip.mp4`, and its statement as `manifest.jws`. Throws as `readVaultClip`. */
export async function writeVaultClip(disk: Disk, { token, read }: VaultClip, folder: string): Promise<void> {
  await disk.makeFolder(folder);
  await writePrivateFile(join(folder, CLIP_NAME), read());
  await writePrivateFile(join(folder, STATEMENT_NAME), [token]);
}

async function keysIn(disk: Disk, folders: readonly string[]): Promise<SealingKeys[number][]> {
  const found = await Promise.all(folders.map((folder) => readSealingKeys(disk, join(folder, SEALING_KEYS_NAME))));
  return found.flatMap((keys) => keys ?? []);
}
