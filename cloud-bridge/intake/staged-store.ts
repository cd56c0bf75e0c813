// Owns: the tus store of staged uploads: bytes in files by FileStore, everything else in the bridge's database.
// Not here: who may upload (intake-admission.ts), HTTP (tus-routes.ts).
import { type Configstore, FileStore } from '@tus/file-store';
import { Upload } from '@tus/server';
import type { Intake, IntakeStore } from './store.ts';

/** The database as tus sees it: an upload exists while its intake is open and the upload was created. */
function uploadsOf(store: IntakeStore): Configstore {
  return {
    get: async (id) => {
      const intake = await store.findUpload(id);
      return intake?.state === 'open' && intake.uploading ? uploadOf(intake) : undefined;
    },
    set: async (id) => store.setUploading(id, true),
    delete: async (id) => store.setUploading(id, false),
  };
}

function uploadOf(intake: Intake): Upload {
  return new Upload({ id: intake.upload, size: intake.clipBytes, offset: 0 });
}

/**
 * Staged files. The offset is always the file's size, so that after a crash an upload resumes where the last write ended.
 * Creating an upload again starts it over: one grant never has two.
 */
export class StagedStore extends FileStore {
  /** `folder` must exist. */
  constructor(folder: string, store: IntakeStore) {
    super({ directory: folder, configstore: uploadsOf(store) });
    // The supported parts of tus 1.0.0. Lengths are known from the manifest, so none is deferred. Uploads expire with the grant.
    this.extensions = ['creation', 'creation-with-upload', 'termination', 'expiration'];
  }
}
