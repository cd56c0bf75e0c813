// A request that waits for moderation is shown to nobody but its agency, a decision counts once, and the agency sees the reasons.
import { afterEach, describe, expect, it } from 'vitest';
import type { BridgeConfigInput } from '../../../cloud-bridge/bridge-config.ts';
import { freshId, SystemRandom } from '../../../device/base/random.ts';
import type { Request } from '../../../device/contract/request.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { claimsOf, makeParty, squareAround, textClaim } from '../../support/parties.ts';

let fixture: BridgeFixture;
afterEach(() => fixture.close());

async function open(requests: NonNullable<BridgeConfigInput['requests']>): Promise<void> {
  fixture = await BridgeFixture.open({ bridge: { requests } });
  await fixture.admitAgency();
}

const post = async (changes: Partial<Request> = {}, draft = false) => {
  const request = fixture.cast.request({ investigation: freshId(fixture.random, 'case'), ...changes });
  const { status, body } = await fixture.post('/v1/requests', { request, ...(draft ? { draft } : {}) });
  return { id: textClaim(request, 'jti'), token: request, status, body };
};
const call = async (id: string, verb: 'see' | 'submit' | 'withdraw' | 'resolve') => {
  const bearer = fixture.agencyCall({ action: `${verb}-request`, request: id });
  return (
    await (verb === 'see'
      ? fixture.get(`/v1/requests/${id}`, bearer)
      : fixture.post(`/v1/requests/${id}/${verb}`, {}, bearer))
  ).body;
};
const waiting = async (): Promise<{ request: string; revision: number; findings?: object[] }[]> => {
  const { body } = await fixture.get('/v1/moderation', fixture.bridge.adminToken);
  return Array.isArray(body['requests']) ? body['requests'] : [];
};
const decide = async (id: string, verb: string, body: object) =>
  (await fixture.post(`/v1/moderation/${id}/${verb}`, body, fixture.bridge.adminToken)).body;
const feed = async () => JSON.stringify((await fixture.get('/neighbors/feed.json')).body);
const PROTEST = { text: 'Who was at the protest on the square?' };

describe('with moderation of everything', () => {
  it('a request waits, unseen, until a person approves it; then it is on the feed', async () => {
    await open({ moderation: 'everything' });
    const { id, token, status, body } = await post();
    expect([status, body]).toEqual([201, { request: id, state: 'in_moderation' }]);
    expect(await feed()).not.toContain(id);
    expect((await fixture.get(`/neighbors/posts/${id}`)).status).toBe(404);
    expect(await waiting()).toMatchObject([
      { request: id, revision: 1, agencyName: 'Springfield Police Department', claims: claimsOf(token) },
    ]);
    expect(await decide(id, 'approve', { revision: 1 })).toEqual({ request: id, state: 'published' });
    expect(await waiting()).toEqual([]);
    expect(await feed()).toContain(id);
    expect(await call(id, 'see')).toEqual({ request: id, state: 'published' });
  });

  it('a refused request is never published, and its agency gets the reason', async () => {
    await open({ moderation: 'everything' });
    const { id } = await post(PROTEST);
    expect(await waiting()).toMatchObject([{ request: id, findings: [{ kind: 'lawful-activity' }] }]);
    const refused = { request: id, state: 'refused', reason: 'protests are lawful' };
    expect(await decide(id, 'refuse', { revision: 1, reason: ' protests are lawful ' })).toEqual(refused);
    expect(await call(id, 'see')).toEqual(refused);
    expect(await feed()).not.toContain(id);
    expect(await call(id, 'resolve')).toMatchObject({ code: 'request_state', facts: { state: 'refused' } });
  });

  it('of two moderators who decide at once the second is refused, in either order', async () => {
    await open({ moderation: 'everything' });
    for (const [first, second] of [
      ['approve', 'refuse'],
      ['refuse', 'approve'],
    ] as const) {
      const { id } = await post();
      const answers = await Promise.all(
        [first, second].map((verb) =>
          decide(id, verb, verb === 'refuse' ? { revision: 1, reason: 'not one of ours' } : { revision: 1 }),
        ),
      );
      const codes = answers.map((body) => body['code'] ?? 'decided');
      expect(codes.filter((code) => code === 'decided')).toHaveLength(1);
      expect(codes.find((code) => code !== 'decided')).toMatch(/^request_(state|changed)$/);
    }
    const { id } = await post();
    expect(await decide(id, 'approve', { revision: 7 })).toMatchObject({ code: 'request_changed' });
    expect(await decide(id, 'approve', {})).toMatchObject({ code: 'http_body_invalid' });
    expect((await fixture.post(`/v1/moderation/${id}/approve`, { revision: 1 }, 'x'.repeat(43))).status).toBe(401);
    expect((await fixture.get('/v1/moderation')).status).toBe(401);
  });

  it('a request of an agency that was suspended meanwhile is not published, nor an expired one', async () => {
    await open({ moderation: 'everything' });
    const [one, other] = [await post(), await post({ exp: fixture.cast.nowS() + 60 })];
    fixture.clock.shiftS = 61;
    expect(await decide(other.id, 'approve', { revision: 1 })).toMatchObject({
      code: 'request_state',
      facts: { state: 'expired' },
    });
    await fixture.registry.suspend(fixture.cast.agency.id, 'is looked into');
    await fixture.bridge.refreshRevocations();
    expect(await decide(one.id, 'approve', { revision: 1 })).toMatchObject({ code: 'agency_suspended' });
    expect(await feed()).not.toContain(one.id);
  });

  it('the list continues after the last request that was read', async () => {
    await open({ moderation: 'everything', waitingPerAgencyMax: 200 });
    for (let count = 0; count < 101; count += 1) await post();
    const page = (await fixture.get('/v1/moderation', fixture.bridge.adminToken)).body;
    const first: { request: string }[] = Array.isArray(page['requests']) ? page['requests'] : [];
    expect(first).toHaveLength(100);
    const { body } = await fixture.get(`/v1/moderation?cursor=${page['next']}`, fixture.bridge.adminToken);
    const [last, ...none] = Array.isArray(body['requests']) ? body['requests'] : [];
    expect(none).toEqual([]);
    expect(first.map(({ request }) => request)).not.toContain(last.request);
  });

  it('an agency may have only a limited number waiting', async () => {
    await open({ moderation: 'everything', waitingPerAgencyMax: 2 });
    await post();
    await post({}, true);
    expect((await post()).body).toMatchObject({ code: 'request_limits', title: expect.stringContaining('at most 2') });
  });
});

