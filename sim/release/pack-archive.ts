// Archives whose equal files give equal bytes: ustar (POSIX.1-1988), then gzip (RFC 1952) without a time.
import { constants, gzipSync } from 'node:zlib';
import { failure } from '../errors.ts';

/** A file by its path in the archive: relative, with slashes. */
export interface ArchiveFile {
  path: string;
  bytes: Uint8Array;
}

const BLOCK = 512;
const NAME_MAX = 100;
const PREFIX_MAX = 155;

/**
 * The archive of `files` in order: plain files of mode 0644, user and group 0, modified at `timeS` seconds. Throws `release_unmade` for a path
 * that does not fit the format.
 */
export function packArchive(files: readonly ArchiveFile[], timeS: number): Uint8Array {
  const parts = files.flatMap(({ path, bytes }) => [
    header(path, bytes.length, timeS),
    bytes,
    new Uint8Array((BLOCK - (bytes.length % BLOCK)) % BLOCK),
  ]);
  const tar = Buffer.concat([...parts, new Uint8Array(2 * BLOCK)]);
  const gzip = gzipSync(tar, { level: constants.Z_BEST_COMPRESSION });
  // The operating system of the compressor: 255, unknown (RFC 1952 §2.3.1).
  gzip[9] = 0xff;
  return gzip;
}

function header(path: string, size: number, timeS: number): Uint8Array {
  const { prefix, name } = split(path);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  block.write(name, 0, 'utf8');
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(timeS, 136, 12);
  block.write('        0', 148, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(prefix, 345, 'utf8');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function split(path: string): { prefix: string; name: string } {
  if (Buffer.byteLength(path) <= NAME_MAX) return { prefix: '', name: path };
  for (let cut = path.indexOf('/'); cut > 0; cut = path.indexOf('/', cut + 1)) {
    const [prefix, name] = [path.slice(0, cut), path.slice(cut + 1)];
    if (Buffer.byteLength(name) <= NAME_MAX && Buffer.byteLength(prefix) <= PREFIX_MAX) return { prefix, name };
  }
  throw failure('release_unmade', { detail: `the path ${path} is too long for an archive` });
}
