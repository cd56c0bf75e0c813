// @module-tag long
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, it } from 'vitest';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { runCommand } from '../../support/command-line.ts';

it('tells an operator of which devices there seem to be two, on every page, with what to do', async () => {
  const { fixture, request } = await BridgeFixture.openReady();
  const clones = (...words: string[]) =>
    runCommand(['bridge', 'clones', '--url', fixture.bridge.url, '--bridge-data', fixture.bridgeFolder, ...words]);
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
