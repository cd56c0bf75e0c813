// The block in front of an encrypted clip has one size and one form, so that nothing else hides in it; manifest and statement name exactly
// what is in it.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { sha256 } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { generateSealKey } from '../../../device/base/seal.ts';
import { writeSealedFile } from '../../../device/base/sealed-file.ts';
import { concatBytes, fromBase64url, toBase64url, utf8 } from '../../../device/contract/bytes.ts';
import { SALT_BYTES } from '../../../device/contract/commitment.ts';
import {
  areNamed,
  clipReaders,
  commitmentsOf,
  contentKeyInfo,
  disclosedKeys,
  innerClip,
  readContents,
  SEALED_CONTENTS_BYTES,
  SealedClip,
  type SealedContents,
  sealedBytesOf,
  writeContents,
} from '../../../device/contract/sealing.ts';
import { DISCLOSED_FACTS, type DisclosedValues, DisclosureKey } from '../../../device/contract/shared-claims.ts';

const salt = (byte: number) => toBase64url(new Uint8Array(SALT_BYTES).fill(byte));
const ZONE = { left: 0, top: 100, width: 5_000, height: 10 };
const CONTENTS: SealedContents = {
  disclosed: { name: 'R. Ash', email: 'ash@home.example' },
  zones: [ZONE, { ...ZONE, left: 5_000 }],
  salts: { name: salt(1), email: salt(2), zones: salt(3) },
};
const NOTHING: SealedContents = { disclosed: {}, zones: [], salts: { zones: salt(4) } };

/** Every fact at its longest, made of one letter, and as many zones as there can be, in as many digits. */
function longest(letter: string): SealedContents {
  const facts = DisclosureKey.options.map((key) => [key, letter.repeat(DISCLOSED_FACTS[key].most / letter.length)]);
  return {
    disclosed: Object.fromEntries(facts),
    zones: Array.from({ length: 16 }, () => ({ left: 1_000, top: 1_000, width: 9_000, height: 9_000 })),
    salts: { name: salt(1), address: salt(2), email: salt(3), phone: salt(4), zones: salt(5) },
  };
}

const LETTERS: [string, string][] = [
  ['letters whose escape has six bytes', '\u0001'],
  ['quotation marks', '"'],
  ['letters of three bytes', '€'],
  ['letters of four bytes', '😀'],
];

describe('the block', () => {
  it.each<[string, SealedContents]>([
    ['nothing', NOTHING],
    ['some facts and zones', CONTENTS],
    ...LETTERS.map(([what, letter]): [string, SealedContents] => [
      `the longest facts and most zones, in ${what}`,
      longest(letter),
    ]),
  ])('has one size, and gives back %s', (_what, contents) => {
    const block = writeContents(contents);
    expect(block).toHaveLength(SEALED_CONTENTS_BYTES);
    expect(readContents(block)).toStrictEqual(contents);
  });

  it('is the same for the same contents, in whatever order they were put together', () => {
    const { name, email } = CONTENTS.disclosed;
    const turned = { salts: { zones: salt(3), email: salt(2), name: salt(1) }, zones: CONTENTS.zones };
    expect(writeContents({ ...turned, disclosed: { email, name } })).toEqual(writeContents(CONTENTS));
  });

  it.each<[string, object]>([
    ['a fact too long', { disclosed: { phone: '5'.repeat(DISCLOSED_FACTS.phone.most + 1) } }],
    ['a fact that nobody knows', { disclosed: { age: '41' } }],
    ['a zone too many', { zones: longest('x').zones.concat(ZONE) }],
    ['a salt too short', { salts: { zones: 'AAAA' } }],
  ])('is not written with %s', (_what, changes) => {
    expect(() => writeContents({ ...NOTHING, ...changes })).toThrow();
  });
});

it.each([
  ['agency', undefined, 'bridge'],
  ['neighbor', undefined, 'bridge'],
  ['agency', 'vault', 'vault'],
  ['agency', 'recipient', 'officers'],
  // A neighbour has no vault, whatever the search says.
  ['neighbor', 'vault', 'neighbor'],
  ['neighbor', 'recipient', 'neighbor'],
] as const)('a clip for an %s whose keeper is %s can be read by: %s', (kind, keeper, readers) => {
  expect(clipReaders(kind, keeper)).toBe(readers);
});

