import type { Kysely, Selectable } from 'kysely';
import type { Tables } from '../persistence/bridge-schema.ts';
import type { Moderator, ModeratorStore } from './moderators.ts';

export class SqlModerators implements ModeratorStore {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  async add({ moderator, name, sinceS }: Moderator, tokenSha256: string): Promise<boolean> {
    const added = await this.tables
      .insertInto('moderators')
      .values({ moderator, name, since_s: sinceS, token_sha256: tokenSha256 })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return added.numInsertedOrUpdatedRows === 1n;
  }

  async findByToken(tokenSha256: string): Promise<Moderator | null> {
    const row = await this.tables
      .selectFrom('moderators')
      .selectAll()
      .where('token_sha256', '=', tokenSha256)
      .executeTakeFirst();
    return row ? toModerator(row) : null;
  }

  async list(): Promise<Moderator[]> {
    return (await this.tables.selectFrom('moderators').selectAll().orderBy('moderator').execute()).map(toModerator);
  }

  async remove(moderator: string): Promise<boolean> {
    const gone = await this.tables.deleteFrom('moderators').where('moderator', '=', moderator).executeTakeFirst();
    return gone.numDeletedRows === 1n;
  }
}

function toModerator({ moderator, name, since_s: sinceS }: Selectable<Tables['moderators']>): Moderator {
  return { moderator, name, sinceS };
}
