import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { makeHttpServer } from '../../../device/base/http/http-server.ts';
import { generateSigningKey } from '../../../device/base/keys.ts';
import { silentLog } from '../../../device/base/log.ts';
import type { MqttLink } from '../../../device/base/mqtt-link.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { Callers } from '../../../device/console/callers.ts';
import { LocalRouter } from '../../../device/console/local-router.ts';
import { type OwnerRoutesDeps, ownerRoutes } from '../../../device/console/owner-routes.ts';
import { OwnerSessions } from '../../../device/console/owner-sessions.ts';
import { fromUtf8, toBase64url } from '../../../device/contract/bytes.ts';
import { sessionProofInput } from '../../../device/contract/console-messages.ts';
import { topicsUnder } from '../../../device/contract/topics.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from '../../../device/identity.ts';
import { startBroker, type TestBroker } from '../../support/broker.ts';
import { Cast, claimsOf, textClaim } from '../../support/parties.ts';
import { ConsoleRig, type OwnerBrowser, soon } from './support/console-rig.ts';
import { OpenView } from './support/open-connections.ts';

const topics = topicsUnder('doorsill/v1');
type Kind = 'grant' | 'deny' | 'revoke' | 'command';

let broker: TestBroker;
let rig: ConsoleRig;
let cast: Cast;
let owner: OwnerBrowser;
/** The owner's own session at the broker, and all receipts that the device published there. */
let link: MqttLink;
const published: string[] = [];
/** Every payload on this home's topics at the broker. */
const heard: Uint8Array[] = [];
beforeAll(async () => {
  broker = await startBroker();
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-orders-'));
  const id = deviceIdOf(await loadOrCreateDeviceKey(new SystemDisk(), new SystemRandom(), folder));
  const account = await broker.issue({ role: 'device-home', id });
  rig = await ConsoleRig.start({ home: { url: broker.url, ...account } }, folder);
  cast = new Cast(new SystemClock());
  link = await broker.link({ role: 'owner', id: 'owner-1', homes: [id] });
  const all = ['status', 'state', 'event', 'request', 'receipt', 'upload'] as const;
  link.subscribe(
    all.map((kind) => topics[kind](id)),
    ({ topic, payload }) => {
      heard.push(payload);
      if (topic === topics.receipt(id)) published.push(fromUtf8(payload) ?? '');
    },
  );
  link.start();
  await soon(() => link.state.online);
  await rig.offer(cast.owner.key);
  owner = await rig.session(cast.owner.key);
}, 30_000);
afterAll(async () => {
  await rig.stop();
  await broker.stop();
});

const device = () => ({ aud: rig.doorbell.id });
const body = (kind: Kind, token: string) =>
  kind === 'command' ? { kind, token } : { kind, request: textClaim(token, 'request'), token };
const byHttp = (kind: Kind, token: string) => owner.post('/api/v1/orders', body(kind, token));

/** A receipt's outcome, code and detail. */
function saidIn(receipt: string): unknown {
  const { outcome, code, detail } = claimsOf(receipt);
  return { outcome, code, detail };
}

/** Publishes an order at the broker; returns its receipt's outcome, or null if none arrives. */
async function byMqtt(kind: Kind, token: string): Promise<unknown> {
  const id = rig.doorbell.id;
  const topic = kind === 'command' ? topics.command(id) : topics.consent(id, textClaim(token, 'request'), kind);
  const before = published.length;
  await link.publish(topic, token);
  const answer = () =>
    published.slice(before).find((receipt) => claimsOf(receipt)['answers'] === textClaim(token, 'jti'));
  await soon(() => answer() !== undefined, 1_000).catch(() => undefined);
  const receipt = answer();
  return receipt === undefined ? null : saidIn(receipt);
}

const privacy = (changes = {}) => cast.command({ action: 'privacy', on: true }, { ...device(), ...changes });
const old = () => cast.nowS() - 3 * 24 * 3600;
const request = () => cast.request();

