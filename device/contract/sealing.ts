// Clips that only their recipient can read. The device encrypts such a clip before it is sent: what the recipient's credential, the grant
// and the statement say about it, and the block in front of the clip that holds what nobody on the way may read. The file's form:
// base/sealed-file.ts; how its key is encrypted: base/hpke.ts.
import { z } from 'zod';
import { assert } from './assert.ts';
import { fromBase64url, fromUtf8, utf8 } from './bytes.ts';
import { commitmentOf, SALT_BYTES } from './commitment.ts';
import { idSchema, publicKeySchema, sha256Schema } from './ids.ts';
import type { Sha256 } from './merkle.ts';
import { parseJson } from './parse-json.ts';
import { DisclosedValues, DisclosureKey, eachFact, Zone } from './shared-claims.ts';

/** An X25519 public key: 32 bytes as base64url. Whoever uses it checks that it is a usable point (base/hpke.ts). */
export const sealingKeySchema = publicKeySchema;

/** Who holds the private key and opens clips: the agency's vault, which can then search and show them; or the recipient alone. */
export const ClipKeeper = z.enum(['vault', 'recipient']);
export type ClipKeeper = z.infer<typeof ClipKeeper>;

/**
 * `as-granted`: all of it is what its statement says. Otherwise the first check that failed, and nothing is shown. `key`: its content key does
 * not open; `file`: the encrypted file does not; `contents`: the facts and zones in it are not those whose hashes are stated; `clip`: it is
 * another clip; `recording`: it is not a plain recording of the stated frames and times; `zones`: a frame does not decode, or shows what was
 * to be blacked out.
 */
export const VerdictOutcome = z.enum(['as-granted', 'key', 'file', 'contents', 'clip', 'recording', 'zones']);
export type VerdictOutcome = z.infer<typeof VerdictOutcome>;

/** How clips for a recipient are encrypted. A recipient without it gets clips that the bridge can read. */
export const Sealing = z.strictObject({ key: sealingKeySchema, keeper: ClipKeeper });
export type Sealing = z.infer<typeof Sealing>;

/** Who can read a granted clip besides its owner: its bridge, too; or only the agency's vault and officers, its officers, or a neighbour. */
export type ClipReaders = 'bridge' | 'vault' | 'officers' | 'neighbor';

/** `keeper`: of the encrypted clip; undefined for one that is not encrypted. A neighbour has no vault. */
export function clipReaders(kind: 'agency' | 'neighbor', keeper: ClipKeeper | undefined): ClipReaders {
  if (keeper === undefined) return 'bridge';
  if (kind === 'neighbor') return 'neighbor';
  return keeper === 'vault' ? 'vault' : 'officers';
}

/** Letters of an encrypted content key: 32 bytes of an encapsulated key, 32 of the content key, 16 of a tag, as base64url. */
const SEALED_KEY_LETTERS = 107;

/**
 * What manifest and statement say about an encrypted clip. Their `clipSha256` and `clipBytes` are then those of the encrypted file, which
 * is what travels and what receipts name.
 */
export const SealedClip = z.strictObject({
  /** SHA-256 of the clip itself, as its owner may have previewed it. */
  clipSha256: sha256Schema,
  clipBytes: z.int().positive(),
  /** The recipient's key that the content key is encrypted to. */
  recipientKey: sealingKeySchema,
  /** The content key, encrypted with `contentKeyInfo` of grant and statement. It encrypts this one file. */
  contentKey: z
    .string()
    .length(SEALED_KEY_LETTERS)
    .regex(/^[A-Za-z0-9_-]+$/),
  /** SHA-256 of the grant token, which the content key is bound to. */
  grantSha256: sha256Schema,
  /** A salted hash of each disclosed fact, and of the zones that were blacked out. */
  facts: z.strictObject(eachFact(() => sha256Schema.optional())),
  zones: sha256Schema,
});
export type SealedClip = z.infer<typeof SealedClip>;

/** Hash and size of the clip itself, whether it was encrypted or not. */
export function innerClip(facts: { clipSha256: string; clipBytes: number; sealed?: SealedClip | undefined }) {
  const { clipSha256, clipBytes } = facts.sealed ?? facts;
  return { clipSha256, clipBytes };
}

/** The disclosed keys of a manifest or statement, in their fixed order. */
export function disclosedKeys(facts: { disclosed: DisclosedValues; sealed?: SealedClip | undefined }): DisclosureKey[] {
  const named = facts.sealed?.facts ?? facts.disclosed;
  return DisclosureKey.options.filter((key) => named[key] !== undefined);
}

