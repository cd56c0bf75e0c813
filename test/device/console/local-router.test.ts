// @module-tag long
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS } from '../../../device/contract/errors.ts';
import { proved } from '../../support/proved.ts';
import { documentSchema, operationsOf } from '../../support/recorded-calls.ts';
import { type Answer, ConsoleRig, type OwnerBrowser, soon } from './support/console-rig.ts';
import { PictureServer } from './support/picture-server.ts';

let rig: ConsoleRig;
let owner: OwnerBrowser;
let viewer: Record<string, string>;
beforeAll(async () => {
  rig = await ConsoleRig.start();
  owner = await rig.owner();
  viewer = await owner.viewer();
  await soon(async () => (await owner.get('/api/v1/snapshot.jpg')).status === 200, 20_000);
}, 30_000);
afterAll(() => rig.stop());

const ENDLESS = /live\.mp4|messages|motion\/mask/;

async function routes(): Promise<{ method: string; path: string; roles: string[] }[]> {
  const document = documentSchema.parse((await rig.call('/api/v1/openapi.json')).json);
  return operationsOf(document).map((operation) => {
    const [method = '', path = ''] = operation.split(' ');
    return { method, path, roles: document.paths[path]?.[method.toLowerCase()]?.['x-roles'] ?? [] };
  });
}

describe('every route', () => {
  it('admits the roles it declares, and nobody else', async () => {
    const all = await routes();
    expect(all.length).toBeGreaterThan(18);
    for (const { method, path, roles } of all) {
      const at = path.replaceAll(/\{\w+\}/g, 'x');
      const status = async (headers: Record<string, string>) => {
        return (await rig.call(at, { method, headers, until: () => true })).status;
      };
      // More than thirty refusals a minute to one address are answered with 429.
      const isOut = (code: number) => code === 401 || code === 429;
      if (!roles.includes('public')) expect([method, path, isOut(await status({}))]).toEqual([method, path, true]);
      const isTheirs = roles.includes('public') || roles.includes('viewer');
      if (!isTheirs) expect([method, path, isOut(await status(viewer))]).toEqual([method, path, true]);
    }
  });

  it('answers HEAD as it answers GET, without the body (RFC 9110 §9.3.2)', async () => {
    const gets = (await routes()).filter(({ method }) => method === 'GET');
    for (const { path } of gets) {
      const at = path.replaceAll(/\{\w+\}/g, 'x');
      const [head, get] = [
        await rig.call(at, { method: 'HEAD', headers: owner.headers }),
        await rig.call(at, { headers: owner.headers, until: () => ENDLESS.test(path) }),
      ];
      const told = ({ status, headers }: Answer) => [path, status, headers['content-type']];
      expect(told(head)).toEqual(told(get));
      expect(head.body.length).toBe(0);
    }
  });

  it('builds its document once, however often anyone asks for it', async () => {
    const server = await PictureServer.start([]);
    expect(server.router.document()).toBe(server.router.document());
    await server.stop();
  });

  const SECRETS = () => [...Object.values(owner.headers), ...Object.values(viewer), rig.token];
  const anyText = () =>
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom('../', '%00', '__proto__', '*', '‮', 'x'.repeat(3_000), '1e9', '-1', '9'.repeat(30)),
    );
  const anyBody = () =>
    fc.oneof(
      fc
        .dictionary(
          fc.constantFrom(
            'token',
            'key',
            'name',
            'challenge',
            'proof',
            'kind',
            'request',
            'button',
            'window',
            '__proto__',
          ),
          fc.oneof(anyText(), fc.jsonValue()),
        )
        .map((body) => JSON.stringify(body)),
      fc.jsonValue({ maxDepth: 5 }).map((body) => JSON.stringify(body)),
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.constantFrom('', '{', '[]', 'null', '['.repeat(30_000), `"${'x'.repeat(120_000)}"`, '{"__proto__":{"a":1}}'),
    );
  const anyQuery = () =>
    fc
      .dictionary(
        fc.constantFrom('fromUs', 'toUs', 'atUs', 'width', 'precision', 'limit', 'types', 'startUs', 'zeroUs'),
        anyText(),
      )
      .map((query) => new URLSearchParams(query).toString().replaceAll(/%ED%[AB]\w%\w\w/gi, '?'));
  const anyHeaders = () =>
    fc.record(
      {
        'content-type': fc.constantFrom('application/json', 'text/plain', 'multipart/form-data; boundary=x', 'x'),
        authorization: fc.constantFrom('Basic eDp5', 'Basic', 'Bearer x', 'Basic ====', `Basic ${'A'.repeat(900)}`),
        cookie: fc.constantFrom(
          'doorsill-session=x',
          `doorsill-session-device-1=${'A'.repeat(22)}`,
          ';;;',
          'a'.repeat(3_000),
        ),
        'x-doorsill-session': fc.constantFrom('', 'x', 'A'.repeat(22)),
        range: fc.constantFrom('bytes=0-', 'bytes=9-1', 'bytes=0-0,1-1', 'x'),
        'content-encoding': fc.constantFrom('gzip', 'br'),
        'sec-websocket-key': fc.constant('x'),
      },
      { requiredKeys: [] },
    );
  const INSIDE = /node_modules|\bat [\w.<>]+ \(|\.[jt]s:\d+|ENOENT|\/tmp\/|TypeError|undefined is not/;

  it('answers any input with a result or a coded refusal that reveals no internals', async (test) => {
    const targets = (await routes()).filter(({ path }) => !ENDLESS.test(path));
    let sent = 0;
    const perRoute = process.env['DOORSILL_SLOW'] === '1' ? 500 : 30;
    // The fuzzer must not end its own session.
    for (const { method, path } of targets.filter(({ path: at }) => !at.includes('sessions/current'))) {
      const id = fc.oneof(
        fc.constantFrom('x', 'front', 'init.mp4'),
        anyText().map((text) => encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, '?'))),
      );
      const caller = fc.constantFrom<() => Record<string, string>>(
        () => owner.headers,
        () => viewer,
        () => ({}),
      );
      const property = fc.asyncProperty(
        id,
        anyQuery(),
        anyHeaders(),
        anyBody(),
        caller,
        async (name, query, headers, body, as) => {
          const at = `${path.replaceAll(/\{\w+\}/g, () => name)}?${query}`;
          const answer = await fetch(`${rig.url}${at}`, {
            method,
            headers: new Headers({ ...as(), ...headers }),
            ...(method === 'GET' ? {} : { body }),
          });
          const text = Buffer.from(await answer.arrayBuffer()).toString('latin1');
          sent += 1;
          if (answer.ok) return;
          const problem: { code?: string } = JSON.parse(text);
          const isCoded = Object.keys(ERRORS).includes(problem.code ?? '') && problem.code !== 'internal';
          const isKnown = answer.status < 500 || [503, 507].includes(answer.status);
          const tells = INSIDE.test(text) || SECRETS().some((secret) => text.includes(secret)) || text.length > 2_000;
          expect([method, at, isCoded, isKnown, tells, answer.status]).toEqual([
            method,
            at,
            true,
            true,
            false,
            answer.status,
          ]);
        },
      );
      await fc.assert(property, { numRuns: perRoute, seed: 20_261 });
    }
    expect((await owner.get('/api/v1/state')).status).toBe(200);
    proved(
      test,
      'generated requests to the device’s own server: no internal error, every refusal coded',
      `${sent} to ${targets.length} routes`,
    );
  }, 600_000);
});

