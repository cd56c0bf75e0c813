// Owns: clips that wait to be sent, sealed and durable: a clip is on disk, with its hash, before anything is signed about it,
// and whatever is sent again is the same bytes. Not here: cutting (clip/), sending (upload.ts), whether a grant lives (consent/).
import { join } from 'node:path';
import { z } from 'zod';
import { utf8 } from '../base/bytes.ts';
import { type Disk, isNoSpace, systemCode } from '../base/disk.ts';
import { sha256Hex, sha256Stream } from '../base/keys.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { generateSealKey, open, type SealKey, seal } from '../base/seal.ts';
import type { Clip, ClipReader } from '../clip/clip.ts';
import { assertLiveGrant, type LiveGrant } from '../consent/live-grant.ts';
import { type Failure, failure, isFailure } from '../protocol/errors.ts';
import { idSchema, sha256Schema } from '../protocol/ids.ts';
import { parseWrappedJson, sealKeySchema, sealKeyToJson } from '../ring/keys.ts';
import { openSealedFile, writeSealedFile } from '../ring/sealed-file.ts';

/** One clip ready to be sent. */
export interface OutboxItem {
  grant: string;
  request: string;
  clipSha256: string;
  clipBytes: number;
  /** The signed manifest, which travels with the clip. */
  manifest: string;
  manifestSha256: string;
  /** Where the bridge takes the clip, once it has said so. */
  uploadUrl: string | null;
}

/** A clip on disk that is not committed yet: what its check and its manifest are made from. */
export interface SealedClip {
  reader: ClipReader;
  sha256: string;
  bytes: number;
}

export interface OutboxDeps {
  disk: Disk;
  random: Random;
  log: Log;
  folder: string;
  /** Seals the commit records (ring/keys.ts, `keptSealKey`). The clips have keys of their own, kept in those records. */
  key: SealKey;
}

/** The last write of a seal: until it is there the clip does not exist. Sealed whole, because manifests name a home. */
const commitSchema = z.strictObject({
  version: z.literal(1),
  grant: idSchema,
  request: idSchema,
  clipSha256: sha256Schema,
  clipBytes: z.int().positive(),
  clipKey: sealKeySchema,
  manifest: z.string().min(1).max(24_576),
  uploadUrl: z.string().max(400).nullable(),
});
type Commit = z.infer<typeof commitSchema>;

const COMMIT_BYTES_MAX = 65_536;
/** Left free beside a clip, for the ledger and the commit record itself. */
const SPARE_BYTES = 1_048_576;
const CLIP = '.clip';
const COMMIT = '.commit';

/** One folder of sealed clips, one for each grant. */
export class Outbox {
  private readonly deps: OutboxDeps;
  private readonly commits = new Map<string, Commit>();
  private readonly damaged = new Set<string>();
  /** Grants with a record that the disk would not show at the start: nobody knows yet what is there. */
  private readonly unread = new Set<string>();
  /** Whether the disk told at the start which clips there are. */
  private isListed = true;
  /** Work under way on a grant's files: one thing at a time. */
  private readonly busy = new Map<string, Promise<unknown>>();

  constructor(deps: OutboxDeps) {
    this.deps = deps;
  }

  /**
   * Reads what is there; removes what a crash left uncommitted. Damaged clips are kept, named by `list`, and never sent; what
   * the disk would not show now is looked at again by `load`. Throws `outbox_full`, `outbox_unusable` when not even the
   * folder can be read; the outbox can be used all the same.
   */
  async start(): Promise<void> {
    const { disk, folder, log } = this.deps;
    this.isListed = false;
    const names = await disk
      .makeFolder(folder)
      .then(() => disk.list(folder))
      .catch((thrown: unknown) => {
        throw this.diskFault(thrown);
      });
    this.isListed = true;
    for (const name of names.filter((each) => each.endsWith(COMMIT) && !each.startsWith('.'))) {
      const grant = name.slice(0, -COMMIT.length);
      await this.lookAt(grant).catch((thrown: unknown) => {
        this.unread.add(grant);
        log.error('a sealed clip cannot be read yet', { grant, error: String(thrown) });
      });
    }
    for (const name of names) {
      const committed = name.endsWith(CLIP) && names.includes(name.slice(0, -CLIP.length) + COMMIT);
      const leftover = (name.endsWith(CLIP) && !committed) || (name.startsWith('.') && name.includes(COMMIT));
      if (leftover) await disk.remove(join(folder, name)).catch((thrown: unknown) => this.removeFailed(thrown));
    }
  }

  /**
   * Makes sure that it is known what there is of a grant, looking again at what the disk would not show at the start. Throws
   * `outbox_unusable` while it still does not: then nothing is given up, and no other clip is made in its place.
   */
  load(grant: string): Promise<void> {
    return this.exclusive(grant, () => this.loadAlone(grant));
  }

  /** Waits for work under way. */
  async stop(): Promise<void> {
    await Promise.allSettled([...this.busy.values()]);
  }

  /** Grants with a clip here, those whose clip does not verify any more, and those whose clip could not be read yet. */
  list(): { items: OutboxItem[]; damaged: string[]; unread: string[] } {
    return { items: [...this.commits.values()].map(itemOf), damaged: [...this.damaged], unread: [...this.unread] };
  }

