// A search that could not be published is published soon, though nothing else changes.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SearchBoard } from '../../../cloud-bridge/search-party/search-board.ts';
import { ManualClock } from '../../../device/base/clock.ts';
import { generateSigningKey } from '../../../device/base/keys.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { failure } from '../../../device/contract/errors.ts';
import { openBridgeDatabase } from '../../support/bridge-database.ts';

it('publishes soon what could not be published, though nothing else changes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-search-board-'));
  const database = await openBridgeDatabase(join(folder, 'bridge.sqlite'));
  const clock = new ManualClock(1_790_000_000_000_000);
  let isAway = true;
  const turns: { everyS: number | undefined }[] = [];
  const board = new SearchBoard({
    clock,
    log: silentLog(),
    key: generateSigningKey(new SeededRandom(1)),
    store: database.searches,
    publisher: { publish: async () => undefined },
    prefix: 'doorsill/v1',
    republishS: 600,
    documentLifeS: 660,
    unencryptedClips: 'admitted',
    turns: {
      run: async (_name, work, everyS) => {
        turns.push({ everyS });
        if (isAway) throw failure('database_unreachable', { file: 'the database', detail: 'the turn was lost' });
        await work();
      },
    },
  });
  board.start();
  await board.refresh();
  expect(turns).toEqual([{ everyS: undefined }]);
  isAway = false;
  await clock.advance(60_000);
  await board.stop();
  // As a change, which another instance's periodic turn does not replace.
  expect(turns).toEqual([{ everyS: undefined }, { everyS: undefined }]);
  await database.close();
  await rm(folder, { recursive: true });
});
