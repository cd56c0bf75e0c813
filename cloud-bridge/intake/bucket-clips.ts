// Clips of several instances: staged in a folder of the instance that takes the upload, stored in the bucket they share. An object belongs
// to one upload, so that no instance overwrites or removes another's. The row in the database makes it visible.
import type { Disk } from '@doorsill/base/disk';
import { failure } from '@doorsill/contract/errors';
import { idSchema } from '@doorsill/contract/ids';
import type { OpenBytes } from '../http/revocable-downloads.ts';
import type { Turns } from '../persistence/instance-turns.ts';
import type { S3Bucket } from '../persistence/s3-bucket.ts';
import { claimBucket, FetchedBytes, keepFile, keysIn, removeObject } from '../persistence/s3-objects.ts';
import { ClipFiles, type ClipPlace, type KeptClips, type WholeClip } from './clip-files.ts';

export interface BucketClipsDeps {
  disk: Disk;
  /** Holds staged uploads and nothing else. */
  folder: string;
  bucket: S3Bucket;
  prefix: string;
  /** The bridge that owns the bucket; the same for all its instances. */
  bridgeId: string;
  turns: Turns;
}

/** Object that names the bridge which owns the bucket. */
export const BUCKET_MARK = 'bridge.txt';
/** A crash leaves a few unfinished clips in the bucket; more unknown ones mean a wrong database. */
const STRANGERS_MAX = 64;
/** Interval of searches through the whole bucket for leftovers of a crash. */
const SWEEP_EVERY_S = 600;

export class BucketClips extends ClipFiles {
  private readonly deps: BucketClipsDeps;

  constructor(deps: BucketClipsDeps) {
    super(deps.disk, deps.folder);
    this.deps = deps;
  }

  /** Throws `evidence_store_...`. */
  override async start(): Promise<void> {
    await this.disk.makeFolder(this.staging);
    const { bucket, prefix, bridgeId, turns } = this.deps;
    await turns.run('bucket', async () =>
      claimBucket(bucket, prefix + BUCKET_MARK, bridgeId, (await this.objects()).length === 0),
    );
  }

  override async openClip(clip: WholeClip): Promise<OpenBytes> {
    return new FetchedBytes(this.deps.bucket, this.key(clip), clip.clipBytes);
  }

  /** Copies the clip to the bucket; it stays staged until the database row is committed. */
  override async makeReady(clip: WholeClip): Promise<void> {
    const { upload, clipBytes: bytes, clipSha256: sha256 } = clip;
    const file = { path: this.stagedPath(upload), bytes, sha256 };
    await keepFile(this.deps.bucket, this.key(clip), this.disk, file);
  }

  override async show(): Promise<void> {
    // The row in the database makes it visible.
  }

  override async shown({ upload }: ClipPlace): Promise<void> {
    await this.removeStaged(upload);
  }

  override showAgain(clip: WholeClip): Promise<void> {
    return this.shown(clip);
  }

  override hiddenNames(): Promise<string[]> {
    return this.disk.list(this.staging);
  }

  override async moveBack(): Promise<void> {
    // The clip is still staged. The object stays, since the commit may have succeeded; otherwise it is replaced or removed with the upload.
  }

  override async removeFormerManifest(): Promise<void> {
    // No earlier version stored clips in a bucket.
  }

  override async remove(place: ClipPlace): Promise<void> {
    await this.removeStaged(place.upload);
    await removeObject(this.deps.bucket, this.key(place));
  }

  override async sweep(keeps: KeptClips): Promise<void> {
    for (const upload of await this.disk.list(this.staging)) {
      if (!(await keeps.staged(upload))) await this.removeStaged(upload);
    }
    await this.sweepShared(keeps);
  }

  /** Throws `evidence_store_...`. */
  override async sweepShared(keeps: KeptClips): Promise<void> {
    await this.deps.turns.run('sweep the bucket', () => this.sweepBucket(keeps), SWEEP_EVERY_S);
  }

  private async sweepBucket(keeps: KeptClips): Promise<void> {
    const gone: ClipPlace[] = [];
    let strangers = 0;
    for (const object of await this.objects()) {
      if ((await keeps.stored(object.clip, object.upload)) || (await keeps.staged(object.upload))) continue;
      gone.push(object);
      if (!(await keeps.known(object.clip))) strangers += 1;
    }
    if (strangers > STRANGERS_MAX) {
      const detail = `the database has never heard of ${strangers} clips in it: is it the right one?`;
      throw failure('evidence_store_unfit', { store: this.deps.bucket.name, detail });
    }
    for (const object of gone) await removeObject(this.deps.bucket, this.key(object));
  }

  /** Every clip in the bucket. Other objects there are left alone. */
  private async objects(): Promise<ClipPlace[]> {
    const { bucket, prefix } = this.deps;
    const found: ClipPlace[] = [];
    for (const key of await keysIn(bucket)) {
      const [clip = '', upload = '', ...rest] = key.slice(prefix.length).split('/');
      const isOurs = key.startsWith(prefix) && rest.length === 0;
      if (isOurs && idSchema.safeParse(clip).success && idSchema.safeParse(upload).success)
        found.push({ clip, upload });
    }
    return found;
  }

  private key({ clip, upload }: ClipPlace): string {
    return `${this.deps.prefix}${clip}/${upload}`;
  }
}
