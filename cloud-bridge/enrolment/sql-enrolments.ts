import type { Kysely } from 'kysely';
import type { Tables } from '../persistence/bridge-schema.ts';
import type { EnrolledDevice, EnrolmentCodeCounts, EnrolmentStore } from './enrolment-store.ts';

export class SqlEnrolments implements EnrolmentStore {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  async addCode(secretSha256: string, expiresS: number, nowS: number, devicesMax = 1): Promise<void> {
    await this.tables.transaction().execute(async (step) => {
      await step.deleteFrom('enrolment_codes').where('expires_s', '<=', nowS).execute();
      await step
        .insertInto('enrolment_codes')
        .values({ secret_sha256: secretSha256, expires_s: expiresS, devices_max: devicesMax, enrolled: 0 })
        .execute();
    });
  }

  async redeem(secretSha256: string, device: EnrolledDevice): Promise<boolean> {
    return this.tables.transaction().execute(async (step) => {
      if (!(await takesPlace(step, secretSha256, device))) return false;
      await step
        .insertInto('devices')
        .values({ device: device.device, key: device.key, enrolled_s: device.enrolledS })
        .onConflict((conflict) => conflict.column('device').doUpdateSet({ enrolled_s: device.enrolledS }))
        .execute();
      return true;
    });
  }

  async codes(nowS: number): Promise<EnrolmentCodeCounts[]> {
    const rows = await this.tables
      .selectFrom('enrolment_codes')
      .selectAll()
      .where('expires_s', '>', nowS)
      .orderBy('expires_s')
      .orderBy('secret_sha256')
      .execute();
    return rows.map((row) => ({
      secretSha256: row.secret_sha256,
      devicesMax: row.devices_max,
      enrolled: row.enrolled,
      expiresS: row.expires_s,
    }));
  }

  async endCode(sha256Prefix: string): Promise<boolean> {
    const ended = await this.tables
      .deleteFrom('enrolment_codes')
      .where('secret_sha256', 'like', `${sha256Prefix}%`)
      .executeTakeFirst();
    return ended.numDeletedRows > 0n;
  }

  async deviceKey(device: string): Promise<string | null> {
    const row = await this.tables.selectFrom('devices').select('key').where('device', '=', device).executeTakeFirst();
    return row?.key ?? null;
  }
}

/** Whether a code has let this key in before, or does now; counts it. */
async function takesPlace(step: Kysely<Tables>, secretSha256: string, device: EnrolledDevice): Promise<boolean> {
  // An update that changes nothing locks the row: others with this code wait until this one is counted.
  const code = await step
    .updateTable('enrolment_codes')
    .set((row) => ({ enrolled: row.ref('enrolled') }))
    .where('secret_sha256', '=', secretSha256)
    .where('expires_s', '>', device.enrolledS)
    .returning(['devices_max', 'enrolled'])
    .executeTakeFirst();
  if (!code) return false;
  const use = { secret_sha256: secretSha256, key: device.key };
  const before = await step
    .selectFrom('enrolment_uses')
    .select('key')
    .where((row) => row.and(use))
    .executeTakeFirst();
  if (before) return true;
  if (code.enrolled >= code.devices_max) return false;
  await step.insertInto('enrolment_uses').values(use).execute();
  await step
    .updateTable('enrolment_codes')
    .set({ enrolled: code.enrolled + 1 })
    .where('secret_sha256', '=', secretSha256)
    .execute();
  return true;
}
