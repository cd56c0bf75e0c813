// A change of one request renews the documents of its own cells and no others. All documents are renewed in time, a failed publication is
// retried soon, and the revocation list for the doorbells is renewed with them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Database } from '../../../cloud-bridge/bridge-database.ts';
import { AreaBoard, type BoardDeps } from '../../../cloud-bridge/requests/area-board.ts';
import { ManualClock } from '../../../device/base/clock.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { failure } from '../../../device/contract/errors.ts';
import { parseToken } from '../../../device/contract/jws.ts';
import { AreaDocument, Credential, Revocations } from '../../../device/contract/request.ts';
import { DEFAULT_PREFIX, topicsUnder } from '../../../device/contract/topics.ts';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import { Cast } from '../../support/parties.ts';
import { PLENTY, storedRequest } from '../../support/stored-request.ts';

const REPUBLISH_MS = 600_000;
const topics = topicsUnder(DEFAULT_PREFIX);

let folder: string;
let database: Database;
let clock: ManualClock;
let cast: Cast;
let board: AreaBoard;
/** The messages published at the area broker, by topic, in order. */
let told: { topic: string; payload: string }[];
let isRegistryAway: boolean;
let isStoreAway: boolean;
/** How often requests were read from the store. */
let asks: number;

const checked = <Claims>(schema: { parse(value: unknown): Claims }, token: string) => ({
  token,
  claims: schema.parse(parseToken(token)?.claims),
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-board-'));
  database = await openBridgeDatabase(join(folder, 'bridge.sqlite'));
  clock = new ManualClock(1_790_000_000_000_000);
  cast = new Cast(clock, new SeededRandom(1));
  [told, isRegistryAway, isStoreAway, asks] = [[], false, false, 0];
  const standing: BoardDeps['standing'] = {
    revocations: checked(Revocations, cast.revocations()),
    refreshRevocations: async () => false,
    credential: async () => {
      if (isRegistryAway) throw failure('credential_unavailable');
      return checked(Credential, cast.credential());
    },
    assertGood: () => undefined,
  };
  const store = Object.create(database.requests, {
    unexpiredIn: {
      value: (...asked: Parameters<typeof database.requests.unexpiredIn>) => {
        asks += 1;
        if (isStoreAway) throw failure('database_unreachable', { file: 'the database', detail: 'it is away' });
        return database.requests.unexpiredIn(...asked);
      },
    },
  });
  board = new AreaBoard({
    clock,
    log: silentLog(),
    key: cast.bridge.key,
    store,
    standing,
    publisher: { publish: async (topic, payload) => void told.push({ topic, payload }) },
    prefix: DEFAULT_PREFIX,
    republishS: REPUBLISH_MS / 1000,
    documentLifeS: (REPUBLISH_MS + 60_000) / 1000,
    revocationsEveryS: 3_600,
    unencryptedClips: 'admitted',
  });
  board.start();
});
afterEach(async () => {
  await board.stop();
  await database.close();
  await rm(folder, { recursive: true });
});

async function add(request: string, cells: string[]): Promise<void> {
  const expiresS = clock.wallUs() / 1_000_000 + 30 * 24 * 3_600;
  const row = { request, tokenSha256: sha256Hex(request), investigation: request, cells, expiresS };
  expect(await database.requests.add(storedRequest(row), PLENTY)).toBe('added');
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
}

/** The topics published since the last call, once all work has settled. */
async function newlyTold(): Promise<string[]> {
  await settled();
  return told.splice(0).map(({ topic }) => topic);
}

async function passes(ms: number): Promise<string[]> {
  for (let left = ms; left > 0; left -= REPUBLISH_MS) {
    await clock.advance(Math.min(left, REPUBLISH_MS));
    await settled();
  }
  return newlyTold();
}

const document = (cell: string) => topics.areaRequests(cell, 1);

it('renews the documents of a changed request’s cells, and no others', async () => {
  await add('request-a', ['9q8yy', '9q8yz']);
  await add('request-b', ['9q8yx', '9q8yy']);
  await board.refresh();
  expect(await newlyTold()).toEqual([topics.revocations, document('9q8yx'), document('9q8yy'), document('9q8yz')]);
  await add('request-c', ['9q8yx']);
  await board.refreshCells(['9q8yx']);
  const [only, ...others] = told;
  expect([only?.topic, others]).toEqual([document('9q8yx'), []]);
  const { requests, revision } = AreaDocument.parse(parseToken(only?.payload ?? '')?.claims);
  expect([requests.length, revision]).toEqual([2, 2]);
});

