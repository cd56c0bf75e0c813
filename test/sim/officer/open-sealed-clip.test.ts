// The recipient of an encrypted clip gets it only if it is all that its statement says, and signs what was found; otherwise nothing of it.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { type EncryptedFile, partsOf } from '../../../device/clip/open-with-content-key.ts';
import { concatBytes } from '../../../device/contract/bytes.ts';
import { openToken } from '../../../device/contract/jws.ts';
import { Verdict } from '../../../device/contract/verdict.ts';
import { openSealedClip, peekStatement } from '../../../sim/officer/open-sealed-clip.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { makeParty } from '../../support/parties.ts';
import { patched, plainMp4 } from '../../support/plain-mp4.ts';
import { type EncryptedClip, encryptedClip, FACTS, PLAIN, RECIPIENT } from './support/encrypted-clip.ts';

const folder = temporaryFolder('open-sealed-clip');
afterAll(() => folder.dispose());

const random = new SystemRandom();
const deps = { clock: new SystemClock(), random };
const agency = makeParty('agency', random);
/** The verdicts that reached the bridge; null: it cannot be reached. */
let reported: string[] | null = [];
const report = {
  ...{ key: agency.key, bridge: 'bridge-1' },
  send: async (_clip: string, verdict: string) => {
    if (!reported) throw new Error('unreachable');
    reported.push(verdict);
  },
};
beforeEach(() => {
  reported = [];
});
const OTHER = generateSealingKey(random);

const fileOf = (bytes: Uint8Array): EncryptedFile => ({
  sizeBytes: bytes.length,
  read: async (at, length) => bytes.subarray(at, at + length),
});
const opening = ({ bytes, statement }: Pick<EncryptedClip, 'bytes' | 'statement'>, keys = [OTHER, RECIPIENT]) =>
  openSealedClip(deps, fileOf(bytes), statement, { keys, report });

/** The verified claims of the only verdict that reached the bridge. */
function onlyVerdict(): Verdict {
  const [token, ...more] = reported ?? [];
  expect(more).toEqual([]);
  const by = { typ: 'doorsill-verdict+jws' as const, schema: Verdict, audience: 'bridge-1', verify: verifySignature };
  const opened = openToken(token ?? '', { ...by, keys: [agency.key.publicKey] });
  if (!opened.ok) throw new Error(opened.fault);
  return opened.claims;
}

let good: EncryptedClip;
beforeAll(async () => {
  good = await encryptedClip(folder.path, 'good');
});

describe('a clip that is as its statement says', () => {
  it('is opened with its facts, also by a former key, and the verdict is signed for the bridge', async () => {
    const { clip, contents, isReported } = await opening(good);
    expect(isReported).toBe(true);
    const parts: Uint8Array[] = [];
    for await (const part of partsOf(clip)) parts.push(part);
    expect(concatBytes(parts)).toEqual(PLAIN);
    expect(contents).toEqual({ disclosed: FACTS, zones: [] });
    const { jti, grant, clipSha256 } = peekStatement(good.statement);
    expect(onlyVerdict()).toMatchObject({
      ...{ clip: jti, grant, clipSha256, outcome: 'as-granted' },
      statementSha256: sha256Hex(good.statement),
    });
    expect(clipSha256).toBe(sha256Hex(good.bytes));
  });

  it('is opened though its bridge cannot be told', async () => {
    reported = null;
    expect(await opening(good, [RECIPIENT])).toMatchObject({ contents: { disclosed: FACTS }, isReported: false });
  });
});

describe('a clip that its home lied about is refused with the check that failed, and a verdict that says so', () => {
  const flipped = (bytes: Uint8Array, at: number) => patched(bytes, at, [(bytes[at] ?? 0) ^ 1]);
  const other = plainMp4({ frames: 30, audioPackets: 12, frameBytes: 3_000 });
  other.set([1, 2, 3], other.length - 3);
  it.each<[outcome: string, what: string, lies: Parameters<typeof encryptedClip>[2]]>([
    ['key', 'a content key for another grant', { claims: (claims) => ({ ...claims, grantSha256: 'a'.repeat(64) }) }],
    ['file', 'a chunk that does not open', { file: (bytes) => flipped(bytes, bytes.length - 40) }],
    [
      'file',
      'another size',
      {
        claims: (claims) => claims,
        clip: PLAIN.subarray(0, -1),
        file: (bytes) => concatBytes([bytes, Uint8Array.of(0)]),
      },
    ],
    [
      'contents',
      'other facts',
      { contents: (all) => ({ ...all, disclosed: { ...all.disclosed, email: 'other@home.example' } }) },
    ],
    [
      'contents',
      'zones that nobody granted',
      { contents: (all) => ({ ...all, zones: [{ left: 0, top: 0, width: 9, height: 9 }] }) },
    ],
    ['clip', 'other bytes', { clip: other }],
    ['recording', 'frames that are not there', { cut: { audioPackets: 11 } }],
  ])('%s: %s', async (outcome, what, lies) => {
    const lie = await encryptedClip(folder.path, `${outcome}-${what.length}`, lies);
    await expect(opening(lie)).rejects.toMatchObject({ code: 'clip_unopened', facts: { outcome } });
    expect(onlyVerdict()).toMatchObject({ outcome });
    reported = null;
    await expect(opening(lie)).rejects.toMatchObject({ code: 'clip_unopened' });
  });
});

describe('nothing is said of a clip, and nothing is shown', () => {
  afterEach(() => expect(reported).toEqual([]));

  it('without its private key', async () => {
    const refused = {
      code: 'clip_unopened',
      facts: { outcome: 'key', detail: expect.stringContaining(RECIPIENT.publicKey) },
    };
    await expect(opening(good, [OTHER])).rejects.toMatchObject(refused);
    await expect(opening(good, [])).rejects.toMatchObject(refused);
  });

  it('where the file is another one than is stated: cut short, changed on its way, or of another clip', async () => {
    const second = await encryptedClip(folder.path, 'second');
    const { statement } = good;
    for (const bytes of [
      good.bytes.subarray(0, -1),
      good.bytes.subarray(0, 24),
      new Uint8Array(),
      patched(good.bytes, 100, [1, 2, 3]),
      second.bytes,
    ])
      await expect(opening({ bytes, statement })).rejects.toMatchObject({
        code: 'verify_failed',
        message: expect.stringContaining('the encrypted file'),
      });
  });

  it('where the statement does not verify, is none, or is of a clip that is not encrypted', async () => {
    const [head = '', , signature = ''] = good.statement.split('.');
    const claims = Buffer.from(JSON.stringify({ ...peekStatement(good.statement), frames: 29 })).toString('base64url');
    for (const statement of [`${head}.${claims}.${signature}`, good.statement.slice(0, -4), 'none', ''])
      await expect(opening({ bytes: good.bytes, statement })).rejects.toMatchObject({ code: 'verify_failed' });
    const { sealed, ...plain } = peekStatement(good.statement);
    const unsealed = `${head}.${Buffer.from(JSON.stringify(plain)).toString('base64url')}.${signature}`;
    await expect(opening({ bytes: good.bytes, statement: unsealed })).rejects.toThrow('is not encrypted');
  });

  it('where the disk fails while the file is read', async () => {
    const broken = { sizeBytes: good.bytes.length, read: () => Promise.reject(new Error('EIO')) };
    await expect(openSealedClip(deps, broken, good.statement, { keys: [RECIPIENT], report })).rejects.toThrow('EIO');
  });
});
