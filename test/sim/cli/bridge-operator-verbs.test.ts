// @module-tag long
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseEnrolmentCode } from '../../../device/contract/enrolment.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { callCommand } from '../../support/call-command.ts';
import { runCommand } from '../../support/command-line.ts';
import { Sqlite } from '../../support/sqlite.ts';

let fixture: BridgeFixture;
beforeAll(async () => {
  fixture = await BridgeFixture.open();
});
afterAll(() => fixture.close());

const bridge = (...words: string[]) =>
  runCommand(['bridge', ...words, '--url', fixture.bridge.url, '--bridge-data', fixture.bridgeFolder, '--json']);

it('an operator prints a code for several devices, sees how many have enrolled, and ends it', async () => {
  const printed = await bridge('enrol', '--devices', '2', '--hours', '2.5');
  expect(printed.status, printed.stderr).toBe(0);
  const { code, id, devices, expiresS } = printed.last ?? {};
  expect([devices, expiresS]).toEqual([2, expect.closeTo(fixture.cast.nowS() + 9_000, -2)]);
  const secret = parseEnrolmentCode(String(code))?.secret ?? expect.fail();
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
])('it refuses `%s` before it calls a bridge', async (words, status) => {
  const nowhere = ['--url', 'http://127.0.0.1:9', '--bridge-data', fixture.folder];
  const refused = await callCommand(['bridge', ...words.split(' '), ...nowhere, '--json']);
  expect([refused.status, refused.stderr]).toEqual([status, expect.stringContaining('"usage"')]);
});

it('lists devices that seem to exist twice, from every page, each with an advice', async () => {
  const { fixture, request } = await BridgeFixture.openReady();
  const clones = (...words: string[]) =>
    callCommand(['bridge', 'clones', '--url', fixture.bridge.url, '--bridge-data', fixture.bridgeFolder, ...words]);
  try {
    const parcel = fixture.parcel(request);
    await fixture.deliver(parcel);
    await fixture.openIntake(fixture.parcel(request, { grantToken: parcel.grantToken }));
    const { device } = fixture.cast;
    const said = await clones();
    expect(said.stdout).toContain(
      `${device.id} has signed another clip for a grant that had one. (device_clone_clip; seen once`,
    );
    expect(said.stdout).toContain('Ask its owner to stop one of the two');
    // The list comes in pages of a hundred.
    const rows = new Sqlite(join(fixture.bridgeFolder, 'bridge.sqlite'));
    rows.exec(`with recursive n (at) as (select 1 union all select at + 1 from n where at < 150)
      insert into clone_signs select 'device-' || at, 'device_clone_turns', at, at, 1 from n`);
    rows.close();
    const signs = (await clones('--json')).last?.['signs'];
    expect(signs).toMatchObject({ length: 151, 0: { device: device.id, times: 1 }, 150: { device: 'device-1' } });
  } finally {
    await fixture.close();
  }
});
