// A change of an item between the search for overdue items and the deletion counts: an officer may put it into a case, restore or delete
// it. On a real database, where the change is made right after the search.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ALONE } from '../../../cloud-bridge/persistence/instance-turns.ts';
import { databasePlace } from '../../../cloud-bridge/persistence/open-database.ts';
import { FolderBlobs } from '../../../cloud-bridge/vault/evidence-blobs.ts';
import { RECOVERABLE_S } from '../../../cloud-bridge/vault/retention.ts';
import { RetentionSweeper } from '../../../cloud-bridge/vault/retention-sweeper.ts';
import { VaultReceiptSigner } from '../../../cloud-bridge/vault/sign-vault-receipts.ts';
import { openVaultDatabase, type VaultDatabase } from '../../../cloud-bridge/vault/vault-database.ts';
import type { Item, ItemChange, TrailLine } from '../../../cloud-bridge/vault/vault-store.ts';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { generateSigningKey } from '../../../device/base/keys.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { plainItem } from '../support/plain-item.ts';

const NOW_S = 2_000_000_000;
const line: TrailLine = {
  ...{ atUs: 1, by: 'client-a', officer: 'Det. Rivera', reason: 'case 117', agency: 'agency-a' },
  ...{ item: 'item-a', cases: [], event: 'received', detail: '' },
};

let folder: ReturnType<typeof temporaryFolder>;
let database: VaultDatabase;
let sweeper: RetentionSweeper;
/** Called for each item that is found, right after the search. */
let meanwhile: ((item: Item) => ItemChange) | null;

beforeEach(async () => {
  folder = temporaryFolder('retention-sweeper');
  meanwhile = null;
  const [disk, random] = [new SystemDisk(), new SystemRandom()];
  const clock = new ManualClock(NOW_S * 1_000_000);
  database = await openVaultDatabase(databasePlace({ dataFolder: folder.path }, 'vault'), { clock, disk });
  const { items, offers, policies } = database;
  await policies.change('agency-a', { set: 'category', category: 'theft', periodS: 1 }, line);
  const overdue: typeof items.overdue = async (...asked) => {
    const found = await items.overdue(...asked);
    const change = meanwhile;
    meanwhile = null;
    if (change) for (const item of found) await items.change(item.item, change, () => line);
    return found;
  };
  const watched = {
    ...{ find: items.find.bind(items), add: items.add.bind(items), change: items.change.bind(items) },
    ...{ list: items.list.bind(items), bytesOf: items.bytesOf.bind(items), overdue },
  };
  const receipts = new VaultReceiptSigner({ clock, random, key: generateSigningKey(random) });
  const blobs = new FolderBlobs(disk, random, folder.path);
  const rest = { clock, log: silentLog(), offers, blobs, receipts, turns: ALONE, sweepEveryMs: 3_600_000 };
  sweeper = new RetentionSweeper({ ...rest, items: watched });
  sweeper.start();
  await sweeper.now();
});
afterEach(async () => {
  await sweeper.stop();
  await database.close();
  folder.dispose();
});

const clip = { ...plainItem, clipSha256: 'c'.repeat(64), statementSha256: 'd'.repeat(64), clipBytes: 10 };
const add = (changes: Partial<Item>) => database.items.add({ ...clip, ...changes }, line);
const now = async () => database.items.find('item-a');

it('deletes an active item that is overdue, and destroys one that was deleted long enough ago', async () => {
  await add({});
  await sweeper.now();
  expect(await now()).toMatchObject({ state: 'deleted', deletedS: NOW_S, deletedBy: 'retention' });
  await database.items.change(
    'item-a',
    () => ({ deletedS: NOW_S - RECOVERABLE_S }),
    () => line,
  );
  await sweeper.now();
  expect(await now()).toMatchObject({ state: 'erased', statement: '' });
});

it.each([
  ['put into a case', { cases: ['SPD-1'] }, { state: 'active', deletedS: null, deletedBy: null }],
  ['given a longer period', { categories: [] }, { state: 'active', deletedS: null, deletedBy: null }],
  [
    'deleted by an officer',
    { state: 'deleted', deletedS: NOW_S - 5, deletedBy: 'officer' },
    { state: 'deleted', deletedS: NOW_S - 5, deletedBy: 'officer' },
  ],
  ['erased', { state: 'erased', statement: '', deletion: 'x' }, { state: 'erased', deletion: 'x', deletedS: null }],
] satisfies [string, ItemChange, Partial<Item>][])(
  'does not delete an overdue item that was %s meanwhile',
  async (_what, change, stays) => {
    await add({});
    meanwhile = () => change;
    await sweeper.now();
    expect(await now()).toMatchObject(stays);
  },
);

it.each([
  [
    'restored',
    { state: 'active', deletedS: null, deletedBy: null, restoredS: NOW_S },
    { state: 'active', statement: 'm' },
  ],
  ['restored and deleted again', { deletedS: NOW_S - 5 }, { state: 'deleted', deletedS: NOW_S - 5, statement: 'm' }],
  ['destroyed by another', { state: 'erased', statement: '', deletion: 'x' }, { state: 'erased', deletion: 'x' }],
] satisfies [string, ItemChange, Partial<Item>][])(
  'does not destroy an item that was %s meanwhile',
  async (_what, change, stays) => {
    await add({ state: 'deleted', deletedS: NOW_S - RECOVERABLE_S, deletedBy: 'officer' });
    meanwhile = () => change;
    await sweeper.now();
    expect(await now()).toMatchObject(stays);
  },
);
