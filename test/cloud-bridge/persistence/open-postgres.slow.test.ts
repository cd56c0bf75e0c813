// A PostgreSQL database is used only when it keeps what it commits and no other program uses it; each fault has a code; a server that dies
// and comes back loses nothing that was acknowledged.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../../cloud-bridge/bridge-database.ts';
import { openVaultDatabase } from '../../../cloud-bridge/vault/vault-database.ts';
import { isFailure } from '../../../device/contract/errors.ts';
import { openBridgeAt, PLACE_SEAMS, postgresPlace } from '../../support/bridge-database.ts';
import { CertificateMaker } from '../../support/certificates.ts';
import { startCountingProxy } from '../../support/counting-proxy.ts';
import { freePort } from '../../support/mosquitto.ts';
import { PASSWORD, PostgresServer } from '../../support/postgres.ts';
import { proved } from '../../support/proved.ts';
import { expectFormer, FORMER_VERSIONS, formerBridge } from '../support/former-bridge.ts';
import { enrolAndAsk, key, limits, plainAccess, plainIntake, plainPartner, SEALED } from '../support/plain-rows.ts';

let server: PostgresServer;
let name = '';
let count = 0;
beforeAll(async () => {
  server = await PostgresServer.open(await freePort());
}, 60_000);
afterAll(() => server.dispose());
beforeEach(async () => {
  count += 1;
  name = `server_${count}`;
  await server.database(name);
});

const open = (url: string, passwordFile?: string) => openBridgeAt(postgresPlace(url, 'bridge', passwordFile));
const opened = (url: string, passwordFile?: string) =>
  open(url, passwordFile).then(
    (database) => database.close(),
    (thrown: unknown) => thrown,
  );
const logged = async (database: Database) => {
  const tokens: string[] = [];
  for (let after = 0; ; ) {
    const page = await database.accessLog.page({ reader: null, clip: null, after, most: 500 });
    tokens.push(...page.map(({ token }) => token));
    if (page.length < 500) return tokens;
    after = page.at(-1)?.number ?? after;
  }
};

describe('a server that is killed', () => {
  it('costs nothing that was acknowledged, and is used again as soon as it is back', async (test) => {
    const database = await open(server.url(name));
    const acknowledged: string[] = [];
    const failed = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      let running = true;
      const writer = async (who: number) => {
        for (let at = 0; running; at += 1) {
          const token = `access-${round}-${who}-${at}`;
          try {
            await database.accessLog.add(plainAccess({ token }));
            acknowledged.push(token);
          } catch (thrown) {
            failed.add(isFailure(thrown) ? thrown.code : String(thrown));
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }
      };
      const before = acknowledged.length;
      const writers = [1, 2, 3, 4].map(writer);
      await expect.poll(() => acknowledged.length - before, { timeout: 20_000 }).toBeGreaterThan(40);
      await server.kill();
      await expect(database.documents.loadRevocations()).rejects.toMatchObject({
        code: 'database_unreachable',
        http: 503,
        retryable: true,
      });
      await server.start();
      const after = acknowledged.length;
      await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(after + 10);
      running = false;
      await Promise.all(writers);
    }
    const kept = await logged(database);
    expect(acknowledged.filter((token) => !kept.includes(token))).toEqual([]);
    // No row without its leaf, and no leaf without its row.
    expect(await database.custody.size()).toBe(kept.length);
    expect([...failed]).toEqual(['database_unreachable']);
    await database.close();
    proved(test, 'acknowledged writes lost over 3 kills of PostgreSQL', `0 of ${acknowledged.length}`);
  }, 120_000);

  it('in the middle of a migration has the old schema or the new one, and is migrated at the next start', async () => {
    for (const afterMs of [0, 10, 20, 40]) {
      const opening = opened(server.url(name));
      await expect
        .poll(() => server.ask(`select 1 from pg_namespace where nspname = 'doorsill_bridge'`, name), { interval: 1 })
        .toHaveLength(1);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await server.kill();
      const thrown = await opening;
      expect([undefined, 'database_unreachable']).toContain(isFailure(thrown) ? thrown.code : thrown);
      await server.start();
      const again = await open(server.url(name));
      await again.accessLog.add(plainAccess());
      expect(await logged(again)).toEqual(['access-a']);
      await again.close();
      await server.ask('drop schema doorsill_bridge cascade', name);
    }
  }, 60_000);
});

