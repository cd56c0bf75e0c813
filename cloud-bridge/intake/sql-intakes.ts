import { sha256Hex } from '@doorsill/base/keys';
import { type ErrorCode, failure, isErrorCode } from '@doorsill/contract/errors';
import type { Insertable, Kysely, Selectable, Transaction } from 'kysely';
import type { SqlCustody } from '../custody/sql-custody-log.ts';
import { keysOf } from '../persistence/agency-ids-of-organisation.ts';
import type { Tables } from '../persistence/bridge-schema.ts';
import { kindOfRecipient } from './answerable-request.ts';
import type {
  ClipPosition,
  GrantKey,
  Intake,
  IntakeStore,
  OpenLimits,
  OpenOutcome,
  OwnerRevocation,
  Reader,
  RevokedGrant,
  RevokeOutcome,
  StoredClip,
} from './intake-store.ts';
import { forgetManifest, keepManifest } from './sql-manifests.ts';

const DAY_S = 24 * 3600;

export class SqlIntakes implements IntakeStore {
  private readonly tables: Kysely<Tables>;
  private readonly custody: SqlCustody;

  constructor(tables: Kysely<Tables>, custody: SqlCustody) {
    this.tables = tables;
    this.custody = custody;
  }

  async find(key: GrantKey): Promise<Intake | null> {
    return findIn(this.tables, key);
  }

  async findClip(clip: string): Promise<Intake | null> {
    const row = await this.tables.selectFrom('intakes').selectAll().where('clip', '=', clip).executeTakeFirst();
    return row ? toIntake(row) : null;
  }

  async findUpload(upload: string): Promise<Intake | null> {
    const row = await this.tables.selectFrom('intakes').selectAll().where('upload', '=', upload).executeTakeFirst();
    return row ? toIntake(row) : null;
  }

  async open(intake: Intake, sealedManifest: Uint8Array, limits: OpenLimits, nowS: number): Promise<OpenOutcome> {
    return this.tables.transaction().execute(async (step) => {
      if (await revokedIn(step, intake)) return 'revoked';
      if (await findIn(step, intake)) return 'known';
      const twin = await step.selectFrom('intakes').select('clip').where('clip', '=', intake.clip).executeTakeFirst();
      if (twin) return 'clip-taken';
      const waiting = await step
        .selectFrom('intakes')
        .select((all) => [
          all.fn.countAll<number>().as('count'),
          all.fn.coalesce(all.fn.sum<number>('clip_bytes'), all.lit(0)).as('bytes'),
        ])
        .where('device', '=', intake.device)
        .where('state', '=', 'open')
        .executeTakeFirstOrThrow();
      const stored = await step
        .selectFrom('intakes')
        .select((all) => all.fn.coalesce(all.fn.sum<number>('clip_bytes'), all.lit(0)).as('bytes'))
        .where('device', '=', intake.device)
        .where('state', '=', 'stored')
        .where('stored_s', '>', nowS - DAY_S)
        .executeTakeFirstOrThrow();
      const opened = waiting.bytes + intake.clipBytes;
      const over =
        waiting.count >= limits.openPerDeviceMax ||
        opened > limits.openBytesPerDeviceMax ||
        opened + stored.bytes > limits.dayBytesPerDeviceMax;
      if (over) return 'over-quota';
      await step.insertInto('intakes').values(toRow(intake)).execute();
      await keepManifest(step, intake, sealedManifest);
      return 'opened';
    });
  }

  async setUploading(upload: string, uploading: boolean): Promise<void> {
    await this.tables
      .updateTable('intakes')
      .set((set) => ({
        uploading: uploading ? 1 : 0,
        creations: uploading ? set('creations', '+', 1) : set.ref('creations'),
      }))
      .where('upload', '=', upload)
      .where('state', '=', 'open')
      .execute();
  }

  async beginAnew(upload: string, anew: string): Promise<Intake | null> {
    const row = await this.tables
      .updateTable('intakes')
      .set({ upload: anew, uploading: 0 })
      .where('upload', '=', upload)
      .where('state', '=', 'open')
      .returningAll()
      .executeTakeFirst();
    return row ? toIntake(row) : null;
  }

  async publish(
    key: GrantKey,
    stored: StoredClip,
    check: (now: Intake) => void,
    move: () => Promise<void>,
  ): Promise<boolean> {
    return this.tables.transaction().execute(async (step) => {
      const intake = await findIn(step, key);
      if (intake?.state !== 'open' || (await revokedIn(step, key))) return false;
      if (!(await isOpen(step, intake))) return false;
      check(intake);
      await step
        .updateTable('intakes')
        .set({
          state: 'stored',
          uploading: 0,
          receipt: stored.receipt,
          statement_receipt: stored.statementReceipt,
          stored_s: stored.storedS,
          vault: stored.vault,
        })
        .where('device', '=', key.device)
        .where('grant_id', '=', key.grant)
        .execute();
      const { clip, grant, agency, clipSha256, clipBytes, manifestSha256, statementSha256 } = intake;
      const receiptSha256 = sha256Hex(stored.receipt);
      const statementReceiptSha256 = sha256Hex(stored.statementReceipt);
      const facts = {
        clip,
        grant,
        request: intake.request,
        agency,
        clipSha256,
        clipBytes,
        manifestSha256,
        receiptSha256,
        statementSha256,
        statementReceiptSha256,
      };
      await this.custody.append(step, { kind: 'intake', about: key, facts });
      await move();
      return true;
    });
  }

