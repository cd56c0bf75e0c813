import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../device/base/bytes.ts';
import { generateSigningKey } from '../../../device/base/keys.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import {
  nameOfKey,
  printMinisignKey,
  readMinisignKey,
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
const signed = signAsMinisign(data, key.id, key.signing, 'timestamp:1\tfile:a.tar.gz');

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
  it('verifies under its key, and gives back its trusted comment', () => {
    expect(verifyMinisign(data, utf8(signed), key)).toBe('timestamp:1\tfile:a.tar.gz');
  });

  it('verifies as minisign itself made it', () => {
    const pinned = readMinisignKey(OTHERS.key);
    expect(pinned && verifyMinisign(data, utf8(OTHERS.signature), pinned)).toBe('by minisign');
  });

  it.each([
    ['data that differ', () => verifyMinisign(utf8('a release!'), utf8(signed), key), 'update_altered'],
    [
      'a comment that differs',
      () => verifyMinisign(data, utf8(signed.replace('file:a', 'file:b')), key),
      'update_altered',
    ],
    ['another key', () => verifyMinisign(data, utf8(signed), made()), 'update_key_foreign'],
    [
      'another key under the same id',
      () => verifyMinisign(data, utf8(signed), { ...made(), id: key.id }),
      'update_altered',
    ],
    ['no signature at all', () => verifyMinisign(data, null, key), 'update_unsigned'],
    ['a file that is none', () => verifyMinisign(data, utf8('signed, honestly\n'), key), 'update_unsigned'],
    ['one that is cut off', () => verifyMinisign(data, utf8(signed.slice(0, -20)), key), 'update_unsigned'],
    ['more after it', () => verifyMinisign(data, utf8(`${signed}more\n`), key), 'update_unsigned'],
    [
      'one too long to be one',
      () => verifyMinisign(data, utf8(signed.replace('\t', ' '.repeat(5_000))), key),
      'update_unsigned',
    ],
    [
      'the old kind, over the data themselves',
      () => verifyMinisign(data, utf8(signed.replace(/^RU/m, 'RW')), key),
      'update_unsigned',
    ],
  ])('is refused with %s', (_, verify, code) => {
    expect(verify).toThrow(expect.objectContaining({ code }));
  });

  it('is refused without its last part, which signs the comment', () => {
    const [first, signature, comment] = signed.split('\n');
    const other = signAsMinisign(data, key.id, made().signing, 'timestamp:1\tfile:a.tar.gz').split('\n')[3];
    expect(() => verifyMinisign(data, utf8([first, signature, comment, other, ''].join('\n')), key)).toThrow(
      expect.objectContaining({ code: 'update_altered' }),
    );
  });

  it('is taken by minisign itself', { tags: ['minisign'] }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'doorsill-minisign-'));
    try {
      for (const [name, text] of [
        ['a.pub', printMinisignKey(key)],
        ['a', 'a release'],
        ['a.minisig', signed],
        ['b', 'a release!'],
        ['b.minisig', signed],
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
    expect(readMinisignKey(printMinisignKey(key))).toEqual({ id: key.id, publicKey: key.publicKey });
    expect(printMinisignKey(key)).toContain(nameOfKey(key.id));
  });

  it.each(['', 'RWQ', signed, `${printMinisignKey(key)}more\n`, printMinisignKey(key).replace('RW', 'RU')])(
    'is not read from %j',
    (text) => {
      expect(readMinisignKey(text)).toBeNull();
    },
  );
});
