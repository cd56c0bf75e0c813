import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateSigningKey } from '../../../device/base/keys.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { utf8 } from '../../../device/contract/bytes.ts';
import {
  nameOfKey,
  parseMinisignKey,
  printMinisignKey,
  signAsMinisign,
  verifyMinisign,
} from '../../../device/update/minisign.ts';

const random = new SeededRandom(7);
const made = () => {
  const signing = generateSigningKey(random);
  return { id: random.bytes(8), publicKey: signing.publicKey, signing };
};
const key = made();
const data = utf8('a release');
// Made on first use: code that runs while this file is loaded is not tried by `npm run check:mutants`.
const signed = () => signAsMinisign(data, key.id, key.signing, 'timestamp:1\tfile:a.tar.gz');

/** Made by minisign 0.12: `minisign -G -W`, and `printf 'a release' | minisign -S` with `-t 'by minisign'`. */
const OTHERS = {
  key: [
    'untrusted comment: minisign public key E0EE93BC07B048E7',
    'RWTnSLAHvJPu4ORCdcuf3XEGwaiPo5Umtvz6p0x3e03l39qDVEznaXFT',
    '',
  ].join('\n'),
  signature: [
    'untrusted comment: signature from minisign secret key',
    'RUTnSLAHvJPu4BPyipdw0zZbJ2X+GNuea0afw4mp6RgpQtNZ/bYqGW2nS4AX53ETlhcYN8exFRM4fN7sPxv1lOOcmAFK9QrvdQc=',
    'trusted comment: by minisign',
    'dMLN8AV5KzdM4kyU+1z4Yv3CTVu6EVlJ/cRFTKV0JWk/GfGiLjygnlnbz40PhRMT0m7UrUPGbMU2EVHP6yBuCA==',
    '',
  ].join('\n'),
};

