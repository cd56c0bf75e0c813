// Evidence in a bucket: staged on this machine's disk, sent, and erased there. An object belongs to one upload, so that no instance
// removes what another has just sent.

import type { Disk } from '@doorsill/base/disk';
import type { Span } from '@doorsill/base/http/byte-range';
import { sha256Hex } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import { utf8 } from '@doorsill/contract/bytes';
import { idSchema } from '@doorsill/contract/ids';
import type { OpenBytes } from '../http/revocable-downloads.ts';
import type { Turns } from '../persistence/instance-turns.ts';
import type { S3Bucket } from '../persistence/s3-bucket.ts';
import { claimBucket, FetchedBytes, keepFile, keepObject, keysIn, removeObject } from '../persistence/s3-objects.ts';
import { type Blobs, type BytesPlace, leftovers } from './evidence-blobs.ts';
import { CLIP_NAME, MANIFEST_NAME, type Staged, type StagedClip, Staging } from './stage-evidence.ts';
import type { BytesStanding } from './vault-store.ts';

export interface S3BlobsDeps {
  disk: Disk;
  random: Random;
  bucket: S3Bucket;
  prefix: string;
  stagingFolder: string;
  /** The vault that owns the bucket: two vaults on one bucket would erase each other's evidence. */
  vault: string;
  turns: Turns;
  /** Whether other instances of the vault use the same bucket. */
  isShared: boolean;
}

/** Interval of searches through the whole bucket for leftovers of dead instances. */
const SWEEP_EVERY_S = 600;
/** Object that names the owner of the bucket. */
const MARK_NAME = 'vault.txt';

export class S3Blobs implements Blobs {
  private readonly deps: S3BlobsDeps;
  private readonly staging: Staging;
  private readonly owed = new Map<string, BytesPlace>();

  constructor(deps: S3BlobsDeps) {
    this.deps = deps;
    this.staging = new Staging(deps.disk, deps.random, deps.stagingFolder);
  }

  /** Also throws `evidence_store_...`. */
  async start(bytesOf: (item: string) => Promise<BytesStanding>): Promise<void> {
    await this.staging.start();
    const { bucket, prefix, vault, turns } = this.deps;
    await turns.run('bucket', async () =>
      claimBucket(bucket, prefix + MARK_NAME, vault, (await this.objects()).length === 0),
    );
    await this.removeLeftovers(bytesOf);
  }

  async sweep(bytesOf: (item: string) => Promise<BytesStanding>): Promise<void> {
    // A process alone leaves nothing in the bucket while it runs; its next start cleans up.
    if (this.deps.isShared) await this.removeLeftovers(bytesOf, SWEEP_EVERY_S);
  }

  stage(): Promise<Staged> {
    return this.staging.stage({
      prepare: (clip, item, manifest) => this.send(clip, item, manifest),
      // The row in the database makes the object visible.
      publish: async () => undefined,
    });
  }

  async open(place: BytesPlace, { start, end }: Span): Promise<OpenBytes> {
    return new FetchedBytes(this.deps.bucket, this.keys(place).clip, end, start);
  }

  /** Also erases objects of other uploads of the item. */
  async erase(place: BytesPlace): Promise<void> {
    this.owed.set(place.item, place);
    await this.remove(place);
    for (const other of await this.objects(place.item)) await this.remove(other);
    this.owed.delete(place.item);
  }

  async eraseOwed(): Promise<void> {
    for (const place of [...this.owed.values()]) await this.erase(place);
  }

  freeBytes(): Promise<number> {
    return this.staging.freeBytes();
  }

  private async send(clip: StagedClip, item: string, manifest: string): Promise<string> {
    const { disk, bucket } = this.deps;
    const keys = this.keys({ item, object: clip.name });
    await keepFile(bucket, keys.clip, disk, clip);
    const text = utf8(manifest);
    await keepObject(bucket, keys.manifest, { bytes: text.length, sha256: sha256Hex(text), body: text });
    return clip.name;
  }

  private async removeLeftovers(bytesOf: (item: string) => Promise<BytesStanding>, everyS?: number): Promise<void> {
    const { bucket, turns, isShared } = this.deps;
    const work = async () => {
      const places = await this.objects();
      for (const place of await leftovers(places, bytesOf, bucket.name, isShared)) await this.remove(place);
    };
    await turns.run('sweep the bucket', work, everyS);
  }

  private async remove(place: BytesPlace): Promise<void> {
    const { clip, manifest } = this.keys(place);
    for (const key of [clip, manifest]) await removeObject(this.deps.bucket, key);
  }

  /** The bytes of every item, or of one. Other objects in the bucket are ignored. */
  private async objects(only?: string): Promise<BytesPlace[]> {
    const { bucket, prefix } = this.deps;
    const found = new Map<string, BytesPlace>();
    for (const key of await keysIn(bucket, only === undefined ? '' : `${only}/`)) {
      const [item = '', name = '', ...rest] = key.slice(prefix.length).split('/');
      const object = objectNamed(name);
      const isOurs = key.startsWith(prefix) && rest.length === 0 && idSchema.safeParse(item).success;
      if (isOurs && object !== null) found.set(`${item}/${object}`, { item, object });
    }
    return [...found.values()];
  }

  private keys({ item, object }: BytesPlace): { clip: string; manifest: string } {
    const of = (name: string) => `${this.deps.prefix}${item}/${name}`;
    if (object === '') return { clip: of(CLIP_NAME), manifest: of(MANIFEST_NAME) };
    return { clip: of(`${object}.mp4`), manifest: of(`${object}.jws`) };
  }
}

/** The object name that a file name belongs to; null when it is not ours. */
function objectNamed(name: string): string | null {
  if (name === CLIP_NAME || name === MANIFEST_NAME) return '';
  const [, object = ''] = /^(.+)\.(?:mp4|jws)$/.exec(name) ?? [];
  return object.startsWith('staged-') && idSchema.safeParse(object).success ? object : null;
}
