// Holds: nobody uses up a server's connections: each address has a limit, a newcomer replaces a connection that only waits, and transfers
// of clips leave room for health checks and for revocations.
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { HTTP_LIMITS } from '../../../../device/base/http/http-server.ts';
import { BridgeFixture } from '../../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../../support/command-line.ts';
import { plainMp4 } from '../../../support/plain-mp4.ts';
import { VaultFixture } from '../../../support/vault-fixture.ts';

const SMALL = { ...HTTP_LIMITS, connections: 40, connectionsPerAddress: 10, connectionsReserved: 8 };
let fixture: BridgeFixture;
let request: string;
let sockets: Line[] = [];
beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady({ httpLimits: SMALL }));
});
afterAll(() => fixture.close());
afterEach(() => {
  for (const { socket } of sockets) socket.destroy();
  sockets = [];
});

interface Line {
  socket: Socket;
  heard: string;
  isOpen: boolean;
}

/** A connection from an address of this machine, which sends `text` and nothing else. */
async function line(url: string, text: string, localAddress = '127.0.0.1'): Promise<Line> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', localAddress });
  const one: Line = { socket, heard: '', isOpen: true };
  sockets.push(one);
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    one.heard += bytes.toString('latin1').slice(0, 100);
  });
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve);
    socket.once('close', () => {
      one.isOpen = false;
      resolve();
    });
  });
  if (text !== '') socket.write(text);
  return one;
}

const WAYS: [string, string][] = [
  ['say nothing', ''],
  ['never end their headers', 'GET /v1/bridge HTTP/1.1\r\nHost: x\r\nX-Slow: '],
  [
    'never end their body',
    'POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{',
  ],
  ['keep alive what they have used', 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['bring bytes that nobody lets them', 'PATCH /v1/uploads/x HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n'],
];

const open = () => sockets.filter(({ isOpen }) => isOpen).length;

it.each(WAYS)('accepts a newcomer, also from the same address, while others %s', async (_what, text) => {
  const parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
  for (let count = 0; count < 30; count += 1) await line(fixture.bridge.url, text);
  await expect.poll(open).toBeLessThanOrEqual(SMALL.connectionsPerAddress);
  // As many from each of enough other addresses to fill the server.
  for (let count = 0; count < 80; count += 1) await line(fixture.bridge.url, text, `127.0.0.${2 + (count % 8)}`);
  await expect.poll(open).toBeLessThanOrEqual(SMALL.connections);
  expect((await fixture.get('/healthz')).status).toBe(200);
  expect((await fixture.revoke(parcel)).body['state']).toBe('deleted');
});

it('ends half-closed connections', async () => {
  for (let count = 0; count < 5; count += 1) {
    const half = await line(fixture.bridge.url, 'GET /healthz HTTP/1.1\r\nX-Slow: ');
    half.socket.end();
  }
  await expect.poll(open).toBe(0);
});

it('keeps an authenticated client’s transfer, however many connections come, but not so many that no room is left', {
  tags: ['long'],
  timeout: 60_000,
}, async () => {
  const big = plainMp4({ frames: 30, audioPackets: 12, frameBytes: 800_000 });
  const [parcel, other] = [fixture.parcel(request, { clip: big }), fixture.parcel(request)];
  for (const each of [parcel, other]) await fixture.deliver(each);
  const ask = () =>
    `GET /v1/clips/${parcel.clipId} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.access(parcel.clipId)}\r\n\r\n`;
  const transfers: Line[] = [];
  /** Requests the clip without reading it; resolves once the answer begins, or the connection has ended. */
  const transfer = async (address: string) => {
    const one = await line(fixture.bridge.url, ask(), address);
    one.socket.once('data', () => one.socket.pause());
    await expect.poll(() => one.heard.includes('200 OK') || !one.isOpen).toBe(true);
    transfers.push(one);
  };
  // As many as one address may have: another one from there is still accepted.
  for (let count = 0; count < SMALL.connectionsPerAddress; count += 1) await transfer('127.0.0.1');
  expect((await fixture.get('/healthz')).status).toBe(200);
  // More than the server's limit.
  for (let count = 0; count < 40; count += 1) await transfer(`127.0.0.${2 + (count % 8)}`);
  expect((await fixture.get('/healthz')).status).toBe(200);
  for (let count = 0; count < 100; count += 1) await line(fixture.bridge.url, '', `127.0.0.${20 + count}`);
  expect((await fixture.get('/healthz')).status).toBe(200);
  expect((await fixture.revoke(other)).body['state']).toBe('deleted');
  // The first transfers still run.
  for (const one of transfers.slice(0, 5)) one.socket.resume();
  let bytes = 0;
  transfers[0]?.socket.on('data', (piece) => {
    bytes += piece.length;
  });
  await expect.poll(() => bytes, { timeout: 15_000 }).toBeGreaterThan(20_000_000);
});

it('holds for bridge, registry and vault with the limits they have', { tags: ['long'] }, async () => {
  const usual = await BridgeFixture.open();
  const folder = temporaryFolder('seats');
  const vault = await new VaultFixture(join(folder.path, 'vault')).start();
  try {
    for (const [url, path] of [
      [usual.bridge.url, '/healthz'],
      [usual.registry.url, '/v1/key'],
      [vault.vault.url, '/v1/vault'],
    ] as const) {
      const before = sockets.length;
      for (let count = 0; count < 300; count += 1) await line(url, 'GET / HTTP/1.1\r\nX-Slow: ');
      const left = () => sockets.slice(before).filter(({ isOpen }) => isOpen).length;
      await expect.poll(left).toBeLessThanOrEqual(HTTP_LIMITS.connectionsPerAddress);
      expect((await fetch(`${url}${path}`)).status).toBe(200);
    }
  } finally {
    await vault.stop();
    await usual.close();
    folder.dispose();
  }
});