  async drop(key: GrantKey, refusal: ErrorCode, receipt: string): Promise<boolean> {
    return this.tables.transaction().execute(async (step) => {
      const dropped = await step
        .updateTable('intakes')
        .set({ state: 'deleted', uploading: 0, manifest: '', statement: '', refusal, receipt })
        .where('device', '=', key.device)
        .where('grant_id', '=', key.grant)
        .where('state', '=', 'open')
        .returning('clip')
        .executeTakeFirst();
      if (!dropped) return false;
      await forgetManifest(step, key);
      await this.recordDeletion(step, key, { clip: dropped.clip, cause: refusal, receipt });
      return true;
    });
  }

  async findRevoked(key: GrantKey): Promise<RevokedGrant | null> {
    return revokedIn(this.tables, key);
  }

  async revoke(
    revoked: RevokedGrant,
    revokedS: number,
    perDeviceMax: number,
    ownerRevocation: OwnerRevocation,
  ): Promise<RevokeOutcome> {
    return this.tables.transaction().execute(async (step) => {
      const before = await revokedIn(step, revoked);
      if (before) return { done: 'before', receipt: before.receipt };
      const intake = await findIn(step, revoked);
      const { count } = await step
        .selectFrom('revoked_grants')
        .select((all) => all.fn.countAll<number>().as('count'))
        .where('device', '=', revoked.device)
        .executeTakeFirstOrThrow();
      // A known clip can always be revoked; only unknown grants could be made up without limit.
      if (!intake && count >= perDeviceMax) return { done: 'too-many' };
      const isHandedOver = intake?.state === 'handed-over';
      const asked = await step
        .updateTable('hand_overs')
        .set(isHandedOver ? { state: 'recalling', ...toRevocationColumns(ownerRevocation) } : { state: 'withdrawing' })
        .where('device', '=', revoked.device)
        .where('grant_id', '=', revoked.grant)
        .where('state', 'not in', ['withdrawn', 'recalling', 'recalled'])
        .returning('item')
        .executeTakeFirst();
      if (isHandedOver) {
        const { clip, grant } = intake;
        const facts = { clip, grant, recallSha256: sha256Hex(ownerRevocation.revocation), answer: 'pending' } as const;
        // After an earlier recall the leaf exists, and the first owner's revocation is passed on.
        if (asked)
          await this.custody.append(step, { kind: 'recall', about: revoked, facts: { ...facts, item: asked.item } });
        return { done: 'recall', intake };
      }
      await addRevoked(step, revoked, revokedS);
      await step
        .updateTable('intakes')
        .set({
          state: 'deleted',
          uploading: 0,
          manifest: '',
          statement: '',
          refusal: 'intake_revoked',
          receipt: revoked.receipt,
        })
        .where('device', '=', revoked.device)
        .where('grant_id', '=', revoked.grant)
        .execute();
      await forgetManifest(step, revoked);
      const clip = intake ? { clip: intake.clip } : {};
      await this.recordDeletion(step, revoked, { ...clip, cause: 'intake_revoked', receipt: revoked.receipt });
      return { done: 'now', intake };
    });
  }

  async openIntakes(): Promise<Intake[]> {
    const rows = await this.tables.selectFrom('intakes').selectAll().where('state', '=', 'open').execute();
    return rows.map(toIntake);
  }

  async storedClips(reader: Reader, behind: ClipPosition | null, most: number): Promise<(Intake & ClipPosition)[]> {
    let query = this.tables
      .selectFrom('intakes')
      .selectAll()
      .where('agency', 'in', await keysOf(this.tables, reader))
      .where('state', '=', 'stored')
      .orderBy('stored_s', 'desc')
      .orderBy('clip', 'desc')
      .limit(most);
    if (behind) {
      query = query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('stored_s', 'clip'), '<', tuple(behind.storedS, behind.clip)),
      );
    }
    return (await query.execute()).map((row) => ({ ...toIntake(row), storedS: row.stored_s ?? 0 }));
  }

  private async recordDeletion(
    step: Transaction<Tables>,
    { device, grant }: GrantKey,
    { receipt, ...said }: { clip?: string; cause: ErrorCode; receipt: string },
  ): Promise<void> {
    const facts = { grant, ...said, receiptSha256: sha256Hex(receipt) };
    await this.custody.append(step, { kind: 'deletion', about: { device, grant }, facts });
  }
}