describe('with moderation of findings', () => {
  it('publishes requests without findings at once and gives the agency the reason why the others wait', async () => {
    await open({ moderation: 'findings' });
    expect((await post()).body).toMatchObject({ state: 'published' });
    const { body } = await post(PROTEST);
    expect(body).toMatchObject({
      state: 'in_moderation',
      findings: [{ kind: 'lawful-activity', field: 'text', words: expect.stringContaining('protest') }],
    });
  });
});

describe('a draft', () => {
  it('is checked and shown to its agency alone until it is submitted', async () => {
    await open({ moderation: 'findings' });
    const { id, body } = await post(PROTEST, true);
    expect(body).toMatchObject({ state: 'draft', findings: [{ kind: 'lawful-activity' }] });
    expect([await waiting(), (await feed()).includes(id)]).toEqual([[], false]);
    expect(await call(id, 'submit')).toMatchObject({ state: 'in_moderation' });
    expect(await call(id, 'submit')).toMatchObject({ state: 'in_moderation' });
    const clean = await post({}, true);
    expect(await call(clean.id, 'submit')).toEqual({ request: clean.id, state: 'published' });
  });

  it('can be withdrawn, as a waiting request can; a published one can only be resolved', async () => {
    await open({ moderation: 'everything' });
    for (const draft of [true, false]) {
      const { id } = await post({}, draft);
      expect(await call(id, 'withdraw')).toEqual({ request: id, state: 'cancelled', reason: 'withdrawn' });
      expect(await call(id, 'submit')).toMatchObject({ code: 'request_state' });
      expect(await decide(id, 'approve', { revision: 2 })).toMatchObject({ code: 'request_state' });
    }
    const { id } = await post();
    await decide(id, 'approve', { revision: 1 });
    expect(await call(id, 'withdraw')).toMatchObject({ code: 'request_state', facts: { state: 'published' } });
    expect(await call(id, 'resolve')).toEqual({ request: id, state: 'resolved' });
  });

  it('does not count as a post: the two of an investigation are counted when they are submitted', async () => {
    await open({ moderation: 'nothing' });
    const investigation = 'SPD 17';
    const drafts = [];
    for (let count = 0; count < 3; count += 1) drafts.push(await post({ investigation }, true));
    const submitted = [];
    for (const { id } of drafts) submitted.push(await call(id, 'submit'));
    expect(submitted.map((body) => body['state'] ?? body['code'])).toEqual([
      ...['published', 'published', 'request_limits'],
    ]);
  });

  it('is held to the rules at the time it is submitted', async () => {
    await open({ moderation: 'nothing' });
    const { id } = await post({}, true);
    fixture.clock.shiftS = 25 * 3600;
    expect(await call(id, 'submit')).toMatchObject({ code: 'request_limits' });
  });
});

it('an agency’s posts count and stay its own across a key rotation; requests of the old key are cancelled', async () => {
  await open({ moderation: 'nothing' });
  const investigation = 'SPD 17';
  const { id } = await post({ investigation });
  const next = makeParty('agency', new SystemRandom());
  const { agency } = fixture.cast;
  const rotation = fixture.agencyCall({ action: 'rotate-key', from: agency.id }, next, fixture.cast.registry.id);
  await fixture.registry.rotate(agency.id, rotation);
  await fixture.bridge.refreshRevocations();
  expect((await post({ investigation })).body).toMatchObject({ code: 'agency_key_rotated' });
  const as = async (changes: object) =>
    (await fixture.post('/v1/requests', { request: fixture.cast.request({ investigation, ...changes }, next) })).body;
  expect(await as({})).toMatchObject({ state: 'published' });
  expect(await as({})).toMatchObject({ code: 'request_limits' });
  const see = fixture.agencyCall({ action: 'see-request', request: id }, next);
  expect((await fixture.get(`/v1/requests/${id}`, see)).body).toMatchObject({ request: id });
  const old = fixture.agencyCall({ action: 'see-request', request: id });
  expect((await fixture.get(`/v1/requests/${id}`, old)).body).toMatchObject({ code: 'agency_key_rotated' });
  const { body } = await fixture.get(`/v1/transparency/${agency.id}`);
  expect(JSON.stringify(body)).toContain('"value":"2"');
});

it('is refused when the agency is not registered for the request’s category, or is barred from the area', async () => {
  await open({ moderation: 'nothing' });
  expect((await post({ retention: 'unheard-of' })).body).toMatchObject({ code: 'request_limits' });
  await fixture.registry.revoke(fixture.cast.agency.id, `area-${fixture.cast.cell.slice(0, 3)}`);
  await fixture.bridge.refreshRevocations();
  expect((await post()).body).toMatchObject({ code: 'agency_revoked' });
  const elsewhere = { longitude: 10, latitude: 50 };
  expect((await post({ area: squareAround(elsewhere) })).body).toMatchObject({ state: 'published' });
});
