import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, expect, it } from 'vitest';
import { openSqlite } from '../../../cloud-bridge/persistence/sqlite-file.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { VirtualClock } from '../../../sim/world/virtual-clock.ts';
import { MemoryDisk } from './memory-disk.ts';
import { MemoryNetwork } from './memory-network.ts';
import { ServiceLives } from './service-lives.ts';

const folder = mkdtempSync(join(tmpdir(), 'doorsill-lives-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Always draws `fraction`: below a half, the interrupted operation takes effect. */
function drawing(fraction: number) {
  return Object.assign(new SeededRandom(1), { fraction: () => fraction });
}

function given(fraction: number) {
  const clock = new VirtualClock({ startUs: 0 });
  const random = drawing(fraction);
  const network = new MemoryNetwork({ clock, random });
  return { clock, random, disk: new MemoryDisk({ clock, random }), log: silentLog(), network: network.at('bridge') };
}

/** A promise's state after some turns of the event loop. */
async function comesTo(promise: Promise<unknown>): Promise<unknown> {
  const nothing = new Promise((resolve) => setTimeout(resolve, 20, 'nothing'));
  return Promise.race([promise, nothing]);
}

it.each([
  ['before', 0.9, null],
  ['after', 0.1, new Uint8Array([1])],
])('ends a process %s a disk change, and answers nothing afterwards', async (_when, fraction, found) => {
  const lives = new ServiceLives();
  const seams = given(fraction);
  const { disk } = lives.begin('bridge', seams);
  const ended: string[] = [];
  lives.endIn('bridge', 2, () => ended.push('ended'));
  await disk.replaceFile('/first', new Uint8Array([0]));
  expect(await disk.readFile('/first', 10)).toEqual(new Uint8Array([0]));
  expect(await comesTo(disk.replaceFile('/second', new Uint8Array([1])))).toBe('nothing');
  expect(ended).toEqual(['ended']);
  expect(await comesTo(lives.of('bridge').over)).toBeUndefined();
  expect(await comesTo(disk.readFile('/first', 10))).toBe('nothing');
  expect(await seams.disk.readFile('/second', 10)).toEqual(found);
  const next = lives.begin('bridge', seams);
  expect(await next.disk.readFile('/first', 10)).toEqual(new Uint8Array([0]));
});

it('fires no timer of an ended process', async () => {
  const lives = new ServiceLives();
  const seams = given(0.9);
  const { clock, disk } = lives.begin('vault', seams);
  let called = 0;
  clock.after(5, () => {
    called += 1;
  });
  lives.endIn('vault', 1, () => undefined);
  void disk.remove('/x');
  const running = seams.clock.run();
  await seams.clock.sleep(50);
  seams.clock.stop();
  await running;
  expect(called).toBe(0);
});

it.each([
  ['loses', 'before', 0.9, 1],
  ['keeps', 'after', 0.1, 2],
])('%s the commit in which the process ended %s it', async (_does, _when, fraction, rows) => {
  const path = join(folder, `${_when}.sqlite`);
  const lives = new ServiceLives();
  const { life } = lives.begin('bridge', given(fraction));
  const opened = await openSqlite<{ t: { n: number } }, { add(n: number): Promise<void> }>(
    path,
    [['create table t (n integer not null) strict']],
    (tables) => ({
      add: (n) =>
        tables.transaction().execute(async (step) => void (await step.insertInto('t').values({ n }).execute())),
    }),
    life,
  );
  await opened.add(1);
  lives.endIn('bridge', 1, () => undefined);
  expect(await comesTo(opened.add(2))).toBe('nothing');
  expect(await comesTo(opened.add(3))).toBe('nothing');
  const after = await openSqlite<{ t: { n: number } }, { count(): Promise<number> }>(path, [[]], (tables) => ({
    count: async () => (await sql<{ n: number }>`select n from t`.execute(tables)).rows.length,
  }));
  expect(await after.count()).toBe(rows);
  await after.close();
});

it('ends all processes of a machine at once, except spared ones', async () => {
  const lives = new ServiceLives();
  const seams = given(0.9);
  const bridge = lives.begin('bridge', seams);
  const vault = lives.begin('vault', seams);
  lives.endIn('machine', 1, () => undefined);
  lives.spare();
  await bridge.disk.makeFolder('/a');
  lives.endIn('machine', 1, () => undefined);
  expect(await comesTo(bridge.disk.makeFolder('/b'))).toBe('nothing');
  expect(await comesTo(vault.disk.list('/'))).toBe('nothing');
});
