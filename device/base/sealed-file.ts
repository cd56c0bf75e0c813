// A file sealed in chunks, so that a clip never has to fit into memory: written once as a stream, read at random. Each chunk is bound
// to its file, its place and whether it is the last: cut, reordered or swapped chunks do not open.

import { assert } from '@doorsill/contract/assert';
import { concatBytes, equalBytes, utf8 } from '@doorsill/contract/bytes';
import { type Failure, failure } from '@doorsill/contract/errors';
import type { Disk, DiskFile } from './disk.ts';
import type { Random } from './random.ts';
import { deriveSealKey, openWithNonce, SEAL_NONCE_BYTES, SEAL_TAG_BYTES, type SealKey, sealInto } from './seal.ts';

/** Plain bytes in every chunk but the last. */
export const SEALED_CHUNK_BYTES = 65_536;

/** Maximum number of chunks in one write or read. */
const CHUNKS_AT_ONCE = 8;

/**
 * Layout: magic (8 bytes), salt (16), then chunks of ciphertext and tag. At least one chunk follows, and all but the last are full.
 * The salt gives every file its own key (HKDF), so that counting chunks from 0 never uses a nonce twice.
 */
const MAGIC = utf8('DSSEAL01');
const SALT_BYTES = 16;
const HEADER_BYTES = MAGIC.length + SALT_BYTES;
const STEP_BYTES = SEALED_CHUNK_BYTES + SEAL_TAG_BYTES;

/** Bytes by which a sealed file is recognised. */
export const SEALED_MAGIC_BYTES = MAGIC.length;

/** Whether these first bytes of a file are those of a sealed one. */
export function isSealedFile(first: Uint8Array): boolean {
  return equalBytes(first, MAGIC);
}

/** Where a sealed file is, and what it must have been written with. */
export interface SealedFileIdentity {
  path: string;
  key: SealKey;
  /** The content's name, such as a clip's id: another file put in this one's place does not open. */
  id: string;
}

/**
 * Writes `parts` to a new sealed file, makes it durable, and resolves with the plain size in bytes. `written` gets the file's own bytes in
 * order. When the disk or `parts` fails, that failure is thrown and no file is left.
 */
export async function writeSealedFile(
  disk: Disk,
  random: Random,
  identity: SealedFileIdentity,
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  written: (bytes: Uint8Array) => void = () => undefined,
): Promise<number> {
  await disk.remove(identity.path);
  const file = await disk.open(identity.path, { create: true });
  const write = async (position: number, bytes: Uint8Array) => {
    await file.write(position, bytes);
    written(bytes);
  };
  try {
    const salt = random.bytes(SALT_BYTES);
    await write(0, concatBytes([MAGIC, salt]));
    const sizeBytes = await writeChunks(write, chunkSealer(identity, salt), parts);
    await file.sync();
    await file.close();
    return sizeBytes;
  } catch (thrown) {
    await file.close().catch(() => undefined);
    await disk.remove(identity.path).catch(() => undefined);
    throw thrown;
  }
}