it('removes a document whose last request has ended', async () => {
  await add('request-a', ['9q8yy']);
  await board.refreshCells(['9q8yy']);
  await database.requests.change('request-a', () => ({ state: 'cancelled' }), PLENTY);
  await board.refreshCells(['9q8yy']);
  const claims = AreaDocument.parse(parseToken(told.at(-1)?.payload ?? '')?.claims);
  expect(claims).toMatchObject({ requests: [], cancelled: ['request-a'] });
});

it('renews all documents in time, also where requests change again and again', async () => {
  await add('request-a', ['9q8yy']);
  await add('request-b', ['9q8yx']);
  await board.refresh();
  await newlyTold();
  // Each document is valid a minute longer than the period: its renewal may not be delayed by more.
  const renewedAt: number[] = [];
  for (let minute = 1; minute <= 25; minute += 1) {
    await clock.advance(60_000);
    await board.refreshCells(['9q8yy']);
    if ((await newlyTold()).includes(document('9q8yx'))) renewedAt.push(minute);
  }
  expect(renewedAt).toEqual([10, 20]);
  await clock.advance(4 * 60_000);
  await board.refreshCells(['9q8yy']);
  await newlyTold();
  expect(await passes(60_000)).toContain(document('9q8yx'));
});

it('renews the revocation list with every renewal of all documents, because a broker may have lost it', async () => {
  await board.refresh();
  expect(await newlyTold()).toContain(topics.revocations);
  for (let turn = 1; turn <= 3; turn += 1) expect(await passes(REPUBLISH_MS)).toContain(topics.revocations);
  await add('request-a', ['9q8yy']);
  await board.refreshCells(['9q8yy']);
  expect(await newlyTold()).toEqual([document('9q8yy')]);
  // A clock that was set, or a machine that slept: half of the list's day is over, and no renewal was due.
  clock.setWallUs(clock.wallUs() + 12 * 3_600_000_000);
  await board.refreshCells(['9q8yy']);
  expect(await newlyTold()).toEqual([topics.revocations, document('9q8yy')]);
});

it('publishes what could not be published with the next renewal', async () => {
  await board.refresh();
  told.splice(0);
  await add('request-a', ['9q8yy']);
  isStoreAway = true;
  await board.refreshCells(['9q8yy']);
  isStoreAway = false;
  expect(told).toEqual([]);
  await add('request-b', ['9q8yx']);
  await board.refreshCells(['9q8yx']);
  expect(await newlyTold()).toEqual([document('9q8yy'), document('9q8yx')]);
  isStoreAway = true;
  await board.refresh();
  told.splice(0);
  isStoreAway = false;
  await board.refreshCells([]);
  expect(await newlyTold()).toEqual([topics.revocations, document('9q8yx'), document('9q8yy')]);
});

it('publishes soon what could not be published, though nothing else changes, and less often while that fails', async () => {
  await board.refresh();
  await newlyTold();
  await add('request-a', ['9q8yy']);
  isStoreAway = true;
  await board.refreshCells(['9q8yy']);
  const asked = asks;
  for (let second = 1; second <= 120; second += 1) expect(await passes(1_000)).toEqual([]);
  // After 1, 2, 4, 8, 16 and 32 s; then each minute.
  expect(asks - asked).toBe(6);
  isStoreAway = false;
  expect(await passes(60_000)).toEqual([document('9q8yy')]);
});

it('retries soon a renewal that failed when it was due: documents are valid only a minute longer', async () => {
  await add('request-a', ['9q8yy']);
  await board.refresh();
  await newlyTold();
  isStoreAway = true;
  expect(await passes(REPUBLISH_MS)).not.toContain(document('9q8yy'));
  isStoreAway = false;
  expect(await passes(5_000)).toContain(document('9q8yy'));
});

it('soon completes a document whose agency’s credential was not available', async () => {
  await add('request-a', ['9q8yy']);
  isRegistryAway = true;
  await board.refreshCells(['9q8yy']);
  isRegistryAway = false;
  told.splice(0);
  expect(await passes(1_000)).toContain(document('9q8yy'));
});

it('publishes more cells than it reads at a time, each once', async () => {
  const cells = Array.from({ length: 450 }, (_, at) => `9q8${at.toString(32).padStart(2, '0')}`);
  await board.refresh();
  told.splice(0);
  await add('request-a', cells);
  await board.refreshCells(cells);
  expect(await newlyTold()).toEqual(cells.map(document));
  await board.refresh();
  const all = told.splice(0).filter(({ topic }) => topic !== topics.revocations);
  expect(all.map(({ topic }) => topic)).toEqual([...cells].sort().map(document));
});