  /** The grant's clip; null when there is none. Throws `outbox_damaged`, and `outbox_unusable` before `load` has succeeded. */
  item(grant: string): OutboxItem | null {
    if (this.damaged.has(grant)) throw failure('outbox_damaged', { grant });
    if (this.unread.has(grant)) throw this.unusable('it has not been read yet');
    const commit = this.commits.get(grant);
    return commit ? itemOf(commit) : null;
  }

  /**
   * Streams a clip into a sealed file, makes it durable, lets `prepare` check it and sign its manifest, and commits. A grant
   * whose clip is here already gets that one: it is never cut twice. Throws `outbox_full`, `outbox_damaged`, `grant_dead`,
   * `clip_check_failed`, or what the clip or `prepare` throws; then nothing is left of it.
   */
  async seal(
    live: LiveGrant,
    clip: Clip,
    prepare: (sealed: SealedClip) => Promise<string> | string,
  ): Promise<OutboxItem> {
    assertLiveGrant(live);
    return this.exclusive(live.id, async () => {
      await this.loadAlone(live.id);
      const known = this.item(live.id);
      if (known) return known;
      try {
        const commit = await this.sealAndCommit(live, clip, prepare);
        this.commits.set(live.id, commit);
        return itemOf(commit);
      } catch (thrown) {
        await this.destroy(live.id).catch(() => undefined);
        throw this.diskFault(thrown);
      }
    });
  }

  /** Random access to a clip's bytes, authenticated as they are read. Throws `outbox_damaged`. Close it. */
  async reader(grant: string): Promise<ClipReader & { close(): Promise<void> }> {
    this.item(grant);
    const commit = this.commits.get(grant);
    if (!commit) throw failure('outbox_damaged', { grant });
    const opened = await openSealedFile(this.deps.disk, this.identity(commit)).catch((thrown: unknown) => {
      throw this.damage(thrown, grant);
    });
    const read = (position: number, length: number) =>
      opened.read(position, length).catch((thrown: unknown) => {
        throw this.damage(thrown, grant);
      });
    return { sizeBytes: opened.sizeBytes, read, close: () => opened.close() };
  }

  /** Remembers where the bridge takes the clip, or that it does no more; durable when it resolves. */
  setUploadUrl(grant: string, uploadUrl: string | null): Promise<void> {
    return this.exclusive(grant, async () => {
      const commit = this.commits.get(grant);
      if (!commit || commit.uploadUrl === uploadUrl) return;
      const changed = { ...commit, uploadUrl };
      await this.writeCommit(changed);
      this.commits.set(grant, changed);
    });
  }

  /** Destroys a grant's clip: its key is overwritten and its files removed. Does nothing when there is none. */
  remove(grant: string): Promise<void> {
    return this.exclusive(grant, () => this.destroy(grant));
  }

  private async sealAndCommit(
    live: LiveGrant,
    clip: Clip,
    prepare: (sealed: SealedClip) => Promise<string> | string,
  ): Promise<Commit> {
    const { disk, folder, random } = this.deps;
    if ((await disk.freeBytes(folder)) < clip.sizeBytes + SPARE_BYTES) throw this.full();
    const clipKey = generateSealKey(random, this.deps.key.cipher);
    const identity = { path: this.path(live.id, CLIP), key: clipKey, id: live.id };
    const hash = sha256Stream();
    const bytes = await writeSealedFile(disk, random, identity, hashed(live, clip, hash));
    if (bytes !== clip.sizeBytes || bytes === 0) {
      throw failure('clip_check_failed', { detail: `it has ${bytes} bytes, not the ${clip.sizeBytes} it was cut to` });
    }
    const clipSha256 = hash.digestHex();
    const file = await openSealedFile(disk, identity);
    const manifest = await Promise.resolve(prepare({ reader: file, sha256: clipSha256, bytes })).finally(() =>
      file.close(),
    );
    const commit: Commit = {
      version: 1,
      grant: live.id,
      request: live.facts.grant.request,
      clipSha256,
      clipBytes: bytes,
      clipKey,
      manifest,
      uploadUrl: null,
    };
    assertLiveGrant(live);
    await this.writeCommit(commit);
    // A revocation may have come while the record was written; it must not leave a clip behind.
    assertLiveGrant(live);
    return commit;
  }

  private async writeCommit(commit: Commit): Promise<void> {
    const plain = utf8(JSON.stringify({ ...commit, clipKey: sealKeyToJson(commit.clipKey) }));
    const sealed = seal(this.deps.key, plain, utf8(`outbox ${commit.grant}`), this.deps.random);
    await this.deps.disk.replaceFile(this.path(commit.grant, COMMIT), sealed);
  }

  private async loadAlone(grant: string): Promise<void> {
    const isKnown = this.commits.has(grant) || this.damaged.has(grant);
    if (isKnown || (this.isListed && !this.unread.has(grant))) return;
    try {
      if ((await this.deps.disk.sizeOf(this.path(grant, COMMIT))) !== null) await this.lookAt(grant);
    } catch (thrown) {
      throw this.diskFault(thrown);
    }
    this.unread.delete(grant);
  }

