import { randomBytes } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { failure } from '../../../device/contract/errors.ts';
import { readRelease } from '../../../device/update/release-archive.ts';
import { packArchive } from '../../../sim/release/pack-archive.ts';
import { slowIt } from '../../support/slow-it.ts';
import { filesOf } from './support.ts';

const FILES = filesOf('1.0.0');
const bytes = Buffer.from('x');
/** The size of the second file by its header. */
const SIZE = FILES[1]?.bytes.length.toString(8).padStart(11, '0') ?? '';
const packed = (...paths: string[]) => packArchive([...FILES, ...paths.map((path) => ({ path, bytes }))], 1);

/** An archive with a changed header and a correct sum. `at`: which header. */
function changed(change: (header: Buffer) => void, archive = packed()): Uint8Array {
  const tar = gunzipSync(archive);
  const header = tar.subarray(2 * 512, 3 * 512);
  change(header);
  header.write('        ', 148, 'latin1');
  header.write(
    `${header
      .reduce((total, byte) => total + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
    'latin1',
  );
  return gzipSync(tar);
}

it('returns each file of a release in order', async () => {
  const paths: string[] = [];
  const content = await readRelease(packed('a/b.js'), async (file) => {
    paths.push(`${file.path}: ${Buffer.from(file.bytes)}`);
  });
  expect(paths.slice(1)).toEqual([
    'node_modules/qr/package.json: qr for 1.0.0',
    'device/cli/doorsill-device.mjs: program of 1.0.0',
    'a/b.js: x',
  ]);
  expect(content).toMatchObject({ manifest: { version: '1.0.0' }, files: 4 });
});

it('accepts every path that stays in its folder, and its size as tar writes it', async () => {
  const paths = [
    '.hidden',
    'a..',
    '..a',
    'ab',
    'a/b/c',
    'a/b/d',
    'n'.repeat(100),
    `${'d'.repeat(90)}/${'e'.repeat(90)}`,
  ];
  const seen: string[] = [];
  await readRelease(packed(...paths), async ({ path }) => void seen.push(path));
  expect(seen.slice(FILES.length)).toEqual(paths);
  const blank = changed((header) => void header.write(`${SIZE.replace(/^00/, '  ')}\0`, 124, 'latin1'));
  expect(await readRelease(blank)).toMatchObject({
    files: 3,
    bytes: FILES.reduce((all, one) => all + one.bytes.length, 0),
  });
});

it('returns a file that arrives in many pieces unchanged', async () => {
  const large = new Uint8Array(randomBytes(1024 * 1024));
  const seen: Uint8Array[] = [];
  await readRelease(
    packArchive([...FILES, { path: 'a', bytes: large }], 1),
    async (file) => void seen.push(file.bytes),
  );
  expect(Buffer.compare(seen.at(-1) ?? new Uint8Array(), large)).toBe(0);
});

it('passes on the errors of its reader', async () => {
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  for (const thrown of [full, new Error('a bug'), failure('ring_full_disk', { path: 'x' }), { code: 'Z_DATA_ERROR' }]) {
    await expect(readRelease(packed(), () => Promise.reject(thrown))).rejects.toBe(thrown);
  }
});

describe('an archive is refused', () => {
  const kind = (letter: string) => changed((header) => void header.write(letter, 156, 'latin1'));
  const sized = (digits: string) => changed((header) => void header.write(`${digits}\0`, 124, 'latin1'));
  const ended = (change: (end: Buffer) => void) => {
    const tar = gunzipSync(packed());
    change(tar.subarray(-512));
    return gzipSync(tar);
  };
  const outside = (path: string) => `the path ${path} may lead out of its folder`;
  const twice = (path: string) => `the path ${path} is there twice`;
  const NOT_PLAIN = 'node_modules/qr/package.json is not a plain file';
  const TOO_LARGE = 'node_modules/qr/package.json is too large';
  const MANIFEST = 'this version cannot read its release.json';
  const BEHIND = 'something follows its end';
  const NO_GZIP = 'it is not gzip, or is cut off';
  it.each([
    ['with an absolute path', packed('/etc/passwd'), outside('/etc/passwd')],
    ['with a path upwards', packed('a/../../b'), outside('a/../../b')],
    ['with a path of a dot', packed('./a'), outside('./a')],
    ['with a path of Windows', packed('a\\..\\b'), outside('a\\..\\b')],
    ['with an empty name', packed('a//b'), outside('a//b')],
    ['with a path twice', packed('a', 'a'), twice('a')],
    ['with a folder where a file is', packed('a', 'a/b'), twice('a/b')],
    ['with a folder deep where a file is', packed('a', 'a/b/c'), twice('a/b/c')],
    ['with a file where a folder is', packed('a/b', 'a'), twice('a')],
    ['with a file where a folder is, deep', packed('a/b/c', 'a/b'), twice('a/b')],
    ['with a hard link', kind('1'), NOT_PLAIN],
    ['with a symbolic link', kind('2'), NOT_PLAIN],
    ['with a device', kind('3'), NOT_PLAIN],
    ['with a folder of its own', kind('5'), NOT_PLAIN],
    ['with a pipe', kind('6'), NOT_PLAIN],
    ['with an extended header', kind('x'), NOT_PLAIN],
    ['with a path that is not UTF-8', changed((header) => void header.fill(0xff, 0, 3)), 'a path is not UTF-8'],
    ['with a size that is not a number', sized('9'.repeat(11)), TOO_LARGE],
    ['with a size that begins with a letter', sized('x0000000001'), TOO_LARGE],
    ['with a size that ends with a letter', sized('0000000001x'), TOO_LARGE],
    ['with a file too large', sized('77777777777'), TOO_LARGE],
    [
      'with a damaged header',
      gzipSync(Buffer.from(gunzipSync(packed())).fill(0x41, 1_024, 1_030)),
      'a header is damaged',
    ],
    ['without its manifest', packArchive([...FILES.slice(1)], 1), 'it does not begin with release.json'],
    [
      'with a manifest that names more',
      packArchive([{ path: 'release.json', bytes: Buffer.from('{"kind":"doorsill-release","more":1}') }], 1),
      MANIFEST,
    ],
    [
      'with a manifest that is no text',
      packArchive([{ path: 'release.json', bytes: Buffer.from([0xff, 0xfe]) }], 1),
      MANIFEST,
    ],
    ['with nothing in it', gzipSync(Buffer.alloc(1_024)), 'it is empty'],
    ['with bytes after its end', gzipSync(Buffer.concat([gunzipSync(packed()), Buffer.alloc(512)])), BEHIND],
    ['with an end that is not zero', ended((end) => void end.writeUInt8(1, 300)), BEHIND],
    ['without its end', gzipSync(gunzipSync(packed()).subarray(0, -512)), 'it is cut off'],
    ['cut off', packed().subarray(0, -10), NO_GZIP],
    ['that is not gzip', Buffer.from('PK\x03\x04'), NO_GZIP],
    ['of the maximum size that is not one', new Uint8Array(96 * 1024 * 1024), NO_GZIP],
    ['larger than a release', new Uint8Array(96 * 1024 * 1024 + 1), 'it is larger than a release'],
  ])('%s', async (_, archive, detail) => {
    await expect(readRelease(archive)).rejects.toMatchObject({ code: 'update_malformed', facts: { detail } });
  });

  slowIt('larger than a release once it is unpacked, or with more files', async () => {
    const zeros = Array.from({ length: 9 }, (_, at) => ({
      path: `zeros-${at}`,
      bytes: new Uint8Array(60 * 1024 * 1024),
    }));
    await expect(readRelease(packArchive([...FILES, ...zeros], 1))).rejects.toMatchObject({
      code: 'update_malformed',
      facts: { detail: 'unpacked it is larger than a release' },
    });
    const many = Array.from({ length: 50_001 }, (_, at) => ({ path: `empty-${at}`, bytes: new Uint8Array() }));
    await expect(readRelease(packArchive([...FILES, ...many], 1))).rejects.toMatchObject({
      code: 'update_malformed',
      facts: { detail: 'it has more files than a release' },
    });
  });
});
