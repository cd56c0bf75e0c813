// @module-tag long
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readEnrolmentCode } from '../../../device/contract/enrolment.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { runCommand } from '../../support/command-line.ts';

let fixture: BridgeFixture;
beforeAll(async () => {
  fixture = await BridgeFixture.open();
});
afterAll(() => fixture.close());

const bridge = (...words: string[]) =>
  runCommand(['bridge', ...words, '--url', fixture.bridge.url, '--bridge-data', fixture.bridgeFolder, '--json']);

it('an operator prints a code for several devices, sees how many it has let in, and ends it', async () => {
  const printed = await bridge('enrol', '--devices', '2', '--hours', '2.5');
  expect(printed.status, printed.stderr).toBe(0);
  const { code, id, devices, expiresS } = printed.last ?? {};
  expect([devices, expiresS]).toEqual([2, expect.closeTo(fixture.cast.nowS() + 9_000, -2)]);
  const secret = readEnrolmentCode(String(code))?.secret ?? expect.fail();
  const enrolled = await fixture.post('/v1/enrolments', { secret, proof: fixture.enrolmentProof(secret) });
  expect(enrolled.status).toBe(201);
  const listed = await bridge('codes');
  expect(listed.last?.['codes']).toEqual([{ id, devices: 2, enrolled: 1, expiresS }]);
  expect(JSON.stringify(listed)).not.toContain(secret);
  expect((await bridge('codes', 'end', String(id))).last).toMatchObject({ id, ended: true });
  expect((await fixture.get('/v1/enrolment-codes', fixture.bridge.adminToken)).body['codes']).toEqual([]);
});

it.each([
  ['enrol --devices 1e9', 2],
  ['enrol --hours 169', 2],
  ['codes end code-1', 2],
])('it refuses `%s` before it asks any bridge', async (words, status) => {
  const nowhere = ['--url', 'http://127.0.0.1:9', '--bridge-data', fixture.folder];
  const refused = await runCommand(['bridge', ...words.split(' '), ...nowhere, '--json']);
  expect([refused.status, refused.stderr]).toEqual([status, expect.stringContaining('"usage"')]);
});