  /** Takes a grant's record in: its clip is here, or damaged for good. Rejects with the disk's error when that cannot be said. */
  private async lookAt(grant: string): Promise<void> {
    const commit = idSchema.safeParse(grant).success ? await this.readCommit(grant) : null;
    if (commit && (await this.isWhole(commit))) {
      this.commits.set(grant, commit);
      return;
    }
    this.damaged.add(grant);
    this.deps.log.error('a sealed clip is damaged', { grant });
  }

  /** Null when it is no record of ours. */
  private async readCommit(grant: string): Promise<Commit | null> {
    const sealed = await this.deps.disk
      .readFile(this.path(grant, COMMIT), COMMIT_BYTES_MAX)
      .catch((thrown: unknown) => {
        if (systemCode(thrown) === 'EFBIG') return null;
        throw thrown;
      });
    const plain = sealed && open(this.deps.key, sealed, utf8(`outbox ${grant}`));
    const commit = plain && parseWrappedJson(plain, commitSchema);
    return commit?.grant === grant ? commit : null;
  }

  /** Cheap at start: length and last chunk. Every other chunk is authenticated when it is read to be sent. */
  private async isWhole(commit: Commit): Promise<boolean> {
    const opened = await openSealedFile(this.deps.disk, this.identity(commit)).catch((thrown: unknown) => {
      if (isLost(thrown)) return null;
      throw thrown;
    });
    await opened?.close();
    return opened?.sizeBytes === commit.clipBytes;
  }

  private async destroy(grant: string): Promise<void> {
    const { disk, random } = this.deps;
    this.commits.delete(grant);
    if (!idSchema.safeParse(grant).success) return;
    const path = this.path(grant, COMMIT);
    const sizeBytes = await disk.sizeOf(path);
    if (sizeBytes !== null) {
      // Without the record the clip's key is gone, whatever stays of the clip in the disk's free blocks.
      const file = await disk.open(path, { create: false });
      try {
        await file.write(0, random.bytes(Math.min(sizeBytes, COMMIT_BYTES_MAX)));
        await file.sync();
      } finally {
        await file.close();
      }
    }
    // The clip first: a crash between the two leaves a damaged record, never a clip that looks uncommitted yet is known.
    await disk.remove(this.path(grant, CLIP));
    await disk.remove(path);
    this.damaged.delete(grant);
    this.unread.delete(grant);
  }

  private identity(commit: Commit) {
    return { path: this.path(commit.grant, CLIP), key: commit.clipKey, id: commit.grant };
  }

  private path(grant: string, suffix: string): string {
    return join(this.deps.folder, grant + suffix);
  }

  private removeFailed(thrown: unknown): void {
    this.deps.log.warn('a part of a clip could not be removed yet', { error: String(thrown) });
  }

  private full(cause?: unknown): Failure {
    return failure('outbox_full', { path: this.deps.folder }, cause);
  }

  /** What the operating system says, as a failure that may pass. */
  private diskFault(thrown: unknown): unknown {
    const code = systemCode(thrown);
    if (isFailure(thrown) || code === null) return thrown;
    if (isNoSpace(thrown)) return this.full(thrown);
    return this.unusable(code, thrown);
  }

  private unusable(detail: string, cause?: unknown): Failure {
    return failure('outbox_unusable', { path: this.deps.folder, detail }, cause);
  }

  /** A clip that could not be read: whether it is damaged for good. */
  private damage(thrown: unknown, grant: string): unknown {
    if (!isLost(thrown)) return this.diskFault(thrown);
    if (this.commits.delete(grant)) this.damaged.add(grant);
    return failure('outbox_damaged', { grant }, thrown);
  }

  private exclusive<Result>(grant: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.busy.get(grant) ?? Promise.resolve();
    const run = before.then(work, work);
    const settled = run.then(
      () => undefined,
      () => undefined,
    );
    this.busy.set(grant, settled);
    void settled.then(() => {
      if (this.busy.get(grant) === settled) this.busy.delete(grant);
    });
    return run;
  }
}

/** Whether what was thrown while a clip was read says that it is gone or altered, rather than that the disk fails now. */
function isLost(thrown: unknown): boolean {
  return systemCode(thrown) === 'ENOENT' || (isFailure(thrown) && thrown.code === 'state_damaged');
}

/** A clip's parts on their way to disk: hashed, counted, and only while the grant lives. */
async function* hashed(
  live: LiveGrant,
  clip: Clip,
  hash: { update(part: Uint8Array): void },
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const part of clip.parts()) {
    assertLiveGrant(live);
    bytes += part.length;
    if (bytes > clip.sizeBytes) throw failure('clip_check_failed', { detail: 'it is longer than it was cut to' });
    hash.update(part);
    yield part;
  }
}

function itemOf(commit: Commit): OutboxItem {
  const { grant, request, clipSha256, clipBytes, manifest, uploadUrl } = commit;
  return { grant, request, clipSha256, clipBytes, manifest, manifestSha256: sha256Hex(manifest), uploadUrl };
}