async function writeChunks(
  write: (position: number, bytes: Uint8Array) => Promise<void>,
  sealer: ChunkSealer,
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> {
  const pending = new Uint8Array(SEALED_CHUNK_BYTES);
  const sealed = new Uint8Array(CHUNKS_AT_ONCE * STEP_BYTES);
  let pendingBytes = 0;
  let sealedBytes = 0;
  let index = 0;
  let position = HEADER_BYTES;
  const flush = async (final: boolean) => {
    sealedBytes += sealer.sealInto(index, final, pending.subarray(0, pendingBytes), sealed, sealedBytes);
    index += 1;
    pendingBytes = 0;
    if (!final && sealedBytes < sealed.length) return;
    await write(position, sealed.subarray(0, sealedBytes));
    position += sealedBytes;
    sealedBytes = 0;
  };
  for await (const part of parts) {
    for (let at = 0; at < part.length; ) {
      // A full chunk is written once another byte follows: only then is it known not to be the last.
      if (pendingBytes === SEALED_CHUNK_BYTES) await flush(false);
      const step = part.subarray(at, at + SEALED_CHUNK_BYTES - pendingBytes);
      pending.set(step, pendingBytes);
      pendingBytes += step.length;
      at += step.length;
    }
  }
  const sizeBytes = index * SEALED_CHUNK_BYTES + pendingBytes;
  await flush(true);
  pending.fill(0);
  return sizeBytes;
}

/** Opens a sealed file. Rejects with ENOENT when it is missing, `state_damaged` when it was not written under this identity. */
export async function openSealedFile(disk: Disk, identity: SealedFileIdentity): Promise<SealedFile> {
  const file = await disk.open(identity.path, { create: false });
  try {
    const opened = await readSealedFile(file, identity, await file.size());
    // The last chunk carries the final flag: opening it finds a file that was cut or extended by whole chunks.
    await opened.chunk(opened.chunks - 1);
    return opened;
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/** The bytes of a sealed file that hold a span of its plain bytes, up to the end of a chunk, which the file's end may precede. */
export function sealedSpan({ start, end }: { start: number; end: number }): { start: number; end: number } {
  const [first, next] = [Math.floor(start / SEALED_CHUNK_BYTES), Math.ceil(end / SEALED_CHUNK_BYTES)];
  return { start: HEADER_BYTES + first * STEP_BYTES, end: HEADER_BYTES + next * STEP_BYTES };
}

/** Where the bytes of a sealed file are read: a file, or an object in a bucket. */
export type SealedBytes = Pick<DiskFile, 'read' | 'close'>;

/**
 * Reads a sealed file of `fileBytes` that is open already; its `path` only names it in errors. The last chunk is looked at when it is read,
 * not before: the caller knows the size from elsewhere. Throws `damaged`, by default `state_damaged`, where the file does not open.
 */
export async function readSealedFile(
  file: SealedBytes,
  identity: SealedFileIdentity,
  fileBytes: number,
  damaged: (detail: string) => Failure = (detail) => failure('state_damaged', { file: identity.path, detail }),
): Promise<SealedFile> {
  const header = await file.read(0, HEADER_BYTES);
  const sealedBytes = fileBytes - HEADER_BYTES;
  const chunks = Math.ceil(sealedBytes / STEP_BYTES);
  const lastBytes = sealedBytes - (chunks - 1) * STEP_BYTES - SEAL_TAG_BYTES;
  // Only an empty file ends with an empty chunk, so that each plain size has one file length.
  const lastBytesLeast = chunks === 1 ? 0 : 1;
  if (chunks < 1 || lastBytes < lastBytesLeast || !isSealedFile(header.subarray(0, MAGIC.length))) {
    throw damaged('it is cut short or not a sealed file');
  }
  const sizeBytes = (chunks - 1) * SEALED_CHUNK_BYTES + lastBytes;
  const sealer = chunkSealer(identity, header.subarray(MAGIC.length));
  return new SealedFile(file, { header, sealer, damaged }, sizeBytes);
}

/** A sealed file open for reading (also a `ClipReader`). Every byte it returns has been authenticated. */
export class SealedFile {
  /** Plain bytes. */
  readonly sizeBytes: number;
  /** Bytes of the file itself. */
  readonly fileBytes: number;
  readonly chunks: number;
  private readonly file: SealedBytes;
  /** As it was when the file was opened: the chunks were authenticated with its salt. */
  private readonly header: Uint8Array;
  private readonly sealer: ChunkSealer;
  private readonly damaged: (detail: string) => Failure;
  private latest: { index: number; plain: Uint8Array } | null = null;
  /** A buffer for sealed chunks, used by one call at a time; other calls allocate their own. */
  private scratch: Uint8Array | null = null;

  /** Use `openSealedFile` or `readSealedFile`. */
  constructor(
    file: SealedBytes,
    { header, sealer, damaged }: { header: Uint8Array; sealer: ChunkSealer; damaged: (detail: string) => Failure },
    sizeBytes: number,
  ) {
    this.file = file;
    this.header = Uint8Array.from(header);
    this.sealer = sealer;
    this.damaged = damaged;
    this.sizeBytes = sizeBytes;
    this.chunks = Math.max(1, Math.ceil(sizeBytes / SEALED_CHUNK_BYTES));
    this.fileBytes = HEADER_BYTES + sizeBytes + this.chunks * SEAL_TAG_BYTES;
  }

  /** The plain bytes of chunk `index`, from 0. Throws as `readSealedFile` when it does not authenticate, RangeError beyond the end. */
  async chunk(index: number): Promise<Uint8Array> {
    if (index < 0 || index >= this.chunks) throw new RangeError(`chunk ${index} of ${this.chunks}`);
    const [plain] = await this.open(index, index);
    assert(plain !== undefined, 'opening one chunk returns one');
    return plain;
  }

  /** The plain bytes of one or more chunks from `first` on, at most up to `last`: the cached one, or those of one read. */
  private async open(first: number, last: number): Promise<Uint8Array[]> {
    if (this.latest?.index === first) return [this.latest.plain];
    const count = Math.min(last - first + 1, CHUNKS_AT_ONCE);
    const position = HEADER_BYTES + first * STEP_BYTES;
    const scratch = this.scratch ?? new Uint8Array(CHUNKS_AT_ONCE * STEP_BYTES);
    this.scratch = null;
    const sealed = await this.file.read(position, Math.min(count * STEP_BYTES, this.fileBytes - position), scratch);
    const chunks = this.openEach(first, sealed);
    this.latest = { index: first + count - 1, plain: chunks.at(-1) ?? new Uint8Array() };
    this.scratch = scratch;
    return chunks;
  }

  /** Opens consecutive sealed chunks, the first of which is chunk `first`. */
  private openEach(first: number, sealed: Uint8Array): Uint8Array[] {
    return Array.from({ length: Math.ceil(sealed.length / STEP_BYTES) }, (_, at) => {
      const index = first + at;
      const chunk = sealed.subarray(at * STEP_BYTES, (at + 1) * STEP_BYTES);
      const plain = this.sealer.open(index, index === this.chunks - 1, chunk);
      if (plain) return plain;
      throw this.damaged(`chunk ${index} does not authenticate`);
    });
  }

  /**
   * Returns `length` encrypted bytes at `position` of the file, for somebody who has the key. Every chunk with one of them has been
   * authenticated. Throws as `readSealedFile`, RangeError beyond the end.
   */
  async readSealed(position: number, length: number): Promise<Uint8Array> {
    if (position < 0 || length < 0 || position + length > this.fileBytes) {
      throw new RangeError(`${length} bytes at ${position} of ${this.fileBytes}`);
    }
    const first = Math.max(0, Math.floor((position - HEADER_BYTES) / STEP_BYTES));
    const last = Math.max(first, Math.floor((position + length - 1 - HEADER_BYTES) / STEP_BYTES));
    const start = HEADER_BYTES + first * STEP_BYTES;
    const end = Math.min(HEADER_BYTES + (last + 1) * STEP_BYTES, this.fileBytes);
    const from = Math.min(start, position);
    const bytes = await this.file.read(from, end - from);
    this.openEach(first, bytes.subarray(start - from));
    if (from < HEADER_BYTES) bytes.set(this.header.subarray(from));
    return bytes.subarray(position - from, position - from + length);
  }

  /**
   * Returns exactly `length` plain bytes at `position`, in `into` if it is given and has that length. Throws as `readSealedFile`, RangeError
   * beyond the end.
   */
  async read(position: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
    if (position < 0 || length < 0 || position + length > this.sizeBytes) {
      throw new RangeError(`${length} bytes at ${position} of ${this.sizeBytes}`);
    }
    const out = into && into.length >= length ? into.subarray(0, length) : new Uint8Array(length);
    const last = Math.floor((position + length - 1) / SEALED_CHUNK_BYTES);
    for (let filled = 0; filled < length; ) {
      for (const plain of await this.open(Math.floor((position + filled) / SEALED_CHUNK_BYTES), last)) {
        const from = (position + filled) % SEALED_CHUNK_BYTES;
        const step = plain.subarray(from, from + length - filled);
        out.set(step, filled);
        filled += step.length;
      }
    }
    return out;
  }

  async close(): Promise<void> {
    this.latest = null;
    await this.file.close();
  }
}

/** Seals and opens the chunks of one file. */
interface ChunkSealer {
  /** Writes the sealed chunk into `target` at `at`; returns its size. */
  sealInto(index: number, final: boolean, plain: Uint8Array, target: Uint8Array, at: number): number;
  open(index: number, final: boolean, sealed: Uint8Array): Uint8Array | null;
}

function chunkSealer(identity: SealedFileIdentity, salt: Uint8Array): ChunkSealer {
  const key = deriveSealKey(identity.key, salt, 'sealed file');
  const name = utf8(identity.id);
  return {
    sealInto: (index, final, plain, target, at) => sealInto(key, chunkNonce(index, final), [plain], name, target, at),
    open: (index, final, sealed) => openWithNonce(key, chunkNonce(index, final), sealed, name),
  };
}

/** The chunk's index and final flag (as STREAM, Hoang et al. 2015), so that a chunk opens nowhere else. */
function chunkNonce(index: number, final: boolean): Uint8Array {
  const nonce = new Uint8Array(SEAL_NONCE_BYTES);
  const view = new DataView(nonce.buffer);
  view.setBigUint64(0, BigInt(index));
  view.setUint8(11, final ? 1 : 0);
  return nonce;
}
