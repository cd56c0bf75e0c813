// Objects that must not get lost: each is read back whole after it was sent, and is reported removed only when the bucket no longer has it.
// Also claims a bucket for one server.

import type { Disk } from '@doorsill/base/disk';
import { sha256Hex, sha256Stream } from '@doorsill/base/keys';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { idSchema } from '@doorsill/contract/ids';
import type { OpenBytes } from '../http/revocable-downloads.ts';
import type { S3Bucket, Upload } from './s3-bucket.ts';

const PIECE_BYTES = 256 * 1024;
const MARK_BYTES_MAX = 1_000;
/** Bytes fetched per request for a reader, who reads in smaller pieces. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** Sends an object and reads it back. Throws `evidence_store_unreachable` unless both are identical. */
export async function keepObject(bucket: S3Bucket, key: string, upload: Upload): Promise<void> {
  await bucket.put(key, upload);
  const hash = sha256Stream();
  let bytes = 0;
  const found = await bucket.get(key, null, (piece) => {
    bytes += piece.length;
    if (bytes > upload.bytes) throw bucket.unreachable('it returned more bytes than it was given');
    hash.update(piece);
  });
  if (!found) throw bucket.unreachable('it acknowledged an object and does not have it');
  if (bytes !== upload.bytes || hash.digestHex() !== upload.sha256) {
    throw bucket.unreachable('it returned other bytes than it was given');
  }
}

/** Sends a file of this length and SHA-256, as `keepObject` does. */
export async function keepFile(
  bucket: S3Bucket,
  key: string,
  disk: Pick<Disk, 'open'>,
  { path, bytes, sha256 }: { path: string; bytes: number; sha256: string },
): Promise<void> {
  const file = await disk.open(path, { create: false });
  try {
    let at = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const piece = await file.read(at, Math.min(PIECE_BYTES, bytes - at));
        at += piece.length;
        if (piece.length > 0) controller.enqueue(piece);
        if (at >= bytes || piece.length === 0) controller.close();
      },
    });
    await keepObject(bucket, key, { bytes, sha256, body });
  } finally {
    await file.close();
  }
}

/** Resolves when the bucket does not have the object any more. */
export async function removeObject(bucket: S3Bucket, key: string): Promise<void> {
  await bucket.remove(key);
  if (await bucket.has(key)) throw bucket.unreachable('it reported an object as deleted and still has it');
}

/** Every key under the bucket's prefix, or under `below` it, in order. Throws `evidence_store_unfit`. */
export async function keysIn(bucket: S3Bucket, below = ''): Promise<string[]> {
  const keys: string[] = [];
  for (let after = ''; ; ) {
    const page = await bucket.list(after, below);
    for (const key of page) {
      if (key <= after) throw bucket.unfit('its list of objects is not in order');
      after = key;
      keys.push(key);
    }
    if (page.length === 0) return keys;
  }
}

/**
 * Makes sure that the object `mark` names `owner` as the bucket's owner; an empty bucket goes to the first that claims it. Throws
 * `evidence_store_unfit`, also for a bucket with versions: there, deleting would hide objects and destroy nothing.
 */
export async function claimBucket(bucket: S3Bucket, mark: string, owner: string, isEmpty: boolean): Promise<void> {
  if (await bucket.isVersioned()) throw bucket.unfit('it keeps versions: an erased object would still be in it');
  let found = '';
  const marked = await bucket.get(mark, null, (piece) => {
    found += fromUtf8(piece) ?? '';
    if (found.length > MARK_BYTES_MAX) throw bucket.unfit('its mark is not one of ours');
  });
  if (marked && found === owner) return;
  if (marked) throw bucket.unfit(`it belongs to ${idSchema.safeParse(found).data ?? 'somebody else'}`);
  if (!isEmpty) throw bucket.unfit('it is not empty, and no mark names its owner');
  const text = utf8(owner);
  await keepObject(bucket, mark, { bytes: text.length, sha256: sha256Hex(text), body: text });
}

/**
 * An object for a reader: fetched in windows, each of which must have exactly the requested length. Only what lies between `from` and `end`
 * is read ahead.
 */
export class FetchedBytes implements OpenBytes {
  private readonly bucket: S3Bucket;
  private readonly key: string;
  private readonly end: number;
  private readonly from: number;
  private window = new Uint8Array();
  private start = 0;

  constructor(bucket: S3Bucket, key: string, end: number, from = 0) {
    this.bucket = bucket;
    this.key = key;
    this.end = end;
    this.from = from;
  }

  async read(at: number, length: number): Promise<Uint8Array> {
    if (at < this.start || at + length > this.start + this.window.length) await this.fetch(at, length);
    return this.window.subarray(at - this.start, at - this.start + length);
  }

  async close(): Promise<void> {
    this.window = new Uint8Array();
  }

  private async fetch(at: number, length: number): Promise<void> {
    const ahead = at < this.from ? at : Math.min(at + WINDOW_BYTES, this.end);
    const end = Math.max(at + length, ahead);
    const window = new Uint8Array(end - at);
    let filled = 0;
    const found = await this.bucket.get(this.key, { start: at, end }, (piece) => {
      if (filled + piece.length > window.length)
        throw this.bucket.unreachable('it returned more bytes than were requested');
      window.set(piece, filled);
      filled += piece.length;
    });
    if (!found || filled !== window.length) throw this.bucket.unreachable('it has lost an object, or a part of one');
    this.window = window;
    this.start = at;
  }
}
