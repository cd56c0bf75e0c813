// A process that is killed while it migrates a file leaves the old version or a newer one, whole; the next start continues from there.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import { compileProgram } from '../../support/child-program.ts';
import { proved } from '../../support/proved.ts';
import { Sqlite } from '../../support/sqlite.ts';
import { expectFormer, formerBridge } from '../support/former-bridge.ts';

const REQUESTS = 60_000;
const ROUNDS = 12;

let folder: string;
let program: string;
let former: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-migrations-'));
  program = await compileProgram('test/cloud-bridge/support/open-once.ts', join(folder, 'program'));
  former = join(folder, 'former.sqlite');
  const file = new Sqlite(former);
  for (const statement of formerBridge(1, 'sqlite')) file.exec(statement);
  // Enough rows that the last step, which rebuilds their table, takes a while. They are another agency's and long expired.
  file.exec(`with recursive n (i) as (select 1 union all select i + 1 from n where i < ${REQUESTS})
    insert into requests select 'request-' || i, 'agency-z', 'k', 't', 'h' || i, 'p', 'i', 'resolved', 1, 2 from n`);
  file.close();
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

/** Runs the program on a copy and kills it `afterMs` after it has begun; returns how long it took if it was not killed. */
async function openAndKill(path: string, afterMs: number | null): Promise<{ ended: boolean; tookMs: number }> {
  await copyFile(former, path);
  const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  let begunMs = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (begunMs !== 0) return;
    begunMs = performance.now();
    if (afterMs !== null) setTimeout(() => child.kill('SIGKILL'), afterMs);
  });
  await once(child, 'close');
  return { ended: said.includes('ended'), tookMs: performance.now() - begunMs };
}

it('leaves the old version or a newer one, at whichever moment it is killed', async (test) => {
  const path = join(folder, 'bridge.sqlite');
  const { tookMs } = await openAndKill(path, null);
  const versions = new Map<number, number>();
  let killed = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true });
    const { ended } = await openAndKill(path, (tookMs * (round + 0.5)) / ROUNDS);
    if (!ended) killed += 1;
    const file = new Sqlite(path);
    expect(file.pragma('integrity_check', { simple: true })).toBe('ok');
    const version = Number(file.prepare('select version from schema_version').pluck().get());
    expect(file.prepare('select count(*) from requests').pluck().get()).toBe(REQUESTS + 2);
    const columns = file.pragma('table_info(requests)');
    expect(Array.isArray(columns) && columns.length).toBe(version >= 6 ? 17 : version >= 4 ? 16 : 10);
    file.close();
    versions.set(version, (versions.get(version) ?? 0) + 1);
    const database = await openBridgeDatabase(path);
    await expectFormer(database, 1);
    await database.close();
  }
  expect(killed).toBeGreaterThan(ROUNDS / 3);
  expect(versions.has(1) || versions.has(3), `versions ${[...versions.keys()]}`).toBe(true);
  proved(test, 'kills while a file was brought forward', `${killed}, each left a whole version`);
}, 120_000);
