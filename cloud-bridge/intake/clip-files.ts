// A clip's files while it is staged, made ready and stored. Each move is one durable step, so that a crash leaves the files in exactly one
// of the three places.
import { join } from 'node:path';
import type { Disk, DiskFile } from '@doorsill/base/disk';
import { sha256Stream } from '@doorsill/base/keys';
import { isSealedFile, SEALED_MAGIC_BYTES } from '@doorsill/base/sealed-file';
import { utf8 } from '@doorsill/contract/bytes';
import type { ClipFacts } from '@doorsill/contract/clip-facts';
import { failure } from '@doorsill/contract/errors';
import { STATEMENT_TIME_STEP_US, Statement } from '@doorsill/contract/manifest';
import { faultOfTimes } from '@doorsill/contract/media/clip-times';
import { readClipFile } from '@doorsill/contract/media/read-clip-file';
import { sealedBytesOf } from '@doorsill/contract/sealing';
import type { OpenBytes } from '../http/revocable-downloads.ts';
import { peekToken } from '../signing/verify-token.ts';

/**
 * Throws `intake_structure` unless the file of `sizeBytes` is a plain recording with the statement's numbers of frames and packets, or an
 * encrypted file of the stated size; `intake_duration`, `intake_coverage` or `intake_gaps` where a recording's times differ from the
 * statement's.
 */
export async function checkStructure(
  file: DiskFile,
  sizeBytes: number,
  statement: ClipFacts & Pick<Statement, 'sealed'>,
): Promise<void> {
  if (statement.sealed) return checkSealedForm(file, sizeBytes, statement.sealed.clipBytes);
  const clip = { sizeBytes, read: (position: number, length: number) => file.read(position, length) };
  const tables = await readClipFile(clip, statement, (detail) => failure('intake_structure', { detail }));
  const fault = faultOfTimes(tables, statement, STATEMENT_TIME_STEP_US);
  if (fault) throw failure(fault.code, { detail: fault.detail });
}

/** Of an encrypted clip only the form of its file can be checked here; whoever opens it checks the clip. */
async function checkSealedForm(file: DiskFile, sizeBytes: number, clipBytes: number): Promise<void> {
  const isOne = isSealedFile(await file.read(0, Math.min(sizeBytes, SEALED_MAGIC_BYTES)));
  if (isOne && sizeBytes === sealedBytesOf(clipBytes)) return;
  throw failure('intake_structure', { detail: 'it is not an encrypted file of the stated size' });
}

const CLIP_NAME = 'clip.mp4';
const MANIFEST_TOKEN_NAME = 'manifest.jws';
const MANIFEST_NAME = 'manifest.json';
const HASH_STEP_BYTES = 1024 * 1024;

/** The upload id and clip id of one clip. */
export interface ClipPlace {
  upload: string;
  clip: string;
}

/** A clip with the hash and size it must have. */
export interface WholeClip extends ClipPlace {
  clipSha256: string;
  clipBytes: number;
}

/** Tells which files and objects are still needed. */
export interface KeptClips {
  staged: (upload: string) => Promise<boolean>;
  /** `upload`: the upload that must have brought it. */
  stored: (clip: string, upload?: string) => Promise<boolean>;
  known: (clip: string) => Promise<boolean>;
}

export class ClipFiles {
  protected readonly disk: Disk;
  private readonly folder: string;

  constructor(disk: Disk, folder: string) {
    this.disk = disk;
    this.folder = folder;
  }

  /** Folder of staged uploads: one file each, named by the upload id. */
  get staging(): string {
    return join(this.folder, 'staging');
  }

  async start(): Promise<void> {
    for (const folder of [this.staging, join(this.folder, 'ready'), join(this.folder, 'clips')]) {
      await this.disk.makeFolder(folder);
    }
  }

  stagedPath(upload: string): string {
    return join(this.staging, upload);
  }

  /**
   * The stored clip's bytes: `clips/<clip>/clip.mp4`. The folder also has its statement as `manifest.jws` and, readable, as
   * `manifest.json`.
   */
  openClip({ clip }: WholeClip): Promise<OpenBytes> {
    return this.disk.open(join(this.folder, 'clips', clip, CLIP_NAME), { create: false });
  }

  /** Bytes staged so far; null when there is no file. */
  stagedBytes(upload: string): Promise<number | null> {
    return this.disk.sizeOf(this.stagedPath(upload));
  }

