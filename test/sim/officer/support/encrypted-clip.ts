// An encrypted clip with its statement, as a device makes them, or as one that lies about a part of it would.
import { join } from 'node:path';
import { SystemDisk } from '../../../../device/base/disk.ts';
import { generateSealingKey, type SealingKeyPair } from '../../../../device/base/hpke.ts';
import { sha256Hex, sha256Stream } from '../../../../device/base/keys.ts';
import { SystemRandom } from '../../../../device/base/random.ts';
import { generateSealKey } from '../../../../device/base/seal.ts';
import { writeSealedFile } from '../../../../device/base/sealed-file.ts';
import { buildManifest } from '../../../../device/clip/disclosure.ts';
import type { CutFacts } from '../../../../device/clip/finished-clip.ts';
import { contentsOf, sealedClaims } from '../../../../device/clip/seal-to-recipient.ts';
import { freshStatementSigner, makeStatement } from '../../../../device/clip/sign-recipient-statement.ts';
import type { LiveGrant } from '../../../../device/consent/live-grant.ts';
import { signToken } from '../../../../device/contract/jws.ts';
import { type SealedClip, type SealedContents, writeContents } from '../../../../device/contract/sealing.ts';
import { liveGrantFor } from '../../../support/live-grant.ts';
import { makeParty } from '../../../support/parties.ts';
import { plainMp4 } from '../../../support/plain-mp4.ts';

const random = new SystemRandom();
const disk = new SystemDisk();

/** The recipient's key pair. */
export const RECIPIENT: SealingKeyPair = generateSealingKey(random);
/** What the home discloses. */
export const FACTS = { address: '12 Elm Street, Springfield', email: 'casey@home.example' };

const startUs = 1_800_000_000_000_000;
const window = { startUs, endUs: startUs + 2_000_000 };
/** The granted facts, encrypted to `RECIPIENT`. */
export const TERMS = {
  window,
  disclose: ['address' as const, 'email' as const],
  sealing: { key: RECIPIENT.publicKey, keeper: 'recipient' as const },
};

/** A file of 30 frames that the checks of a recording accept; no decoder makes pictures of it. */
export const PLAIN = plainMp4({ frames: 30, audioPackets: 12, frameBytes: 3_000 });
const CUT: CutFacts = {
  ...{ sizeBytes: PLAIN.length, frames: 30, coverage: window, gaps: [], audioPackets: 12 },
  ...{ method: 'smart-cut', encodedFrames: 5, redacted: false },
};

/** What a device cut: `PLAIN`. */
export const AS_CUT = { clip: CUT, bytes: PLAIN };

/** What a lying device changes. */
interface Lies {
  /** The bytes in the file, others than are stated. */
  clip?: Uint8Array;
  /** The block in the file, others than are stated. */
  contents?: (contents: SealedContents) => SealedContents;
  claims?: (claims: SealedClip) => SealedClip;
  /** The encrypted file's bytes, before their hash is stated. */
  file?: (bytes: Uint8Array) => Uint8Array;
  /** Claims about the clip. */
  cut?: Partial<CutFacts>;
}

export interface EncryptedClip {
  /** The encrypted file's path and bytes; the statement's path and token. */
  path: string;
  bytes: Uint8Array;
  statementPath: string;
  statement: string;
  plain: Uint8Array;
}

/** Writes the encrypted file and the statement of a clip into a folder. Without a cut it is `PLAIN` under `TERMS`. */
export async function encryptedClip(
  folder: string,
  name: string,
  lies: Lies = {},
  of: { live: LiveGrant; clip: CutFacts; bytes: Uint8Array } = { ...AS_CUT, live: liveGrantFor(TERMS).live },
): Promise<EncryptedClip> {
  const { live, bytes: plain } = of;
  const clip = { ...of.clip, ...lies.cut };
  const contents = contentsOf(live, { name: '', phone: '', ...FACTS }, random);
  if (!contents) throw new Error('the grant encrypts nothing');
  const contentKey = generateSealKey(random);
  const signer = freshStatementSigner(random);
  const inner = { clipSha256: sha256Hex(plain), clipBytes: plain.length, contentKey, home: signer.home };
  const claims = (lies.claims ?? ((same) => same))(sealedClaims(live, contents, inner, random));
  const path = join(folder, `${name}.encrypted`);
  const block = writeContents((lies.contents ?? ((same) => same))(contents));
  await writeSealedFile(disk, random, { path, key: contentKey, id: live.id }, [block, lies.clip ?? plain]);
  const written = await disk.readFile(path, 100_000_000);
  const bytes = (lies.file ?? ((same) => same))(Uint8Array.from(written ?? []));
  await disk.replaceFile(path, bytes);
  const hash = sha256Stream();
  hash.update(bytes);
  const device = makeParty('device', random);
  const manifest = buildManifest(live, {
    ...{ clipId: `clip-${name}`, clip, clipSha256: inner.clipSha256, disclosed: {}, iat: 1_800_000_100 },
    device: { id: device.id, publicKey: device.key.publicKey },
    sealed: { sha256: hash.digestHex(), bytes: bytes.length, claims },
  });
  const token = signToken('doorsill-manifest+jws', manifest, device.key);
  const { statement } = makeStatement(live, token, { device, random }, signer);
  const statementPath = join(folder, `${name}.statement.jws`);
  await disk.replaceFile(statementPath, new TextEncoder().encode(`${statement}\n`));
  return { path, bytes, statementPath, statement, plain };
}
