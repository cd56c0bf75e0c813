// Owns: where evidence's bytes lie: written out of sight, made durable, shown in one step, destroyed.
// Not here: which items there are (database/), when to do it (receiving.ts, keeper.ts).
import { join } from 'node:path';
import { utf8 } from '../../device/base/bytes.ts';
import type { Disk, DiskFile } from '../../device/base/disk.ts';
import { sha256Stream } from '../../device/base/keys.ts';
import { freshId, type Random } from '../../device/base/random.ts';
import { failure } from '../../device/protocol/errors.ts';
import { Readings, type Span } from '../http/readings.ts';

/** Bytes on their way in. */
export interface Staged {
  write(bytes: Uint8Array): Promise<void>;
  /** Makes them durable; resolves with their hash and how many there are. */
  seal(): Promise<{ sha256: string; bytes: number }>;
  /** Shows them as an item's, with its manifest, in one durable step. What the item had before is replaced. */
  publish(item: string, manifest: string): Promise<void>;
  /** Ends it, whatever came of it; removes what was not published. */
  close(): Promise<void>;
}

/** Where bytes are kept. A store elsewhere stands behind the same. */
export interface Blobs {
  /** Removes what a crash left: everything staged, and items for which `hasBytes` says no. */
  start(hasBytes: (item: string) => Promise<boolean>): Promise<void>;
  stage(): Promise<Staged>;
  /** The clip's bytes; ends with `evidence_unknown` the moment they are erased. */
  read(item: string, span: Span): AsyncGenerator<Uint8Array>;
  /** Ends every reading of an item and destroys its bytes; does nothing when they are gone. */
  erase(item: string): Promise<void>;
  freeBytes(): Promise<number>;
}

const CLIP_NAME = 'clip.mp4';
const MANIFEST_NAME = 'manifest.jws';

/** Blobs in a folder: `blobs/<item>/clip.mp4` with `manifest.jws` beside it. */
export class FolderBlobs implements Blobs {
  private readonly disk: Disk;
  private readonly random: Random;
  private readonly staging: string;
  private readonly blobs: string;
  private readonly readings: Readings;

  constructor(disk: Disk, random: Random, folder: string) {
    this.disk = disk;
    this.random = random;
    this.readings = new Readings(disk);
    this.staging = join(folder, 'staging');
    this.blobs = join(folder, 'blobs');
  }

  async start(hasBytes: (item: string) => Promise<boolean>): Promise<void> {
    await this.disk.remove(this.staging);
    await this.disk.makeFolder(this.staging);
    await this.disk.makeFolder(this.blobs);
    for (const item of await this.disk.list(this.blobs)) if (!(await hasBytes(item))) await this.erase(item);
  }

  async stage(): Promise<Staged> {
    const folder = join(this.staging, freshId(this.random, 'staged'));
    await this.disk.makeFolder(folder);
    return new StagedFolder(
      this.disk,
      folder,
      this.blobs,
      await this.disk.open(join(folder, CLIP_NAME), { create: true }),
    );
  }

  read(item: string, span: Span): AsyncGenerator<Uint8Array> {
    return this.readings.read(item, join(this.blobs, item, CLIP_NAME), span, async () => undefined);
  }

  async erase(item: string): Promise<void> {
    this.readings.end(item, failure('evidence_unknown'));
    await this.disk.remove(join(this.blobs, item));
  }

  freeBytes(): Promise<number> {
    return this.disk.freeBytes(this.staging);
  }
}

class StagedFolder implements Staged {
  private readonly disk: Disk;
  private readonly folder: string;
  private readonly blobs: string;
  private readonly file: DiskFile;
  private readonly hash = sha256Stream();
  private bytes = 0;
  private isOpen = true;

  constructor(disk: Disk, folder: string, blobs: string, file: DiskFile) {
    this.disk = disk;
    this.folder = folder;
    this.blobs = blobs;
    this.file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.file.write(this.bytes, bytes);
    this.hash.update(bytes);
    this.bytes += bytes.length;
  }

  async seal(): Promise<{ sha256: string; bytes: number }> {
    await this.file.sync();
    return { sha256: this.hash.digestHex(), bytes: this.bytes };
  }

  async publish(item: string, manifest: string): Promise<void> {
    await this.shut();
    // Its folder is synced with it, and so is the entry of the clip beside it.
    await this.disk.replaceFile(join(this.folder, MANIFEST_NAME), utf8(manifest));
    const place = join(this.blobs, item);
    await this.disk.remove(place);
    await this.disk.rename(this.folder, place);
  }

  async close(): Promise<void> {
    await this.shut();
    await this.disk.remove(this.folder);
  }

  private async shut(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    await this.file.close();
  }
}
