// Holds: the database is durable, comes up to date by itself, and refuses what it cannot read.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openDatabase } from '../../../cloud-bridge/database/database.ts';
import { MIGRATIONS } from '../../../cloud-bridge/database/schema.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-database-'));
  path = join(folder, 'bridge.sqlite');
});
afterEach(() => rm(folder, { recursive: true }));

it('writes ahead, knows its schema’s version, and keeps what it was told over a restart', async () => {
  const database = await openDatabase(path);
  await database.documents.saveRevocations('a');
  await database.documents.saveRevocations('b');
  await database.close();
  const again = await openDatabase(path);
  expect(await again.documents.loadRevocations()).toBe('b');
  await again.close();
  const file = new Sqlite(path);
  expect(file.pragma('journal_mode', { simple: true })).toBe('wal');
  expect(file.prepare('select version from schema_version').all()).toEqual([{ version: MIGRATIONS.length }]);
  file.close();
});

it('refuses a file of a newer program, and one that is no database', async () => {
  await (await openDatabase(path)).close();
  const file = new Sqlite(path);
  file.prepare('update schema_version set version = 99').run();
  file.close();
  await expect(openDatabase(path)).rejects.toMatchObject({ code: 'state_damaged' });
  await writeFile(path, 'not a database at all, but long enough to be read as one'.repeat(100));
  await expect(openDatabase(path)).rejects.toMatchObject({ code: 'state_damaged' });
});
