// @module-tag long
// Any input to any route of bridge and registry is never answered with an internal error, and every refusal is a problem document with a
// code and no internal details.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ERRORS } from '../../../device/contract/errors.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { proved } from '../../support/proved.ts';
import { documentSchema, operationsOf } from '../../support/recorded-calls.ts';

interface Route {
  method: string;
  path: string;
}

/** Every route in the server's own document; another test holds that none is missing. */
async function routesOf(base: string): Promise<Route[]> {
  const document = documentSchema.parse(await (await fetch(`${base}/openapi.json`)).json());
  return operationsOf(document).map((operation) => {
    const [method = '', path = ''] = operation.split(' ');
    return { method, path };
  });
}

const PLENTY = 1_000_000;
/** A caller beyond the rate limit would get the same answer to everything. */
const perMinuteMax = {
  public: PLENTY,
  signed: PLENTY,
  home: PLENTY,
  device: PLENTY,
  agency: PLENTY,
  officer: PLENTY,
  partner: PLENTY,
  'partner-signature': PLENTY,
  moderator: PLENTY,
  admin: PLENTY,
};

let fixture: BridgeFixture;
let tokens: string[] = [];
let ids: string[] = [];
beforeAll(async () => {
  fixture = await BridgeFixture.open({ perMinuteMax });
  const request = await fixture.ready();
  const parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
  const open = fixture.parcel(request);
  await fixture.openIntake(open);
  const upload = (await fixture.create(open)).split('/').at(-1) ?? '';
  const { cast } = fixture;
  tokens = [
    ...[request, parcel.grantToken, parcel.manifestToken, parcel.bearer, open.bearer, open.manifestToken],
    ...[cast.pairing(), cast.revoke(parcel.grantToken), cast.credential(), cast.revocations(), fixture.registration()],
    ...[
      fixture.agencyCall({ action: 'see-request', request: 'request-1' }),
      fixture.access(parcel.clipId),
      fixture.access('all'),
    ],
    ...[fixture.enrolmentProof('x'.repeat(43)), fixture.bridge.adminToken, fixture.registry.adminToken],
  ];
  ids = [parcel.grant, parcel.clipId, open.grant, upload, cast.agency.id, cast.device.id, 'request-1'];
});
afterAll(() => fixture.close());

const anyToken = () =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...tokens) },
    // A token with one letter changed, or truncated.
    fc
      .tuple(fc.constantFrom(...tokens), fc.nat(), fc.constantFrom('', 'A', '.', '-'))
      .map(([token, at, by]) => token.slice(0, at % token.length) + by + token.slice((at % token.length) + 1)),
  );

// Made once: each lists all of Unicode.
const TEXT = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom('../', '%00', '__proto__', '*', '\u202e', 'x'.repeat(9_000)),
);
const LONG_TEXT = fc.string({ unit: 'binary', maxLength: 300 });

const KEYS = [
  'request',
  'registration',
  'manifest',
  'grant',
  'pairing',
  'revocation',
  'secret',
  'proof',
  'scope',
  '__proto__',
  'constructor',
];

const anyBody = () =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .dictionary(fc.constantFrom(...KEYS), fc.oneof(anyToken(), anyToken(), TEXT, fc.jsonValue()))
        .map((body) => JSON.stringify(body)),
    },
    { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 6 }).map((body) => JSON.stringify(body)) },
    LONG_TEXT,
    fc.constantFrom(
      '',
      '{',
      '[]',
      'null',
      '['.repeat(30_000),
      '{"a":'.repeat(9_000),
      `"${'x'.repeat(70_000)}"`,
      '{"__proto__":{"admin":true}}',
      '1e999',
    ),
  );

const anyPath = (path: string) =>
  fc
    .oneof(
      { weight: 3, arbitrary: fc.constantFrom(...ids) },
      TEXT.map((text) => encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, '?'))),
    )
    .map((id) => path.replace(/\{[a-z]+\}/, () => id));

const TYPES = [
  'application/json',
  'application/json; charset=utf-16',
  'text/plain',
  'application/offset+octet-stream',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
];