/** Orders that the device answers; each is signed again for each way. */
const ANSWERED: [string, Kind, () => string][] = [
  ['a command', 'command', () => privacy()],
  [
    'a command for a button that there is not',
    'command',
    () => cast.command({ action: 'press', button: 'back' }, device()),
  ],
  ['a stale command', 'command', () => cast.command({ action: 'forget' }, { ...device(), after: 'a'.repeat(64) })],
  ['a command that has expired', 'command', () => privacy({ iat: old(), exp: old() + 60 })],
  ['a command from the future', 'command', () => privacy({ iat: cast.nowS() + 9_000, exp: cast.nowS() + 9_600 })],
  ['a viewer’s removal', 'command', () => cast.command({ action: 'remove-viewer', viewer: 'tablet' }, device())],
  ['a grant of what was not asked', 'grant', () => cast.grant(request(), device())],
  ['a denial of what was not asked', 'deny', () => cast.denial(request(), device())],
  ['a revocation of no grant', 'revoke', () => cast.revoke(cast.grant(request(), device()), device())],
];

/** Orders that are not authentic: no receipt at the broker, and none over HTTP. */
const UNANSWERED: [string, Kind, () => string][] = [
  ['for another device', 'command', () => privacy({ aud: cast.device.id })],
  ['of nobody’s', 'command', () => cast.command({ action: 'privacy', on: true }, device(), cast.agency)],
  ['of another kind', 'deny', () => cast.grant(request(), device())],
  ['of another kind', 'grant', () => cast.denial(request(), device())],
  [
    'of another request',
    'grant',
    () => cast.grant(request(), { ...device(), request: 'request-x' }).replace(/.{5}$/, 'AAAAA'),
  ],
  ['with a letter changed', 'command', () => privacy().replace(/.{5}$/, 'AAAAA')],
];

describe('an order', () => {
  it.each(ANSWERED)(
    'gets the same result as at the broker, and the published receipt as its answer: %s',
    async (_what, kind, make) => {
      const there = await byMqtt(kind, make());
      const answer = await byHttp(kind, make());
      expect(answer.status).toBe(200);
      const receipt = String(answer.json['receipt']);
      expect(there).not.toBeNull();
      expect(saidIn(receipt)).toEqual(there);
      await soon(() => published.includes(receipt));
    },
  );

  it('that was carried out over the broker gets the same receipt over HTTP, and acts once', async () => {
    const token = privacy();
    const there = await byMqtt('command', token);
    const here = await byHttp('command', token);
    expect(saidIn(String(here.json['receipt']))).toEqual(there);
    const { lastOrder } = (await owner.get('/api/v1/state')).json;
    await byHttp('command', token);
    expect((await owner.get('/api/v1/state')).json['lastOrder']).toBe(lastOrder);
  });

  it.each(UNANSWERED)('%s gets no receipt, over the broker or over HTTP: a %s', async (_what, kind, make) => {
    const answer = await byHttp(kind, make());
    expect([answer.status, answer.json['code'], answer.json['receipt']]).toEqual([
      403,
      'console_order_refused',
      undefined,
    ]);
    expect(await byMqtt(kind, make())).toBeNull();
  });

  it.each<[string, unknown, number, string]>([
    ['no token', { kind: 'command', token: '' }, 400, 'http_body_invalid'],
    ['words', { kind: 'command', token: 'a.b.c' }, 400, 'token_malformed'],
    ['another kind of order', { kind: 'destroy', token: 'a.b.c' }, 400, 'http_body_invalid'],
    ['a command with a request', { kind: 'command', request: 'request-1', token: 'a.b.c' }, 400, 'http_body_invalid'],
    ['a path for a request', { kind: 'grant', request: '../command', token: 'a.b.c' }, 400, 'http_body_invalid'],
    ['a wildcard for a request', { kind: 'grant', request: '#', token: 'a.b.c' }, 400, 'http_body_invalid'],
    ['a long token', { kind: 'command', token: 'x'.repeat(65_537) }, 400, 'http_body_invalid'],
    ['a very long body', { kind: 'command', token: 'x'.repeat(200_000) }, 400, 'http_body_invalid'],
    ['a list', [], 400, 'http_body_invalid'],
  ])('that is malformed is refused: %s', async (_what, said, status, code) => {
    const answer = await owner.post('/api/v1/orders', said);
    expect([answer.status, answer.json['code']]).toEqual([status, code]);
  });
});

