// The keys with which a vault, an agency or a pet's owner opens what was encrypted to them, in one secret file. A new key is added; former
// ones stay, because nothing else opens what was encrypted to them.
import { fromBase64url, fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { contentKeyInfo, type SealedClip } from '@doorsill/contract/sealing';
import type { Disk } from './disk.ts';
import { decryptWith, generateSealingKey, importSealingKey, type SealingKeyPair } from './hpke.ts';
import type { Random } from './random.ts';

/** Most keys in a file. */
const KEYS_MAX = 100;
const FILE_BYTES_MAX = 8_192;

/** One or more key pairs, the newest first. */
export type SealingKeys = readonly [SealingKeyPair, ...SealingKeyPair[]];

/** The pair of this public key; null when it is not among them. */
export function keyAmong(keys: readonly SealingKeyPair[], publicKey: string): SealingKeyPair | null {
  return keys.find((pair) => pair.publicKey === publicKey) ?? null;
}

/**
 * The content key of an encrypted clip, which opens with its recipient's pair under its own statement alone (contract/sealing.ts); null
 * where it does not open.
 */
export function openContentKey(
  pair: SealingKeyPair,
  { home, sealed }: { home: string; sealed: SealedClip },
): Uint8Array | null {
  const message = fromBase64url(sealed.contentKey) ?? new Uint8Array();
  return decryptWith(pair, message, { info: contentKeyInfo({ home, grantSha256: sealed.grantSha256 }) });
}

/** The keys in a file; null when there is none. Throws `state_damaged`, `secret_file_exposed`. */
export async function readSealingKeys(disk: Pick<Disk, 'readSecret'>, path: string): Promise<SealingKeys | null> {
  const stored = await disk.readSecret(path, FILE_BYTES_MAX);
  if (!stored) return null;
  const lines = (fromUtf8(stored) ?? '').trim().split('\n');
  const [newest, ...former] = lines.map((line) => importSealingKey(line));
  const isWhole = former.every((pair): pair is SealingKeyPair => pair !== null);
  if (!newest || !isWhole) throw failure('state_damaged', { file: path, detail: 'it does not hold keys' });
  return [newest, ...former];
}

/** The keys in a file, with a first one where there is none; its folder must exist. Throws as `readSealingKeys`. */
export async function loadSealingKeys(disk: Disk, random: Random, path: string): Promise<SealingKeys> {
  return (await readSealingKeys(disk, path)) ?? (await write(disk, path, [generateSealingKey(random)]));
}

/** Adds a new key in front of those in the file. Throws as `readSealingKeys`, and `state_damaged` for a file that is full. */
export async function addSealingKey(disk: Disk, random: Random, path: string): Promise<SealingKeys> {
  const former = (await readSealingKeys(disk, path)) ?? [];
  if (former.length >= KEYS_MAX) throw failure('state_damaged', { file: path, detail: `it holds ${KEYS_MAX} keys` });
  return write(disk, path, [generateSealingKey(random), ...former]);
}

/** Durable before anybody can encrypt to the new key: what was encrypted to a lost one is lost. */
async function write(disk: Disk, path: string, keys: SealingKeys): Promise<SealingKeys> {
  await disk.replaceFile(path, utf8(`${keys.map((pair) => pair.exportSecret()).join('\n')}\n`));
  return keys;
}
