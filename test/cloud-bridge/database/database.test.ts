// Holds: the database is durable, comes up to date by itself, and refuses what it cannot read.
import { mkdir, mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { spelled } from '../../../cloud-bridge/database/migrations.ts';
import { MIGRATIONS } from '../../../cloud-bridge/database/schema.ts';
import { openBridgeDatabase } from '../../support/bridge-database.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-database-'));
  path = join(folder, 'bridge.sqlite');
});
afterEach(() => rm(folder, { recursive: true }));

it('writes ahead, knows its schema’s version, and keeps what it was told over a restart', async () => {
  const database = await openBridgeDatabase(path);
  await database.documents.saveRevocations('a', 1);
  await database.documents.saveRevocations('b', 2);
  await database.close();
  const again = await openBridgeDatabase(path);
  expect(await again.documents.loadRevocations()).toBe('b');
  await again.close();
  const file = new Sqlite(path);
  expect(file.pragma('journal_mode', { simple: true })).toBe('wal');
  expect(file.prepare('select version from schema_version').all()).toEqual([{ version: MIGRATIONS.length }]);
  file.close();
});

it('refuses a file of a newer program, and one that is no database', async () => {
  await (await openBridgeDatabase(path)).close();
  const file = new Sqlite(path);
  file.prepare('update schema_version set version = 99').run();
  file.close();
  await expect(openBridgeDatabase(path)).rejects.toMatchObject({ code: 'data_newer', retryable: false });
  await writeFile(path, 'not a database at all, but long enough to be read as one'.repeat(100));
  await expect(openBridgeDatabase(path)).rejects.toMatchObject({ code: 'state_damaged' });
});

describe('a database that is whole but cannot be used now', () => {
  const opened = () =>
    openBridgeDatabase(path).then(
      (database) => database.close(),
      (thrown: unknown) => thrown,
    );

  beforeEach(async () => {
    const database = await openBridgeDatabase(path);
    await database.documents.saveRevocations('a', 1);
    await database.close();
  });

  /** Whatever was in the way, nothing was lost. */
  afterEach(async () => {
    const database = await openBridgeDatabase(path);
    expect(await database.documents.loadRevocations()).toBe('a');
    await database.close();
  });

  it.each(['-wal', '-shm'])('says so, when its file %s cannot be made', async (suffix) => {
    await mkdir(path + suffix);
    expect(await opened()).toMatchObject({ code: 'database_unusable', retryable: true });
    await rmdir(path + suffix);
  });

  it('says so, when another program holds it', async () => {
    const holder = new Sqlite(path);
    holder.pragma('journal_mode = DELETE');
    holder.exec('begin exclusive');
    expect(await opened()).toMatchObject({ code: 'database_busy', retryable: true });
    holder.close();
  }, 20_000);
});

it('says that a folder in its place, or a folder that is not there, cannot be used', async () => {
  await expect(openBridgeDatabase(folder)).rejects.toMatchObject({ code: 'database_unusable' });
  await expect(openBridgeDatabase(join(folder, 'none', 'x'))).rejects.toMatchObject({ code: 'database_unusable' });
});

it('brings a file from before moderation up to date: its requests are what they were, and clips still refer to them', async () => {
  const former = new Sqlite(path);
  former.exec('create table schema_version (version integer not null) strict');
  const steps = MIGRATIONS.map((step) => spelled(step, 'sqlite'));
  const before = steps.findIndex((step) => step.some((statement) => statement.includes('requests_2')));
  for (const statement of steps.slice(0, before).flat()) former.exec(statement);
  former.exec(`insert into schema_version values (${before});
    insert into devices values ('device-a', 'k', 1);
    insert into requests values ('request-a', 'agency-a', 'k', 't', 'h', 'p', 'i', 'published', 5, 9);
    insert into requests values ('request-b', 'agency-a', 'k', 't2', 'h2', 'p', 'i', 'resolved', 6, 9);
    insert into request_cells values ('request-a', '9q8yy');
    insert into intakes (device, grant_id, clip, request, agency, owner_key, grant_sha256, manifest, manifest_sha256, clip_sha256,
      clip_bytes, expires_s, upload, uploading, creations, state)
      values ('device-a', 'grant-a', 'clip-a', 'request-a', 'agency-a', 'o', 'g', 'm', 'h', 'c', 1, 9, 'upload-a', 0, 0, 'open')`);
  former.close();
  const database = await openBridgeDatabase(path);
  expect(await database.requests.find('request-a')).toMatchObject({
    ...{ state: 'published', organisation: 'agency-a', publishedS: 5, revision: 1, findings: [], cells: ['9q8yy'] },
  });
  expect(await database.requests.find('request-b')).toMatchObject({ state: 'resolved', partner: null });
  expect(await database.intakes.find({ device: 'device-a', grant: 'grant-a' })).toMatchObject({ request: 'request-a' });
  expect(await database.neighbors.outcomes('agency-a', 0)).toEqual({ published: 2, resolved: 1 });
  await database.close();
  const file = new Sqlite(path);
  file.pragma('foreign_keys = ON');
  expect(file.pragma('foreign_key_check')).toEqual([]);
  expect(() => file.prepare("delete from requests where request = 'request-a'").run()).toThrow(/FOREIGN KEY/);
  file.close();
});
