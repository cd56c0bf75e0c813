// Clips waiting to be sent, sealed and durable: a clip and its hash are on disk before anything is signed about it, and a resend
// always sends the same bytes.
import { join } from 'node:path';
import { type Disk, isNoSpace, systemCode } from '@doorsill/base/disk';
import { sha256Hex, sha256Stream } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { generateSealKey, type SealKey } from '@doorsill/base/seal';
import { openSealedFile, type SealedFile, writeSealedFile } from '@doorsill/base/sealed-file';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { idSchema } from '@doorsill/contract/ids';
import { readContents, SEALED_CONTENTS_BYTES, type SealedContents } from '@doorsill/contract/sealing';
import type { Clip, ClipReader } from '../clip/finished-clip.ts';
import type { StatementDocuments } from '../clip/sign-recipient-statement.ts';
import { assertLiveGrant, type LiveGrant } from '../consent/live-grant.ts';
import {
  CLIP,
  COMMIT,
  type Commit,
  isSentSealed,
  type KeptRecord,
  SealedRecords,
  type SentKey,
} from './sealed-records.ts';

export interface OutboxItem {
  grant: string;
  request: string;
  /** Of the file that is sent: the clip or, if only its recipient can read it, the encrypted file. */
  clipSha256: string;
  clipBytes: number;
  /** Whether only the clip's recipient can read the file. */
  isSentSealed: boolean;
  /** The full manifest, for the bridge. */
  manifest: string;
  manifestSha256: string;
  /** The recipient's statement and the device's certificate for it; null for a clip sealed before statements existed. */
  papers: SentDocuments | null;
  /** The clip's upload address, once the bridge has assigned one. */
  uploadUrl: string | null;
}

/** The documents that are sent with the full manifest. */
export type SentDocuments = Pick<StatementDocuments, 'statement' | 'certificate'>;

/** All signed documents of one clip. */
export interface ClipDocuments extends StatementDocuments {
  manifest: string;
}

/** A clip on disk before its commit: the input of its check and its manifest. */
export interface StoredClip {
  /** Reads the clip itself. */
  reader: ClipReader;
  sha256: string;
  bytes: number;
  /** Of a clip that only its recipient can read: its content key, and hash and size of the encrypted file. Null: it is sent as it is. */
  sealed: { contentKey: SealKey; sha256: string; bytes: number } | null;
}

export interface OutboxDeps {
  disk: Disk;
  random: Random;
  log: Log;
  folder: string;
  /** Seals the commit records (ring/wrapped-key-files.ts, `loadOrCreateSealKey`), which hold a key for each clip. */
  key: SealKey;
}

/** Disk space left free after a clip, for the ledger and the commit record. */
const SPARE_BYTES = 1_048_576;

/** A folder of sealed clips, one per grant. */
export class Outbox {
  private readonly deps: OutboxDeps;
  private readonly records: SealedRecords;
  private readonly commits = new Map<string, Commit>();
  private readonly damaged = new Set<string>();
  /** Grants whose record could not be read yet: whether they have a clip is unknown. */
  private readonly unread = new Set<string>();
  /** Whether the folder could be listed at the start. */
  private isListed = true;
  /** By grant: the running operation on its files; one at a time. */
  private readonly busy = new Map<string, Promise<unknown>>();

  constructor(deps: OutboxDeps) {
    this.deps = deps;
    this.records = new SealedRecords(deps);
  }

  /**
   * Reads the folder; removes uncommitted files of a crash. Damaged clips are kept, listed by `list`, and never sent; records that
   * cannot be read now are read again by `load`. Throws `outbox_full`, `outbox_unusable` when the folder cannot be read; the outbox
   * can be used even then.
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
        log.error('an encrypted clip cannot be read now; it is kept and tried again (check the disk)', {
          grant,
          error: String(thrown),
        });
      });
    }
    for (const name of names) {
      const committed = name.endsWith(CLIP) && names.includes(name.slice(0, -CLIP.length) + COMMIT);
      const leftover = (name.endsWith(CLIP) && !committed) || (name.startsWith('.') && name.includes(COMMIT));
      if (leftover) await disk.remove(join(folder, name)).catch((thrown: unknown) => this.removeFailed(thrown));
    }
  }

  /**
   * Reads a grant's record again if it could not be read at the start. Throws `outbox_unusable` while that fails: then nothing is
   * given up, and no other clip is made in its place.
   */
  load(grant: string): Promise<void> {
    return this.exclusive(grant, () => this.loadAlone(grant));
  }

