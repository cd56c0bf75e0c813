// The bridge's SQLite file is durable, migrates by itself, and a file that cannot be used is refused with the cause.
import { mkdir, mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MIGRATIONS } from '../../cloud-bridge/persistence/bridge-schema.ts';
import { openBridgeDatabase } from '../support/bridge-database.ts';
import { Sqlite } from '../support/sqlite.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-database-'));
  path = join(folder, 'bridge.sqlite');
});
afterEach(() => rm(folder, { recursive: true }));

it('uses a write-ahead log, records its schema version, and keeps its rows over a restart', async () => {
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

it('refuses the file of a newer version, and a file that is not a database', async () => {
  await (await openBridgeDatabase(path)).close();
  const file = new Sqlite(path);
  file.prepare('update schema_version set version = 99').run();
  file.close();
  await expect(openBridgeDatabase(path)).rejects.toMatchObject({ code: 'data_newer', retryable: false });
  await writeFile(path, 'not a database at all, but long enough to be read as one'.repeat(100));
  await expect(openBridgeDatabase(path)).rejects.toMatchObject({ code: 'state_damaged' });
});

describe('a database that is intact but cannot be used now', () => {
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

  /** Whatever the fault was, no row was lost. */
  afterEach(async () => {
    const database = await openBridgeDatabase(path);
    expect(await database.documents.loadRevocations()).toBe('a');
    await database.close();
  });

  it.each(['-wal', '-shm'])('is reported when its file %s cannot be made', async (suffix) => {
    await mkdir(path + suffix);
    expect(await opened()).toMatchObject({ code: 'database_unusable', retryable: true });
    await rmdir(path + suffix);
  });

  it('is reported when another program has locked it', { tags: ['long'], timeout: 20_000 }, async () => {
    const holder = new Sqlite(path);
    holder.pragma('journal_mode = DELETE');
    holder.exec('begin exclusive');
    expect(await opened()).toMatchObject({ code: 'database_busy', retryable: true });
    holder.close();
  });
});

it('is reported when a folder stands in its place, or its folder does not exist', async () => {
  await expect(openBridgeDatabase(folder)).rejects.toMatchObject({ code: 'database_unusable' });
  await expect(openBridgeDatabase(join(folder, 'none', 'x'))).rejects.toMatchObject({ code: 'database_unusable' });
});
