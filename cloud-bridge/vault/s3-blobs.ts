// Owns: evidence's bytes in a bucket: staged on this machine's disk, sent, read back whole before anybody may rely on them, and
// reported gone only when the bucket no longer lists them. Not here: S3 itself (s3-bucket.ts), staging (staging.ts).
import { fromUtf8, utf8 } from '../../device/base/bytes.ts';
import type { Disk } from '../../device/base/disk.ts';
import { sha256Hex, sha256Stream } from '../../device/base/keys.ts';
import type { Random } from '../../device/base/random.ts';
import { idSchema } from '../../device/protocol/ids.ts';
import type { OpenBytes } from '../http/revocable-downloads.ts';
import { type Blobs, leftovers } from './blobs.ts';
import type { S3Bucket, Upload } from './s3-bucket.ts';
import { CLIP_NAME, MANIFEST_NAME, type Staged, type StagedClip, Staging } from './staging.ts';
import type { BytesStanding } from './store.ts';

export interface S3BlobsDeps {
  disk: Disk;
  random: Random;
  bucket: S3Bucket;
  prefix: string;
  stagingFolder: string;
  /** The vault that owns the bucket: two vaults on one bucket would erase each other's evidence. */
  vault: string;
}

/** Object that names the owner of the bucket. */
const MARK_NAME = 'vault.txt';
const MARK_BYTES_MAX = 1_000;
const PIECE_BYTES = 256 * 1024;
/** Bytes fetched per request for a reader, who reads in smaller pieces. */
const WINDOW_BYTES = 4 * 1024 * 1024;

export class S3Blobs implements Blobs {
  private readonly deps: S3BlobsDeps;
  private readonly staging: Staging;
  private readonly owed = new Set<string>();

  constructor(deps: S3BlobsDeps) {
    this.deps = deps;
    this.staging = new Staging(deps.disk, deps.random, deps.stagingFolder);
  }

  /** Also throws `evidence_store_...`. */
  async start(bytesOf: (item: string) => Promise<BytesStanding>): Promise<void> {
    await this.staging.start();
    const { bucket } = this.deps;
    // In a versioned bucket, deleting would hide objects and destroy nothing.
    if (await bucket.isVersioned()) throw bucket.unfit('it keeps versions: what is erased would still be in it');
    const names = await this.names();
    await this.own(names.length === 0);
    const items = [...new Set(names.map((name) => name.split('/')[0] ?? ''))];
    for (const item of await leftovers(items, bytesOf, bucket.name)) await this.erase(item);
  }

  stage(): Promise<Staged> {
    return this.staging.stage({
      prepare: (clip, item, manifest) => this.send(clip, item, manifest),
      // What was read back is what the item has: an item's bytes are the same whichever upload sent them.
      publish: async () => undefined,
    });
  }

  async open(item: string, end: number): Promise<OpenBytes> {
    return new FetchedBytes(this.deps.bucket, this.key(item, CLIP_NAME), end);
  }

  async erase(item: string): Promise<void> {
    this.owed.add(item);
    const { bucket } = this.deps;
    for (const name of [CLIP_NAME, MANIFEST_NAME]) {
      const key = this.key(item, name);
      await bucket.remove(key);
      if (await bucket.has(key)) throw bucket.unreachable('it says that something is deleted, and still has it');
    }
    this.owed.delete(item);
  }

  async eraseOwed(): Promise<void> {
    for (const item of [...this.owed]) await this.erase(item);
  }

  freeBytes(): Promise<number> {
    return this.staging.freeBytes();
  }