  /** Waits for running operations. */
  async stop(): Promise<void> {
    await Promise.allSettled([...this.busy.values()]);
  }

  /** The clips, and the grants whose clips are damaged or could not be read yet. */
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
   * Streams a clip into a sealed file, makes it durable, lets `prepare` check it and sign its documents, and commits. Returns the
   * existing clip of a grant that has one: no clip is cut twice. Throws `outbox_full`, `outbox_damaged`, `grant_dead`,
   * `clip_check_failed`, and the errors of the clip's stream or `prepare`; then no file of it remains. `contents`: the block in front of a
   * clip that only its recipient can read (contract/sealing.ts); null: the bridge gets the clip itself.
   */
  async seal(
    live: LiveGrant,
    clip: Clip,
    prepare: (stored: StoredClip) => Promise<ClipDocuments> | ClipDocuments,
    contents: Uint8Array | null = null,
  ): Promise<OutboxItem> {
    assertLiveGrant(live);
    return this.exclusive(live.id, async () => {
      await this.loadAlone(live.id);
      const known = this.item(live.id);
      if (known) return known;
      try {
        const commit = await this.sealAndCommit(live, clip, prepare, contents);
        this.commits.set(live.id, commit);
        return itemOf(commit);
      } catch (thrown) {
        await this.destroy(live.id).catch(() => undefined);
        for (const kind of ['recall', 'content key'] as const)
          await this.records.removeKept(live.id, kind).catch(() => undefined);
        throw this.diskFault(thrown);
      }
    });
  }

  /** Random access to the bytes that are sent, authenticated as they are read. Throws `outbox_damaged`. Close it. */
  async reader(grant: string): Promise<ClipReader & { close(): Promise<void> }> {
    this.item(grant);
    const commit = this.commits.get(grant);
    if (!commit) throw failure('outbox_damaged', { grant });
    const opened = await openSealedFile(this.deps.disk, this.identity(commit)).catch((thrown: unknown) => {
      throw this.damage(thrown, grant);
    });
    const read = (position: number, length: number) =>
      (isSentSealed(commit) ? opened.readSealed(position, length) : opened.read(position, length)).catch(
        (thrown: unknown) => {
          throw this.damage(thrown, grant);
        },
      );
    const sizeBytes = isSentSealed(commit) ? opened.fileBytes : opened.sizeBytes;
    return { sizeBytes, read, close: () => opened.close() };
  }

  /** The block in front of a clip that only its recipient can read; null for another clip. Throws `outbox_damaged`. */
  async contents(grant: string): Promise<SealedContents | null> {
    this.item(grant);
    const commit = this.commits.get(grant);
    if (!commit) throw failure('outbox_damaged', { grant });
    if (!isSentSealed(commit)) return null;
    try {
      const file = await openSealedFile(this.deps.disk, this.identity(commit));
      const contents = readContents(await usingFile(file, () => file.read(0, SEALED_CONTENTS_BYTES)));
      if (contents) return contents;
    } catch (thrown) {
      throw this.damage(thrown, grant);
    }
    throw failure('outbox_damaged', { grant });
  }

  /** Stores the clip's upload address; null removes it. Durable when it resolves. */
  setUploadUrl(grant: string, uploadUrl: string | null): Promise<void> {
    return this.exclusive(grant, async () => {
      const commit = this.commits.get(grant);
      if (!commit || commit.uploadUrl === uploadUrl) return;
      const changed = { ...commit, uploadUrl };
      await this.records.writeCommit(changed);
      this.commits.set(grant, changed);
    });
  }

  /** Adds the documents of a clip that was sealed before statements existed, once; durable when it resolves. */
  addStatement(grant: string, { statement, certificate, homeRecall }: StatementDocuments): Promise<OutboxItem> {
    return this.exclusive(grant, async () => {
      const commit = this.commits.get(grant);
      if (!commit) throw failure('outbox_damaged', { grant });
      if (commit.papers) return itemOf(commit);
      const changed: Commit = { ...commit, version: 2, papers: { statement, certificate } };
      await this.onDisk(async () => {
        await this.records.writeRecall(grant, homeRecall);
        await this.records.writeCommit(changed);
      });
      this.commits.set(grant, changed);
      return itemOf(changed);
    });
  }