describe('a block is refused', () => {
  const json = JSON.stringify(CONTENTS);
  /** The block of a text, filled up as its writer would. */
  const blockOf = (text: string) => {
    const block = new Uint8Array(SEALED_CONTENTS_BYTES).fill(0x20);
    block.set(utf8(text));
    return block;
  };
  const written = (change: (block: Uint8Array) => void) => {
    const block = writeContents(CONTENTS);
    change(block);
    return block;
  };
  /** The JSON with one part of it replaced. */
  const instead = (part: string, by: string) => {
    expect(json.split(part), part).toHaveLength(2);
    return blockOf(json.replace(part, by));
  };
  const end = utf8(json).length;
  const { disclosed, zones, salts } = CONTENTS;

  it('not if it is as its writer left it', () => {
    expect(readContents(blockOf(json))).toStrictEqual(CONTENTS);
    expect(blockOf(json)).toEqual(writeContents(CONTENTS));
  });

  it.each<[string, () => Uint8Array]>([
    ['that is empty', () => new Uint8Array()],
    ['of nothing but spaces', () => blockOf('')],
    ['of the JSON alone', () => utf8(json)],
    ['with a byte less', () => writeContents(CONTENTS).subarray(0, -1)],
    ['with a space more', () => concatBytes([writeContents(CONTENTS), utf8(' ')])],
    ['with a letter behind the JSON', () => written((block) => block.set([0x78], end))],
    ['with a letter at its end', () => written((block) => block.set([0x78], SEALED_CONTENTS_BYTES - 1))],
    ['with a zero at its end', () => written((block) => block.set([0], SEALED_CONTENTS_BYTES - 1))],
    ['with a tab among the spaces', () => written((block) => block.set([0x09], end + 1))],
    ['with a line break among the spaces', () => written((block) => block.set([0x0a], SEALED_CONTENTS_BYTES - 1))],
    ['with a second document', () => blockOf(json + json)],
    ['with a space in front', () => blockOf(` ${json}`)],
    ['with a byte order mark in front', () => blockOf(`\ufeff${json}`)],
    ['with a space inside', () => instead('"zones":[', '"zones": [')],
    ['with bytes that are no text', () => written((block) => block.set([0xff], json.indexOf('Ash')))],
    ['with a letter that is escaped without need', () => instead('R. Ash', '\\u0052. Ash')],
    ['with a slash that is escaped without need', () => instead('R. Ash', 'R\\/Ash')],
    ['with parts in another order', () => blockOf(JSON.stringify({ zones, disclosed, salts }))],
    [
      'with facts in another order',
      () => instead('"name":"R. Ash","email":"ash@home.example"', '"email":"ash@home.example","name":"R. Ash"'),
    ],
    [
      'with salts in another order',
      () => blockOf(json.replace(/"name":"([A-Za-z0-9_-]{43})",("email":"[^"]*")/, '$2,"name":"$1"')),
    ],
    ['with a zone’s sides in another order', () => instead('"left":0,"top":100', '"top":100,"left":0')],
    ['with a part too many', () => blockOf(`${json.slice(0, -1)},"note":"x"}`)],
    ['with a fact that nobody knows', () => instead('"name":"R. Ash"', '"name":"R. Ash","age":"41"')],
    ['with a side that no zone has', () => instead('"left":0,', '"left":0,"colour":7,')],
    ['with a salt that nobody knows', () => blockOf(`${json.slice(0, -2)},"age":"${salt(9)}"}}`)],
    ['with a key of JavaScript’s own', () => blockOf(`${json.slice(0, -1)},"__proto__":{"note":"x"}}`)],
    ['with a key of JavaScript’s own among the facts', () => instead('{"name":"R', '{"__proto__":null,"name":"R')],
    ['with a part twice', () => blockOf(`{"zones":[],${json.slice(1)}`)],
    ['with the same part twice', () => blockOf(`${json.slice(0, -1)},"zones":${JSON.stringify(zones)}}`)],
    ['with a fact twice', () => instead('{"name":"R', '{"name":"Another","name":"R')],
    ['with a number written as minus nought', () => instead('"left":0,', '"left":-0,')],
    ['with a number written as a fraction', () => instead('"left":0,', '"left":0.0,')],
    [
      'with a number written with an exponent',
      () => instead('"height":10},{"left":5000,', '"height":1e1},{"left":5000,'),
    ],
    ['without zones', () => blockOf(JSON.stringify({ disclosed, salts }))],
    [
      'without the zones’ salt',
      () => blockOf(JSON.stringify({ ...CONTENTS, salts: { name: salt(1), email: salt(2) } })),
    ],
    ['with a fact of null', () => instead('"R. Ash"', 'null')],
    ['with an empty fact', () => instead('"R. Ash"', '""')],
    ['with a zone outside the picture', () => instead('"left":5000', '"left":5001')],
    ['of another kind of document', () => blockOf('[]')],
  ])('%s', (_what, make) => {
    expect(readContents(make())).toBeNull();
  });
});

describe('the hashes of contents', () => {
  const named = commitmentsOf(CONTENTS, sha256);
  const digest = (byte: number, text: string) =>
    createHash('sha256').update(new Uint8Array(SALT_BYTES).fill(byte)).update(text, 'utf8').digest('hex');

  it('are of the salt, the fact’s name and its value; of the zones in numbers', () => {
    expect(named).toStrictEqual({
      facts: { name: digest(1, 'name\nR. Ash'), email: digest(2, 'email\nash@home.example') },
      zones: digest(3, 'zones\n[[0,100,5000,10],[5000,100,5000,10]]'),
    });
    expect(commitmentsOf(NOTHING, sha256)).toStrictEqual({ facts: {}, zones: digest(4, 'zones\n[]') });
  });

  const { disclosed, zones, salts } = CONTENTS;
  it.each<[string, Partial<SealedContents>, boolean]>([
    ['its own', {}, true],
    ['another value', { disclosed: { ...disclosed, name: 'R. Asher' } }, false],
    ['a value with a space more', { disclosed: { ...disclosed, name: 'R. Ash ' } }, false],
    ['the values of two facts exchanged', { disclosed: { name: 'ash@home.example', email: 'R. Ash' } }, false],
    ['another salt', { salts: { ...salts, name: salt(9) } }, false],
    ['the salts of two facts exchanged', { salts: { ...salts, name: salt(2), email: salt(1) } }, false],
    ['another salt for its zones', { salts: { ...salts, zones: salt(9) } }, false],
    [
      'a zone moved',
      {
        zones: [
          { ...ZONE, top: 101 },
          { ...ZONE, left: 5_000 },
        ],
      },
      false,
    ],
    ['its zones in another order', { zones: zones.toReversed() }, false],
    ['a zone less', { zones: [ZONE] }, false],
    ['a zone twice', { zones: [...zones, ZONE] }, false],
    ['no zone', { zones: [] }, false],
    ['a fact less', { disclosed: { name: 'R. Ash' }, salts: { name: salt(1), zones: salt(3) } }, false],
    ['no fact', { disclosed: {}, salts: { zones: salt(3) } }, false],
    ['a fact more', { disclosed: { ...disclosed, phone: '555-0100' }, salts: { ...salts, phone: salt(9) } }, false],
    [
      'the same facts under another name',
      {
        disclosed: { name: 'R. Ash', phone: 'ash@home.example' },
        salts: { name: salt(1), phone: salt(2), zones: salt(3) },
      },
      false,
    ],
    ['a fact left out whose salt stays', { disclosed: { name: 'R. Ash' } }, false],
    ['a salt for no fact', { salts: { ...salts, phone: salt(9) } }, false],
    ['a fact without a salt', { disclosed: { ...disclosed, phone: '555-0100' } }, false],
  ])('name contents with %s: %s', (_what, changes, due) => {
    expect(areNamed({ ...CONTENTS, ...changes }, named, sha256)).toBe(due);
  });

  it.each<[string, Parameters<typeof areNamed>[1]]>([
    ['names a fact that is not there', { ...named, facts: { ...named.facts, phone: digest(9, 'phone\n555-0100') } }],
    ['does not name a fact', { ...named, facts: { name: digest(1, 'name\nR. Ash') } }],
    ['names other zones', { ...named, zones: digest(3, 'zones\n[]') }],
    ['exchanges two hashes', { ...named, facts: { name: named.facts.email, email: named.facts.name } }],
  ])('a document that %s is about other contents', (_what, document) => {
    expect(areNamed(CONTENTS, document, sha256)).toBe(false);
  });

  it('are made of whole letters: halves of different ones have the same bytes', () => {
    const contents: SealedContents = {
      ...NOTHING,
      disclosed: { name: 'R. Ash \ud800' },
      salts: { ...NOTHING.salts, name: salt(1) },
    };
    expect(() => writeContents(contents)).toThrow(/whole letters/);
    expect(readContents(utf8(JSON.stringify(contents).padEnd(SEALED_CONTENTS_BYTES)))).toBeNull();
  });

  it.each([
    ['letters that base64url lacks', '!'.repeat(43)],
    ['a second way to write its bytes', `${'A'.repeat(42)}B`],
  ])('name no contents whose salt is %s, and that is no failure of the reader', (_what, bad) => {
    // Written by somebody else: whoever knows the recipient's key can send a block.
    const foreign = JSON.stringify({ ...CONTENTS, salts: { ...salts, name: bad } }).padEnd(SEALED_CONTENTS_BYTES);
    const read = readContents(utf8(foreign));
    expect(read !== null && areNamed(read, named, sha256)).toBe(false);
  });
});

describe('a document about a clip', () => {
  const outer = { clipSha256: 'a'.repeat(64), clipBytes: 9_000 };
  const named = commitmentsOf(CONTENTS, sha256);
  const sealed: SealedClip = {
    ...{ clipSha256: 'b'.repeat(64), clipBytes: 700, recipientKey: 'A'.repeat(43), contentKey: 'A'.repeat(107) },
    ...{ grantSha256: 'c'.repeat(64), ...named },
  };

  it('names the clip itself, whether it was encrypted or not', () => {
    expect(innerClip(outer)).toStrictEqual(outer);
    expect(innerClip({ ...outer, sealed })).toStrictEqual({ clipSha256: 'b'.repeat(64), clipBytes: 700 });
  });

  it.each<[string, { disclosed: DisclosedValues; sealed?: SealedClip }, DisclosureKey[]]>([
    ['nothing', { disclosed: {} }, []],
    ['facts that everybody can read', { disclosed: { phone: '555', name: 'R. Ash' } }, ['name', 'phone']],
    ['no fact but encrypted ones', { disclosed: {}, sealed }, ['name', 'email']],
    [
      'encrypted ones in another order',
      { disclosed: {}, sealed: { ...sealed, facts: { email: 'e', address: 'a' } } },
      ['address', 'email'],
    ],
    ['no encrypted ones', { disclosed: {}, sealed: { ...sealed, facts: {} } }, []],
  ])('discloses %s', (_what, document, keys) => {
    expect(disclosedKeys(document)).toEqual(keys);
  });

  it.each<[string, object, boolean]>([
    ['as it is', {}, true],
    ['with a content key a letter shorter', { contentKey: 'A'.repeat(106) }, false],
    ['with a content key of other letters', { contentKey: '='.repeat(107) }, false],
    ['of no byte', { clipBytes: 0 }, false],
    ['without a hash of its zones', { zones: undefined }, false],
    ['with a fact itself instead of its hash', { facts: { name: 'R. Ash' } }, false],
    ['with a claim that nobody knows', { keeper: 'vault' }, false],
  ])('has an encrypted clip %s: %s', (_what, changes, due) => {
    expect(SealedClip.safeParse({ ...sealed, ...changes }).success).toBe(due);
  });

  it('binds the content key to one grant and the key of one statement', () => {
    const info = contentKeyInfo({ home: 'home-1', grantSha256: 'c'.repeat(64) });
    expect(new TextDecoder().decode(info)).toBe(`doorsill clip key\nhome-1\n${'c'.repeat(64)}`);
    expect(fromBase64url('A'.repeat(107))).toHaveLength(80);
  });
});

const CHUNK = 65_536;
const FIRST = CHUNK - SEALED_CONTENTS_BYTES;
it.each([1, FIRST - 1, FIRST, FIRST + 1, CHUNK, FIRST + CHUNK - 1, FIRST + CHUNK, FIRST + CHUNK + 1, 300_000])(
  'the encrypted file of a clip of %i bytes has the size that follows from it',
  async (clipBytes) => {
    const folder = await mkdtemp(join(tmpdir(), 'doorsill-sealing-'));
    const random = new SystemRandom();
    try {
      const identity = { path: join(folder, 'clip'), key: generateSealKey(random), id: 'clip-1' };
      const parts = [writeContents(CONTENTS), random.bytes(clipBytes)];
      await writeSealedFile(new SystemDisk(), random, identity, parts);
      expect((await stat(identity.path)).size).toBe(sealedBytesOf(clipBytes));
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
