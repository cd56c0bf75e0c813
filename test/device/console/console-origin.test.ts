// Holds: a request under a foreign name, or from a page of another origin, reaches no route of the device's own server and opens no
// WebSocket, whatever else it carries.
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentSchema, operationsOf } from '../../support/recorded-calls.ts';
import { ConsoleRig, type OwnerBrowser } from './support/console-rig.ts';
import { exchange, OpenView, WEBSOCKET } from './support/open-connections.ts';

let rig: ConsoleRig;
let owner: OwnerBrowser;
/** Every route that the server's OpenAPI document lists, and paths without a route. */
let targets: { method: string; path: string }[];
beforeAll(async () => {
  rig = await ConsoleRig.start();
  owner = await rig.owner();
  const document = documentSchema.parse((await rig.call('/api/v1/openapi.json')).json);
  targets = [
    ...operationsOf(document).map((operation) => operation.split(' ')),
    ...[
      ['GET', '/api/v1/nothing'],
      ['POST', '/'],
      ['OPTIONS', '/api/v1/orders'],
      ['DELETE', '/api/v1/state'],
    ],
  ].map(([method = '', path = '']) => ({ method, path: path.replaceAll(/\{\w+\}/g, 'x') }));
});
afterAll(() => rig.stop());

const port = () => new URL(rig.url).port;

/** Headers of a request from elsewhere, and what it is answered. */
const ELSEWHERE: [string, () => Record<string, string>, number, string][] = [
  ['another name', () => ({ host: `evil.example:${port()}` }), 421, 'console_host_refused'],
  ['another name of this address', () => ({ host: `127.0.0.2:${port()}` }), 421, 'console_host_refused'],
  ['the origin null', () => ({ origin: 'null' }), 403, 'console_origin_refused'],
  ['another port', () => ({ origin: 'http://localhost:3000' }), 403, 'console_origin_refused'],
  ['another scheme', () => ({ origin: `https://localhost:${port()}` }), 403, 'console_origin_refused'],
  ['another site', () => ({ 'sec-fetch-site': 'cross-site' }), 403, 'console_origin_refused'],
  ['another port, as the browser says', () => ({ 'sec-fetch-site': 'same-site' }), 403, 'console_origin_refused'],
];

describe('a request', () => {
  it.each(ELSEWHERE)('from %s reaches no route', async (_what, headers, status, code) => {
    expect(targets.length).toBeGreaterThan(20);
    for (const { method, path } of targets) {
      const answer = await rig.call(path, { method, headers: { ...owner.headers, ...headers() } });
      expect([method, path, answer.status, answer.json['code']]).toEqual([method, path, status, code]);
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      expect(answer.headers['set-cookie']).toBeUndefined();
    }
    // The owner's session was neither used nor ended.
    expect((await owner.get('/api/v1/state')).status).toBe(200);
  });

  it('from a link on another site opens the page, and nothing else', async () => {
    const link = { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    for (const { method, path } of [
      ...targets,
      { method: 'GET', path: '/?x' },
      { method: 'GET', path: '/index.html' },
    ]) {
      const answer = await rig.call(path, { method, headers: { ...owner.headers, ...link } });
      const isPage = method === 'GET' && path === '/';
      expect([method, path, answer.status]).toEqual([method, path, isPage ? 200 : 403]);
      if (!isPage) continue;
      // The page cannot be framed, read, or reached through the window that opened it.
      expect(answer.headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(answer.headers['cross-origin-opener-policy']).toBe('same-origin');
      expect(answer.headers['cross-origin-resource-policy']).toBe('same-origin');
    }
  });

  it('without a host name reaches no route', async () => {
    expect(await exchange(rig.url, 'GET /api/v1/server HTTP/1.0\r\n\r\n')).toContain('console_host_refused');
    expect(await exchange(rig.url, 'GET /api/v1/server HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    const two = `GET /api/v1/server HTTP/1.1\r\nHost: evil.example\r\nHost: localhost:${port()}\r\nConnection: close\r\n\r\n`;
    expect(await exchange(rig.url, two)).not.toContain('deviceKey');
  });

  it('from its own page reaches each route', async () => {
    const headers = { origin: rig.url, 'sec-fetch-site': 'same-origin' };
    expect((await owner.get('/api/v1/state', { headers })).status).toBe(200);
  });
});

describe('a WebSocket', () => {
  const upgrade = async (headers: Record<string, string>) => {
    const view = new OpenView(rig.url, '/api/v1/live', { ...WEBSOCKET, ...owner.headers, ...headers });
    await expect.poll(() => view.status).toBeGreaterThan(0);
    const { status } = view;
    view.socket.destroy();
    return status;
  };

  it('from its own page is opened', async () => {
    expect(await upgrade({ origin: rig.url, 'sec-fetch-site': 'same-origin' })).toBe(101);
  });

  it.each(ELSEWHERE)('from %s is not opened', async (_what, headers, status) => {
    expect(await upgrade(headers())).toBe(status);
  });

  it.each<[string, Record<string, string>]>([
    ['the cookie alone', { 'x-doorsill-session': '' }],
    ['another secret', { 'x-doorsill-session': 'A'.repeat(22) }],
    ['no cookie', { cookie: '' }],
    ['another secret among the protocols', { 'sec-websocket-protocol': `doorsill-live, session.${'A'.repeat(22)}` }],
  ])('with %s is not opened', async (_what, headers) => {
    expect(await upgrade(headers)).toBe(401);
  });

  it('is closed by the server when refused, even if its client leaves it open', async () => {
    const socket = connect({ port: Number(port()), host: '127.0.0.1', allowHalfOpen: true });
    const lines = Object.entries({ host: new URL(rig.url).host, ...WEBSOCKET }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    socket.write(`GET /api/v1/live HTTP/1.1\r\n${lines.join('')}\r\n`);
    socket.resume();
    await new Promise((resolve) => socket.once('end', resolve));
    let why: unknown = null;
    socket.on('error', (thrown) => {
      why = thrown;
    });
    // Data for a closed connection is answered with a reset.
    const said = () => {
      socket.write('x');
      return why;
    };
    await expect.poll(said).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) });
  });

  it.each(['/', '/api/v1/live?x', '/api/v1/state', '/api/v1/live.mp4'])(
    'is not opened at another path: %s',
    async (path) => {
      const view = new OpenView(rig.url, path, { ...WEBSOCKET, ...owner.headers });
      await view.closed;
      expect(view.status).toBe(404);
    },
  );
});
