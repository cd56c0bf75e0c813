import { sha256Hex } from '@doorsill/base/keys';
import type { RecallDecision } from '@doorsill/contract/hand-over-documents';
import type { Kysely, Selectable } from 'kysely';
import type { SqlCustody } from '../custody/sql-custody-log.ts';
import type { GrantKey, RevokedGrant } from '../intake/intake-store.ts';
import { addRevoked, findIn, revokedIn, toIntake } from '../intake/sql-intakes.ts';
import { forgetManifest } from '../intake/sql-manifests.ts';
import { addVerdict } from '../intake/sql-verdicts.ts';
import type { Tables } from '../persistence/bridge-schema.ts';
import type { HandOverJob, HandOverStore, TakenOver } from './hand-over-store.ts';

/** States in which the vault must still be sent a message. */
const BEGUN = ['handed-over', 'withdrawing', 'recalling'] as const;

const JOB_COLUMNS = [
  'hand_overs.state as step',
  'hand_overs.revocation',
  'hand_overs.pairing',
  'hand_overs.home_recall',
] as const;

export class SqlHandOvers implements HandOverStore {
  private readonly tables: Kysely<Tables>;
  private readonly custody: SqlCustody;

  constructor(tables: Kysely<Tables>, custody: SqlCustody) {
    this.tables = tables;
    this.custody = custody;
  }

  async jobs(vault: string, most: number): Promise<HandOverJob[]> {
    // Two queries, each served by an index; one for both would read every clip that the vault ever got. A cross join makes SQLite start
    // with the table on its left.
    const begun = this.tables
      .selectFrom('hand_overs')
      .crossJoin('intakes')
      .whereRef('intakes.device', '=', 'hand_overs.device')
      .whereRef('intakes.grant_id', '=', 'hand_overs.grant_id')
      .where('hand_overs.state', 'in', [...BEGUN])
      .where('intakes.vault', '=', vault)
      .selectAll('intakes')
      .select([...JOB_COLUMNS]);
    // A clip older than statements stays: its full manifest names the home.
    const stored = this.tables
      .selectFrom('intakes')
      .leftJoin('hand_overs', (join) =>
        join.onRef('hand_overs.device', '=', 'intakes.device').onRef('hand_overs.grant_id', '=', 'intakes.grant_id'),
      )
      .where('intakes.vault', '=', vault)
      .where('intakes.state', '=', 'stored')
      .where('intakes.handed_over_s', 'is', null)
      .where('intakes.statement', '<>', '')
      .where((where) =>
        where.or([where('hand_overs.state', 'is', null), where('hand_overs.state', 'not in', [...BEGUN])]),
      )
      .selectAll('intakes')
      .select([...JOB_COLUMNS]);
    const rows = [
      ...(await begun.orderBy('intakes.stored_s').limit(most).execute()),
      ...(await stored.orderBy('intakes.stored_s').limit(most).execute()),
    ];
    const oldest = rows.sort((one, other) => (one.stored_s ?? 0) - (other.stored_s ?? 0)).slice(0, most);
    return oldest.flatMap((row) => toJob(row) ?? []);
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
    return jobOf(intake, row);
  }

  async offered(key: GrantKey, item: string): Promise<boolean> {
    return this.tables.transaction().execute(async (step) => {
      const intake = await findIn(step, key);
      if (intake?.state !== 'stored' || intake.statement === '' || (await revokedIn(step, key))) return false;
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
          home_recall: null,
        })
        .onConflict((conflict) => conflict.columns(['device', 'grant_id']).doNothing())
        .execute();
      return true;
    });
  }

  async handedOver(key: GrantKey, { item, acknowledgement, verdict }: TakenOver, atS: number): Promise<boolean> {
    return this.tables.transaction().execute(async (step) => {
      const intake = await findIn(step, key);
      if (intake?.state !== 'stored' || (await revokedIn(step, key))) return false;
      await step
        .updateTable('intakes')
        .set({ handed_over_s: atS, statement: '' })
        .where('device', '=', key.device)
        .where('grant_id', '=', key.grant)
        .execute();
      await step
        .updateTable('hand_overs')
        .set({ state: 'handed-over', acknowledgement })
        .where('device', '=', key.device)
        .where('grant_id', '=', key.grant)
        .execute();
      const { clip, grant, clipSha256 } = intake;
      const facts = { clip, grant, item, clipSha256, acknowledgementSha256: sha256Hex(acknowledgement) };
      await this.custody.append(step, { kind: 'hand-over', about: key, facts });
      if (verdict) await addVerdict(step, this.custody, intake, verdict);
      return true;
    });
  }

  async confirmed(key: GrantKey): Promise<void> {
    await this.move(key, 'handed-over', { state: 'confirmed' });
  }

  async withdrawn(key: GrantKey): Promise<void> {
    await this.move(key, 'withdrawing', { state: 'withdrawn' });
  }

  async recalled(
    revoked: RevokedGrant,
    { decision, token: answer }: { decision: RecallDecision; token: string },
    atS: number,
  ): Promise<void> {
    await this.tables.transaction().execute(async (step) => {
      if (await revokedIn(step, revoked)) return;
      const { device, grant, receipt } = revoked;
      await addRevoked(step, revoked, atS);
      await step
        .updateTable('intakes')
        .set({ refusal: 'intake_revoked', ...(decision === 'erased' ? { state: 'deleted' as const, receipt } : {}) })
        .where('device', '=', device)
        .where('grant_id', '=', grant)
        .execute();
      const handed = await step
        .updateTable('hand_overs')
        .set({ state: 'recalled', answer })
        .where('device', '=', device)
        .where('grant_id', '=', grant)
        .returning(['item', 'revocation'])
        .executeTakeFirstOrThrow();
      const clip = (await findIn(step, revoked))?.clip ?? '';
      const about = { device, grant };
      const answered = { answer: decision, answerSha256: sha256Hex(answer) };
      const recall = { clip, grant, item: handed.item, recallSha256: sha256Hex(handed.revocation ?? ''), ...answered };
      await this.custody.append(step, { kind: 'recall', about, facts: recall });
      if (decision !== 'erased') return;
      await forgetManifest(step, { device, grant });
      const facts = { clip, grant, cause: 'intake_revoked', receiptSha256: sha256Hex(receipt) };
      await this.custody.append(step, { kind: 'deletion', about, facts });
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

type RevocationColumns = Pick<Tables['hand_overs'], 'revocation' | 'pairing' | 'home_recall'>;
/** A row of both tables; columns of the second are null where it has no row. */
type JobRow = Selectable<Tables['intakes']> & RevocationColumns & { step: Tables['hand_overs']['state'] | null };

function toJob({ step, ...row }: JobRow): HandOverJob | null {
  return jobOf(toIntake(row), step === null ? undefined : { ...row, state: step });
}

function jobOf(
  intake: HandOverJob['intake'],
  row: (RevocationColumns & { state: Tables['hand_overs']['state'] }) | undefined,
): HandOverJob | null {
  const state = row?.state ?? null;
  if (state === 'confirmed' || state === 'withdrawn' || state === 'recalled') return null;
  if (state === null && intake.state !== 'stored') return null;
  const { revocation = null, pairing = null, home_recall: homeRecall = null } = row ?? {};
  return { intake, state, ownerRevocation: revocation === null ? null : { revocation, pairing, homeRecall } };
}
