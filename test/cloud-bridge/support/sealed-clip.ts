// A clip that its home has encrypted, with papers that a bridge accepts, offered to a vault; and lies that only who opens it can find.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encryptTo } from '../../../device/base/hpke.ts';
import { sha256, sha256Hex } from '../../../device/base/keys.ts';
import { writeSealedFile } from '../../../device/base/sealed-file.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { SALT_BYTES } from '../../../device/contract/commitment.ts';
import {
  commitmentsOf,
  contentKeyInfo,
  type SealedClip,
  type SealedContents,
  writeContents,
} from '../../../device/contract/sealing.ts';
import type { Zone } from '../../../device/contract/shared-claims.ts';
import { makeParty, textClaim } from '../../support/parties.ts';
import { plainMp4 } from '../../support/plain-mp4.ts';
import { OfferedClip } from '../../support/vault-fixture.ts';
import type { VaultRig } from './vault-rig.ts';

export const DISCLOSED = { address: '12 Elm Street, Springfield', email: 'casey@home.example' };
/** Makes a statement redacted as its schema wants it. */
const REDACTED = { redacted: true, method: 're-encode', encodedFrames: 30 };

/** What is encrypted and stated; each part has a true default. */
export interface SealedParts {
  /** The key that it is encrypted to. Default: the newest of the vault. */
  key?: string;
  /** The clip that the statement names. */
  plain?: Uint8Array;
  zones?: Zone[];
  /** The clip that is encrypted, if it is another one. */
  inside?: Uint8Array;
  /** The block that is encrypted, if it is another one than the stated contents. */
  block?: (contents: SealedContents) => Uint8Array;
  /** The file that is sent, if it is another one than the encrypted file. */
  file?: (encrypted: Uint8Array) => Uint8Array;
  /** The id that the file is encrypted under. Default: the grant's. */
  id?: string;
  /** Replaces what the statement says of the encryption. */
  claims?: (claims: SealedClip) => Partial<SealedClip>;
  /** Replaces other claims of the statement. */
  stated?: object;
}

export interface SealedClipOffer {
  clip: OfferedClip;
  plain: Uint8Array;
  contents: SealedContents;
  sealed: SealedClip;
}

/** Makes an encrypted clip that answers the rig's request, not yet offered. */
export async function sealedClip(rig: VaultRig, parts: SealedParts = {}): Promise<SealedClipOffer> {
  const { fixture, request, vault } = rig;
  const { random, disk, cast } = fixture;
  const { plain = plainMp4({ frames: 30, audioPackets: 12 }), zones = [] } = parts;
  const recipientKey = parts.key ?? (await sealingKeyOf(rig));
  const salt = () => toBase64url(random.bytes(SALT_BYTES));
  const contents = { disclosed: DISCLOSED, zones, salts: { address: salt(), email: salt(), zones: salt() } };
  const grantToken = cast.grant(request);
  const grantSha256 = sha256Hex(grantToken);
  const secret = random.bytes(32);
  const path = join(rig.folder.path, 'encrypted');
  const identity = {
    path,
    key: { cipher: 'aes-256-gcm', secret } as const,
    id: parts.id ?? textClaim(grantToken, 'jti'),
  };
  const block = parts.block?.(contents) ?? writeContents(contents);
  await writeSealedFile(disk, random, identity, [block, parts.inside ?? plain]);
  const encrypted = new Uint8Array(await readFile(path));
  const home = makeParty('home', random);
  const info = contentKeyInfo({ home: home.id, grantSha256 });
  const contentKey = encryptTo(recipientKey, secret, { info }, random) ?? new Uint8Array();
  const claims = {
    ...{ clipSha256: sha256Hex(plain), clipBytes: plain.length, recipientKey, grantSha256 },
    ...{ contentKey: toBase64url(contentKey), ...commitmentsOf(contents, sha256) },
  };
  const sealed = { ...claims, ...parts.claims?.(claims) };
  const redacted = zones.length > 0 ? REDACTED : {};
  const parcel = fixture.parcel(request, {
    clip: parts.file?.(encrypted) ?? encrypted,
    ...{ grantToken, home },
    manifest: { disclosed: {}, sealed, ...redacted, ...parts.stated },
  });
  return { clip: new OfferedClip(fixture, vault, request, parcel), plain, contents, sealed };
}

export async function sealingKeyOf({ vault }: VaultRig): Promise<string> {
  return String((await vault.send('GET', '/v1/vault', {})).body['sealingKey']);
}