/** Whether the request or search that a clip answers is open now. */
async function isOpen(step: Transaction<Tables>, { request, agency }: Intake): Promise<boolean> {
  if (kindOfRecipient(agency) === 'neighbor') {
    const search = await step.selectFrom('searches').select('state').where('search', '=', request).executeTakeFirst();
    return search?.state === 'open';
  }
  const asked = await step.selectFrom('requests').select('state').where('request', '=', request).executeTakeFirst();
  return asked?.state === 'published';
}

/** The grant's intake, within a transaction or not. */
export async function findIn(from: Kysely<Tables> | Transaction<Tables>, key: GrantKey): Promise<Intake | null> {
  const row = await from
    .selectFrom('intakes')
    .selectAll()
    .where('device', '=', key.device)
    .where('grant_id', '=', key.grant)
    .executeTakeFirst();
  return row ? toIntake(row) : null;
}

export async function addRevoked(step: Transaction<Tables>, revoked: RevokedGrant, revokedS: number): Promise<void> {
  await step
    .insertInto('revoked_grants')
    .values({
      device: revoked.device,
      grant_id: revoked.grant,
      owner_key: revoked.ownerKey,
      grant_sha256: revoked.grantSha256,
      receipt: revoked.receipt,
      revoked_s: revokedS,
    })
    .execute();
}

/** The grant's revocation, within a transaction or not. */
export async function revokedIn(
  from: Kysely<Tables> | Transaction<Tables>,
  key: GrantKey,
): Promise<RevokedGrant | null> {
  const row = await from
    .selectFrom('revoked_grants')
    .selectAll()
    .where('device', '=', key.device)
    .where('grant_id', '=', key.grant)
    .executeTakeFirst();
  if (!row) return null;
  const { device, receipt } = row;
  return { device, grant: row.grant_id, ownerKey: row.owner_key, grantSha256: row.grant_sha256, receipt };
}

/** A new, open intake as a row. */
function toRow(intake: Intake): Insertable<Tables['intakes']> {
  return {
    device: intake.device,
    grant_id: intake.grant,
    clip: intake.clip,
    request: intake.request,
    agency: intake.agency,
    owner_key: intake.ownerKey,
    grant_sha256: intake.grantSha256,
    manifest: '',
    manifest_sha256: intake.manifestSha256,
    clip_sha256: intake.clipSha256,
    clip_bytes: intake.clipBytes,
    expires_s: intake.expiresS,
    upload: intake.upload,
    uploading: intake.uploading ? 1 : 0,
    creations: intake.creations,
    state: 'open',
    refusal: intake.refusal,
    receipt: intake.receipt,
    stored_s: null,
    vault: intake.vault,
    handed_over_s: null,
    statement: intake.statement,
    statement_sha256: intake.statementSha256,
    home: intake.home,
    statement_receipt: intake.statementReceipt,
    is_sealed: intake.isSealed ? 1 : 0,
  };
}

/** A row as an intake: a handed-over clip is a stored one in a later state. */
export function toIntake(row: Selectable<Tables['intakes']>): Intake {
  return {
    device: row.device,
    grant: row.grant_id,
    clip: row.clip,
    request: row.request,
    agency: row.agency,
    ownerKey: row.owner_key,
    grantSha256: row.grant_sha256,
    manifestSha256: row.manifest_sha256,
    statement: row.statement,
    statementSha256: row.statement_sha256,
    home: row.home,
    statementReceipt: row.statement_receipt,
    clipSha256: row.clip_sha256,
    clipBytes: row.clip_bytes,
    isSealed: row.is_sealed === 1,
    expiresS: row.expires_s,
    upload: row.upload,
    uploading: row.uploading === 1,
    creations: row.creations,
    state: row.state === 'stored' && row.handed_over_s !== null ? 'handed-over' : row.state,
    refusal: refusalOf(row.refusal),
    receipt: row.receipt,
    vault: row.vault,
  };
}

function refusalOf(text: string | null): ErrorCode | null {
  return text !== null && isErrorCode(text) ? text : null;
}

function toRevocationColumns({ homeRecall, ...ownerRevocation }: OwnerRevocation) {
  return { ...ownerRevocation, home_recall: homeRecall };
}

/** Throws `database_unfit` while a single bridge still has clips in its folder, where other instances would not find them. */
export async function assertNoClipInFolder(step: Transaction<Tables>, where: string): Promise<void> {
  const stored = step.selectFrom('intakes').select('clip').where('state', '=', 'stored');
  if (!(await stored.where('handed_over_s', 'is', null).executeTakeFirst())) return;
  const detail = 'the clips of a single bridge are in its folder; they are not moved: hand them over first';
  throw failure('database_unfit', { file: where, detail });
}
