// Encrypted clips of an attacker with a doorbell's key. The bridge has to take them in, because it cannot read them; whoever opens one must
// refuse it, each for a different reason.

import type { Clock } from '@doorsill/base/clock';
import { encryptTo } from '@doorsill/base/hpke';
import { generateSigningKey, type SigningKey, sha256, sha256Hex } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import { generateSealKey, SEAL_KEY_BYTES } from '@doorsill/base/seal';
import { writeSealedFile } from '@doorsill/base/sealed-file';
import { assert } from '@doorsill/contract/assert';
import { toBase64url } from '@doorsill/contract/bytes';
import { SALT_BYTES } from '@doorsill/contract/commitment';
import { actorId } from '@doorsill/contract/ids';
import {
  commitmentsOf,
  contentKeyInfo,
  type SealedClip,
  type SealedContents,
  type Sealing,
  writeContents,
} from '@doorsill/contract/sealing';
import type { Refusal } from '@doorsill/contract/verdict';
import { MemoryDisk } from './memory-disk.ts';

/** Each check that finds a forged clip; none is redacted, so that `zones` has nothing to find. */
export const FORGERIES = ['key', 'file', 'contents', 'clip', 'recording'] as const satisfies readonly Refusal[];
type Forgery = (typeof FORGERIES)[number];

const CLIP_BYTES = 2_048;

/** Who signs a statement. */
export interface StatementKey {
  readonly key: SigningKey;
  readonly home: string;
}

export interface ForgedClip {
  /** The encrypted file. */
  readonly file: Uint8Array<ArrayBuffer>;
  /** What manifest and statement say about it. */
  readonly claims: SealedClip;
  /** Signs its statement: the content key opens under no other one. */
  readonly signer: StatementKey;
}

/**
 * Encrypts a clip under a grant, with one lie about it; null: without one. Without `clip` it has random bytes, so that `recording` needs no
 * other lie.
 */
export async function forgeClip(
  forgery: Forgery | null,
  grant: { jti: string; token: string },
  sealing: Sealing,
  { clock, random, ...given }: { clock: Clock; random: Random; clip?: Uint8Array },
): Promise<ForgedClip> {
  const clip = given.clip ?? random.bytes(CLIP_BYTES);
  const contents = contentsOf(random);
  const key = generateSealKey(random);
  const written: Uint8Array[] = [];
  const identity = { path: '/forged', key, id: grant.jti };
  const parts = [writeContents(contents), clip];
  await writeSealedFile(new MemoryDisk({ clock, random }), random, identity, parts, (bytes) => {
    written.push(Uint8Array.from(bytes));
  });
  const grantSha256 = sha256Hex(grant.token);
  const secret = forgery === 'file' ? random.bytes(SEAL_KEY_BYTES) : key.secret;
  const signer = freshStatementKey(random);
  const info = contentKeyInfo({ home: signer.home, grantSha256: forgery === 'key' ? sha256Hex('') : grantSha256 });
  const contentKey = encryptTo(sealing.key, secret, { info }, random);
  assert(contentKey !== null, 'the vault has a usable key');
  const claims = {
    clipSha256: sha256Hex(forgery === 'clip' ? new Uint8Array(0) : clip),
    ...{ clipBytes: clip.length, recipientKey: sealing.key, contentKey: toBase64url(contentKey), grantSha256 },
    ...commitmentsOf(forgery === 'contents' ? contentsOf(random) : contents, sha256),
  };
  return { file: Uint8Array.from(Buffer.concat(written)), claims, signer };
}

/** One more key that no other statement is signed with. */
export function freshStatementKey(random: Random): StatementKey {
  const key = generateSigningKey(random);
  return { key, home: actorId('home', sha256Hex(key.publicKey)) };
}

function contentsOf(random: Random): SealedContents {
  return { disclosed: {}, zones: [], salts: { zones: toBase64url(random.bytes(SALT_BYTES)) } };
}
