// Owns: enrolment codes and devices in SQL. Not here: who may enrol (enrolment/).
import type { Kysely } from 'kysely';
import type { Tables } from '../persistence/bridge-schema.ts';
import type { EnrolledDevice, EnrolmentStore } from './store.ts';

export class SqlEnrolments implements EnrolmentStore {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  async addCode(secretSha256: string, expiresS: number, nowS: number): Promise<void> {
    await this.tables.transaction().execute(async (step) => {
      await step.deleteFrom('enrolment_codes').where('expires_s', '<=', nowS).execute();
      await step
        .insertInto('enrolment_codes')
        .values({ secret_sha256: secretSha256, expires_s: expiresS, used_by: null })
        .execute();
    });
  }

  async redeem(secretSha256: string, device: EnrolledDevice): Promise<boolean> {
    return this.tables.transaction().execute(async (step) => {
      const used = await step
        .updateTable('enrolment_codes')
        .set({ used_by: device.key })
        .where('secret_sha256', '=', secretSha256)
        .where('expires_s', '>', device.enrolledS)
        .where((where) => where.or([where('used_by', 'is', null), where('used_by', '=', device.key)]))
        .executeTakeFirst();
      if (used.numUpdatedRows === 0n) return false;
      await step
        .insertInto('devices')
        .values({ device: device.device, key: device.key, enrolled_s: device.enrolledS })
        .onConflict((conflict) => conflict.column('device').doUpdateSet({ enrolled_s: device.enrolledS }))
        .execute();
      return true;
    });
  }

  async deviceKey(device: string): Promise<string | null> {
    const row = await this.tables.selectFrom('devices').select('key').where('device', '=', device).executeTakeFirst();
    return row?.key ?? null;
  }
}
