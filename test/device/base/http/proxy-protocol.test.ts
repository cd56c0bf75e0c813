// Holds: a listed proxy must name the client's address by the PROXY protocol; nobody else is believed, and an unreadable header is refused.
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { SystemClock } from '../../../../device/base/clock.ts';
import { HTTP_LIMITS, listenOn, makeHttpServer } from '../../../../device/base/http/http-server.ts';
import { parseProxyHeader } from '../../../../device/base/http/proxy-protocol.ts';
import { silentLog } from '../../../../device/base/log.ts';

const servers: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** A server that answers with its caller's address. */
async function open(proxyProtocol: string[], changes: object = {}, proxies: string[] = []): Promise<number> {
  const limits = { ...HTTP_LIMITS, ...changes };
  const server = makeHttpServer({ clock: new SystemClock(), log: silentLog(), limits, proxyProtocol, proxies });
  server.get('/who', async ({ ip }) => `you are ${ip}.`);
  servers.push(server);
  return Number(new URL(await listenOn(server, '127.0.0.1', 0)).port);
}

const GET = 'GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';

/** Sends the pieces one after the other; resolves with the whole answer when the connection ends. */
async function ask(port: number, ...pieces: (string | Buffer)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let said = '';
  socket.on('data', (piece) => {
    said += piece.toString();
  });
  const ended = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve));
    if (pieces.length > 1) await setTimeout(5);
  }
  await ended;
  return said;
}

/** A header of version 2. */
function binary(command: number, family: number, body: number[], length = body.length): Buffer {
  const head = Buffer.from('\r\n\r\n\0\r\nQUIT\n\0\0\0\0', 'latin1');
  head[12] = command;
  head[13] = family;
  head.writeUInt16BE(length, 14);
  return Buffer.concat([head, Buffer.from(body)]);
}
const V4 = [203, 0, 113, 7, 127, 0, 0, 1, 1, 2, 3, 4];
const V6 = [0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), 9, ...Array<number>(16).fill(0), 1, 2, 3, 4];

it('takes the client’s address from a listed proxy, in both versions, however the header is cut into pieces', async () => {
  const port = await open(['127.0.0.1']);
  const line = 'PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n';
  expect(await ask(port, line + GET)).toContain('you are 203.0.113.7.');
  expect(await ask(port, ...line, GET)).toContain('you are 203.0.113.7.');
  expect(await ask(port, `PROXY TCP6 2001:db8::9 ::1 4711 80\r\n${GET}`)).toContain('you are 2001:db8::9.');
  const v4 = binary(0x21, 0x11, V4);
  expect(await ask(port, Buffer.concat([v4, Buffer.from(GET)]))).toContain('you are 203.0.113.7.');
  expect(await ask(port, v4.subarray(0, 7), v4.subarray(7, 17), v4.subarray(17), GET)).toContain(
    'you are 203.0.113.7.',
  );
  expect(await ask(port, binary(0x21, 0x21, [...V6, 4, 0, 1, 9]), GET)).toContain('you are 2001:db8:0:0:0:0:0:9.');
  // The proxy's own address is kept for its own connections, and for clients without an IP address.
  const unix = binary(0x21, 0x31, Array<number>(216).fill(1));
  for (const own of ['PROXY UNKNOWN\r\n', binary(0x20, 0, []), binary(0x20, 0x11, V4), unix]) {
    expect(await ask(port, own, GET)).toContain('you are 127.0.0.1.');
  }
});

it('keeps the address of the first header: a second one in the connection or in the request changes nothing', async () => {
  const port = await open(['127.0.0.1'], {}, ['127.0.0.1']);
  const line = 'PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n';
  const forged = await ask(port, `${line}PROXY TCP4 198.51.100.1 127.0.0.1 1 80\r\n${GET}`);
  expect(forged).toMatch(/^HTTP\/1.1 400 /);
  expect(forged).toContain('http_body_invalid');
  const forwarded = GET.replace('\r\n\r\n', '\r\nx-forwarded-for: 198.51.100.1\r\n\r\n');
  expect(await ask(port, line + forwarded)).toContain('you are 203.0.113.7.');
});

it('refuses a header from an address that is not listed, and serves that address without one', async () => {
  for (const port of [await open([]), await open(['192.0.2.1', '10.0.0.0/8'])]) {
    for (const header of ['PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n', binary(0x21, 0x11, V4)]) {
      const refused = await ask(port, header, GET);
      expect(refused).toMatch(/^HTTP\/1.1 400 /);
      expect(refused).not.toContain('you are');
    }
    expect(await ask(port, GET)).toContain('you are 127.0.0.1.');
  }
});

it('refuses a listed proxy without a header, with the reason, and serves nothing', async () => {
  const port = await open(['127.0.0.1']);
  const wrong = [
    GET,
    'PROXY TCP4 203.0.113.7 127.0.0.1 4711\r\n',
    'PROXY TCP4 2001:db8::9 ::1 4711 80\r\n',
    'PROXY TCP4 999.0.113.7 127.0.0.1 4711 80\r\n',
    'PROXY UDP4 203.0.113.7 127.0.0.1 4711 80\r\n',
    `PROXY TCP4 ${'1'.repeat(200)}`,
    binary(0x31, 0x11, V4),
    binary(0x22, 0x11, V4),
    binary(0x21, 0x11, V4.slice(0, 8)),
    binary(0x21, 0x11, V4, 2_049),
  ];
  for (const header of wrong) {
    const said = await ask(port, header, GET);
    expect(said).toContain('http.proxyProtocol');
    expect(said).not.toContain('you are');
  }
});

it('waits for a header no longer than for HTTP headers, and not when the server closes', async () => {
  const port = await open(['127.0.0.1'], { headersMs: 50 });
  expect(await ask(port, 'PROXY TC')).toBe('');
  const patient = await open(['127.0.0.1'], { headersMs: 120_000 });
  const waits = ask(patient, 'PROXY TC');
  await setTimeout(20);
  for (const server of servers.splice(0)) await server.close();
  expect(await waits).toBe('');
});

it('counts connections by the client’s address, not by the proxy’s', async () => {
  const port = await open(['127.0.0.1'], { connectionsPerAddress: 1 });
  const held = ['203.0.113.7', '203.0.113.8'].map((source) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined).write(`PROXY TCP4 ${source} 127.0.0.1 1 80\r\n`);
    return { socket, closed: new Promise((resolve) => socket.once('close', () => resolve(source))) };
  });
  await setTimeout(20);
  expect(await ask(port, `PROXY TCP4 203.0.113.7 127.0.0.1 1 80\r\n${GET}`)).toContain('you are');
  expect(await Promise.race(held.map(({ closed }) => closed))).toBe('203.0.113.7');
  for (const { socket } of held) socket.destroy();
});

it('refuses a header of twice the allowed length', () => {
  expect(parseProxyHeader(Buffer.from('PROXY TCP4'))).toBe('more');
  expect(parseProxyHeader(Buffer.from(`PROXY TCP6 ${'f'.repeat(120)}\r\n`))).toBeNull();
});
