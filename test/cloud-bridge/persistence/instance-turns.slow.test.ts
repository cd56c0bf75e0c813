// Several instances on one PostgreSQL database: unique names, exclusive writes and turns, locks taken from a frozen instance, and two
// releases side by side where their schema allows it.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../../cloud-bridge/bridge-database.ts';
import { IdempotentCalls } from '../../../cloud-bridge/http/idempotency.ts';
import type { Migrations } from '../../../cloud-bridge/persistence/migrations.ts';
import { openPostgres } from '../../../cloud-bridge/persistence/open-postgres.ts';
import { instancePlace, openBridgeAt, PLACE_SEAMS, postgresPlace } from '../../support/bridge-database.ts';
import { freePort } from '../../support/mosquitto.ts';
import { PostgresServer } from '../../support/postgres.ts';
import { enrolAndAsk, key, limits, plainIntake, plainPartner, SEALED } from '../support/plain-rows.ts';

let server: PostgresServer;
let name = '';
let url = '';
let count = 0;
beforeAll(async () => {
  server = await PostgresServer.open(await freePort());
}, 60_000);
afterAll(() => server.dispose());
beforeEach(async () => {
  count += 1;
  name = `turns_${count}`;
  url = await server.database(name);
});
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function open(instance: string): Promise<Database> {
  const database = await openBridgeAt(instancePlace(url, instance));
  opened.push(database);
  return database;
}
const refused = (opening: Promise<{ close(): Promise<void> }>) =>
  opening.then(
    (database) => database.close(),
    (thrown: unknown) => thrown,
  );
const PATIENT = { timeout: 30_000, interval: 20 };
/** Number of connections that wait for an advisory lock. */
const waiting = async () =>
  (await server.ask(`select pid from pg_stat_activity where wait_event = 'advisory' and datname = '${name}'`, name))
    .length;

describe('a database', () => {
  it('is refused to a second instance of the same name and to a single bridge, and opened for another name', async () => {
    await open('a');
    await open('b');
    expect(await refused(openBridgeAt(instancePlace(url, 'b')))).toMatchObject({ code: 'database_busy' });
    expect(await refused(openBridgeAt(postgresPlace(url)))).toMatchObject({ code: 'database_busy' });
  }, 30_000);

  it('is written by one instance at a time: none changes rows that another’s transaction has read', async () => {
    const [a, b] = [await open('a'), await open('b')];
    await a.partners.add(plainPartner);
    const again = (at: number) =>
      [a, b][at % 2]?.partners.change('partner-a', (now) => ({ ...now, revision: now.revision + 1 }), 0);
    await Promise.all(Array.from({ length: 60 }, (_, at) => again(at)));
    expect(await b.partners.find('partner-a')).toMatchObject({ revision: plainPartner.revision + 60 });
    // Nor does a single statement.
    await enrolAndAsk(a);
    await a.intakes.open(plainIntake(), SEALED, limits, 0);
    const order: string[] = [];
    const stored = { receipt: 'r', statementReceipt: 'twin', storedS: 5, vault: null };
    let write: Promise<void> | undefined;
    await a.intakes.publish(
      key,
      stored,
      () => undefined,
      async () => {
        write = b.health.write(1).then(() => void order.push('written by b'));
        await expect.poll(waiting, PATIENT).toBe(1);
        order.push('moved by a');
      },
    );
    await write;
    expect(order).toEqual(['moved by a', 'written by b']);
  }, 60_000);

  it('gets its secrets once when two instances create it at once', async () => {
    const [a, b] = await Promise.all([open('a'), open('b')]);
    expect(await server.ask('select count(*)::int as n from doorsill_bridge.custody_secret', name)).toEqual([{ n: 1 }]);
    await a.sharedPart.claim('bridge-a');
    await b.sharedPart.claim('bridge-a');
    await expect(b.sharedPart.claim('bridge-b')).rejects.toMatchObject({ code: 'database_unfit' });
    await expect(b.sharedPart.assertNone()).rejects.toMatchObject({ code: 'database_unfit' });
  }, 60_000);

  it('is not shared while the clips of a single bridge are in its folder', async () => {
    const single = await openBridgeAt(postgresPlace(url));
    await single.sharedPart.assertNone();
    await enrolAndAsk(single);
    await single.intakes.open(plainIntake(), SEALED, limits, 0);
    const stored = { receipt: 'r', statementReceipt: 'twin', storedS: 5, vault: null };
    await single.intakes.publish(
      key,
      stored,
      () => undefined,
      async () => undefined,
    );
    await single.close();
    const a = await open('a');
    await expect(a.sharedPart.claim('bridge-a')).rejects.toMatchObject({ code: 'database_unfit' });
    expect(await a.sharedPart.find()).toBeNull();
  });
});

