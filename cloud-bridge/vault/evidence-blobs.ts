// A store for evidence bytes, written invisibly, made durable, made visible in one step, destroyed; and its form as a folder.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { Span } from '@doorsill/base/http/byte-range';
import type { Random } from '@doorsill/base/random';
import { utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import type { OpenBytes } from '../http/revocable-downloads.ts';
import { CLIP_NAME, MANIFEST_NAME, type Staged, type StagedClip, Staging } from './stage-evidence.ts';
import type { BytesStanding } from './vault-store.ts';

export interface BytesPlace {
  item: string;
  object: string;
}

export interface Blobs {
  /**
   * Removes leftovers of a crash: staged bytes, bytes that were to be erased, and bytes that the database does not know. Throws
   * `evidence_store_unfit` for a place that is not ours.
   */
  start(bytesOf: (item: string) => Promise<BytesStanding>): Promise<void>;
  /** Removes leftovers while other instances use the same place: bytes on their way to them stay. */
  sweep(bytesOf: (item: string) => Promise<BytesStanding>): Promise<void>;
  stage(): Promise<Staged>;
  /** Opens an item's bytes, most of which will be read within `span`. The caller must check that they may be shown (evidence.ts). */
  open(item: BytesPlace, span: Span): Promise<OpenBytes>;
  /** Destroys an item's bytes of all uploads; does nothing when they are gone. */
  erase(place: BytesPlace): Promise<void>;
  /** Retries what `erase` failed to destroy in this process. */
  eraseOwed(): Promise<void>;
  freeBytes(): Promise<number>;
}

/** A crash leaves a few unfinished items; more unknown ones mean a wrong database. */
const STRANGERS_MAX = 64;

/**
 * The stored bytes that must be erased; with other instances (`isShared`), without those that may be on their way to one. Throws
 * `evidence_store_unfit` if too many belong to items that the database does not know.
 */
export async function leftovers(
  places: readonly BytesPlace[],
  bytesOf: (item: string) => Promise<BytesStanding>,
  store: string,
  isShared = false,
): Promise<BytesPlace[]> {
  const gone: BytesPlace[] = [];
  const strangers = new Set<string>();
  for (const place of places) {
    const { state, object } = await bytesOf(place.item);
    if (state === 'kept' && object === place.object) continue;
    if (state === 'arriving' && isShared) continue;
    gone.push(place);
    if (state === 'unknown' || state === 'arriving') strangers.add(place.item);
  }
  // With a wrong or empty database, evidence must not be taken for leftovers of a crash.
  if (strangers.size <= STRANGERS_MAX) return gone;
  const detail = `the database has never heard of ${strangers.size} items in it: is it the right one?`;
  throw failure('evidence_store_unfit', { store, detail });
}

/** Blobs in a folder: `blobs/<item>/clip.mp4` with `manifest.jws` beside it. */
export class FolderBlobs implements Blobs {
  private readonly disk: Disk;
  private readonly staging: Staging;
  private readonly blobs: string;

  constructor(disk: Disk, random: Random, folder: string) {
    this.disk = disk;
    this.staging = new Staging(disk, random, join(folder, 'staging'));
    this.blobs = join(folder, 'blobs');
  }

  async start(bytesOf: (item: string) => Promise<BytesStanding>): Promise<void> {
    await this.staging.start();
    await this.disk.makeFolder(this.blobs);
    const places = (await this.disk.list(this.blobs)).map((item) => ({ item, object: '' }));
    for (const place of await leftovers(places, bytesOf, this.blobs)) await this.erase(place);
  }

  async sweep(): Promise<void> {
    // A folder belongs to one process: no other one leaves anything in it.
  }

  stage(): Promise<Staged> {
    return this.staging.stage({
      // Staging is on the same disk, so a move is enough.
      prepare: async () => '',
      publish: (clip, item, manifest) => this.place(clip, item, manifest),
    });
  }

  open({ item }: BytesPlace): Promise<OpenBytes> {
    return this.disk.open(join(this.blobs, item, CLIP_NAME), { create: false });
  }

  async erase({ item }: BytesPlace): Promise<void> {
    await this.disk.remove(join(this.blobs, item));
  }

  async eraseOwed(): Promise<void> {
    // The next start removes what is left on the disk.
  }

  freeBytes(): Promise<number> {
    return this.staging.freeBytes();
  }

  private async place(clip: StagedClip, item: string, manifest: string): Promise<void> {
    // Syncing the folder makes the directory entry of the clip durable, too.
    await this.disk.replaceFile(join(clip.folder, MANIFEST_NAME), utf8(manifest));
    const place = join(this.blobs, item);
    await this.disk.remove(place);
    await this.disk.rename(clip.folder, place);
  }
}