  /** Makes the staged bytes durable and returns their SHA-256 as hex. */
  async sealStaged(upload: string): Promise<string> {
    const file = await this.disk.open(this.stagedPath(upload), { create: false });
    try {
      await file.sync();
      const hash = sha256Stream();
      const size = await file.size();
      for (let at = 0; at < size; at += HASH_STEP_BYTES) hash.update(await file.read(at, HASH_STEP_BYTES));
      return hash.digestHex();
    } finally {
      await file.close();
    }
  }

  /** Checks the staged bytes against the statement. Throws as `checkStructure`. */
  async checkStaged(upload: string, statement: Statement): Promise<void> {
    const file = await this.disk.open(this.stagedPath(upload), { create: false });
    try {
      await checkStructure(file, await file.size(), statement);
    } finally {
      await file.close();
    }
  }

  /** Moves the clip and its statement into one folder, not visible yet. A clip older than statements has none. */
  async makeReady(place: WholeClip, statementToken: string): Promise<void> {
    const folder = this.readyFolder(place.clip);
    await this.disk.makeFolder(folder);
    if (statementToken !== '') {
      const statement = peekToken(statementToken, Statement);
      await this.disk.replaceFile(join(folder, MANIFEST_TOKEN_NAME), utf8(statementToken));
      await this.disk.replaceFile(join(folder, MANIFEST_NAME), utf8(`${JSON.stringify(statement, null, 2)}\n`));
    }
    await this.disk.rename(this.stagedPath(place.upload), join(folder, CLIP_NAME));
  }

  /** Removes the full manifest that an earlier version stored beside a clip. */
  async removeFormerManifest(clip: string): Promise<void> {
    for (const folder of [this.readyFolder(clip), join(this.folder, 'clips', clip)]) {
      for (const name of [MANIFEST_TOKEN_NAME, MANIFEST_NAME]) await this.disk.remove(join(folder, name));
    }
  }

  /** The one step that makes the clip visible, inside the transaction that stores its row. */
  async show(clip: string): Promise<void> {
    await this.disk.rename(this.readyFolder(clip), join(this.folder, 'clips', clip));
  }

  /** Cleans up after the transaction is committed. */
  async shown(_place: ClipPlace): Promise<void> {
    // The staged file was moved.
  }

  /** Makes a clip visible that is stored according to the database but was moved back. */
  async showAgain(place: WholeClip, statementToken: string): Promise<void> {
    await this.moveBack(place);
    await this.makeReady(place, statementToken);
    await this.show(place.clip);
  }

  /** Names of staged files (upload ids) and of ready folders (clip ids), which are not visible. */
  async hiddenNames(): Promise<string[]> {
    return [...(await this.disk.list(this.staging)), ...(await this.disk.list(join(this.folder, 'ready')))];
  }

  /** Moves a clip that a crash or a refusal stopped halfway back to where it was staged. */
  async moveBack(place: ClipPlace): Promise<void> {
    for (const folder of [this.readyFolder(place.clip), join(this.folder, 'clips', place.clip)]) {
      if ((await this.disk.sizeOf(join(folder, CLIP_NAME))) !== null) {
        await this.disk.rename(join(folder, CLIP_NAME), this.stagedPath(place.upload));
      }
      await this.disk.remove(folder);
    }
  }

  /** Removes all files of a clip. */
  async remove(place: ClipPlace): Promise<void> {
    await this.disk.remove(this.stagedPath(place.upload));
    await this.disk.remove(this.readyFolder(place.clip));
    await this.disk.remove(join(this.folder, 'clips', place.clip));
  }

  async removeStaged(upload: string): Promise<void> {
    await this.disk.remove(this.stagedPath(upload));
  }

  /** Removes leftovers of a crash; `keeps` tells what is still needed. */
  async sweep(keeps: KeptClips): Promise<void> {
    for (const upload of await this.disk.list(this.staging)) {
      if (!(await keeps.staged(upload))) await this.disk.remove(this.stagedPath(upload));
    }
    for (const clip of await this.disk.list(join(this.folder, 'ready'))) await this.disk.remove(this.readyFolder(clip));
    for (const clip of await this.disk.list(join(this.folder, 'clips'))) {
      if (!(await keeps.stored(clip))) await this.disk.remove(join(this.folder, 'clips', clip));
    }
  }

  /** Removes leftovers of other instances from shared storage; called at intervals. */
  async sweepShared(_keeps: KeptClips): Promise<void> {
    // This folder is not shared.
  }

  /** Bytes free on the disk. */
  freeBytes(): Promise<number> {
    return this.disk.freeBytes(this.staging);
  }

  private readyFolder(clip: string): string {
    return join(this.folder, 'ready', clip);
  }
}
