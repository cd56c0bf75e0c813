// Small files of the outbox, each sealed whole for one grant and one use: written in one durable step, read, destroyed.
import { join } from 'node:path';
import { type Disk, systemCode } from '@doorsill/base/disk';
import type { Random } from '@doorsill/base/random';
import { open, type SealKey, seal } from '@doorsill/base/seal';
import { utf8 } from '@doorsill/contract/bytes';
import { idSchema, sha256Schema } from '@doorsill/contract/ids';
import { CERTIFICATE_LETTERS_MAX, HOME_RECALL_LETTERS_MAX, MANIFEST_LETTERS_MAX } from '@doorsill/contract/manifest';
import { z } from 'zod';
import { parseWrappedJson, sealKeySchema, sealKeyToJson } from '../ring/wrapped-key-files.ts';

export const CLIP = '.clip';
export const COMMIT = '.commit';
const RECALL = '.recall';
const KEY = '.key';
const RECORD_BYTES_MAX = 98_304;

const commitFields = {
  grant: idSchema,
  request: idSchema,
  clipSha256: sha256Schema,
  clipBytes: z.int().positive(),
  clipKey: sealKeySchema,
  manifest: z.string().min(1).max(MANIFEST_LETTERS_MAX),
  uploadUrl: z.string().max(400).nullable(),
} as const;
const sentPapersSchema = z.strictObject({
  statement: z.string().min(1).max(MANIFEST_LETTERS_MAX),
  certificate: z.string().min(1).max(CERTIFICATE_LETTERS_MAX),
});

/** The last file written when a clip is sealed; without it the clip does not exist. It is encrypted because manifests name a home. */
const Commit = z.discriminatedUnion('version', [
  /** The file is sent as it is: `clipKey` is the clip's content key, and hash and size are the file's. */
  z.strictObject({ version: z.literal(3), ...commitFields, papers: sentPapersSchema }),
  z.strictObject({ version: z.literal(2), ...commitFields, papers: sentPapersSchema }),
  /** The format from before statements existed. */
  z.strictObject({ version: z.literal(1), ...commitFields }).transform((former) => ({ ...former, papers: null })),
]);
export type Commit = z.output<typeof Commit>;

/** Whether the file is sent as it is, because only the clip's recipient can read it. */
export function isSentSealed({ version }: Pick<Commit, 'version'>): boolean {
  return version === 3;
}

/** Kept after the clip's deletion until the bridge has answered a revocation. */
const recallSchema = z.strictObject({
  version: z.literal(1),
  grant: idSchema,
  homeRecall: z.string().min(1).max(HOME_RECALL_LETTERS_MAX),
});

/** Kept after the clip's deletion, so that the owner who granted it can open what was sent. */
const keySchema = z.strictObject({
  version: z.literal(1),
  /** Of the encrypted file. */
  clipSha256: sha256Schema,
  contentKey: sealKeySchema,
});

export interface SealedRecordsDeps {
  disk: Disk;
  random: Random;
  folder: string;
  key: SealKey;
}

/** Records that are kept after the clip's deletion. */
export type KeptRecord = 'recall' | 'content key';
const KEPT_SUFFIXES: Record<KeptRecord, string> = { recall: RECALL, 'content key': KEY };

/** The content key of an encrypted file, and the file's hash. */
export interface SentKey {
  clipSha256: string;
  contentKey: SealKey;
}

/** All methods reject with the disk's own errors. */
export class SealedRecords {
  private readonly deps: SealedRecordsDeps;

  constructor(deps: SealedRecordsDeps) {
    this.deps = deps;
  }

  path(grant: string, suffix: string): string {
    return join(this.deps.folder, grant + suffix);
  }

  async writeCommit(commit: Commit): Promise<void> {
    const { papers, ...fields } = commit;
    const record = { ...fields, ...(papers ? { papers } : {}), clipKey: sealKeyToJson(commit.clipKey) };
    await this.write(commit.grant, COMMIT, record);
  }

  /** Null when it is not one of our records. */
  async readCommit(grant: string): Promise<Commit | null> {
    const commit = await this.read(grant, COMMIT, Commit);
    return commit?.grant === grant ? commit : null;
  }

  async writeRecall(grant: string, homeRecall: string): Promise<void> {
    await this.write(grant, RECALL, { version: 1, grant, homeRecall });
  }

  /** Null when there is none, or it is not one of our records. */
  async readRecall(grant: string): Promise<string | null> {
    const record = await this.read(grant, RECALL, recallSchema);
    return record?.grant === grant ? record.homeRecall : null;
  }

  async writeContentKey(grant: string, { clipSha256, contentKey }: SentKey): Promise<void> {
    await this.write(grant, KEY, { version: 1, clipSha256, contentKey: sealKeyToJson(contentKey) });
  }

  /** Null when there is none, or it is not one of our records. */
  async readContentKey(grant: string): Promise<SentKey | null> {
    return this.read(grant, KEY, keySchema);
  }

  /** Grants that have a record of this kind. */
  async grantsWith(kind: KeptRecord): Promise<string[]> {
    const suffix = KEPT_SUFFIXES[kind];
    const names = await this.deps.disk.list(this.deps.folder);
    return names
      .filter((name) => name.endsWith(suffix))
      .map((name) => name.slice(0, -suffix.length))
      .filter((grant) => idSchema.safeParse(grant).success);
  }

  /** Destroys a grant's record of this kind; does nothing when there is none. */
  async removeKept(grant: string, kind: KeptRecord): Promise<void> {
    const suffix = KEPT_SUFFIXES[kind];
    await this.overwrite(grant, suffix);
    await this.deps.disk.remove(this.path(grant, suffix));
  }

  /** Overwrites a record in place: a file that is only removed leaves its bytes in free blocks. */
  async overwrite(grant: string, suffix: string): Promise<void> {
    const { disk, random } = this.deps;
    const path = this.path(grant, suffix);
    const sizeBytes = await disk.sizeOf(path);
    if (sizeBytes === null) return;
    const file = await disk.open(path, { create: false });
    try {
      await file.write(0, random.bytes(Math.min(sizeBytes, RECORD_BYTES_MAX)));
      await file.sync();
    } finally {
      await file.close();
    }
  }

  private async write(grant: string, suffix: string, record: object): Promise<void> {
    const { disk, key, random } = this.deps;
    const sealed = seal(key, utf8(JSON.stringify(record)), boundTo(grant, suffix), random);
    await disk.replaceFile(this.path(grant, suffix), sealed);
  }

  private async read<Schema extends z.ZodType>(
    grant: string,
    suffix: string,
    schema: Schema,
  ): Promise<z.output<Schema> | null> {
    const { disk, key } = this.deps;
    const sealed = await disk.readFile(this.path(grant, suffix), RECORD_BYTES_MAX).catch((thrown: unknown) => {
      if (systemCode(thrown) === 'EFBIG') return null;
      throw thrown;
    });
    const plain = sealed && open(key, sealed, boundTo(grant, suffix));
    return plain && parseWrappedJson(plain, schema);
  }
}

/** A record's associated data, so that it cannot be used as another. Commits keep the form of released versions. */
function boundTo(grant: string, suffix: string): Uint8Array {
  return utf8(suffix === COMMIT ? `outbox ${grant}` : `outbox ${suffix} ${grant}`);
}
