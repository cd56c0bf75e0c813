// @module-tag postgresql
// With a synchronous standby no stored clip is lost with the primary, and nothing counts as stored that the standby may not have.
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Database } from '../../../cloud-bridge/bridge-database.ts';
import { isFailure } from '../../../device/contract/errors.ts';
import { openBridgeAt, postgresPlace } from '../../support/bridge-database.ts';
import { freePort } from '../../support/mosquitto.ts';
import { PostgresServer } from '../../support/postgres.ts';
import { proved } from '../../support/proved.ts';

let primary: PostgresServer;
let standby: PostgresServer;
beforeAll(async () => {
  primary = await PostgresServer.open(await freePort());
  standby = await PostgresServer.standbyOf(primary, await freePort());
  await primary.ask(`alter system set synchronous_standby_names = '*'`, 'postgres');
  await primary.ask('select pg_reload_conf()', 'postgres');
  await untilShown(`select 1 from pg_stat_replication where sync_state = 'sync'`);
}, 120_000);
afterAll(async () => {
  await standby?.dispose();
  await primary?.dispose();
});

/** Resolves once the primary has such a row. */
async function untilShown(statement: string): Promise<void> {
  await vi.waitFor(async () => expect(await primary.ask(statement, 'postgres')).not.toEqual([]), { timeout: 60_000 });
}

/** Enrols devices one after the other, until the database fails; returns which ones were acknowledged, and the failure's code. */
async function enrolUntilItFails(database: Database, onEach: (count: number) => void) {
  const acknowledged: string[] = [];
  await database.enrolments.addCode('s', 10_000, 0, 1_000_000);
  for (;;) {
    const device = `device-${acknowledged.length}`;
    try {
      await database.enrolments.redeem('s', { device, key: `key-${acknowledged.length}`, enrolledS: 1 });
    } catch (thrown) {
      return { acknowledged, code: isFailure(thrown) ? thrown.code : String(thrown) };
    }
    acknowledged.push(device);
    onEach(acknowledged.length);
  }
}

it('refuses a server whose commits do not wait for its standby', { timeout: 60_000 }, async () => {
  const url = await primary.database('careless');
  await primary.ask(`alter database careless set synchronous_commit = local`, 'postgres');
  await expect(openBridgeAt(postgresPlace(url))).rejects.toMatchObject({ code: 'database_unfit' });
});

it('acknowledges nothing whose wait for the standby was cancelled', { timeout: 120_000 }, async () => {
  const database = await openBridgeAt(postgresPlace(await primary.database('waiting')));
  await database.enrolments.addCode('s', 10_000, 0);
  await standby.stop();
  const enrolling = database.enrolments.redeem('s', { device: 'device-a', key: 'k', enrolledS: 1 });
  const outcome = expect(enrolling).rejects.toMatchObject({ code: 'database_unreachable' });
  const waiting = `select pid from pg_stat_activity where wait_event = 'SyncRep' and datname = 'waiting'`;
  await untilShown(waiting);
  await primary.ask(`select pg_cancel_backend(pid) from (${waiting}) as waits`, 'postgres');
  await outcome;
  await standby.start();
  // The commit may have been made: a repeated call gets the same answer.
  expect(await database.enrolments.redeem('s', { device: 'device-a', key: 'k', enrolledS: 1 })).toBe(true);
  await database.close();
});

it('ends with a code a hanging statement, and a commit whose standby is down', { timeout: 180_000 }, async () => {
  const [blocked, waiting] = await Promise.all([
    openBridgeAt(postgresPlace(await primary.database('blocked'))),
    openBridgeAt(postgresPlace(await primary.database('lonely'))),
  ]);
  await waiting.enrolments.addCode('s', 10_000, 0);
  const locked = primary.ask(
    'begin; lock table doorsill_bridge.devices in access exclusive mode; select pg_sleep(75); rollback',
    'blocked',
  );
  await untilShown(`select 1 from pg_stat_activity where wait_event = 'PgSleep'`);
  await standby.stop();
  const hanging = [
    blocked.enrolments.deviceKey('device-a'),
    waiting.enrolments.redeem('s', { device: 'device-a', key: 'k', enrolledS: 1 }),
  ];
  for (const one of await Promise.allSettled(hanging))
    expect(one).toMatchObject({ status: 'rejected', reason: { code: 'database_unreachable' } });
  await standby.start();
  await locked;
  expect(await blocked.enrolments.deviceKey('device-a')).toBeNull();
  expect(await waiting.enrolments.redeem('s', { device: 'device-a', key: 'k', enrolledS: 1 })).toBe(true);
  await Promise.all([blocked.close(), waiting.close()]);
});

it('has at the promoted standby all that was acknowledged when the primary died', {
  timeout: 120_000,
}, async (test) => {
  const database = await openBridgeAt(postgresPlace(await primary.database('lasting')));
  let killed: Promise<void> | null = null;
  const { acknowledged, code } = await enrolUntilItFails(database, (count) => {
    if (count === 200) killed = primary.kill();
  });
  await killed;
  expect(code).toBe('database_unreachable');
  expect(acknowledged.length).toBeGreaterThanOrEqual(200);
  await database.close();
  await standby.ask('select pg_promote()', 'postgres');
  const after = await openBridgeAt(postgresPlace(standby.socketUrl('lasting')));
  const lost: string[] = [];
  for (const device of acknowledged) if ((await after.enrolments.deviceKey(device)) === null) lost.push(device);
  await after.close();
  expect(lost).toEqual([]);
  proved(
    test,
    'Acknowledged writes lost when the primary dies and its standby takes over',
    `0 of ${acknowledged.length}`,
  );
});
