import type { Kysely, Transaction } from 'kysely';
import type { AnswerLife, AnswerStore, KeptAnswer } from '../http/idempotency.ts';
import type { Statement } from './migrations.ts';

export interface KeptAnswerTables {
  kept_answers: {
    key_sha256: string;
    caller: string;
    body_sha256: string;
    status: number;
    answer: string;
    expires_s: number;
  };
}

/** Statements that create the table, as they were first released: never edit one. */
export const KEPT_ANSWERS_TABLE: readonly Statement[] = [
  `create table kept_answers (
     key_sha256 text primary key, caller text not null, body_sha256 text not null, status integer not null,
     answer text not null, expires_s integer not null
   ) strict`,
  `create index kept_answers_by_expiry on kept_answers (expires_s)`,
  `create index kept_answers_of_caller on kept_answers (caller, expires_s)`,
];

export class SqlIdempotency implements AnswerStore {
  private readonly tables: Kysely<KeptAnswerTables>;

  constructor(tables: Kysely<KeptAnswerTables>) {
    this.tables = tables;
  }

  async find(key: string, nowS: number): Promise<KeptAnswer | null> {
    const row = await this.tables
      .selectFrom('kept_answers')
      .selectAll()
      .where('key_sha256', '=', key)
      .where('expires_s', '>', nowS)
      .executeTakeFirst();
    return row ? { bodySha256: row.body_sha256, status: row.status, answer: row.answer } : null;
  }

  async keep(key: string, caller: string, kept: KeptAnswer, life: AnswerLife): Promise<void> {
    const { bodySha256, status, answer } = kept;
    await this.tables.transaction().execute(async (step) => {
      await step.deleteFrom('kept_answers').where('expires_s', '<=', life.nowS).execute();
      await makeRoom(step, caller, life.perCallerMax);
      await step
        .insertInto('kept_answers')
        .values({ key_sha256: key, caller, body_sha256: bodySha256, status, answer, expires_s: life.expiresS })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    });
  }
}

/** When a caller has as many answers as allowed, deletes the one that expires first. */
async function makeRoom(step: Transaction<KeptAnswerTables>, caller: string, most: number): Promise<void> {
  const { count } = await step
    .selectFrom('kept_answers')
    .select((all) => all.fn.countAll<number>().as('count'))
    .where('caller', '=', caller)
    .executeTakeFirstOrThrow();
  if (count < most) return;
  const first = await step
    .selectFrom('kept_answers')
    .select('key_sha256')
    .where('caller', '=', caller)
    .orderBy('expires_s')
    .limit(1)
    .executeTakeFirst();
  if (first) await step.deleteFrom('kept_answers').where('key_sha256', '=', first.key_sha256).execute();
}