describe('messages', () => {
  it('come to an owner’s session, each kind as it is published, and end with the session', async () => {
    const session = await rig.session(cast.owner.key);
    const stream = new OpenView(rig.url, '/api/v1/messages', session.headers);
    await soon(() => stream.text.includes(': open'));
    const token = cast.command({ action: 'privacy', on: false }, { ...device(), after: await lastOrder() });
    const { json } = await byHttp('command', token);
    await owner.post('/api/v1/press', {});
    for (const kind of ['state', 'event', 'receipt'])
      await soon(
        () => stream.text.includes(`event: ${kind}\ndata: {`) || stream.text.includes(`event: ${kind}\ndata: "`),
      );
    expect(stream.text).toContain(String(json['receipt']));
    await rig.call('/api/v1/sessions/current', { method: 'DELETE', headers: session.headers });
    await stream.closed;
  });

  it('come to nobody else', async () => {
    const viewer = await owner.viewer();
    for (const headers of [{}, viewer, { cookie: owner.headers['cookie'] ?? '' }]) {
      const answer = await rig.call('/api/v1/messages', { headers });
      expect([answer.status, answer.body.toString().includes('event:')]).toEqual([401, false]);
    }
  });
});

async function lastOrder(): Promise<string> {
  return String((await owner.get('/api/v1/state')).json['lastOrder']);
}

it('answers that the server is starting while the device has no state yet', async () => {
  const [clock, random] = [new SystemClock(), new SystemRandom()];
  const key = generateSigningKey(random);
  const owners = () => [{ key: key.publicKey, name: 'Robin' }];
  const sessions = new OwnerSessions({ clock, random, device: 'device-1', owners });
  const callers = new Callers('device-1', sessions, () => null);
  const server = makeHttpServer({ clock, log: silentLog() });
  const origins = { scheme: 'http:', loopbackOnly: true, names: [] } as const;
  const router = new LocalRouter(server, { clock, callers, origins, title: 'x', version: '1' });
  ownerRoutes(router, { clock, state: () => null } as unknown as OwnerRoutesDeps);
  const challenge = sessions.challenge();
  const proof = toBase64url(key.sign(sessionProofInput('device-1', 'http://localhost', challenge, key.publicKey)));
  const { cookie, header } = sessions.open({ key: key.publicKey, challenge, proof }, 'http://localhost');
  const headers = { host: 'localhost', cookie: `doorsill-session-device-1=${cookie}`, 'x-doorsill-session': header };
  const answer = await server.inject({ method: 'GET', url: '/api/v1/state', headers });
  expect([answer.statusCode, answer.json().code]).toEqual([503, 'console_starting']);
  await server.close();
});

describe('viewers and looks', () => {
  it('are listed for owners, without secrets', async () => {
    await owner.viewer({ viewer: 'listed' });
    const { json, body: said } = await owner.get('/api/v1/viewers');
    expect(JSON.stringify(json)).toContain('"listed"');
    expect(said.toString()).not.toMatch(/tokenSha256|[0-9a-f]{64}/);
  });
});

describe('the traffic at the broker while an owner watches', () => {
  it('contains no piece of a picture', { tags: ['long'] }, async () => {
    await soon(async () => (await owner.get('/api/v1/snapshot.jpg')).status === 200, 20_000);
    const { ring } = (await owner.get('/api/v1/state')).json as {
      ring: { coverage: { startUs: number; endUs: number }[] };
    };
    const span = ring.coverage.at(-1) ?? { startUs: 0, endUs: 1 };
    const seen = [
      (await owner.get('/api/v1/snapshot.jpg')).body,
      (await owner.get(`/api/v1/footage.mp4?fromUs=${span.startUs}&toUs=${span.endUs}`)).body,
      (await owner.get('/api/v1/live.mp4', { until: (bytes) => bytes.length > 20_000 })).body,
    ];
    await owner.post('/api/v1/press', {});
    await soon(() => heard.length > 5);
    const wire = Buffer.concat(heard);
    const found = (piece: Uint8Array) =>
      (['latin1', 'hex', 'base64'] as const).some((as) =>
        wire.includes(Buffer.from(Buffer.from(piece).toString(as), 'latin1')),
      );
    for (const picture of seen) {
      expect(picture.length).toBeGreaterThan(2_000);
      for (let at = 0; at + 24 <= picture.length; at += 24) {
        const piece = picture.subarray(at, at + 24);
        // Skips headers and empty boxes.
        if (new Set(piece).size > 14) expect(found(piece)).toBe(false);
      }
    }
    // The search itself works.
    expect(found(wire.subarray(100, 124))).toBe(true);
  });
});
