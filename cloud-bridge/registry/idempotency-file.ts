// Owns: the registry's stored answers to repeatable applications, in one file until they expire. Not here: when they are
// used (http/idempotency.ts). The registry has no database: its book is a file, too.
import { join } from 'node:path';
import { z } from 'zod';
import { fromUtf8, utf8 } from '../../device/base/bytes.ts';
import type { Disk } from '../../device/base/disk.ts';
import { parseJson } from '../../device/base/parse-json.ts';
import { sha256Schema } from '../../device/protocol/ids.ts';
import type { AnswerLife, AnswerStore, KeptAnswer } from '../http/idempotency.ts';

const ANSWERS_MAX = 1_000;
const FILE_BYTES_MAX = 16 * 1024 * 1024;

const answersSchema = z
  .array(
    z.strictObject({
      key: sha256Schema,
      bodySha256: sha256Schema,
      status: z.int(),
      answer: z.string(),
      expiresS: z.int(),
    }),
  )
  .max(ANSWERS_MAX);

export class IdempotencyFile implements AnswerStore {
  private readonly disk: Disk;
  private readonly path: string;
  private kept: z.infer<typeof answersSchema> | null = null;
  private writes: Promise<unknown> = Promise.resolve();

  constructor(disk: Disk, folder: string) {
    this.disk = disk;
    this.path = join(folder, 'answers.json');
  }

  async find(key: string, nowS: number): Promise<KeptAnswer | null> {
    const found = (await this.read()).find((one) => one.key === key && one.expiresS > nowS);
    return found ? { bodySha256: found.bodySha256, status: found.status, answer: found.answer } : null;
  }

  keep(key: string, _caller: string, kept: KeptAnswer, { nowS, expiresS }: AnswerLife): Promise<void> {
    const turn = this.writes.then(async () => {
      const living = (await this.read()).filter((one) => one.expiresS > nowS && one.key !== key);
      const all = [...living, { key, ...kept, expiresS }].slice(-ANSWERS_MAX);
      await this.disk.replaceFile(this.path, utf8(JSON.stringify(all)));
      this.kept = all;
    });
    this.writes = turn.catch(() => undefined);
    return turn;
  }

  /** The file's content; empty when it is damaged: at worst a repeated application is processed again. */
  private async read(): Promise<z.infer<typeof answersSchema>> {
    if (this.kept) return this.kept;
    const bytes = await this.disk.readFile(this.path, FILE_BYTES_MAX);
    const read = answersSchema.safeParse(bytes && parseJson(fromUtf8(bytes) ?? ''));
    this.kept = read.success ? read.data : [];
    return this.kept;
  }
}