describe('a caller with too many calls', () => {
  it('is refused with the time to wait; authenticated callers from the same address are served', async () => {
    const other = await ConsoleRig.start();
    const patient = await other.owner();
    const tablet = await patient.viewer();
    const wrong = { authorization: 'Basic dGFibGV0Ong=' };
    const codes = new Map<number, number>();
    for (let turn = 0; turn < 40; turn += 1) {
      const { status } = await other.call('/api/v1/snapshot.jpg', { headers: wrong });
      codes.set(status, (codes.get(status) ?? 0) + 1);
    }
    expect([...codes]).toEqual([
      [401, 30],
      [429, 10],
    ]);
    const refused = await other.call('/api/v1/snapshot.jpg', { headers: wrong });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await patient.get('/api/v1/state')).status).toBe(200);
    let last = 0;
    for (let turn = 0; turn < 1_600 && last !== 429; turn += 1) last = (await other.call('/api/v1/server')).status;
    expect(last).toBe(429);
    // Unauthenticated calls are refused, even those that would open a session; owners and viewers are served.
    expect((await patient.get('/api/v1/state')).status).toBe(200);
    expect((await other.call('/api/v1/live.mp4', { headers: tablet, until: () => true })).status).toBe(200);
    await other.stop();
  }, 60_000);
});

describe('a body', () => {
  it.each(['x'.repeat(100_000), 'x'.repeat(2_000_000)])('that is too long is refused', async (text) => {
    const answer = await owner.post('/api/v1/orders', { kind: 'command', token: text });
    expect([answer.status, answer.json['code']]).toEqual([400, 'http_body_invalid']);
  });
});
