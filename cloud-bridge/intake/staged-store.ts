// Owns: the tus store of staged uploads: bytes in files of the bridge's disk, everything else in its database.
// Not here: who may upload (intake-admission.ts), HTTP (tus-routes.ts).
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
    // The supported parts of tus 1.0.0. Lengths are known from the manifest, so none is deferred. Uploads expire with the grant.
    this.extensions = ['creation', 'creation-with-upload', 'termination', 'expiration'];
  }

  /** Judged once more, under the upload's lock: it may have ended, by a revocation even, while the request waited for its turn. */
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

  /** Writes what comes, at once; what came before a connection broke stays. Resolves with the new offset; rejects with the disk's errors. */
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
