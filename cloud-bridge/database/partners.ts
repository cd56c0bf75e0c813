// Owns: partners in SQL, and the one transaction in which a partner ends and its requests with it. Not here: who decides that.
import type { Kysely, Selectable } from 'kysely';
import type { Partner, PartnerStore } from '../partners/store.ts';
import type { NoteEvent } from './events.ts';
import { cancelOfPartner } from './requests.ts';
import type { Tables } from './schema.ts';

export class SqlPartners implements PartnerStore {
  private readonly tables: Kysely<Tables>;
  private readonly note: NoteEvent;

  constructor(tables: Kysely<Tables>, note: NoteEvent) {
    this.tables = tables;
    this.note = note;
  }

  async add(partner: Partner): Promise<boolean> {
    return this.tables.transaction().execute(async (step) => {
      const added = await step
        .insertInto('partners')
        .values(toRow(partner))
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (added.numInsertedOrUpdatedRows !== 1n) return false;
      await this.note(step, eventOf(partner));
      return true;
    });
  }

  async find(partner: string): Promise<Partner | null> {
    const row = await this.tables.selectFrom('partners').selectAll().where('partner', '=', partner).executeTakeFirst();
    return row ? toPartner(row) : null;
  }

  async list(): Promise<Partner[]> {
    return (await this.tables.selectFrom('partners').selectAll().orderBy('partner').execute()).map(toPartner);
  }

  async change(
    partner: string,
    decide: (now: Partner) => Partner | null,
    nowS: number,
  ): Promise<{ partner: Partner; cancelled: number } | null> {
    return this.tables.transaction().execute(async (step) => {
      const row = await step.selectFrom('partners').selectAll().where('partner', '=', partner).executeTakeFirst();
      if (!row) return null;
      const now = toPartner(row);
      const next = decide(now);
      if (!next) return { partner: now, cancelled: 0 };
      await step.updateTable('partners').set(toRow(next)).where('partner', '=', partner).execute();
      await this.note(step, eventOf(next));
      const cancelled = next.status === 'ended' ? await cancelOfPartner(step, partner, nowS, this.note) : 0;
      return { partner: next, cancelled };
    });
  }
}

function eventOf({ partner, status, revision }: Partner) {
  return { type: 'partner', partner, status, revision } as const;
}

function toRow(partner: Partner): Tables['partners'] {
  const { sinceS, tokenSha256, webhookSecret, ...rest } = partner;
  return { ...rest, since_s: sinceS, token_sha256: tokenSha256, webhook_secret: webhookSecret };
}

function toPartner(row: Selectable<Tables['partners']>): Partner {
  const { since_s: sinceS, token_sha256: tokenSha256, webhook_secret: webhookSecret, ...rest } = row;
  return { ...rest, sinceS, tokenSha256, webhookSecret };
}
