import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Disk } from '@doorsill/base/disk';
import { assert } from '@doorsill/contract/assert';
import { DataStore, ERRORS, Upload } from '@tus/server';
import type { Intake, IntakeStore } from './intake-store.ts';

/**
 * Staged files. An upload exists while its intake is open and the upload was created. The offset is always the file's size, so that after a
 * crash an upload resumes where the last write ended. Creating an upload again starts it over: one grant never has two.
 */
export class StagedStore extends DataStore {
  private readonly disk: Disk;
  private readonly folder: string;
  private readonly store: IntakeStore;

  /** `folder` must exist. */
  constructor(disk: Disk, folder: string, store: IntakeStore) {
    super();
    this.disk = disk;
    this.folder = folder;
    this.store = store;
    // Of tus 1.0.0. No length is deferred: the manifest gives it. Uploads expire with the grant.
    this.extensions = ['creation', 'creation-with-upload', 'termination', 'expiration'];
  }

  /** Checks again under the upload's lock: the intake may have ended, for example by a revocation, while the request waited for it. */
  override async create(upload: Upload): Promise<Upload> {
    if ((await this.store.findUpload(upload.id))?.state !== 'open') throw ERRORS.FILE_NOT_FOUND;
    const file = await this.disk.open(this.path(upload.id), { create: true });
    try {
      await file.truncate(0);
    } finally {
      await file.close();
    }
    await this.store.setUploading(upload.id, true);
    return upload;
  }

  override async remove(id: string): Promise<void> {
    if ((await this.disk.sizeOf(this.path(id))) === null) throw ERRORS.FILE_NOT_FOUND;
    await this.disk.remove(this.path(id));
    await this.store.setUploading(id, false);
  }

  /** Writes each chunk as it arrives; bytes written before a connection breaks stay. Returns the new offset; throws the disk's errors. */
  override async write(from: Readable, id: string, offset: number): Promise<number> {
    const file = await this.disk.open(this.path(id), { create: false });
    let at = offset;
    try {
      for await (const chunk of from) {
        assert(chunk instanceof Uint8Array, 'a body gives bytes');
        await file.write(at, chunk);
        at += chunk.length;
      }
    } finally {
      await file.close();
    }
    return at;
  }

  override async getUpload(id: string): Promise<Upload> {
    const intake = await this.store.findUpload(id);
    if (!isUploading(intake)) throw ERRORS.FILE_NOT_FOUND;
    const offset = await this.disk.sizeOf(this.path(id));
    if (offset === null) throw ERRORS.FILE_NO_LONGER_EXISTS;
    return new Upload({ id, size: intake.clipBytes, offset });
  }

  private path(id: string): string {
    return join(this.folder, id);
  }
}

function isUploading(intake: Intake | null): intake is Intake {
  return intake?.state === 'open' && intake.uploading;
}
