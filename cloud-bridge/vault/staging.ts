// Owns: bytes on their way into the vault: a folder each on this machine's disk, written, made durable, hashed, and removed
// whatever comes of them. Not here: where they lie afterwards (blobs.ts, s3-blobs.ts).
import { join } from 'node:path';
import type { Disk, DiskFile } from '../../device/base/disk.ts';
import { sha256Stream } from '../../device/base/keys.ts';
import { freshId, type Random } from '../../device/base/random.ts';

export const CLIP_NAME = 'clip.mp4';
export const MANIFEST_NAME = 'manifest.jws';

/** Bytes on their way in. */
export interface Staged {
  write(bytes: Uint8Array): Promise<void>;
  /** Makes them durable here; resolves with their hash and how many there are. */
  seal(): Promise<{ sha256: string; bytes: number }>;
  /** Brings them to where they will lie, still out of sight. May take long; what comes of it is settled by `publish` or `erase`. */
  prepare(item: string, manifest: string): Promise<void>;
  /** Shows them as an item's, with its manifest, in one durable step. What the item had before is replaced. */
  publish(item: string, manifest: string): Promise<void>;
  /** Ends it, whatever came of it; removes what is still here. */
  close(): Promise<void>;
}

/** A clip that is whole and durable in its folder. */
export interface StagedClip {
  folder: string;
  path: string;
  sha256: string;
  bytes: number;
}

/** What becomes of a staged clip: each may be called again after it failed. */
export interface Destination {
  /** Outside of any turn, so that it may take its time: nobody can see it yet. */
  prepare(clip: StagedClip, item: string, manifest: string): Promise<void>;
  /** The one step that makes it the item's. */
  publish(clip: StagedClip, item: string, manifest: string): Promise<void>;
}

export class Staging {
  private readonly disk: Disk;
  private readonly random: Random;
  private readonly folder: string;

  constructor(disk: Disk, random: Random, folder: string) {
    this.disk = disk;
    this.random = random;
    this.folder = folder;
  }

  /** Removes what a crash left. */
  async start(): Promise<void> {
    await this.disk.remove(this.folder);
    await this.disk.makeFolder(this.folder);
  }

  async stage(destination: Destination): Promise<Staged> {
    const folder = join(this.folder, freshId(this.random, 'staged'));
    await this.disk.makeFolder(folder);
    const file = await this.disk.open(join(folder, CLIP_NAME), { create: true });
    return new StagedFolder(this.disk, folder, file, destination);
  }

  freeBytes(): Promise<number> {
    return this.disk.freeBytes(this.folder);
  }
}

class StagedFolder implements Staged {
  private readonly disk: Disk;
  private readonly folder: string;
  private readonly file: DiskFile;
  private readonly destination: Destination;
  private readonly hash = sha256Stream();
  private bytes = 0;
  private sha256 = '';
  private isOpen = true;

  constructor(disk: Disk, folder: string, file: DiskFile, destination: Destination) {
    this.disk = disk;
    this.folder = folder;
    this.file = file;
    this.destination = destination;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.file.write(this.bytes, bytes);
    this.hash.update(bytes);
    this.bytes += bytes.length;
  }

  async seal(): Promise<{ sha256: string; bytes: number }> {
    await this.file.sync();
    await this.shut();
    this.sha256 = this.hash.digestHex();
    return { sha256: this.sha256, bytes: this.bytes };
  }

  prepare(item: string, manifest: string): Promise<void> {
    return this.destination.prepare(this.clip, item, manifest);
  }

  publish(item: string, manifest: string): Promise<void> {
    return this.destination.publish(this.clip, item, manifest);
  }

  async close(): Promise<void> {
    await this.shut();
    await this.disk.remove(this.folder);
  }

  private get clip(): StagedClip {
    const { folder, sha256, bytes } = this;
    return { folder, path: join(folder, CLIP_NAME), sha256, bytes };
  }

  private async shut(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    await this.file.close();
  }
}