  private async send(clip: StagedClip, item: string, manifest: string): Promise<void> {
    const { disk } = this.deps;
    const file = await disk.open(clip.path, { create: false });
    try {
      let at = 0;
      const body = new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          const piece = await file.read(at, Math.min(PIECE_BYTES, clip.bytes - at));
          at += piece.length;
          if (piece.length > 0) controller.enqueue(piece);
          if (at >= clip.bytes || piece.length === 0) controller.close();
        },
      });
      await this.keep(this.key(item, CLIP_NAME), { bytes: clip.bytes, sha256: clip.sha256, body });
    } finally {
      await file.close();
    }
    const text = utf8(manifest);
    await this.keep(this.key(item, MANIFEST_NAME), { bytes: text.length, sha256: sha256Hex(text), body: text });
  }

  /** Sends an object and reads it back. Throws `evidence_store_unreachable` unless both are identical. */
  private async keep(key: string, upload: Upload): Promise<void> {
    const { bucket } = this.deps;
    await bucket.put(key, upload);
    const hash = sha256Stream();
    let bytes = 0;
    const found = await bucket.get(key, null, (piece) => {
      bytes += piece.length;
      if (bytes > upload.bytes) throw bucket.unreachable('it returned more than it was given');
      hash.update(piece);
    });
    if (!found) throw bucket.unreachable('it does not have what it said it had taken');
    if (bytes !== upload.bytes || hash.digestHex() !== upload.sha256) {
      throw bucket.unreachable('what it returned is not what it was given');
    }
  }

  /** Claims the bucket for this vault; an empty one goes to the first that claims it. */
  private async own(isEmpty: boolean): Promise<void> {
    const { bucket, prefix, vault } = this.deps;
    const text = utf8(vault);
    let found = '';
    const mark = await bucket.get(prefix + MARK_NAME, null, (piece) => {
      found += fromUtf8(piece) ?? '';
      if (found.length > MARK_BYTES_MAX) throw bucket.unfit(`${MARK_NAME} in it is not a vault's`);
    });
    if (mark && found === vault) return;
    if (mark) throw bucket.unfit(`it is the vault ${idSchema.safeParse(found).data ?? 'of somebody else'}'s`);
    if (!isEmpty) throw bucket.unfit('it has evidence in it and does not say whose');
    await this.keep(prefix + MARK_NAME, { bytes: text.length, sha256: sha256Hex(text), body: text });
  }

  /** Every object of an item, without the prefix. Other objects there are left alone. */
  private async names(): Promise<string[]> {
    const { bucket, prefix } = this.deps;
    const names: string[] = [];
    for (let after = ''; ; ) {
      const page = await bucket.list(after);
      for (const key of page) {
        if (key <= after) throw bucket.unfit('it does not list what is in it in order');
        after = key;
        const [item = '', name = '', ...rest] = key.slice(prefix.length).split('/');
        const isOurs = key.startsWith(prefix) && rest.length === 0 && idSchema.safeParse(item).success;
        if (isOurs && (name === CLIP_NAME || name === MANIFEST_NAME)) names.push(`${item}/${name}`);
      }
      if (page.length === 0) return names;
    }
  }

  private key(item: string, name: string): string {
    return `${this.deps.prefix}${item}/${name}`;
  }
}

/** An object as a reader sees it: fetched in windows, each of which must have exactly the requested length. */
class FetchedBytes implements OpenBytes {
  private readonly bucket: S3Bucket;
  private readonly key: string;
  private readonly end: number;
  private window = new Uint8Array();
  private start = 0;

  constructor(bucket: S3Bucket, key: string, end: number) {
    this.bucket = bucket;
    this.key = key;
    this.end = end;
  }

  async read(at: number, length: number): Promise<Uint8Array> {
    if (at < this.start || at + length > this.start + this.window.length) await this.fetch(at, length);
    return this.window.subarray(at - this.start, at - this.start + length);
  }

  async close(): Promise<void> {
    this.window = new Uint8Array();
  }

  private async fetch(at: number, length: number): Promise<void> {
    const end = Math.max(at + length, Math.min(at + WINDOW_BYTES, this.end));
    const window = new Uint8Array(end - at);
    let filled = 0;
    const found = await this.bucket.get(this.key, { start: at, end }, (piece) => {
      if (filled + piece.length > window.length) throw this.bucket.unreachable('it returned more than was asked for');
      window.set(piece, filled);
      filled += piece.length;
    });
    if (!found || filled !== window.length) throw this.bucket.unreachable('it has lost what it was given');
    this.window = window;
    this.start = at;
  }
}
