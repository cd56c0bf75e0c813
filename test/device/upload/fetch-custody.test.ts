// A device asks its own bridge, in its own name, about a clip that was for it; a bridge that is unreachable, slow, old, lying or another
// one is reported as exactly that.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { CustodyFetcher } from '../../../device/upload/fetch-custody.ts';
import type { PinnedBridge } from '../../../device/upload/intake-requests.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';

let fixture: BridgeFixture;
let parcel: Parcel;
beforeAll(async () => {
  const ready = await BridgeFixture.openReady();
  fixture = ready.fixture;
  parcel = fixture.parcel(ready.request);
  await fixture.deliver(parcel);
});
afterAll(() => fixture.close());

function fetcher(
  changes: Partial<PinnedBridge> = {},
  clock = fixture.clock as ConstructorParameters<typeof CustodyFetcher>[0]['clock'],
) {
  const { bridge, device } = fixture.cast;
  const pinned = { url: fixture.bridge.url, id: bridge.id, key: bridge.key.publicKey, ...changes };
  return new CustodyFetcher({ device, bridge: () => pinned, clock, random: fixture.random });
}
const about = (changes: object = {}) => ({ grant: parcel.grant, bridge: fixture.cast.bridge.id, ...changes });

/** A server in the bridge's place. */
async function impostor(answer: (asked: IncomingMessage, reply: ServerResponse) => void) {
  const asked: { path: string; bearer: string }[] = [];
  const server = createServer((request, reply) => {
    asked.push({ path: request.url ?? '', bearer: request.headers.authorization ?? '' });
    answer(request, reply);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = () => new Promise<void>((resolve) => void server.close(() => resolve()).closeAllConnections());
  return { url, asked, stop };
}

it('returns the bridge’s receipt and leaves', async () => {
  const shown = await fetcher().fetch(about());
  expect(shown).toMatchObject({ receipt: expect.any(String), isWhole: true });
  expect(shown.leaves.map(({ entry }) => JSON.parse(entry).kind)).toEqual(['intake']);
});

it('reports that the bridge knows no clip of a grant', async () => {
  await expect(fetcher().fetch(about({ grant: 'grant-other' }))).rejects.toMatchObject({ code: 'http_not_found' });
});

it('asks no bridge but the one that the clip was for', async () => {
  const other = await impostor((_asked, reply) => reply.end('{}'));
  try {
    const moved = fetcher({ url: other.url, id: 'bridge-other' });
    await expect(moved.fetch(about())).rejects.toMatchObject({ code: 'device_moved' });
    expect(other.asked).toEqual([]);
  } finally {
    await other.stop();
  }
});

it('returns the one leaf of a bridge without a list, and reports that it may be incomplete', async () => {
  const old = await impostor(async (asked, reply) => {
    if (asked.url?.endsWith('/leaves')) return void reply.writeHead(404).end('{}');
    const real = await fetch(`${fixture.bridge.url}${asked.url}`, {
      headers: { authorization: String(asked.headers.authorization) },
    });
    reply.writeHead(real.status).end(await real.text());
  });
  try {
    const shown = await fetcher({ url: old.url }).fetch(about());
    expect([shown.isWhole, shown.leaves.length]).toEqual([false, 1]);
    // Each call is signed anew, and for this bridge.
    expect(new Set(old.asked.map(({ bearer }) => bearer)).size).toBe(2);
  } finally {
    await old.stop();
  }
});

it.each<[string, (reply: ServerResponse) => void]>([
  ['is not JSON', (reply) => reply.end('<html>')],
  ['has another shape', (reply) => reply.end(JSON.stringify({ receipt: null, leaves: 'all' }))],
  ['has unknown fields', (reply) => reply.end(JSON.stringify({ receipt: null, leaves: [], clip: 'x' }))],
  ['is too large', (reply) => reply.end(`{"receipt": "${'A'.repeat(100_000)}"}`)],
  ['is cut off', (reply) => void reply.writeHead(200, { 'content-length': '99' }).write('{', () => reply.destroy())],
  ['reports an error', (reply) => reply.writeHead(500).end('{}')],
  ['is a redirect', (reply) => reply.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
])('says that the bridge cannot be asked when its answer %s', async (_what, answer) => {
  const lying = await impostor((_asked, reply) => answer(reply));
  try {
    await expect(fetcher({ url: lying.url }).fetch(about())).rejects.toMatchObject({ code: 'custody_unreachable' });
  } finally {
    await lying.stop();
  }
});

it('reports a missing bridge, and gives up one that does not answer', async () => {
  await expect(fetcher({ url: 'http://127.0.0.1:9' }).fetch(about())).rejects.toMatchObject({
    code: 'custody_unreachable',
  });
  const silent = await impostor(() => undefined);
  const clock = new ManualClock(fixture.clock.wallUs());
  try {
    const asking = fetcher({ url: silent.url }, clock).fetch(about());
    const refused = expect(asking).rejects.toMatchObject({ code: 'custody_unreachable' });
    await expect.poll(() => silent.asked.length).toBe(1);
    await clock.advance(8_000);
    await refused;
  } finally {
    await silent.stop();
  }
});

it('asks thirty times a minute at most', async () => {
  const busy = await impostor((_asked, reply) => reply.end(JSON.stringify({ receipt: null, leaves: [] })));
  const clock = new ManualClock(fixture.clock.wallUs());
  try {
    const one = fetcher({ url: busy.url }, clock);
    for (let again = 0; again < 30; again += 1) await one.fetch(about());
    await expect(one.fetch(about())).rejects.toMatchObject({ code: 'http_rate_limited' });
    expect(busy.asked).toHaveLength(30);
    await clock.advance(60_000);
    await one.fetch(about());
  } finally {
    await busy.stop();
  }
});
