// The folder of a doorbell's programs: the installed versions, the links that say which one runs, the pinned key, and the durable
// record of an unfinished update.
import { dirname, join } from 'node:path';
import type { LinkDisk } from '@doorsill/base/disk';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';
import { MINISIGN_BYTES_MAX, type MinisignKey, parseMinisignKey, printMinisignKey } from './minisign.ts';
import { type ReleaseContent, readRelease } from './release-archive.ts';

const KEY_FILE = 'update-key.pub';
const VERSIONS = 'versions';
/** Link to the version that is started. */
const CURRENT = 'current';
/** Link to the last healthy version, which rolls a failed update back, however broken the new version is. */
const LAST_HEALTHY = 'keeper';
const NOTE_FILE = 'update.json';
/** Files that an interrupted first installation may have left, and a running installation's lock. */
const OWN_NAMES = /^(update-key\.pub|versions|keeper|process\.lock|\..*\.tmp)$/;
const NOTE_BYTES_MAX = 1_024;
/** Number of files written at a time: the disk makes several durable at once. */
const WRITES_AT_ONCE = 16;
/** Required free space per byte of files, for folders, partly filled blocks, and the doorbell's writes meanwhile. */
const FREE_FACTOR = 1.25;

const noteSchema = z.strictObject({
  kind: z.literal('doorsill-update'),
  from: z.string().max(100),
  to: z.string().max(100),
  /** The doorbell's folder, absolute. */
  data: z.string().max(4_096),
  /** `trial`: the new version is not known to be healthy. `settled`: it is, or was rolled back. */
  state: z.enum(['trial', 'settled']),
});

export type UpdateNote = Omit<z.infer<typeof noteSchema>, 'kind'>;

export class VersionsFolder {
  readonly folder: string;
  private readonly disk: LinkDisk;

  constructor(disk: LinkDisk, folder: string) {
    this.disk = disk;
    this.folder = folder;
  }

  /** Pins the key of all later releases. Throws `update_folder_taken` where the folder holds anything else. */
  async pin(key: MinisignKey): Promise<void> {
    const foreign = (await this.disk.list(this.folder)).filter((name) => !OWN_NAMES.test(name));
    if (foreign.length > 0) throw failure('update_folder_taken', { folder: this.folder });
    await this.disk.makeFolder(this.folder);
    await this.disk.replaceFile(join(this.folder, KEY_FILE), utf8(printMinisignKey(key)));
  }

  /** Throws `update_folder_foreign` where no key is pinned. */
  async pinnedKey(): Promise<MinisignKey> {
    const held = await this.disk.readFile(join(this.folder, KEY_FILE), MINISIGN_BYTES_MAX);
    const key = held && parseMinisignKey(fromUtf8(held) ?? '');
    if (!key) throw failure('update_folder_foreign', { folder: this.folder });
    return key;
  }

  /** The version that is started; null before the first one. */
  current(): Promise<string | null> {
    return this.linked(CURRENT);
  }

  lastHealthy(): Promise<string | null> {
    return this.linked(LAST_HEALTHY);
  }

  /** Makes this the version that is started, in one durable step. */
  async startFrom(version: string): Promise<void> {
    await this.disk.replaceLink(join(this.folder, CURRENT), join(VERSIONS, version));
  }

  async setLastHealthy(version: string): Promise<void> {
    await this.disk.replaceLink(join(this.folder, LAST_HEALTHY), join(VERSIONS, version));
  }

  /** Throws `update_disk_full` unless the files of a release fit. */
  async expectRoom({ bytes }: ReleaseContent): Promise<void> {
    const free = await this.disk.freeBytes(this.folder);
    const needed = Math.ceil(bytes * FREE_FACTOR);
    if (free < needed) throw failure('update_disk_full', { folder: this.folder, needed, free });
  }

  /** Writes a verified archive's files: the whole version, durable, or none of it. */
  async unpack(archive: Uint8Array, version: string): Promise<void> {
    const versions = join(this.folder, VERSIONS);
    const fresh = join(versions, `.${version}.unpacking`);
    await this.disk.remove(fresh);
    await this.disk.makeFolder(fresh);
    const folders = new Set<string>();
    const writing = new Set<Promise<void>>();
    await readRelease(archive, async ({ path, bytes }) => {
      const full = join(fresh, path);
      if (!folders.has(dirname(full))) await this.disk.makeFolder(dirname(full));
      folders.add(dirname(full));
      const written = this.write(full, bytes);
      writing.add(written);
      written.then(() => writing.delete(written)).catch(() => undefined);
      if (writing.size >= WRITES_AT_ONCE) await Promise.race(writing);
    });
    await Promise.all(writing);
    // Left by an update that was rolled back; nothing is started from it.
    await this.disk.remove(join(versions, version));
    await this.disk.rename(fresh, join(versions, version));
  }

  /** Removes all versions but these, and partly unpacked ones. */
  async prune(kept: readonly (string | null)[]): Promise<void> {
    const versions = join(this.folder, VERSIONS);
    for (const name of await this.disk.list(versions)) {
      if (!kept.includes(name)) await this.disk.remove(join(versions, name));
    }
  }

  async note(): Promise<UpdateNote | null> {
    const path = join(this.folder, NOTE_FILE);
    const held = await this.disk.readFile(path, NOTE_BYTES_MAX);
    if (!held) return null;
    const parsed = noteSchema.safeParse(parseJson(fromUtf8(held) ?? ''));
    if (!parsed.success) throw failure('state_damaged', { file: path, detail: 'it does not describe an update' });
    const { kind: _, ...note } = parsed.data;
    return note;
  }

  async setNote(note: UpdateNote): Promise<void> {
    const text = `${JSON.stringify({ kind: 'doorsill-update', ...note })}\n`;
    await this.disk.replaceFile(join(this.folder, NOTE_FILE), utf8(text));
  }

  private async write(path: string, bytes: Uint8Array): Promise<void> {
    const file = await this.disk.open(path, { create: true });
    try {
      await file.write(0, bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  private async linked(name: string): Promise<string | null> {
    const target = await this.disk.readLink(join(this.folder, name));
    return target === null ? null : target.slice(VERSIONS.length + 1);
  }
}
