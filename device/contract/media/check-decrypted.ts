// The checks of an encrypted clip before a picture of it is shown. The bridge, which cannot read it, checked only its outside. Pure: whoever
// calls has decrypted the file (base/hpke.ts, base/sealed-file.ts).
import type { ClipFacts } from '../clip-facts.ts';
import type { Sha256 } from '../merkle.ts';
import { areNamed, readContents, SEALED_CONTENTS_BYTES, type SealedClip, type SealedContents } from '../sealing.ts';
import { unopened } from '../verdict.ts';
import { faultOfTimes } from './clip-times.ts';
import { readClipFile } from './read-clip-file.ts';

/** The decrypted bytes of an encrypted file: block and clip. */
export interface DecryptedFile {
  sizeBytes: number;
  /** Exactly `length` bytes at `position`; the bytes are valid until the next call. */
  read(position: number, length: number): Promise<Uint8Array>;
}

/** The clip in a decrypted file. */
export function clipIn(file: DecryptedFile): DecryptedFile {
  return {
    sizeBytes: file.sizeBytes - SEALED_CONTENTS_BYTES,
    read: (position, length) => file.read(SEALED_CONTENTS_BYTES + position, length),
  };
}

const PIECE_BYTES = 512 * 1024;

/**
 * Checks a decrypted file against what manifest or statement say of it, and returns its facts and zones. `stepUs`: the step that their times
 * are rounded to (STATEMENT_TIME_STEP_US in a statement, 0 in a manifest). Throws `clip_unopened` with the outcome. It does not look at
 * pictures: whoever shows a redacted clip checks its zones, too.
 */
export async function checkDecrypted(
  file: DecryptedFile,
  { sealed, ...facts }: ClipFacts & { sealed: SealedClip },
  stepUs: number,
  crypto: { sha256: Sha256; sha256Stream: () => { update(part: Uint8Array): void; digestHex(): string } },
): Promise<SealedContents> {
  const clip = clipIn(file);
  if (clip.sizeBytes !== sealed.clipBytes) throw unopened('file', 'it has another size than is stated');
  const contents = readContents(Uint8Array.from(await file.read(0, SEALED_CONTENTS_BYTES)));
  if (!contents || !areNamed(contents, sealed, crypto.sha256))
    throw unopened('contents', 'facts and zones are not those whose hashes are stated');
  if (contents.zones.length > 0 !== facts.redacted) throw unopened('contents', 'it is not redacted as stated');
  const hash = crypto.sha256Stream();
  for (let at = 0; at < clip.sizeBytes; at += PIECE_BYTES)
    hash.update(await clip.read(at, Math.min(PIECE_BYTES, clip.sizeBytes - at)));
  if (hash.digestHex() !== sealed.clipSha256) throw unopened('clip', 'it is not the clip that is stated');
  const tables = await readClipFile(clip, facts, (detail) => unopened('recording', detail));
  const fault = faultOfTimes(tables, facts, stepUs);
  if (fault) throw unopened('recording', fault.detail);
  return contents;
}
