// The contract of an area link on every broker; each broker's tests run it.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AreaLink, type AreaMessage } from '../../../device/area-link/area-link.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import type { MqttLink } from '../../../device/base/mqtt-link.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { DEFAULT_PREFIX, topicsUnder } from '../../../device/contract/topics.ts';
import { type BrokerKind, collector, type TestBroker } from '../../support/broker.ts';
import { Cast } from '../../support/parties.ts';
import { proved } from '../../support/proved.ts';
import { Searching } from '../../support/searches.ts';

const topics = topicsUnder(DEFAULT_PREFIX);
const cast = new Cast(new SystemClock());
const { cell } = cast;

/** The accounts that the contract uses. */
const AREA_ACCOUNTS = {
  bridge: { role: 'bridge', id: 'bridge-1' },
  device: { role: 'device-area', id: 'device-1' },
};
export type AreaBroker = Pick<TestBroker, 'kind' | 'port' | 'issue' | 'link' | 'pause' | 'resume' | 'stop'>;

let broker: AreaBroker;
let bridge: MqttLink;
let area: AreaLink;
let inbox: ReturnType<typeof collector<AreaMessage>>;
let wire: Wire;
async function open(of: () => Promise<AreaBroker>): Promise<void> {
  broker = await of();
  bridge = await broker.link(AREA_ACCOUNTS.bridge);
  bridge.start();
  wire = await startWire(broker.port);
  const account = await broker.issue(AREA_ACCOUNTS.device);
  area = new AreaLink({
    cell,
    prefix: DEFAULT_PREFIX,
    url: `mqtt://127.0.0.1:${wire.port}`,
    ...account,
    clock: new SystemClock(),
    random: new SystemRandom(),
    log: silentLog(),
  });
  inbox = collector<AreaMessage>();
  area.onMessage(inbox.take);
}
const publish = (part: number, token: string) =>
  bridge.publish(topics.areaRequests(cell, part), token, { retain: true });
const document = (parts: number, part = 1) => cast.areaDocument([], { part, parts });

/** `restarts`: whether the broker may be restarted. */
export function areaLinkContract(kind: BrokerKind, broker: () => Promise<AreaBroker>, restarts = true): void {
  describe(`an area link on ${kind}`, { tags: kind === 'embedded' ? [] : [kind] }, () => contract(broker, restarts));
}

