// Owns: evidence's bytes in a bucket: staged on this machine's disk, sent, and erased there. Not here: objects that can be relied on
// (persistence/s3-objects.ts), S3 itself (persistence/s3-bucket.ts), staging (staging.ts).
import { utf8 } from '../../device/base/bytes.ts';
import type { Disk } from '../../device/base/disk.ts';
import { sha256Hex } from '../../device/base/keys.ts';
import type { Random } from '../../device/base/random.ts';
import { idSchema } from '../../device/protocol/ids.ts';
import type { OpenBytes } from '../http/revocable-downloads.ts';
import type { S3Bucket } from '../persistence/s3-bucket.ts';
import { claimBucket, FetchedBytes, keepFile, keepObject, keysIn, removeObject } from '../persistence/s3-objects.ts';
import { type Blobs, leftovers } from './blobs.ts';
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
    const { bucket, prefix, vault } = this.deps;
    const names = await this.names();
    await claimBucket(bucket, prefix + MARK_NAME, vault, names.length === 0);
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
    for (const name of [CLIP_NAME, MANIFEST_NAME]) await removeObject(this.deps.bucket, this.key(item, name));
    this.owed.delete(item);
  }

  async eraseOwed(): Promise<void> {
    for (const item of [...this.owed]) await this.erase(item);
  }

  freeBytes(): Promise<number> {
    return this.staging.freeBytes();
  }

  private async send(clip: StagedClip, item: string, manifest: string): Promise<void> {
    const { disk, bucket } = this.deps;
    await keepFile(bucket, this.key(item, CLIP_NAME), disk, clip);
    const text = utf8(manifest);
    const upload = { bytes: text.length, sha256: sha256Hex(text), body: text };
    await keepObject(bucket, this.key(item, MANIFEST_NAME), upload);
  }

  /** Every object of an item, without the prefix. Other objects there are left alone. */
  private async names(): Promise<string[]> {
    const { bucket, prefix } = this.deps;
    const found: string[] = [];
    for (const key of await keysIn(bucket)) {
      const [item = '', name = '', ...rest] = key.slice(prefix.length).split('/');
      const isOurs = key.startsWith(prefix) && rest.length === 0 && idSchema.safeParse(item).success;
      if (isOurs && (name === CLIP_NAME || name === MANIFEST_NAME)) found.push(`${item}/${name}`);
    }
    return found;
  }

  private key(item: string, name: string): string {
    return `${this.deps.prefix}${item}/${name}`;
  }
}