const anyHeaders = () =>
  fc.record(
    {
      authorization: fc.oneof(
        anyToken().map((token) => `Bearer ${token}`),
        fc.constantFrom('Basic eDp5', 'Bearer', 'Bearer ', 'bearer x', 'Bearer a b'),
      ),
      'content-type': fc.oneof({ weight: 3, arbitrary: fc.constant('application/json') }, fc.constantFrom(...TYPES)),
      'tus-resumable': fc.constantFrom('1.0.0', '1.0.0', '0.2.2', ''),
      'upload-length': fc.constantFrom('1', '-1', '9'.repeat(30), 'x'),
      'upload-offset': fc.constantFrom('0', '1', '-1', '1e9', 'x'),
      'upload-metadata': fc.constantFrom('filename Li4vLi4vZXRj', 'filename', ',,,', 'a '.repeat(500)),
      'upload-concat': fc.constantFrom('partial', 'final;/a /b'),
      range: fc.constantFrom('bytes=0-', 'bytes=-1', 'bytes=9-1', 'bytes=0-0,1-1', 'x'),
      'content-encoding': fc.constantFrom('gzip', 'identity', 'br'),
    },
    { requiredKeys: [] },
  );

const INSIDE = /node_modules|\bat [\w.<>]+ \(|\.[jt]s:\d+|sqlite|SQLITE|ENOENT|\/tmp\/|TypeError|undefined is not/;

/** One exchange; returns what is wrong with the answer, or null. */
async function faultOf(
  base: string,
  method: string,
  path: string,
  headers: object,
  body: string,
): Promise<string | null> {
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const all = new Headers(Object.entries(headers));
  const answer = await fetch(`${base}${path}`, {
    method,
    headers: all,
    redirect: 'error',
    ...(hasBody ? { body } : {}),
  });
  const text = await answer.text();
  if (answer.ok) return null;
  // Some codes belong to this class on purpose: no space, no registry.
  const isKnown = answer.status < 500 || [501, 503, 507].includes(answer.status);
  if (!isKnown) return `status ${answer.status}: ${text}`;
  if (method === 'HEAD') return null;
  if (!answer.headers.get('content-type')?.startsWith('application/problem+json'))
    return `no problem document: ${text}`;
  const problem: { code?: string } = JSON.parse(text);
  if (!Object.keys(ERRORS).includes(problem.code ?? '') || problem.code === 'internal')
    return `no code of ours: ${text}`;
  if (text.length > 2_000) return `an answer of ${text.length} letters`;
  return INSIDE.test(text) ? `it tells about the inside: ${text}` : null;
}

it('answers any input with a result or a coded refusal', async (test) => {
  const bridgeRoutes = await routesOf(fixture.bridge.url);
  const registryRoutes = await routesOf(fixture.registry.url);
  expect(bridgeRoutes.length).toBeGreaterThan(60);
  expect(registryRoutes.length).toBeGreaterThan(10);
  const targets = [
    ...bridgeRoutes.map((route) => ({ ...route, base: fixture.bridge.url })),
    ...registryRoutes.map((route) => ({ ...route, base: fixture.registry.url })),
  ];
  const perRoute = process.env['DOORSILL_SLOW'] === '1' ? 1_000 : 40;
  const codes = new Map<string, number>();
  for (const { base, method, path } of targets) {
    const property = fc.asyncProperty(anyPath(path), anyHeaders(), anyBody(), async (at, headers, body) => {
      const fault = await faultOf(base, method, at, headers, body);
      codes.set(path, (codes.get(path) ?? 0) + 1);
      expect([method, at, fault]).toEqual([method, at, null]);
    });
    await fc.assert(property, { numRuns: perRoute, seed: 20_261 });
  }
  expect((await fixture.get('/v1/bridge')).status).toBe(200);
  const sent = [...codes.values()].reduce((sum, count) => sum + count, 0);
  proved(
    test,
    'generated requests to bridge and registry: no internal error, every refusal coded',
    `${sent} to ${targets.length} routes`,
  );
}, 600_000);