function contract(of: () => Promise<AreaBroker>, restarts: boolean): void {
  beforeEach(() => open(of));
  afterEach(async () => {
    await area.stop();
    await broker.stop();
    await wire.stop();
  });

  it('passes on what the broker has retained for its cell, and later messages, unverified', async () => {
    await publish(1, 'not even a token');
    await bridge.publish(topics.revocations, 'revocations', { retain: true });
    area.start();
    const first = [await inbox.next(), await inbox.next()];
    expect(first).toContainEqual({ kind: 'requests', part: 1, token: 'not even a token' });
    expect(first).toContainEqual({ kind: 'revocations', token: 'revocations' });
    const next = document(1);
    await publish(1, next);
    expect(await inbox.next()).toEqual({ kind: 'requests', part: 1, token: next });
  });

  it('gets its cell’s searches, too, in all parts, whether or not the home takes part in Search Party', async () => {
    const searching = new Searching(cast);
    const first = searching.document([searching.published()], { cell, parts: 2 });
    await bridge.publish(topics.areaSearches(cell, 1), first, { retain: true });
    await bridge.publish(topics.areaSearches(cell, 2), 'part two', { retain: true });
    await bridge.publish(topics.areaSearches('zzzzz', 1), 'elsewhere', { retain: true });
    area.start();
    expect([await inbox.next(), await inbox.next()]).toEqual([
      { kind: 'searches', part: 1, token: first },
      { kind: 'searches', part: 2, token: 'part two' },
    ]);
  });

  it('gets nothing of other cells', async () => {
    area.start();
    await bridge.publish(topics.areaRequests('zzzzz', 1), 'elsewhere', { retain: true });
    await publish(1, 'here');
    expect(await inbox.next()).toMatchObject({ token: 'here' });
    expect(inbox.all).toHaveLength(1);
  });

  it('follows a document over all its parts, and unsubscribes from those that are gone', async () => {
    const [first, second, third] = [document(3), document(3, 2), document(3, 3)];
    for (const [at, token] of [first, second, third].entries()) await publish(at + 1, token);
    area.start();
    const tokens = [await inbox.next(), await inbox.next(), await inbox.next()].map((message) => message.token);
    expect(tokens.sort()).toEqual([first, second, third].sort());
    await publish(1, document(2));
    expect(await inbox.next()).toMatchObject({ part: 1 });
    await publish(3, 'nobody listens');
    await publish(2, 'still heard');
    expect(await inbox.next()).toMatchObject({ part: 2, token: 'still heard' });
    expect(inbox.all.map((message) => message.token)).not.toContain('nobody listens');
  });

  const ifItRestarts = restarts ? it : () => undefined;
  ifItRestarts('hears all parts again after the broker was away', async () => {
    await publish(1, document(2));
    await publish(2, 'part two');
    area.start();
    await inbox.next();
    await inbox.next();
    await broker.pause();
    await broker.resume();
    await publish(2, 'part two again');
    while ((await inbox.next()).token !== 'part two again');
  });

  it('ignores a cleared topic, bytes that are not text, and parts of another cell’s document', async () => {
    area.start();
    await publish(1, cast.areaDocument([], { cell: 'other', parts: 9 }));
    await inbox.next();
    await bridge.publish(topics.areaRequests(cell, 1), new Uint8Array([0xff, 0xfe]), { retain: true });
    await publish(1, '');
    await publish(2, 'part two');
    await publish(1, 'part one');
    expect(await inbox.next()).toMatchObject({ part: 1, token: 'part one' });
  });

  it('publishes nothing, has no will, and subscribes only to exact topics', async (context) => {
    await publish(1, document(2));
    await publish(2, 'part two');
    area.start();
    await inbox.next();
    await inbox.next();
    wire.cut();
    await publish(2, 'after the cut');
    while ((await inbox.next()).token !== 'after the cut');
    await area.stop();
    const kinds = new Set(wire.packets.map((packet) => packet.kind));
    // CONNECT, PUBACK, SUBSCRIBE, DISCONNECT: no PUBLISH (3) ever.
    expect([...kinds].sort((a, b) => a - b)).toEqual([1, 4, 8, 14]);
    proved(
      context,
      `area link on ${broker.kind}: what a device says`,
      `${wire.packets.length} packets, no PUBLISH, no wildcard`,
    );
    for (const { kind, body } of wire.packets) {
      if (kind === 1) expect((body[7] ?? 0) & 0b100, 'the will flag of CONNECT').toBe(0);
      if (kind !== 8) continue;
      const filters = filtersOf(body);
      expect(filters.length).toBeGreaterThan(0);
      for (const filter of filters) expect(filter).not.toMatch(/[#+]/);
    }
  });

  it('reports when it is connected and when it is lost', async () => {
    const states = collector<boolean>();
    area.onState(({ online }) => states.take(online));
    area.start();
    expect(await states.next()).toBe(true);
    wire.cut();
    expect(await states.next()).toBe(false);
  });
}

interface Wire {
  port: number;
  /** Every MQTT packet that a client has sent. */
  packets: { kind: number; body: Buffer }[];
  cut(): void;
  stop(): Promise<void>;
}

/** A TCP proxy to the broker that records every packet of a client. */
async function startWire(to: number): Promise<Wire> {
  const packets: Wire['packets'] = [];
  const open = new Set<Socket>();
  const server: Server = createServer((client) => {
    const target = connect(to, '127.0.0.1');
    let unread = Buffer.alloc(0);
    open.add(client);
    for (const socket of [client, target]) socket.on('error', () => undefined);
    client.on('data', (piece) => {
      target.write(piece);
      unread = Buffer.concat([unread, piece]);
      // Packets of these tests are shorter than 16 KiB: one or two bytes of length.
      for (;;) {
        const [kind = 0, low = 0, high = 0] = unread;
        const headerBytes = low < 128 ? 2 : 3;
        const length = low < 128 ? low : (low & 127) + high * 128;
        if (unread.length < headerBytes || unread.length < headerBytes + length) break;
        packets.push({ kind: kind >> 4, body: unread.subarray(headerBytes, headerBytes + length) });
        unread = unread.subarray(headerBytes + length);
      }
    });
    target.on('data', (piece) => client.write(piece));
    target.on('close', () => client.destroy());
    client.on('close', () => {
      open.delete(client);
      target.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (!address || typeof address !== 'object') throw new Error('no port');
  return {
    port: address.port,
    packets,
    cut: () => {
      for (const socket of open) socket.resetAndDestroy();
    },
    stop: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The topic filters of a SUBSCRIBE, behind its packet identifier, each with its length before and its QoS after it [MQTT-3.8.3]. */
function filtersOf(body: Buffer): string[] {
  const filters: string[] = [];
  for (let at = 2; at < body.length; ) {
    const start = at + 2;
    const end = start + body.readUInt16BE(at);
    filters.push(body.toString('utf8', start, end));
    at = end + 1;
  }
  return filters;
}
