// Reads a release's archive (ustar in gzip): plain files under relative paths, within limits, and nothing else.
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { concatBytes, fromUtf8 } from '@doorsill/contract/bytes';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { parseJson } from '@doorsill/contract/parse-json';
import { MANIFEST_NAME, ReleaseManifest } from './release-manifest.ts';

/** Five times the size of a release today. */
export const ARCHIVE_BYTES_MAX = 96 * 1024 * 1024;
const UNPACKED_BYTES_MAX = 512 * 1024 * 1024;
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const FILES_MAX = 50_000;
const BLOCK = 512;
/** The type flag of a plain file (POSIX.1-1988); links, devices, folders and extended headers have others. */
const PLAIN = 0x30;

interface ReleaseFile {
  path: string;
  bytes: Uint8Array;
}

/** A release that was checked against its manifest. */
export interface ReleaseContent {
  manifest: ReleaseManifest;
  files: number;
  /** Size of all files together. */
  bytes: number;
}

/**
 * Reads the whole archive and passes each file to `each` in order; without `each` it only checks the archive. Throws
 * `update_malformed` for anything that a release does not hold: a link, a path that leads out of its folder, too much, a cut-off end.
 */
export async function readRelease(
  archive: Uint8Array,
  each: (file: ReleaseFile) => Promise<void> = async () => undefined,
): Promise<ReleaseContent> {
  if (archive.length > ARCHIVE_BYTES_MAX) throw malformed('it is larger than a release');
  const paths = new Paths();
  let manifest: ReleaseManifest | null = null;
  let bytes = 0;
  try {
    for await (const file of filesOf(archive)) {
      bytes += file.bytes.length;
      if (bytes > UNPACKED_BYTES_MAX) throw malformed('unpacked it is larger than a release');
      paths.add(file.path);
      manifest ??= readManifest(file);
      await each(file);
    }
  } catch (thrown) {
    // zlib's codes for a damaged or cut-off stream.
    if (!isFailure(thrown) && thrown instanceof Error && 'code' in thrown && String(thrown.code).startsWith('Z_')) {
      throw malformed('it is not gzip, or is cut off');
    }
    throw thrown;
  }
  if (!manifest) throw malformed('it is empty');
  return { manifest, files: paths.count, bytes };
}

function malformed(detail: string): Failure {
  return failure('update_malformed', { detail });
}

function readManifest({ path, bytes }: ReleaseFile): ReleaseManifest {
  if (path !== MANIFEST_NAME) throw malformed(`it does not begin with ${MANIFEST_NAME}`);
  const parsed = ReleaseManifest.safeParse(parseJson(fromUtf8(bytes) ?? ''));
  if (!parsed.success) throw malformed(`this version cannot read its ${MANIFEST_NAME}`);
  return parsed.data;
}

/** The paths so far: none twice, and none both a file and a folder. */
class Paths {
  private readonly files = new Set<string>();
  private readonly folders = new Set<string>();

  get count(): number {
    return this.files.size;
  }

  add(path: string): void {
    const names = path.split('/');
    // All paths of a release consist of these letters, and none of them can lead out of its folder.
    if (names.some((name) => !/^[\w@.+ -]{1,100}$/.test(name) || /^\.{1,2}$/.test(name))) {
      throw malformed(`the path ${path} may lead out of its folder`);
    }
    const above = names.slice(0, -1).map((_, at) => names.slice(0, at + 1).join('/'));
    if (this.files.has(path) || this.folders.has(path) || above.some((folder) => this.files.has(folder))) {
      throw malformed(`the path ${path} is there twice`);
    }
    this.files.add(path);
    for (const folder of above) this.folders.add(folder);
    if (this.files.size > FILES_MAX) throw malformed('it has more files than a release');
  }
}

async function* filesOf(archive: Uint8Array): AsyncGenerator<ReleaseFile> {
  const tar = new Blocks(Readable.from([archive]).pipe(createGunzip()));
  try {
    for (;;) {
      const header = await tar.take(BLOCK);
      if (header.every((byte) => byte === 0)) break;
      const { path, size } = readHeader(header);
      const padded = await tar.take(Math.ceil(size / BLOCK) * BLOCK);
      yield { path, bytes: padded.slice(0, size) };
    }
    await tar.expectEnd();
  } finally {
    tar.close();
  }
}

function readHeader(block: Uint8Array): { path: string; size: number } {
  const text = (at: number, length: number) => {
    const field = block.subarray(at, at + length);
    const end = field.indexOf(0);
    const read = fromUtf8(end < 0 ? field : field.subarray(0, end));
    if (read === null) throw malformed('a path is not UTF-8');
    return read;
  };
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (Number.parseInt(text(148, 8), 8) !== sum) throw malformed('a header is damaged');
  const [name, prefix] = [text(0, 100), text(345, 155)];
  const path = prefix === '' ? name : `${prefix}/${name}`;
  if (block[156] !== PLAIN) throw malformed(`${path} is not a plain file`);
  const digits = text(124, 12).trim();
  const size = Number.parseInt(digits, 8);
  if (!/^[0-7]{1,11}$/.test(digits) || size > FILE_BYTES_MAX) throw malformed(`${path} is too large`);
  return { path, size };
}

/** Reads a stream in pieces of a known size. */
class Blocks {
  private readonly source: Readable;
  private readonly chunks: AsyncIterator<Uint8Array>;
  private held: Uint8Array[] = [];
  private heldBytes = 0;

  constructor(source: Readable) {
    this.source = source;
    this.chunks = source[Symbol.asyncIterator]();
  }

  close(): void {
    this.source.destroy();
  }

  async take(length: number): Promise<Uint8Array> {
    while (this.heldBytes < length) {
      const { done, value } = await this.chunks.next();
      if (done) throw malformed('it is cut off');
      this.held.push(value);
      this.heldBytes += value.length;
    }
    const all = this.held.length === 1 && this.held[0] ? this.held[0] : concatBytes(this.held);
    this.held = [all.subarray(length)];
    this.heldBytes -= length;
    return all.subarray(0, length);
  }

  /** Expects the second of the two zero blocks that end an archive, and nothing after it. */
  async expectEnd(): Promise<void> {
    const last = await this.take(BLOCK);
    const more = await this.chunks.next();
    if (this.heldBytes > 0 || !more.done || last.some((byte) => byte !== 0))
      throw malformed('something follows its end');
  }
}
