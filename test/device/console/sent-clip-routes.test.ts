// Holds: only owners get the list of sent clips; it is empty on a new device; and the bridge is asked only about a clip of the list.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { askSentClips } from '../../../device/owner/pairing-client.ts';
import { pairingSocketPath } from '../../../device/owner/private-socket.ts';
import { ConsoleRig, type OwnerBrowser } from './support/console-rig.ts';

const LIST = '/api/v1/departures';
const CUSTODY = `${LIST}/grant-a/custody`;
const KEY = `${LIST}/grant-a/content-key`;

const clock = new SystemClock();

let rig: ConsoleRig;
let owner: OwnerBrowser;
beforeAll(async () => {
  rig = await ConsoleRig.start();
  owner = await rig.owner();
}, 30_000);
afterAll(() => rig.stop());

describe('the list of sent clips', () => {
  it('is empty on a new device', async () => {
    expect(await owner.get(LIST)).toMatchObject({ status: 200, json: { total: 0, departures: [], next: null } });
  });

  it('is for owners only', async () => {
    const viewer = await owner.viewer();
    const answers: unknown[] = [];
    for (const path of [LIST, CUSTODY]) {
      for (const headers of [{}, viewer, { cookie: String(owner.headers['cookie']) }]) {
        const { status, json } = await rig.call(path, { headers });
        answers.push(`${status} ${String(json['code'])}`);
      }
    }
    for (const headers of [{}, viewer, { cookie: String(owner.headers['cookie']) }]) {
      const { status, json } = await rig.call(KEY, { method: 'POST', headers, body: { call: 'a call' } });
      answers.push(`${status} ${String(json['code'])}`);
    }
    expect(new Set(answers)).toEqual(new Set(['401 console_session_refused']));
  });

  it('lets the bridge be asked only about its clips', async () => {
    expect(await owner.get(CUSTODY)).toMatchObject({ status: 404, json: { code: 'departure_unknown' } });
  });

  it.each(['?before=-1', '?limit=0', '?limit=51', '?limit=1&limit=2', '?after=3'])('refuses %s', async (query) => {
    expect(await owner.get(`${LIST}${query}`)).toMatchObject({ status: 400, json: { code: 'http_body_invalid' } });
  });

  it('refuses a malformed grant id', async () => {
    for (const name of ['..%2fledger', 'A', 'a'.repeat(64)]) {
      expect((await owner.get(`${LIST}/${name}/custody`)).status, name).toBe(400);
    }
  });
});

it('gives no list of sent clips from a damaged ledger, rather than an empty one', async () => {
  const whole = await ConsoleRig.start();
  const { folder } = whole;
  const socket = pairingSocketPath(folder);
  await whole.owner();
  expect(await askSentClips({ clock }, socket, null)).toEqual({ total: 0, departures: [], next: null });
  await whole.stop(true);
  const ledger = join(folder, 'consent', 'ledger.jsonl');
  const text = await readFile(ledger, 'utf8');
  await writeFile(ledger, text.replace(/"name":"[^"]*"/, '"name":"Mallory"'));
  const damaged = await ConsoleRig.start({}, folder);
  try {
    await expect(askSentClips({ clock }, socket, null)).rejects.toMatchObject({ code: 'consent_ledger_damaged' });
  } finally {
    await damaged.stop();
  }
}, 30_000);
