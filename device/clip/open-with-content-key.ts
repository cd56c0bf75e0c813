// Opens an encrypted clip with its content key, which its recipient decrypts and its device keeps for the owner, and checks all but its pictures.
import { sha256, sha256Stream } from '@doorsill/base/keys';
import { readSealedFile, type SealedBytes } from '@doorsill/base/sealed-file';
import { fromBase64url } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { type Manifest, STATEMENT_TIME_STEP_US, type Statement } from '@doorsill/contract/manifest';
import { checkDecrypted, clipIn, type DecryptedFile } from '@doorsill/contract/media/check-decrypted';
import type { OwnersContentKey, SealedContents } from '@doorsill/contract/sealing';
import { unopened } from '@doorsill/contract/verdict';

/** An encrypted file, wherever its bytes are. */
export interface EncryptedFile {
  read: SealedBytes['read'];
  sizeBytes: number;
}

/** An encrypted clip that was opened and is what its document says. */
export interface OpenedClip {
  /** The clip itself. It is read from the encrypted file, which has to stay open. */
  clip: DecryptedFile;
  /** The disclosed facts, and the zones that were blacked out. */
  contents: SealedContents;
}

/**
 * Opens the encrypted file that `stated` names, a manifest or statement whose signatures the caller has verified (verify-clip.ts). Checks all
 * but the pictures (contract/media/check-decrypted.ts). Throws `verify_failed` for another file than is stated, and `clip_unopened` with the
 * outcome: `key` for the content key of another clip, `file` where the key does not open it; and the errors of `file`.
 */
export async function openWithContentKey(
  file: EncryptedFile,
  stated: Manifest | Statement,
  key: OwnersContentKey,
): Promise<OpenedClip> {
  const { sealed } = stated;
  if (!sealed) throw failure('verify_failed', { detail: 'its document says that the clip is not encrypted' });
  const id = 'home' in stated ? stated.grant : key.grant;
  if (key.grant !== id || key.clipSha256 !== stated.clipSha256) throw unopened('key', 'it is of another clip');
  await expectStatedFile(file, stated);
  const secret = fromBase64url(key.contentKey) ?? new Uint8Array();
  const identity = { path: 'the encrypted file', key: { cipher: 'aes-256-gcm', secret }, id } as const;
  const source = { read: file.read, close: () => Promise.resolve() };
  const plain = await readSealedFile(source, identity, file.sizeBytes, () =>
    unopened('file', 'its content key does not open it'),
  );
  const stepUs = 'home' in stated ? STATEMENT_TIME_STEP_US : 0;
  const contents = await checkDecrypted(plain, { ...stated, sealed }, stepUs, { sha256, sha256Stream });
  return { clip: clipIn(plain), contents };
}

/** The clip's bytes in order. */
export async function* partsOf(clip: Pick<DecryptedFile, 'sizeBytes' | 'read'>): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < clip.sizeBytes; at += PIECE_BYTES)
    yield Uint8Array.from(await clip.read(at, Math.min(PIECE_BYTES, clip.sizeBytes - at)));
}

const PIECE_BYTES = 512 * 1024;

async function expectStatedFile(file: EncryptedFile, { clipBytes, clipSha256 }: Manifest | Statement): Promise<void> {
  const fail = (detail: string) => failure('verify_failed', { detail: `the encrypted file ${detail}` });
  if (file.sizeBytes !== clipBytes) throw fail(`has ${file.sizeBytes} bytes, its document says ${clipBytes}`);
  const hash = sha256Stream();
  for await (const part of partsOf(file)) hash.update(part);
  if (hash.digestHex() !== clipSha256) throw fail('is not the one that its document names');
}