describe('a signature of minisign', () => {
  it('verifies under its key, and returns its trusted comment', () => {
    expect(verifyMinisign(data, utf8(signed()), key)).toBe('timestamp:1\tfile:a.tar.gz');
    expect(verifyMinisign(data, utf8(`${signed()}\n\n`), key)).toBe('timestamp:1\tfile:a.tar.gz');
  });

  it('verifies when minisign itself made it', () => {
    const pinned = parseMinisignKey(OTHERS.key);
    expect(pinned && verifyMinisign(data, utf8(OTHERS.signature), pinned)).toBe('by minisign');
  });

  const NO_FILE = 'its signature file is not one of minisign';
  const DAMAGED = 'its signature is cut off or damaged';
  /** A signature file whose lines are changed, one or more of them. */
  const changed = (lines: Record<number, string>) =>
    utf8(Object.values(Object.assign(signed().split('\n'), lines)).join('\n'));
  const signedAs = (comment: string) => utf8(signAsMinisign(data, key.id, key.signing, comment));
  /** The second line with bytes cut off or added, as base64 writes them. */
  const ofLength = (length: number) => {
    const bytes = Buffer.alloc(length);
    Buffer.from(signed().split('\n')[1] ?? '', 'base64').copy(bytes);
    return changed({ 1: bytes.toString('base64') });
  };

  it.each([
    ['data that differ', utf8('a release!'), () => utf8(signed()), 'update_altered', 'the release'],
    [
      'a comment that differs',
      data,
      () => utf8(signed().replace('file:a', 'file:b')),
      'update_altered',
      'the signature',
    ],
    ['no signature at all', data, () => null, 'update_unsigned', 'its signature file is missing'],
    ['a file of another form', data, () => utf8('signed, honestly\n'), 'update_unsigned', NO_FILE],
    ['another first line', data, () => changed({ 0: 'comment: a release' }), 'update_unsigned', NO_FILE],
    [
      'a comment that is not the trusted one',
      data,
      () => changed({ 2: 'untrusted comment: file:a' }),
      'update_unsigned',
      NO_FILE,
    ],
    ['more text after it', data, () => utf8(`${signed()}more\n`), 'update_unsigned', NO_FILE],
    [
      'a first line that makes it too long',
      data,
      () => changed({ 0: `untrusted comment: ${'x'.repeat(4_096)}` }),
      'update_unsigned',
      NO_FILE,
    ],
    ['one that is cut off', data, () => utf8(signed().slice(0, -20)), 'update_unsigned', DAMAGED],
    ['a signature that is a byte short', data, () => ofLength(73), 'update_unsigned', DAMAGED],
    ['a signature that is a byte long', data, () => ofLength(75), 'update_unsigned', DAMAGED],
    ['no second line', data, () => changed({ 1: '' }), 'update_unsigned', DAMAGED],
    [
      'a signature in another base64 form',
      data,
      () => utf8(signed().replace(/=\ntrusted/, '=\u0020\ntrusted')),
      'update_unsigned',
      DAMAGED,
    ],
    [
      'a comment too long',
      data,
      () => signedAs('x'.repeat(1_025 - 'trusted comment: '.length)),
      'update_unsigned',
      DAMAGED,
    ],
    [
      'the old kind, over the data themselves',
      data,
      () => utf8(signed().replace(/^RU/m, 'RW')),
      'update_unsigned',
      'its signature is of a kind that minisign no longer makes',
    ],
  ])('is refused with %s', (_, of, file, code, detail) => {
    expect(() => verifyMinisign(of, file(), key)).toThrow(expect.objectContaining({ code, facts: { detail } }));
  });

  it('is refused with another key, also one under the same id', () => {
    const other = made();
    expect(() => verifyMinisign(data, utf8(signed()), other)).toThrow(
      expect.objectContaining({
        code: 'update_key_foreign',
        facts: { signer: nameOfKey(key.id), pinned: nameOfKey(other.id) },
      }),
    );
    expect(() => verifyMinisign(data, utf8(signed()), { ...other, id: key.id })).toThrow(
      expect.objectContaining({ code: 'update_altered' }),
    );
  });

  it('verifies with a comment and a file of the maximum length', () => {
    const longest = 'x'.repeat(1_024 - 'trusted comment: '.length);
    expect(verifyMinisign(data, signedAs(longest), key)).toBe(longest);
    const first = `untrusted comment: ${'x'.repeat(4_096 - signed().length + 'signature of a doorsill release'.length)}`;
    const file = changed({ 0: first });
    expect([file.length, verifyMinisign(data, file, key)]).toEqual([4_096, 'timestamp:1\tfile:a.tar.gz']);
  });

  it('is refused without its last part, which signs the comment', () => {
    const [first, signature, comment] = signed().split('\n');
    const other = signAsMinisign(data, key.id, made().signing, 'timestamp:1\tfile:a.tar.gz').split('\n')[3];
    expect(() => verifyMinisign(data, utf8([first, signature, comment, other, ''].join('\n')), key)).toThrow(
      expect.objectContaining({ code: 'update_altered' }),
    );
  });

  it('is accepted by minisign itself', { tags: ['minisign'] }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'doorsill-minisign-'));
    try {
      for (const [name, text] of [
        ['a.pub', printMinisignKey(key)],
        ['a', 'a release'],
        ['a.minisig', signed()],
        ['b', 'a release!'],
        ['b.minisig', signed()],
      ] as const) {
        writeFileSync(join(folder, name), text);
      }
      const verify = (file: string) =>
        spawnSync('minisign', ['-Vm', file, '-p', 'a.pub'], { cwd: folder, encoding: 'utf8' });
      expect(verify('a')).toMatchObject({ status: 0, stdout: expect.stringContaining('file:a.tar.gz') });
      expect(verify('b').status).toBe(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a public key of minisign', () => {
  it('is read as it was printed', () => {
    expect(parseMinisignKey(printMinisignKey(key))).toEqual({ id: key.id, publicKey: key.publicKey });
    expect(printMinisignKey(key)).toContain(nameOfKey(key.id));
    expect(parseMinisignKey(printMinisignKey(key).split('\n')[1] ?? '')).toEqual({
      id: key.id,
      publicKey: key.publicKey,
    });
  });

  it('has minisign’s own name for it, and none when it is not a key', () => {
    expect(nameOfKey(parseMinisignKey(OTHERS.key)?.id ?? new Uint8Array())).toBe('E0EE93BC07B048E7');
    const damaged = { ...key, publicKey: '!' };
    expect(() => printMinisignKey(damaged)).toThrow(
      expect.objectContaining({ code: 'usage', facts: { detail: 'that is not a public key' } }),
    );
  });

  it('is not read from anything else', () => {
    const printed = printMinisignKey(key);
    const others = ['', 'RWQ', signed(), `${printed}more\n`, `more\n${printed}`, printed.replace('RW', 'RU')];
    expect(others.filter((text) => parseMinisignKey(text) !== null)).toEqual([]);
  });
});
