// How long the public feed and the lists take with 100,000 requests in the database, over the same with 100: what an index is for. As a
// page is answered, queries and writing included.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import fastify from 'fastify';
import { BridgeConfig } from '../../cloud-bridge/bridge-config.ts';
import type { Database } from '../../cloud-bridge/bridge-database.ts';
import { PerMinute, Rates } from '../../cloud-bridge/http/call-rate-limits.ts';
import { Router } from '../../cloud-bridge/http/router.ts';
import { neighborsRoutes } from '../../cloud-bridge/neighbors/neighbors-routes.ts';
import { Partners } from '../../cloud-bridge/partners/partners.ts';
import { ManualClock } from '../../device/base/clock.ts';
import { silentLog } from '../../device/base/log.ts';
import { SeededRandom } from '../../device/base/random.ts';
import { Credential } from '../../device/contract/request.ts';
import { openBridgeDatabase } from '../support/bridge-database.ts';
import { Cast, claimsOf } from '../support/parties.ts';
import { Sqlite } from '../support/sqlite.ts';
import { median, type Row, type Run, timeMs } from './measure.ts';

const MANY = 100_000;
const FEW = 100;
const AGENCIES = 200;
const START_US = Date.UTC(2026, 10, 25, 12) * 1_000;
const TARGET_MS = 20;

interface Testbed {
  database: Database;
  get(path: string): Promise<string>;
  close(): Promise<void>;
}

/** A database with so many posts of 200 agencies, a tenth of them waiting for a moderator, behind the routes of the bridge. */
async function openTestbed(folder: string, requests: number): Promise<Testbed> {
  await mkdir(folder);
  const database = await openBridgeDatabase(join(folder, 'bridge.sqlite'));
  const clock = new ManualClock(START_US);
  const cast = new Cast(clock, new SeededRandom(1));
  const token = cast.request();
  for (let agency = 0; agency < AGENCIES; agency += 1) {
    const organisation = `agency-${agency}`;
    const said = { agency: organisation, profiles: ['nothing'] as const, retention: ['theft'] };
    const credential = Credential.parse({ ...claimsOf(cast.credential()), ...said });
    await database.neighbors.noteProfile(credential, 1);
  }
  fill(join(folder, 'bridge.sqlite'), requests, token, cast.cell);
  const { requests: rules } = BridgeConfig.parse({
    dataFolder: folder,
    registry: { url: 'http://127.0.0.1', key: cast.registry.key.publicKey },
    area: { url: 'mqtt://127.0.0.1', accounts: folder },
  });
  const server = fastify();
  const api = new Router(server, {
    title: 'feed',
    version: '1',
    staff: async () => null,
    rates: new Rates(clock, PerMinute.parse({ public: 1_000_000 })),
  });
  const log = silentLog();
  const partners = new Partners({
    clock,
    random: new SeededRandom(2),
    log,
    store: database.partners,
    changed: () => {},
  });
  neighborsRoutes(api, {
    clock,
    store: database.neighbors,
    partners,
    rules,
    publicUrl: () => 'http://bridge.example',
  });
  return {
    database,
    get: async (path) => {
      const answer = await server.inject({ method: 'GET', url: path });
      if (answer.statusCode !== 200) throw new Error(`${path} was answered with ${answer.statusCode}`);
      return answer.body;
    },
    close: async () => {
      await server.close();
      await database.close();
    },
  };
}

const COLUMNS = [
  ...[
    'request',
    'agency',
    'agency_key',
    'organisation',
    'token',
    'token_sha256',
    'publication',
    'investigation',
    'state',
  ],
  ...['revision', 'findings', 'reason', 'partner', 'submitted_s', 'published_s', 'expires_s'],
];

/** All rows in one transaction: a hundred thousand durable ones would take longer than everything that is measured. */
function fill(path: string, requests: number, token: string, cell: string): void {
  const file = new Sqlite(path);
  const row = file.prepare(`insert into requests (${COLUMNS.join()}) values (${COLUMNS.map(() => '?').join()})`);
  const inCell = file.prepare('insert into request_cells (request, cell) values (?, ?)');
  file.transaction(() => {
    for (let at = 0; at < requests; at += 1) {
      const [id, agency] = [idOf(at), `agency-${at % AGENCIES}`];
      const state = at % 10 === 9 ? 'in_moderation' : at % 3 === 0 ? 'resolved' : 'published';
      const publishedS = state === 'in_moderation' ? 0 : at + 1;
      row.run(
        ...[id, agency, 'k', agency, token, 'h', 'p', `case-${at}`, state],
        ...[1, '[]', null, null, at + 1, publishedS, START_US / 1_000_000 + 1_000],
      );
      inCell.run(id, cell);
    }
  })();
  file.close();
}

const idOf = (at: number) => `request-${String(at).padStart(6, '0')}`;

/** What is read, and how. */
const READS: readonly [what: string, read: (testbed: Testbed, requests: number) => Promise<unknown>][] = [
  ['The feed’s first page', (testbed) => testbed.get('/neighbors')],
  [
    'as JSON, from the middle',
    (testbed, requests) => testbed.get(`/neighbors/feed.json?before=${Math.floor(requests / 2)}.z`),
  ],
  ['as Atom', (testbed) => testbed.get('/neighbors/feed.atom')],
  ['An agency’s page with its counts', (testbed) => testbed.get('/neighbors/agencies/agency-0')],
  ['The transparency page of the bridge', (testbed) => testbed.get('/neighbors/transparency')],
  ['An agency’s own list, from the middle', (testbed, requests) => ownFrom(testbed, requests)],
  ['The moderators’ list, from the middle', (testbed, requests) => waitingFrom(testbed, requests)],
];

async function ownFrom({ database }: Testbed, requests: number): Promise<unknown> {
  const behind = { submittedS: Math.floor(requests / 2), request: 'z' };
  return database.requests.ofAgency('agency-0', behind, 100);
}

async function waitingFrom({ database }: Testbed, requests: number): Promise<unknown> {
  const after = Math.floor(requests / 20) * 10 + 9;
  return database.requests.waiting(1, { submittedS: after + 1, request: idOf(after) }, 100);
}

export async function feedRows({ folder, pairs }: Run): Promise<Row[]> {
  const [many, few] = [await openTestbed(join(folder, 'many'), MANY), await openTestbed(join(folder, 'few'), FEW)];
  try {
    const rows: Row[] = [];
    for (const [what, read] of READS) {
      const [ours, baseline]: [number[], number[]] = [[], []];
      for (let pair = 0; pair <= pairs; pair += 1) {
        ours.push(await timeMs(() => read(many, MANY)));
        baseline.push(await timeMs(() => read(few, FEW)));
      }
      const ms = median(ours.slice(1));
      rows.push({
        group: 'feed',
        what: `${what}, of ${MANY.toLocaleString('en')} requests`,
        ours: `${ms.toFixed(1)} ms`,
        baseline: `${median(baseline.slice(1)).toFixed(1)} ms, of ${FEW}`,
        figure: ms,
        unit: 'ms',
        target: { most: TARGET_MS },
      });
    }
    return rows;
  } finally {
    await many.close();
    await few.close();
  }
}