  /**
   * The recall signed with the key of a grant's statement; null when it is damaged or there is none (a clip from before statements
   * existed, a device restored from a backup). Throws `outbox_unusable` while it cannot be read.
   */
  recallOf(grant: string): Promise<string | null> {
    return this.onDisk(() => this.records.readRecall(grant));
  }

  /**
   * The content key of a grant's encrypted clip, also after the clip's deletion; null when it is damaged or there is none (a clip that was
   * not encrypted, a device restored from a backup). Throws `outbox_unusable` while it cannot be read.
   */
  contentKeyOf(grant: string): Promise<SentKey | null> {
    return this.onDisk(() => this.records.readContentKey(grant));
  }

  /** Destroys the kept records of this kind of all other grants. Throws `outbox_unusable`. */
  keepOnly(kind: KeptRecord, grants: ReadonlySet<string>): Promise<void> {
    return this.onDisk(async () => {
      for (const grant of await this.records.grantsWith(kind))
        if (!grants.has(grant)) await this.records.removeKept(grant, kind);
    });
  }

  /** Destroys a grant's kept record of this kind; does nothing when there is none. Throws `outbox_unusable`. */
  drop(kind: KeptRecord, grant: string): Promise<void> {
    return this.onDisk(() => this.records.removeKept(grant, kind));
  }

  /** Destroys a grant's clip: overwrites its key and removes its files. Does nothing when there is none. */
  remove(grant: string): Promise<void> {
    return this.exclusive(grant, () => this.destroy(grant));
  }

  private async sealAndCommit(
    live: LiveGrant,
    clip: Clip,
    prepare: (stored: StoredClip) => Promise<ClipDocuments> | ClipDocuments,
    contents: Uint8Array | null,
  ): Promise<Commit> {
    const { disk, folder, random } = this.deps;
    if ((await disk.freeBytes(folder)) < clip.sizeBytes + SPARE_BYTES) throw this.full();
    // An encrypted clip is sent as it lies here, in the one cipher of the contract.
    const clipKey = generateSealKey(random, contents ? 'aes-256-gcm' : this.deps.key.cipher);
    const identity = { path: this.path(live.id, CLIP), key: clipKey, id: live.id };
    const [hash, fileHash] = [sha256Stream(), sha256Stream()];
    const written = contents ? (part: Uint8Array) => fileHash.update(part) : undefined;
    const before = contents?.length ?? 0;
    const parts = hashed(live, clip, hash, contents);
    const bytes = (await writeSealedFile(disk, random, identity, parts, written)) - before;
    if (bytes !== clip.sizeBytes || bytes === 0) {
      throw failure('clip_check_failed', { detail: `it has ${bytes} bytes, not the ${clip.sizeBytes} it was cut to` });
    }
    const file = await openSealedFile(disk, identity);
    const reader: ClipReader = {
      sizeBytes: bytes,
      read: (position, length, into) => file.read(before + position, length, into),
    };
    const clipSha256 = hash.digestHex();
    const sealed = contents ? { contentKey: clipKey, sha256: fileHash.digestHex(), bytes: file.fileBytes } : null;
    const { manifest, statement, certificate, homeRecall } = await usingFile(file, () =>
      prepare({ reader, sha256: clipSha256, bytes, sealed }),
    );
    const commit: Commit = {
      version: sealed ? 3 : 2,
      grant: live.id,
      request: live.facts.grant.request,
      clipSha256: sealed?.sha256 ?? clipSha256,
      clipBytes: sealed?.bytes ?? bytes,
      clipKey,
      manifest,
      papers: { statement, certificate },
      uploadUrl: null,
    };
    assertLiveGrant(live);
    // Written before the commit, so that every clip that can be sent can also be recalled, and opened by its owner.
    await this.records.writeRecall(live.id, homeRecall);
    if (sealed) await this.records.writeContentKey(live.id, { clipSha256: sealed.sha256, contentKey: clipKey });
    await this.records.writeCommit(commit);
    // A revocation may have arrived meanwhile: then the clip must not remain.
    assertLiveGrant(live);
    return commit;
  }