/**
 * What the content key of a clip is bound to: its grant, and the key of its one statement, by the pseudonym that follows from that key. In a
 * statement that anybody else has signed, to another recipient or about an erased clip, it does not open.
 */
export function contentKeyInfo({ home, grantSha256 }: { home: string; grantSha256: string }): Uint8Array {
  return utf8(`doorsill clip key\n${home}\n${grantSha256}`);
}

/** The content key of one sent clip, as its device gives it to the owner who granted the clip, for a dispute; and as a file. */
export const OwnersContentKey = z.strictObject({
  grant: idSchema,
  /** Of the encrypted file that it opens. */
  clipSha256: sha256Schema,
  /** 32 bytes as base64url. */
  contentKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});
export type OwnersContentKey = z.infer<typeof OwnersContentKey>;

const saltSchema = z
  .string()
  .refine((text) => fromBase64url(text)?.length === SALT_BYTES, `${SALT_BYTES} bytes as base64url`);

/** The block in front of an encrypted clip. Each value has a salt of its own, so that one can be shown without the others. */
export const SealedContents = z.strictObject({
  /** Well-formed, because two texts with halves of letters may have the same bytes, and so the same hash. */
  disclosed: DisclosedValues.refine(
    (values) => Object.values(values).every((text) => text === undefined || isWellFormed(text)),
    'texts of whole letters',
  ),
  zones: z.array(Zone).max(16),
  salts: z.strictObject({ ...eachFact(() => saltSchema.optional()), zones: saltSchema }),
});
export type SealedContents = z.infer<typeof SealedContents>;

/** Bytes of the block. Always the same, so that the file's size says nothing about the facts in it. */
export const SEALED_CONTENTS_BYTES = 8_192;

/** Bytes of an encrypted file: a header of 24 bytes, then the block and the clip in chunks of 64 KiB with a tag of 16 bytes each. */
export function sealedBytesOf(clipBytes: number): number {
  const plain = SEALED_CONTENTS_BYTES + clipBytes;
  return 24 + plain + 16 * Math.ceil(plain / 65_536);
}

/** The block's bytes: JSON, filled up with spaces. */
export function writeContents(contents: SealedContents): Uint8Array {
  const json = utf8(JSON.stringify(SealedContents.parse(contents)));
  assert(json.length <= SEALED_CONTENTS_BYTES, 'the longest facts fit into the block');
  const block = new Uint8Array(SEALED_CONTENTS_BYTES).fill(0x20);
  block.set(json);
  return block;
}

/** Reads the block; null unless it is exactly what `writeContents` makes of some contents: nothing else is hidden in it. */
export function readContents(block: Uint8Array): SealedContents | null {
  const contents = SealedContents.safeParse(parseJson(fromUtf8(block) ?? ''));
  if (!contents.success || block.length !== SEALED_CONTENTS_BYTES) return null;
  const written = writeContents(contents.data);
  return written.every((byte, at) => byte === block[at]) ? contents.data : null;
}

/** The hashes by which manifest and statement name the contents. */
export function commitmentsOf(contents: SealedContents, sha256: Sha256): Pick<SealedClip, 'facts' | 'zones'> {
  const { disclosed, zones, salts } = contents;
  const hash = (salt: string | undefined, name: string, value: string) => {
    const bytes = fromBase64url(salt ?? '');
    assert(bytes?.length === SALT_BYTES, 'each value has a salt');
    return commitmentOf(bytes, `${name}\n${value}`, sha256);
  };
  const keys = Object.keys(disclosed) as DisclosureKey[];
  const named = keys.map((key) => [key, hash(salts[key], key, disclosed[key] ?? '')]);
  return { facts: Object.fromEntries(named), zones: hash(salts.zones, 'zones', zonesText(zones)) };
}

/** Whether contents are those that a manifest or statement names: the same facts and zones, and no others. */
export function areNamed(
  contents: SealedContents,
  named: Pick<SealedClip, 'facts' | 'zones'>,
  sha256: Sha256,
): boolean {
  const { disclosed, salts } = contents;
  const { zones: _zones, ...factSalts } = salts;
  if (Object.keys(factSalts).sort().join() !== Object.keys(disclosed).sort().join()) return false;
  const { facts, zones } = commitmentsOf(contents, sha256);
  const keys = [...new Set([...Object.keys(facts), ...Object.keys(named.facts)])] as DisclosureKey[];
  return zones === named.zones && keys.every((key) => facts[key] === named.facts[key]);
}

/** One text for equal zones. */
function zonesText(zones: readonly Zone[]): string {
  return JSON.stringify(zones.map(({ left, top, width, height }) => [left, top, width, height]));
}

function isWellFormed(text: string): boolean {
  return fromUtf8(utf8(text)) === text;
}
