import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readRelease } from '../../../device/update/release-archive.ts';
import { packArchive } from '../../../sim/release/tar-archive.ts';
import { slowIt } from '../../support/slow-it.ts';
import { filesOf } from './support.ts';

const FILES = filesOf('1.0.0');
const bytes = Buffer.from('x');
const packed = (...paths: string[]) => packArchive([...FILES, ...paths.map((path) => ({ path, bytes }))], 1);

/** An archive with a header changed, its sum made right. `at`: which header. */
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

it('gives each file of a release in order', async () => {
  const paths: string[] = [];
  const content = await readRelease(packed('a/b.js'), async (file) => {
    paths.push(`${file.path}: ${Buffer.from(file.bytes)}`);
  });
  expect(paths.slice(1)).toEqual([
    'node_modules/qr/package.json: qr for 1.0.0',
    'sim/cli/doorsill.mjs: program of 1.0.0',
    'a/b.js: x',
  ]);
  expect(content).toMatchObject({ manifest: { version: '1.0.0' }, files: 4 });
});

describe('an archive is refused', () => {
  const kind = (letter: string) => changed((header) => void header.write(letter, 156, 'latin1'));
  it.each([
    ['with an absolute path', packed('/etc/passwd')],
    ['with a path upwards', packed('a/../../b')],
    ['with a path of a dot', packed('./a')],
    ['with a path of Windows', packed('a\\..\\b')],
    ['with an empty name', packed('a//b')],
    ['with a path twice', packed('a', 'a')],
    ['with a folder where a file is', packed('a', 'a/b')],
    ['with a file where a folder is', packed('a/b', 'a')],
    ['with a hard link', kind('1')],
    ['with a symbolic link', kind('2')],
    ['with a device', kind('3')],
    ['with a folder of its own', kind('5')],
    ['with a pipe', kind('6')],
    ['with a header of a longer form', kind('x')],
    ['with a size that is no number', changed((header) => void header.write('9'.repeat(11), 124, 'latin1'))],
    ['with a file too large', changed((header) => void header.write('77777777777', 124, 'latin1'))],
    ['with a damaged header', gzipSync(Buffer.from(gunzipSync(packed())).fill(0x41, 1_024, 1_030))],
    ['without its manifest', packArchive([...FILES.slice(1)], 1)],
    [
      'with a manifest that names more',
      packArchive([{ path: 'release.json', bytes: Buffer.from('{"kind":"doorsill-release","more":1}') }], 1),
    ],
    ['with nothing in it', gzipSync(Buffer.alloc(1_024))],
    ['with more behind its end', gzipSync(Buffer.concat([gunzipSync(packed()), Buffer.alloc(512)]))],
    ['without its end', gzipSync(gunzipSync(packed()).subarray(0, -512))],
    ['cut off', packed().subarray(0, -10)],
    ['that is no gzip', Buffer.from('PK\x03\x04')],
    ['larger than a release', new Uint8Array(97 * 1024 * 1024)],
  ])('%s', async (_, archive) => {
    await expect(readRelease(archive)).rejects.toMatchObject({ code: 'update_malformed' });
  });

  slowIt('larger than a release once it is unpacked', async () => {
    const zeros = Array.from({ length: 9 }, (_, at) => ({
      path: `zeros-${at}`,
      bytes: new Uint8Array(60 * 1024 * 1024),
    }));
    await expect(readRelease(packArchive([...FILES, ...zeros], 1))).rejects.toMatchObject({ code: 'update_malformed' });
  });
});
