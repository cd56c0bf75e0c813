// Holds: every refusal is a problem document with a code, limits hold against slow and large senders, logs stay clean.
import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { HTTP_LIMITS } from '../../../../device/base/http/http-server.ts';
import type { Log, LogFacts } from '../../../../device/base/log.ts';
import { bareUpload } from '../../../support/bare-upload.ts';
import { BridgeFixture } from '../../../support/bridge-fixture.ts';
import { claimsOf } from '../../../support/parties.ts';

let fixture: BridgeFixture | null = null;
afterEach(async () => {
  await fixture?.close();
  fixture = null;
});

/** Sends text over a bare socket; resolves with the whole answer once the server has closed it. */
async function exchange(of: BridgeFixture, text: string): Promise<string> {
  const socket = connect(Number(new URL(of.bridge.url).port), '127.0.0.1');
  let answer = '';
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    answer += bytes.toString();
  });
  socket.write(text);
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return answer;
}

it('answers every unknown address, broken body and wrong type with a coded problem document', async () => {
  const own = await BridgeFixture.open();
  fixture = own;
  const json = { 'content-type': 'application/json' };
  const answers = [
    await own.get('/v1/nothing'),
    await own.send('POST', '/v1/requests', json, '{"request":'),
    await own.send('POST', '/v1/requests', json, '{"request":"x","more":1}'),
    await own.send('POST', '/v1/requests', json, JSON.stringify({ request: 'x'.repeat(70_000) })),
    await own.send('POST', '/v1/requests', { 'content-type': 'text/plain' }, 'x'),
    await own.send('POST', '/v1/requests', json, '{"__proto__":{"request":"x"}}'),
    await own.get('/v1/clips/UPPER', own.access('all')),
  ];
  expect(answers.map(({ status, body }) => [status, body['code']])).toEqual([
    [404, 'http_not_found'],
    [400, 'http_body_invalid'],
    [400, 'http_body_invalid'],
    [400, 'http_body_invalid'],
    [400, 'http_body_invalid'],
    [400, 'http_body_invalid'],
    [400, 'http_body_invalid'],
  ]);
  for (const { headers } of answers) expect(headers.get('content-type')).toContain('application/problem+json');
});

it('names its id and key', async () => {
  fixture = await BridgeFixture.open();
  const { cast } = fixture;
  expect((await fixture.get('/v1/bridge')).body).toEqual({
    id: cast.bridge.id,
    key: cast.bridge.key.publicKey,
    registry: cast.registry.key.publicKey,
    prefix: 'doorsill/v1',
  });
});

it('describes itself at /, with working links, and always in the same words, whatever homes have done', async () => {
  fixture = await BridgeFixture.open();
  const before = await fixture.get('/');
  expect(before).toMatchObject({ status: 200, body: { name: 'doorsill bridge', version: '1' } });
  const links = Object.values(Object(before.body['links'])).map(String);
  expect(links).toEqual(expect.arrayContaining(['/neighbors', '/openapi.json', '/healthz']));
  for (const link of links) expect([link, (await fixture.get(link)).status]).toEqual([link, 200]);
  await fixture.deliver(fixture.parcel(await fixture.ready()));
  expect((await fixture.get('/')).body).toEqual(before.body);
});

it('ends senders of endless headers, of endless bodies, and silent ones', async () => {
  const own = await BridgeFixture.open({ httpLimits: { ...HTTP_LIMITS, headersMs: 200, bodyMs: 200, idleMs: 400 } });
  fixture = own;
  expect(await exchange(own, 'GET /v1/bridge HTTP/1.1\r\nHost: x\r\nX-Slow: ')).toMatch(/^$|408/);
  const head =
    'POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{';
  expect(await exchange(own, head)).not.toMatch(/ 20\d /);
  expect(await exchange(own, '')).not.toMatch(/ 20\d /);
});

it('answers headers that take too long with a retryable code', async () => {
  const own = await BridgeFixture.open({ httpLimits: { ...HTTP_LIMITS, headersMs: 200 } });
  fixture = own;
  const answer = await exchange(own, 'GET /v1/bridge HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  expect(answer).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"http_too_slow"/);
  expect(await exchange(own, 'GET /v1/bridge WRONG\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 400 [\s\S]*"code":"http_body_invalid"/,
  );
});

it('ends a body that never ends, even if bytes keep coming', async () => {
  const own = await BridgeFixture.open({ httpLimits: { ...HTTP_LIMITS, bodyMs: 200 } });
  fixture = own;
  const socket = connect(Number(new URL(own.bridge.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  let closed = false;
  socket.once('close', () => {
    closed = true;
  });
  socket.write(
    'POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50000\r\n\r\n',
  );
  while (!closed) {
    socket.write('{');
    await own.clock.sleep(20);
  }
});

it('lets an upload be slower than a body may be, as long as it is not silent', async () => {
  const own = await BridgeFixture.open({ httpLimits: { ...HTTP_LIMITS, bodyMs: 100 } });
  fixture = own;
  const parcel = own.parcel(await own.ready());
  await own.openIntake(parcel);
  const path = await own.create(parcel);
  const { socket, answer } = bareUpload(own, parcel, path);
  for (let at = 0; at < parcel.clip.length; at += 4_000) {
    socket.write(parcel.clip.subarray(at, at + 4_000));
    await own.clock.sleep(60);
  }
  expect(await answer).toMatch(/^HTTP\/1\.1 204/);
  socket.destroy();
});

it('logs no token, address, email, nor any device that did not open an intake', async () => {
  const lines: string[] = [];
  const write = (level: string) => (message: string, facts?: LogFacts) =>
    void lines.push(JSON.stringify({ level, message, ...facts }));
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => log,
  };
  const own = await BridgeFixture.open({ log });
  fixture = own;
  const request = await own.ready();
  const parcel = own.parcel(request);
  await own.deliver(parcel);
  await own.get(`/v1/clips/${parcel.clipId}`, own.access(parcel.clipId));
  lines.length = 0;
  const bad = own.parcel(request, { grant: { exp: own.cast.nowS() - 1 } });
  await own.openIntake(bad);
  await own.revoke(parcel);
  const all = lines.join('\n');
  expect(all).toContain('intake_grant_invalid');
  for (const secret of [parcel.bearer, parcel.manifestToken, 'Elm Street', 'casey@', own.bridge.adminToken]) {
    expect(all).not.toContain(secret);
  }
  expect(all).not.toContain(own.cast.device.id);
  expect(all).not.toContain(String(claimsOf(request)['jti']));
});