it.each(FORMER_VERSIONS)('migrates a bridge’s part of version %i with all its rows', async (version) => {
  const all = [
    'create schema doorsill_bridge',
    'set search_path = doorsill_bridge',
    ...formerBridge(version, 'postgres'),
  ];
  await server.ask(all.join(';\n'), name);
  const database = await open(server.url(name));
  await expectFormer(database, version);
  await database.close();
});

describe('a connection', () => {
  it('that the server ends is opened again, and a transaction on it was rolled back', async () => {
    const database = await open(server.url(name));
    await database.documents.saveRevocations('a', 1);
    const end = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`;
    await server.ask(end, name);
    await expect.poll(() => database.documents.loadRevocations().catch(() => null)).toBe('a');
    await enrolAndAsk(database);
    await database.intakes.open(plainIntake(), SEALED, limits, 0);
    const stored = { receipt: 'r', statementReceipt: 'twin', storedS: 5, vault: null };
    const cut = async () => void (await server.ask(end, name));
    await expect(database.intakes.publish(key, stored, () => undefined, cut)).rejects.toMatchObject({
      code: 'database_unreachable',
    });
    expect(await database.intakes.find(key)).toMatchObject({ state: 'open', receipt: null });
    expect(await database.custody.size()).toBe(2);
    await database.close();
  });

  it('that is lost with the answer to a commit is reported as unknown, and the committed rows are there', async () => {
    const proxy = await startCountingProxy(server.port);
    const database = await open(server.url(name).replace(`:${server.port}/`, `:${proxy.port}/`));
    await database.partners.add(plainPartner);
    const asked = `select name from doorsill_bridge.partners`;
    // Two statements follow: the update, whose answer still comes, and the commit.
    let seen = 0;
    const change = database.partners.change(
      'partner-a',
      (now) => {
        proxy.onSent = () => {
          seen += 1;
          proxy.holdAnswers = seen > 1;
        };
        return { ...now, name: 'B' };
      },
      0,
    );
    change.catch(() => undefined);
    await expect.poll(() => server.ask(asked, name)).toEqual([{ name: 'B' }]);
    proxy.cut();
    await expect(change).rejects.toMatchObject({ code: 'database_unreachable', retryable: true });
    proxy.onSent = null;
    proxy.holdAnswers = false;
    await expect.poll(async () => (await database.partners.find('partner-a').catch(() => null))?.name).toBe('B');
    await database.close();
    await proxy.stop();
  });

  it('is exclusive to one bridge in a database: a second bridge is refused, a vault is not', async () => {
    const database = await open(server.url(name));
    expect(await opened(server.url(name))).toMatchObject({ code: 'database_busy', retryable: true });
    const vault = await openVaultDatabase(postgresPlace(server.url(name), 'vault'), PLACE_SEAMS);
    await vault.access.addBridge('bridge-a', 'k');
    await vault.close();
    await database.close();
    expect(await opened(server.url(name))).toBeUndefined();
  }, 20_000);

  it('that is opened again to a schema that a newer version has changed meanwhile is refused', async () => {
    const database = await open(server.url(name));
    await server.ask('update doorsill_bridge.schema_version set version = 99, oldest = 99', name);
    await server.kill();
    await server.start();
    await database.documents.loadRevocations().catch(() => null);
    await expect
      .poll(() => database.documents.loadRevocations().catch((thrown: unknown) => thrown))
      .toMatchObject({ code: 'data_newer' });
    await database.close();
    expect(await opened(server.url(name))).toMatchObject({ code: 'data_newer', retryable: false });
  }, 60_000);
});

describe('a fault', () => {
  it('has a code: no server, a wrong password, no such user or database, too many connections', async () => {
    const nobody = await freePort();
    expect(await opened(`postgres://doorsill@127.0.0.1:${nobody}/x`)).toMatchObject({
      code: 'database_unreachable',
      exit: 4,
    });
    expect(await opened('postgres://doorsill@localhost/x?host=/nowhere')).toMatchObject({
      code: 'database_unreachable',
    });
    const wrong = await opened(server.url(name, 'wrong secret'));
    expect(wrong).toMatchObject({ code: 'database_unfit', retryable: false });
    expect(JSON.stringify(wrong) + String(wrong) + (wrong instanceof Error ? wrong.stack : '')).not.toContain(
      'wrong secret',
    );
    expect(await opened(server.socketUrl(name, 'nobody'))).toMatchObject({ code: 'database_unfit' });
    expect(await opened(server.url('none'))).toMatchObject({ code: 'database_unfit' });
    await server.ask(`create role few login connection limit 0; create role guest login`, name);
    expect(await opened(server.socketUrl(name, 'few'))).toMatchObject({
      code: 'database_unreachable',
      retryable: true,
    });
    expect(await opened(server.socketUrl(name, 'guest'))).toMatchObject({ code: 'database_unfit' });
  });

  it('is found in a server that may lose commits or is read-only', async () => {
    for (const [setting, words] of [
      ['synchronous_commit = off', /synchronous_commit is off/],
      ['default_transaction_read_only = on', /read-only/],
    ] as const) {
      await server.ask(`alter database ${name} set ${setting}`, 'postgres');
      expect(await opened(server.url(name))).toMatchObject({
        code: 'database_unfit',
        message: expect.stringMatching(words),
      });
      await server.ask(`alter database ${name} reset all`, 'postgres');
    }
    await server.ask(`create database latin encoding 'LATIN1' locale 'C' template template0`, 'postgres');
    expect(await opened(server.url('latin'))).toMatchObject({
      code: 'database_unfit',
      message: expect.stringMatching(/UTF8/),
    });
    for (const setting of ['fsync', 'full_page_writes']) {
      await server.stop();
      await server.start({ [setting]: 'off' });
      expect(await opened(server.url(name))).toMatchObject({ message: expect.stringMatching(setting) });
    }
    await server.stop();
    const standby = join(server.folder, 'data', 'standby.signal');
    writeFileSync(standby, '');
    await server.start();
    expect(await opened(server.url(name))).toMatchObject({
      code: 'database_unfit',
      message: expect.stringMatching(/standby/),
    });
    await server.stop();
    rmSync(standby);
    await server.start();
    expect(await opened(server.url(name))).toBeUndefined();
  }, 60_000);

  it('is the sender’s when PostgreSQL cannot store a text', async () => {
    const database = await open(server.url(name));
    await expect(database.documents.saveRevocations('a\0b', 1)).rejects.toMatchObject({ code: 'http_body_invalid' });
    await database.documents.saveRevocations('ab', 1);
    await database.close();
  });
});

