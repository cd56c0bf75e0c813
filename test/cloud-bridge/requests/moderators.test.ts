// @module-tag long
// Moderators decide with tokens of their own and can do nothing else; of two who decide at once the second is refused.
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { textClaim } from '../../support/parties.ts';

let fixture: BridgeFixture;
const admin = () => fixture.bridge.adminToken;
const enter = async (moderator: string) =>
  String((await fixture.post('/v1/moderators', { moderator, name: moderator }, admin())).body['token']);
const decide = (id: string, verb: string, body: object, token: string) =>
  fixture.post(`/v1/moderation/${id}/${verb}`, body, token);

beforeEach(async () => {
  fixture = await BridgeFixture.open({ bridge: { requests: { moderation: 'everything' } } });
  await fixture.admitAgency();
});
afterEach(() => fixture.close());

async function post(investigation: string): Promise<string> {
  const request = fixture.cast.request({ investigation });
  await fixture.post('/v1/requests', { request });
  return textClaim(request, 'jti');
}

it('a moderator sees what waits and decides, is logged by name, and has no admin rights', async () => {
  const id = await post('case-1');
  const token = await enter('alex');
  expect((await fixture.get('/v1/moderation', token)).body['requests']).toMatchObject([{ request: id }]);
  expect(await decide(id, 'approve', { revision: 1 }, token)).toMatchObject({
    status: 200,
    body: { state: 'published' },
  });
  for (const path of ['/v1/moderators', '/v1/access-audit', '/metrics', '/v1/partners/nobody']) {
    const { status, body } = await fixture.get(path, token);
    expect([path, status, body['code']]).toEqual([path, 403, 'role_missing']);
  }
  expect((await fixture.post('/v1/enrolment-codes', {}, token)).body['code']).toBe('role_missing');
  await fixture.bridge.stop();
  const database = await openBridgeDatabase(join(fixture.bridgeFolder, 'bridge.sqlite'));
  expect((await database.requests.find(id))?.moderator).toBe('alex');
  await database.close();
  await fixture.startBridge();
  expect((await fixture.get('/v1/moderation', token)).status).toBe(200);
});

it('of two decisions at once the first counts, the other is refused as too late', async () => {
  const [alex, kim] = [await enter('alex'), await enter('kim')];
  for (let round = 0; round < 10; round += 1) {
    const id = await post(`case-${round}`);
    const answers = await Promise.all([
      decide(id, 'approve', { revision: 1 }, alex),
      decide(id, 'refuse', { revision: 1, reason: 'protests are lawful' }, kim),
    ]);
    const codes = answers.map(({ status, body }) => (status === 200 ? 'done' : body['code']));
    expect(codes.filter((code) => code === 'done')).toHaveLength(1);
    expect(['request_changed', 'request_state']).toContain(codes.find((code) => code !== 'done'));
    const call = fixture.agencyCall({ action: 'see-request', request: id });
    const decided = answers.find(({ status }) => status === 200)?.body['state'];
    expect((await fixture.get(`/v1/requests/${id}`, call)).body['state']).toBe(decided);
  }
});

it('a moderator is entered once, never with the admin’s id, and loses the token when removed', async () => {
  const token = await enter('alex');
  const again = await fixture.post('/v1/moderators', { moderator: 'alex', name: 'Other' }, admin());
  expect([again.status, again.body['code']]).toEqual([409, 'moderator_known']);
  expect((await fixture.post('/v1/moderators', { moderator: 'admin', name: 'A' }, admin())).status).toBe(400);
  const remove = () => fixture.send('DELETE', '/v1/moderators/alex', { authorization: `Bearer ${admin()}` });
  expect((await remove()).status).toBe(204);
  expect((await remove()).status).toBe(404);
  expect((await fixture.get('/v1/moderation', token)).status).toBe(401);
  expect((await fixture.get('/v1/moderators', admin())).body).toEqual({ moderators: [] });
});
