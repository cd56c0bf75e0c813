// Opens an encrypted clip with the content key that its device kept for the owner who granted it, and checks it as its recipient does.
import { sha256, sha256Stream } from '@doorsill/base/keys';
import { readSealedFile, type SealedBytes } from '@doorsill/base/sealed-file';
import { fromBase64url } from '@doorsill/contract/bytes';
import { isFailure } from '@doorsill/contract/errors';
import { type Manifest, STATEMENT_TIME_STEP_US, type Statement } from '@doorsill/contract/manifest';
import { checkDecrypted, clipIn, type DecryptedFile } from '@doorsill/contract/media/check-decrypted';
import type { OwnersContentKey, SealedContents } from '@doorsill/contract/sealing';
import { unopened } from '@doorsill/contract/verdict';

/** An encrypted clip that was opened and is what its document says. */
export interface OpenedClip {
  /** The clip itself. */
  clip: DecryptedFile;
  /** The disclosed facts, and the zones that were blacked out. */
  contents: SealedContents;
}

const PIECE_BYTES = 512 * 1024;

/**
 * Opens the encrypted file, of `fileBytes`, that `stated` names, a manifest or statement whose signatures the caller has verified
 * (verify-clip.ts). Checks all but the pictures (contract/media/check-decrypted.ts). Throws `clip_unopened` with the outcome: `key` for the content key of
 * another clip, `file` for another file than is stated; and the errors of `file`, which the caller closes.
 */
export async function openWithContentKey(
  file: SealedBytes,
  fileBytes: number,
  stated: Manifest | Statement,
  key: OwnersContentKey,
): Promise<OpenedClip> {
  const { sealed } = stated;
  if (!sealed) throw unopened('file', 'its document says nothing of encryption');
  const id = 'home' in stated ? stated.grant : key.grant;
  if (key.grant !== id || key.clipSha256 !== stated.clipSha256) throw unopened('key', 'it is of another clip');
  if (fileBytes !== stated.clipBytes || (await hashOf(file, fileBytes)) !== stated.clipSha256)
    throw unopened('file', 'it is not the file that is stated');
  const contentKey = { cipher: 'aes-256-gcm', secret: fromBase64url(key.contentKey) ?? new Uint8Array() } as const;
  const identity = { path: 'the encrypted file', key: contentKey, id };
  const decrypted = await asUnopened(() => readSealedFile(file, identity, fileBytes));
  const read = (position: number, length: number) => asUnopened(() => decrypted.read(position, length));
  const plain: DecryptedFile = { sizeBytes: decrypted.sizeBytes, read };
  const stepUs = 'home' in stated ? STATEMENT_TIME_STEP_US : 0;
  const contents = await checkDecrypted(plain, { ...stated, sealed }, stepUs, { sha256, sha256Stream });
  return { clip: clipIn(plain), contents };
}

async function hashOf(file: SealedBytes, bytes: number): Promise<string> {
  const hash = sha256Stream();
  for (let at = 0; at < bytes; at += PIECE_BYTES) hash.update(await file.read(at, Math.min(PIECE_BYTES, bytes - at)));
  return hash.digestHex();
}

/** The file is the stated one, so a chunk that does not open is one for which this is not the key. */
async function asUnopened<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    if (isFailure(thrown) && thrown.code === 'state_damaged') throw unopened('key', 'it does not open this file');
    throw thrown;
  }
}
