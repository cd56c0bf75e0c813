// Owns: the interface of a store for evidence bytes: written invisibly, made durable, made visible in one step, destroyed;
// and the store in a folder. Not here: which items there are (sql-items.ts), when to do it (receiving.ts, retention-sweeper.ts), a bucket
// (s3-blobs.ts).
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { Random } from '@doorsill/base/random';
import { utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import type { OpenBytes } from '../http/revocable-downloads.ts';
import { CLIP_NAME, MANIFEST_NAME, type Staged, type StagedClip, Staging } from './staging.ts';
import type { BytesStanding } from './vault-store.ts';

/** Where an item's bytes are. */
export interface BytesPlace {
  item: string;
  object: string;
}

/** A store for bytes. */
export interface Blobs {
  /**
   * Removes what a crash left: everything staged, what was to be erased, and what the database does not know. Throws
   * `evidence_store_unfit` for a place that is not ours.
   */
  start(bytesOf: (item: string) => Promise<BytesStanding>): Promise<void>;
  /** As at the start, while other instances have the same place: what is on its way to them stays. */
  sweep(bytesOf: (item: string) => Promise<BytesStanding>): Promise<void>;
  stage(): Promise<Staged>;
  /** Opens the clip's bytes, to be read up to `end`. Whether they may be shown is checked elsewhere (evidence.ts). */
  open(item: BytesPlace, end: number): Promise<OpenBytes>;
  /** Destroys an item's bytes, whichever upload they came with; does nothing when they are gone. */
  erase(place: BytesPlace): Promise<void>;
  /** Destroys what `erase` failed to remove, for as long as this process runs. */
  eraseOwed(): Promise<void>;
  freeBytes(): Promise<number>;
}

/** A crash leaves only what was on its way in; more unknown items than this mean a wrong database. */
const STRANGERS_MAX = 64;

/**
 * Which of the stored bytes must be erased; with other instances (`isShared`), not what may be on its way to one. Throws
 * `evidence_store_unfit` if too many are of items that the database does not know.
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
  // With another vault's database, or an empty one, evidence must not be mistaken for leftovers of a crash.
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
    // A folder is one process's: nobody else leaves anything in it.
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
    // What could not be removed from the disk is removed at the next start.
  }

  freeBytes(): Promise<number> {
    return this.staging.freeBytes();
  }

  private async place(clip: StagedClip, item: string, manifest: string): Promise<void> {
    // Syncing the folder covers the entry of the clip beside it, too.
    await this.disk.replaceFile(join(clip.folder, MANIFEST_NAME), utf8(manifest));
    const place = join(this.blobs, item);
    await this.disk.remove(place);
    await this.disk.rename(clip.folder, place);
  }
}
