// Owns: hand-overs in SQL, and the one transaction in which a clip becomes the vault's. Not here: what the vault must have said
// before (hand-over/).
import type { Kysely, Selectable } from 'kysely';
import { sha256Hex } from '../../device/base/keys.ts';
import type { HandOverJob, HandOverStore, RecallTold } from '../hand-over/store.ts';
import type { GrantKey, RevokedGrant } from '../intake/store.ts';
import type { SqlCustody } from './custody.ts';
import { findIn, revokedIn, toIntake } from './intakes.ts';
import type { Tables } from './schema.ts';

export class SqlHandOvers implements HandOverStore {
  private readonly tables: Kysely<Tables>;
  private readonly custody: SqlCustody;

  constructor(tables: Kysely<Tables>, custody: SqlCustody) {
    this.tables = tables;
    this.custody = custody;
  }

  async jobs(vault: string, most: number): Promise<HandOverJob[]> {
    const rows = await this.tables
      .selectFrom('intakes')
      .leftJoin('hand_overs', (join) =>
        join.onRef('hand_overs.device', '=', 'intakes.device').onRef('hand_overs.grant_id', '=', 'intakes.grant_id'),
      )
      .selectAll('intakes')
      .select(['hand_overs.state as step', 'hand_overs.revocation', 'hand_overs.pairing'])
      .where('intakes.vault', '=', vault)
      .where((where) =>
        where.or([
          where('hand_overs.state', 'in', ['handed-over', 'withdrawing', 'recalling']),
          where.and([where('intakes.state', '=', 'stored'), where('intakes.handed_over_s', 'is', null)]),
        ]),
      )
      .orderBy('intakes.stored_s')
      .limit(most)
      .execute();
    return rows.flatMap((row) => toJob(row) ?? []);
  }

  async job(key: GrantKey): Promise<HandOverJob | null> {
    const intake = await findIn(this.tables, key);
    if (!intake) return null;
    const row = await this.tables
      .selectFrom('hand_overs')
      .selectAll()
      .where('device', '=', key.device)
      .where('grant_id', '=', key.grant)
      .executeTakeFirst();
    return jobOf(intake, row?.state ?? null, row?.revocation ?? null, row?.pairing ?? null);
  }

  async offered(key: GrantKey, item: string): Promise<boolean> {
    return this.tables.transaction().execute(async (step) => {
      const intake = await findIn(step, key);
      if (intake?.state !== 'stored' || (await revokedIn(step, key))) return false;
      await step
        .insertInto('hand_overs')
        .values({
          device: key.device,
          grant_id: key.grant,
          item,
          state: 'offered',
          acknowledgement: null,
          revocation: null,
          pairing: null,
          answer: null,
        })
        .onConflict((conflict) => conflict.columns(['device', 'grant_id']).doNothing())
        .execute();
      return true;
    });
  }

  async handedOver(key: GrantKey, acknowledgement: string, atS: number): Promise<boolean> {
    return this.tables.transaction().execute(async (step) => {
      const intake = await findIn(step, key);
      if (intake?.state !== 'stored' || (await revokedIn(step, key))) return false;
      await step
        .updateTable('intakes')
        .set({ handed_over_s: atS, manifest: '' })
        .where('device', '=', key.device)
        .where('grant_id', '=', key.grant)
        .execute();
      const { item } = await step
        .updateTable('hand_overs')
        .set({ state: 'handed-over', acknowledgement })
        .where('device', '=', key.device)
        .where('grant_id', '=', key.grant)
        .returning('item')
        .executeTakeFirstOrThrow();
      const { clip, clipSha256 } = intake;
      const facts = { clip, grant: key.grant, item, clipSha256, acknowledgementSha256: sha256Hex(acknowledgement) };
      await this.custody.append(step, { kind: 'hand-over', about: key, facts });
      return true;
    });
  }

  async confirmed(key: GrantKey): Promise<void> {
    await this.move(key, 'handed-over', { state: 'confirmed' });
  }

  async withdrawn(key: GrantKey): Promise<void> {
    await this.move(key, 'withdrawing', { state: 'withdrawn' });
  }

  async recalled(revoked: RevokedGrant, told: RecallTold, atS: number): Promise<void> {
    await this.tables.transaction().execute(async (step) => {
      if (await revokedIn(step, revoked)) return;
      const { device, grant, receipt } = revoked;
      await step
        .insertInto('revoked_grants')
        .values({
          device,
          grant_id: grant,
          owner_key: revoked.ownerKey,
          grant_sha256: revoked.grantSha256,
          receipt,
          revoked_s: atS,
        })
        .execute();
      const { clip } = await step
        .updateTable('intakes')
        .set({
          refusal: 'intake_revoked',
          receipt,
          ...(told.decision === 'erased' ? { state: 'deleted' as const } : {}),
        })
        .where('device', '=', device)
        .where('grant_id', '=', grant)
        .returning('clip')
        .executeTakeFirstOrThrow();
      const { item } = await step
        .updateTable('hand_overs')
        .set({ state: 'recalled', answer: told.answer })
        .where('device', '=', device)
        .where('grant_id', '=', grant)
        .returning('item')
        .executeTakeFirstOrThrow();
      const said = {
        answer: told.decision,
        recallSha256: sha256Hex(told.recall),
        answerSha256: sha256Hex(told.answer),
      };
      await this.custody.append(step, {
        kind: 'recall',
        about: { device, grant },
        facts: { clip, grant, item, ...said },
      });
    });
  }

  private async move(
    key: GrantKey,
    from: Tables['hand_overs']['state'],
    change: Partial<Tables['hand_overs']>,
  ): Promise<void> {
    await this.tables
      .updateTable('hand_overs')
      .set(change)
      .where('device', '=', key.device)
      .where('grant_id', '=', key.grant)
      .where('state', '=', from)
      .execute();
  }
}

type JobRow = Selectable<Tables['intakes']> & {
  step: Tables['hand_overs']['state'] | null;
  revocation: string | null;
  pairing: string | null;
};

function toJob(row: JobRow): HandOverJob | null {
  return jobOf(toIntake(row), row.step, row.revocation, row.pairing);
}

function jobOf(
  intake: HandOverJob['intake'],
  state: Tables['hand_overs']['state'] | null,
  revocation: string | null,
  pairing: string | null,
): HandOverJob | null {
  if (state === 'confirmed' || state === 'withdrawn' || state === 'recalled') return null;
  if (state === null && intake.state !== 'stored') return null;
  return { intake, state, word: revocation === null ? null : { revocation, pairing } };
}