describe('a turn', () => {
  it('is held by one instance at a time for each name, and by one caller in it', async () => {
    const [a, b] = [await open('a'), await open('b')];
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await a.health.write(1);
      inside -= 1;
    };
    await Promise.all([a, b, a, b, a, b].map(({ turns }) => turns.run('publish', work)));
    expect(most).toBe(1);
    // Another name does not wait.
    await a.turns.run('publish', () => b.turns.run('sweep', async () => undefined));
  }, 30_000);

  it('that is periodic is skipped when another instance has just done it, and taken again after half its period', async () => {
    const [a, b] = [await open('a'), await open('b')];
    const done: string[] = [];
    const by = (who: string) => async () => void done.push(who);
    await a.turns.run('sweep', by('a'), 600);
    await b.turns.run('sweep', by('b'), 600);
    expect(done).toEqual(['a']);
    await server.ask('update doorsill_bridge.turns set done_s = done_s - 301', name);
    await b.turns.run('sweep', by('b'), 600);
    expect(done).toEqual(['a', 'b']);
    // A failed one does not count.
    await server.ask('update doorsill_bridge.turns set done_s = done_s - 301', name);
    await expect(a.turns.run('sweep', () => Promise.reject(new Error('no')), 600)).rejects.toThrow('no');
    await b.turns.run('sweep', by('b'), 600);
    expect(done).toEqual(['a', 'b', 'b']);
  });

  it('ends with the connection of its holder, which learns that it was lost', async () => {
    const [a, b] = [await open('a'), await open('b')];
    const done: string[] = [];
    const holding = a.turns.run('publish', async () => {
      const other = b.turns.run('publish', async () => void done.push('b'));
      const end = `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
        and (classid::bigint << 32) | objid::bigint = hashtextextended('doorsill_bridge turn publish', 0)`;
      await server.ask(end, name);
      await other;
      done.push('a');
    });
    await expect(holding).rejects.toMatchObject({ code: 'database_unreachable' });
    expect(done).toEqual(['b', 'a']);
  }, 30_000);

  it('is no longer waited for when the process stops', async () => {
    const [a, b] = [await open('a'), await open('b')];
    await a.turns.run('publish', async () => {
      const waits = b.turns.run('publish', async () => undefined);
      b.turns.stop();
      await expect(waits).rejects.toMatchObject({ code: 'database_unreachable' });
    });
  });
});

it('runs a call with one idempotency key once when it is sent to two instances at once, and both give its answer', async () => {
  const databases = [await open('a'), await open('b')];
  const calls = databases.map(({ answers, turns }) => new IdempotentCalls(PLACE_SEAMS.clock, answers, turns));
  let done = 0;
  const work = async () => {
    done += 1;
    await databases[0]?.health.write(1);
    return { number: done };
  };
  const asked = { header: 'key-1', caller: 'POST /x agency-a', body: { x: 1 }, status: 201 };
  const answers = await Promise.all([...calls, ...calls].map((one) => one.run(asked, work)));
  expect(done).toBe(1);
  expect(answers.map(({ answer }) => answer)).toEqual(Array.from({ length: 4 }, () => ({ number: 1 })));
  expect(answers.filter(({ isRepeat }) => isRepeat)).toHaveLength(3);
  // A refused call may be corrected, also at the other instance.
  const no = () => Promise.reject(new Error('no'));
  const corrected = { ...asked, header: 'key-2' };
  await expect(calls[0]?.run(corrected, no)).rejects.toThrow('no');
  expect(await calls[1]?.run(corrected, work)).toMatchObject({ isRepeat: false });
}, 30_000);