  private async loadAlone(grant: string): Promise<void> {
    const isKnown = this.commits.has(grant) || this.damaged.has(grant);
    if (isKnown || (this.isListed && !this.unread.has(grant))) return;
    await this.onDisk(async () => {
      if ((await this.deps.disk.sizeOf(this.path(grant, COMMIT))) !== null) await this.lookAt(grant);
    });
    this.unread.delete(grant);
  }

  /** Registers a grant's clip, or marks it as permanently damaged. Rejects with the disk's error when its record cannot be read. */
  private async lookAt(grant: string): Promise<void> {
    const commit = idSchema.safeParse(grant).success ? await this.records.readCommit(grant) : null;
    if (commit && (await this.isWhole(commit))) {
      this.commits.set(grant, commit);
      return;
    }
    this.damaged.add(grant);
    this.deps.log.error('an encrypted clip is damaged and is never sent', { grant });
  }

  /** A quick check of length and last chunk. The other chunks are authenticated when they are read for sending. */
  private async isWhole(commit: Commit): Promise<boolean> {
    const opened = await openSealedFile(this.deps.disk, this.identity(commit)).catch((thrown: unknown) => {
      if (isLost(thrown)) return null;
      throw thrown;
    });
    await opened?.close();
    return (isSentSealed(commit) ? opened?.fileBytes : opened?.sizeBytes) === commit.clipBytes;
  }

  private async destroy(grant: string): Promise<void> {
    this.commits.delete(grant);
    if (!idSchema.safeParse(grant).success) return;
    // The record holds the clip's key: without it, clip data in the disk's free blocks cannot be decrypted.
    await this.records.overwrite(grant, COMMIT);
    // The clip before the record: a crash in between leaves a damaged record, never a known clip that looks uncommitted.
    await this.deps.disk.remove(this.path(grant, CLIP));
    await this.deps.disk.remove(this.path(grant, COMMIT));
    this.damaged.delete(grant);
    this.unread.delete(grant);
  }

  private identity(commit: Commit) {
    return { path: this.path(commit.grant, CLIP), key: commit.clipKey, id: commit.grant };
  }

  private path(grant: string, suffix: string): string {
    return this.records.path(grant, suffix);
  }

  /** Runs a disk operation; converts operating system errors into retryable failures. */
  private async onDisk<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (thrown) {
      throw this.diskFault(thrown);
    }
  }

  private removeFailed(thrown: unknown): void {
    this.deps.log.warn('leftovers of an interrupted clip could not be removed; the next start tries again', {
      error: String(thrown),
    });
  }

  private full(cause?: unknown): Failure {
    return failure('outbox_full', { path: this.deps.folder }, cause);
  }

  /** An operating system error as a retryable failure. */
  private diskFault(thrown: unknown): unknown {
    const code = systemCode(thrown);
    if (isFailure(thrown) || code === null) return thrown;
    if (isNoSpace(thrown)) return this.full(thrown);
    return this.unusable(code, thrown);
  }

  private unusable(detail: string, cause?: unknown): Failure {
    return failure('outbox_unusable', { path: this.deps.folder, detail }, cause);
  }

  /** The failure for a clip that could not be read; marks it as damaged if that is permanent. */
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

/** Whether an error while reading a clip means that it is missing or altered, rather than that the disk fails now. */
function isLost(thrown: unknown): boolean {
  return systemCode(thrown) === 'ENOENT' || (isFailure(thrown) && thrown.code === 'state_damaged');
}

/** A clip's parts on their way to disk: hashed, counted, and only while the grant is live; the block in front of them is not hashed. */
async function* hashed(
  live: LiveGrant,
  clip: Clip,
  hash: { update(part: Uint8Array): void },
  contents: Uint8Array | null,
): AsyncGenerator<Uint8Array> {
  if (contents) yield contents;
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
  const { grant, request, clipSha256, clipBytes, manifest, papers, uploadUrl } = commit;
  const known = { grant, request, clipSha256, clipBytes, manifest, papers, uploadUrl };
  return { ...known, isSentSealed: isSentSealed(commit), manifestSha256: sha256Hex(manifest) };
}

/** Runs `work` and closes the file afterwards, whether it succeeds or throws. */
async function usingFile<Result>(file: SealedFile, work: () => Promise<Result> | Result): Promise<Result> {
  try {
    return await work();
  } finally {
    await file.close();
  }
}
