// Texts that are SQL statements or HTTP lines are treated as texts: they are returned unchanged or refused, and have no other effect.
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { documentOf } from '../../support/bridge-tour.ts';
import { textClaim } from '../../support/parties.ts';

const SQL = [
  `'; drop table requests; --`,
  `' or '1'='1`,
  `") union select token_sha256 from partners --`,
  `1; attach database '/tmp/x' as x`,
  `%' escape '\\`,
];
const LINES = [
  'a\r\nSet-Cookie: owner=1',
  'a\nLocation: http://evil.example',
  'a\r\n\r\n<script>',
  'a\u0000b',
  'a\u2028b',
];

let fixture: BridgeFixture;
let parcel: Parcel;
beforeAll(async () => {
  fixture = await BridgeFixture.open({ bridge: { requests: { moderation: 'everything' } } });
  await fixture.admitAgency();
  await fixture.enrol();
  const request = fixture.cast.request();
  await fixture.post('/v1/requests', { request });
  await fixture.post(`/v1/moderation/${textClaim(request, 'jti')}/approve`, { revision: 1 }, fixture.bridge.adminToken);
  parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
});
afterAll(() => fixture.close());

/** Everything that a raw socket receives. */
async function exchange(text: string): Promise<string> {
  const socket = connect(Number(new URL(fixture.bridge.url).port), '127.0.0.1');
  let answer = '';
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    answer += bytes.toString('latin1');
  });
  socket.end(text);
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return answer;
}

describe('statements of SQL', () => {
  it('in the text of a request are plain text', async () => {
    for (const [at, text] of SQL.entries()) {
      const request = fixture.cast.request({ text, investigation: `case-${at}`, incidentType: text.slice(0, 40) });
      const id = textClaim(request, 'jti');
      expect((await fixture.post('/v1/requests', { request })).status).toBe(201);
      await fixture.post(`/v1/moderation/${id}/approve`, { revision: 1 }, fixture.bridge.adminToken);
      const feed = JSON.stringify((await fixture.get('/neighbors/feed.json')).body);
      expect(feed).toContain(JSON.stringify(text).slice(1, -1));
    }
  });

  it('in any path segment, parameter or cursor have no effect', async () => {
    const document = await documentOf(fixture);
    const all = { admin: fixture.bridge.adminToken, officer: fixture.access('all') };
    let sent = 0;
    for (const [path, of] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(of)) {
        const bearer = operation['x-roles'].includes('officer') ? all.officer : all.admin;
        const query = operation.parameters.filter(({ in: where }) => where === 'query').map(({ name }) => name);
        for (const words of SQL.slice(0, 2)) {
          const text = encodeURIComponent(words);
          const at =
            path.replaceAll(/\{\w+\}/g, text) +
            (query.length ? `?${query.map((name) => `${name}=${text}`).join('&')}` : '');
          if (at === path) continue;
          const answer = await fixture.send(method.toUpperCase(), at, { authorization: `Bearer ${bearer}` });
          expect([method, at, [400, 401, 403, 404].includes(answer.status)]).toEqual([method, at, true]);
          sent += 1;
        }
      }
    }
    expect(sent).toBeGreaterThan(60);
  });

  it('in names, reasons and keys are stored unchanged, and no table is missing', async () => {
    const admin = fixture.bridge.adminToken;
    for (const [at, name] of SQL.entries()) {
      expect((await fixture.post('/v1/partners', { partner: `partner-${at}`, name }, admin)).body['name']).toBe(name);
      expect((await fixture.post('/v1/moderators', { moderator: `m-${at}`, name }, admin)).body['name']).toBe(name);
      const said = { officer: name, reason: name };
      const { clipId } = parcel;
      expect(
        (await fixture.get(`/v1/clips/${clipId}/manifest`, fixture.access(clipId, fixture.cast.agency, said))).status,
      ).toBe(200);
      const request = fixture.cast.request({ investigation: `key-${at}` });
      const headers = { 'content-type': 'application/json', 'idempotency-key': name.replaceAll(/[^!-~]|["\\]/g, '') };
      expect((await fixture.send('POST', '/v1/requests', headers, JSON.stringify({ request }))).status).toBe(201);
    }
    const { body } = await fixture.get('/v1/access-audit?limit=500', admin);
    const rows = body['accesses'] as { officer: string; reason: string }[];
    expect(rows.filter(({ officer, reason }) => officer === reason).map(({ reason }) => reason)).toEqual(SQL);
    await fixture.bridge.stop();
    const database = await openBridgeDatabase(join(fixture.bridgeFolder, 'bridge.sqlite'));
    expect(await database.partners.list()).toHaveLength(SQL.length);
    expect((await database.requests.ofAgency(fixture.cast.agency.id, null, 100)).length).toBe(1 + 2 * SQL.length);
    await database.close();
    await fixture.startBridge();
  });
});

describe('lines of HTTP', () => {
  it('in a URL inject no line into the answer', async () => {
    for (const words of LINES) {
      for (const path of ['/v1/clips/', '/neighbors/posts/', '/neighbors/agencies/', '/v1/uploads/']) {
        const bearer = path === '/v1/uploads/' ? parcel.bearer : fixture.access('all');
        const answer = await fixture.get(path + encodeURIComponent(words), bearer);
        expect(answer.status).toBeGreaterThanOrEqual(400);
        for (const name of ['set-cookie', 'location']) expect(answer.headers.get(name)).toBeNull();
      }
    }
  });

  it('in names and reasons are refused, and never recorded', async () => {
    const { clipId } = parcel;
    for (const words of LINES) {
      const access = fixture.access(clipId, fixture.cast.agency, { officer: words, reason: words });
      const answer = await fixture.get(`/v1/clips/${clipId}`, access, { range: 'bytes=0-9' });
      expect([answer.status, answer.headers.get('set-cookie'), answer.headers.get('location')]).toEqual([
        400,
        null,
        null,
      ]);
    }
    const html = await fixture.get('/v1/access-audit.html', fixture.bridge.adminToken);
    expect(String(html.body['text'])).not.toContain('<script');
    const csv = await fetch(`${fixture.bridge.url}/v1/access-audit.csv`, {
      headers: { authorization: `Bearer ${fixture.bridge.adminToken}` },
    });
    const trail = await csv.text();
    for (const words of LINES) expect(trail).not.toContain(words);
  });

  it('in headers, or two lengths of one body, end the connection', async () => {
    const head = 'POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
    for (const lines of [
      'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
      'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}',
      'Idempotency-Key: a\rb\r\nContent-Length: 2\r\n\r\n{}',
      'Idempotency-Key: a\u0000b\r\nContent-Length: 2\r\n\r\n{}',
      'Transfer-Encoding: chunked, identity\r\n\r\n{}',
      ' folded: a\r\nContent-Length: 2\r\n\r\n{}',
    ]) {
      const answer = await exchange(head + lines);
      expect([lines, answer.split('\r\n')[0]]).toEqual([lines, 'HTTP/1.1 400 Bad Request']);
      expect(answer).toContain('application/problem+json');
      expect(answer.match(/HTTP\/1\.1 \d{3}/g)).toHaveLength(1);
    }
  });
});