it('takes the locks of a frozen instance, in a transaction and between two', async () => {
  const [frozen, idle, other] = [await open('frozen'), await open('idle'), await open('other')];
  await enrolAndAsk(other);
  await other.intakes.open(plainIntake(), SEALED, limits, 0);
  let thaw = () => {};
  const thawed = new Promise<void>((resolve) => {
    thaw = resolve;
  });
  const stored = { receipt: 'r', statementReceipt: 'twin', storedS: 5, vault: null };
  const begun: string[] = [];
  const freeze = (what: string) => {
    begun.push(what);
    return thawed;
  };
  const working = [
    idle.turns.run('publish', () => freeze('turn')),
    frozen.intakes.publish(
      key,
      stored,
      () => undefined,
      () => freeze('transaction'),
    ),
  ];
  const ended = Promise.allSettled(working);
  await expect.poll(() => begun.length, PATIENT).toBe(2);
  await other.turns.run('publish', async () => undefined);
  await other.health.write(1);
  thaw();
  const lost = { status: 'rejected', reason: { code: 'database_unreachable' } };
  expect(await ended).toMatchObject([lost, lost]);
  expect(await other.intakes.find(key)).toMatchObject({ state: 'open' });
}, 120_000);

describe('an upgrade', () => {
  const N: Migrations = [['create table notes (note text not null) strict']];
  const beside: Migrations = [...N, { beside: [`alter table notes add column by text not null default ''`] }];
  const alone: Migrations = [...N, ['alter table notes rename column note to words']];
  const slow: Migrations = [{ beside: [{ sqlite: [], postgres: ['select pg_sleep(0.5)'] }] }, ...alone];

  async function start(instance: string, migrations: Migrations) {
    const place = instancePlace(url, instance);
    if (!place.address) throw new Error('instances are on PostgreSQL');
    const deps = { ...place, clock: PLACE_SEAMS.clock };
    const one = await openPostgres<{ notes: { note: string } }, { note(text: string): Promise<unknown> }>(
      deps,
      migrations,
      (tables) => ({ note: (note) => tables.insertInto('notes').values({ note }).execute() }),
    );
    opened.push(one);
    return one;
  }
  const cutAll = () =>
    server.ask(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`,
      name,
    );
  const notes = async () =>
    (await server.ask('select * from doorsill_bridge.notes order by 1', name)).map((row) => Object.values(row)[0]);

  it('that only adds is made while another instance runs, which goes on, also with a new connection and a new start', async () => {
    const old = await start('a', N);
    await old.note('1');
    const next = await start('b', beside);
    await old.note('2');
    await cutAll();
    await expect
      .poll(
        () =>
          old.note('3').then(
            () => 'noted',
            () => 'cut',
          ),
        PATIENT,
      )
      .toBe('noted');
    await expect
      .poll(
        () =>
          next.note('4').then(
            () => 'noted',
            () => 'cut',
          ),
        PATIENT,
      )
      .toBe('noted');
    await (await start('c', N)).note('5');
    expect(await notes()).toEqual(['1', '2', '3', '4', '5']);
  }, 60_000);

  it('that changes existing tables waits until no other instance runs, and keeps the former release out from then on', async () => {
    const old = await start('a', N);
    await old.note('1');
    expect(await refused(start('b', alone))).toMatchObject({ code: 'database_busy' });
    await old.note('2');
    await Promise.all(opened.splice(0).map((one) => one.close()));
    await start('b', alone);
    expect(await refused(start('a', N))).toMatchObject({ code: 'data_newer' });
    expect(await notes()).toEqual(['1', '2']);
  }, 60_000);

  it('is noticed by a lost connection: the former release does not reconnect to a schema that it cannot use', async () => {
    const old = await start('a', N);
    await cutAll();
    await server.ask('update doorsill_bridge.schema_version set version = 2, oldest = 2', name);
    await expect
      .poll(() => old.note('1').catch((thrown: unknown) => thrown), PATIENT)
      .toMatchObject({ code: 'data_newer' });
  });

  it('is made by one of several instances that start at once, while the others wait', async () => {
    const all = await Promise.all(['a', 'b', 'c'].map((instance) => start(instance, slow)));
    expect(all).toHaveLength(3);
    expect(await server.ask('select version, oldest from doorsill_bridge.schema_version', name)).toEqual([
      { version: '3', oldest: '3' },
    ]);
  }, 60_000);
});
