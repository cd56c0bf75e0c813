import { createServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { SystemDisk } from '../../../../device/base/disk.ts';
import { silentLog } from '../../../../device/base/log.ts';
import { ServiceParts } from '../../../../sim/scenario/running/service-parts.ts';
import { VirtualClock } from '../../../../sim/world/virtual-clock.ts';
import { temporaryFolder } from '../../../support/command-line.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

it('restarts a part on its own port, and fails if another program has taken it', async () => {
  const folder = temporaryFolder('service-parts');
  ends.push(folder.dispose);
  const world = new VirtualClock({ startUs: 1_760_000_000_000_000 });
  const parts = new ServiceParts(folder.path, { world, disk: new SystemDisk(), log: silentLog(), broker: 'embedded' });
  ends.push(() => parts.stop());
  await parts.bring('broker');
  await parts.bring('registry');
  for (const [name, url] of [
    ['registry', parts.url('registry')],
    ['broker', parts.url('broker')],
  ] as const) {
    await parts.end(name);
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(Number(new URL(url).port), '127.0.0.1', resolve));
    await expect(parts.bring(name)).rejects.toMatchObject({ code: 'port_in_use' });
    await new Promise((resolve) => squatter.close(resolve));
    await parts.bring(name);
  }
  expect([parts.url('registry'), parts.url('broker')]).toHaveLength(2);
});