it('of a full disk is reported, and nothing of the call was done', async () => {
  const database = await open(server.url(name));
  await server.ask(
    `set search_path = doorsill_bridge;
     create function full_disk() returns trigger language plpgsql as $$
       begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$;
     create trigger full_disk before insert on access_log for each row execute function full_disk()`,
    name,
  );
  await expect(database.accessLog.add(plainAccess())).rejects.toMatchObject({ code: 'database_full', http: 507 });
  expect(await database.custody.size()).toBe(0);
  await server.ask('drop trigger full_disk on doorsill_bridge.access_log', name);
  await database.accessLog.add(plainAccess());
  expect(await logged(database)).toEqual(['access-a']);
  await database.close();
});

describe('a password', () => {
  it('is read from a file at each connection, or from PGPASSWORD', async () => {
    const file = join(server.folder, 'secret');
    const plain = server.url(name).replace(/:[^:@]+@/, '@');
    writeFileSync(file, `${PASSWORD}\n`, { mode: 0o600 });
    expect(await opened(plain, file)).toBeUndefined();
    expect(await opened(plain, join(server.folder, 'none'))).toMatchObject({ code: 'file_unusable' });
    process.env['PGPASSWORD'] = PASSWORD;
    expect(await opened(plain)).toBeUndefined();
    delete process.env['PGPASSWORD'];
    expect(await opened(plain)).toMatchObject({ code: 'database_unfit' });
  });
});

describe('a server with TLS', () => {
  it('is accepted only with a certificate of the named authority and for its own name', async () => {
    expect(await opened(`${server.url(name)}?sslmode=verify-full`)).toMatchObject({ code: 'database_unfit' });
    const certificates = new CertificateMaker();
    const authority = certificates.authority('authority');
    const own = certificates.signed(authority, { name: 'server', altNames: 'IP:127.0.0.1' });
    const key = server.give(own.key, 'server.key');
    const certificate = server.give(own.certificate, 'server.crt');
    await server.stop();
    await server.start({ ssl: 'on', ssl_cert_file: certificate, ssl_key_file: key });
    const tls = `${server.url(name)}?sslmode=verify-full`;
    expect(await opened(`${tls}&sslrootcert=${authority.certificate}`)).toBeUndefined();
    expect(await opened(tls)).toMatchObject({ code: 'database_unfit' });
    const other = tls.replace('127.0.0.1', 'localhost');
    expect(await opened(`${other}&sslrootcert=${authority.certificate}`)).toMatchObject({ code: 'database_unfit' });
    certificates.dispose();
    await server.stop();
    await server.start();
  }, 60_000);
});
