// The pages of every list show each entry once and in order, whatever is added in between. A cursor of another list is refused.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pageOf } from '../../../cloud-bridge/http/paging.ts';
import { freshId } from '../../../device/base/random.ts';
import { toBase64url, utf8 } from '../../../device/contract/bytes.ts';
import { BridgeFixture, ShiftedClock } from '../../support/bridge-fixture.ts';
import { textClaim } from '../../support/parties.ts';

let fixture: BridgeFixture;
let granted: string;
beforeAll(async () => {
  fixture = await BridgeFixture.open({
    clock: new ShiftedClock(),
    bridge: { requests: { moderation: 'findings', openPerCellMax: 99 } },
  });
  granted = await fixture.ready();
});
afterAll(() => fixture.close());

const PROTEST = 'Who was at the protest on the square?';
const post = async (text?: string) => {
  const request = fixture.cast.request({ investigation: freshId(fixture.random, 'case'), ...(text ? { text } : {}) });
  expect((await fixture.post('/v1/requests', { request })).status).toBe(201);
  return textClaim(request, 'jti');
};
const deliver = async () => {
  const parcel = fixture.parcel(granted);
  expect((await fixture.deliver(parcel)).status).toBe(204);
  return parcel.clipId;
};

interface List {
  path: string;
  bearer: () => string;
  items: string;
  id: string;
  add: () => Promise<unknown>;
}
const LISTS: List[] = [
  {
    path: '/v1/requests',
    items: 'requests',
    id: 'request',
    add: () => post(),
    bearer: () => fixture.agencyCall({ action: 'list-requests' }),
  },
  {
    path: '/v1/moderation',
    items: 'requests',
    id: 'request',
    add: () => post(PROTEST),
    bearer: () => fixture.bridge.adminToken,
  },
  { path: '/v1/clips', items: 'clips', id: 'clip', add: deliver, bearer: () => fixture.access('all') },
  {
    path: '/v1/access-audit',
    items: 'accesses',
    id: 'number',
    bearer: () => fixture.bridge.adminToken,
    add: () => fixture.get('/v1/clips', fixture.access('all')),
  },
];

async function pages({ path, bearer, items, id }: List, limit: number, between: () => Promise<unknown>) {
  const seen: unknown[] = [];
  let cursor: unknown = null;
  do {
    const behind: string = cursor === null ? '' : `&cursor=${cursor}`;
    const { body } = await fixture.get(`${path}?limit=${limit}${behind}`, bearer());
    const rows = body[items] as Record<string, unknown>[];
    expect(rows.length).toBeLessThanOrEqual(limit);
    seen.push(...rows.map((row) => row[id]));
    cursor = body['next'];
    if (seen.length <= 4) await between();
  } while (cursor !== null);
  return seen;
}

describe.each(LISTS)('the list at $path', (list) => {
  it('shows each entry once and in order, though more are added between two pages', async () => {
    for (let count = 0; count < 5; count += 1) {
      await list.add();
      // Some have the same second, some do not.
      if (count % 2 === 0) fixture.clock.shiftS += 1;
    }
    const { body } = await fixture.get(`${list.path}?limit=200`, list.bearer());
    const before = (body[list.items] as Record<string, unknown>[]).map((row) => row[list.id]);
    expect(before.length).toBeGreaterThanOrEqual(5);
    const seen = await pages(list, 2, async () => {
      fixture.clock.shiftS += 1;
      await list.add();
    });
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((one) => before.includes(one))).toEqual(before);
  });

  it('refuses a cursor that is not its own, and a limit out of bounds', async () => {
    const made = toBase64url(utf8(JSON.stringify({ other: 1 })));
    for (const query of [
      `cursor=${made}`,
      'cursor=x',
      'cursor=',
      'cursor=%22',
      'limit=0',
      'limit=501',
      'limit=1e1',
      'page=2',
    ]) {
      const { status, body } = await fixture.get(`${list.path}?${query}`, list.bearer());
      expect([query, status, body['code']]).toEqual([query, 400, 'http_body_invalid']);
    }
  });
});

it('the last page says that it is the last', () => {
  expect(pageOf([1, 2], 2, (last) => last)).toEqual({ shown: [1, 2], next: null });
  expect(pageOf([1, 2, 3], 2, (last) => last)).toEqual({ shown: [1, 2], next: toBase64url(utf8('2')) });
  expect(pageOf([], 2, (last) => last)).toEqual({ shown: [], next: null });
});
