// Bytes on their way into the vault: each upload has a folder on this machine's disk, is written, made durable and hashed there, and always
// removed in the end.
import { basename, join } from 'node:path';
import type { Disk, DiskFile } from '@doorsill/base/disk';
import { sha256Stream } from '@doorsill/base/keys';
import { freshId, type Random } from '@doorsill/base/random';
import type { OpenBytes } from '../http/revocable-downloads.ts';

export const CLIP_NAME = 'clip.mp4';
export const MANIFEST_NAME = 'manifest.jws';

export interface Staged {
  write(bytes: Uint8Array): Promise<void>;
  /** Makes them durable here; returns their hash and number. */
  seal(): Promise<{ sha256: string; bytes: number }>;
  /** Opens the durable bytes; the caller must close them before `prepare`. */
  open(): Promise<OpenBytes>;
  /**
   * Copies them to their final place, not visible yet; returns their name there. May take long. Afterwards the caller must call `publish`,
   * or `erase` of the blobs (evidence-blobs.ts).
   */
  prepare(item: string, manifest: string): Promise<string>;
  /** Makes them and the manifest visible as an item's, in one durable step. Replaces the item's former bytes. */
  publish(item: string, manifest: string): Promise<void>;
  /** Must be called in any case; removes the folder. */
  close(): Promise<void>;
}

/** A clip that is complete and durable in its folder. */
export interface StagedClip {
  /** Unique among staged clips. */
  name: string;
  folder: string;
  path: string;
  sha256: string;
  bytes: number;
}

/** Final place of a staged clip. Each step may be repeated after a failure. */
export interface Destination {
  /** May take long, so it runs beside the vault's queue of changes, not in it: its result is not visible yet. */
  prepare(clip: StagedClip, item: string, manifest: string): Promise<string>;
  /** The one step that makes the bytes visible as the item's. */
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

  /** Removes leftovers of a crash. */
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

  open(): Promise<OpenBytes> {
    return this.disk.open(this.clip.path, { create: false });
  }

  prepare(item: string, manifest: string): Promise<string> {
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
    return { name: basename(folder), folder, path: join(folder, CLIP_NAME), sha256, bytes };
  }

  private async shut(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    await this.file.close();
  }
}
