import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { OwnerSession } from '../../../device/owner/owner-session.ts';
import { startBroker, type TestBroker } from '../../support/broker.ts';
import { describeOnEachBrokerAndCluster } from '../../support/each-broker.ts';
import { makeParty } from '../../support/parties.ts';

const seams = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk(), log: silentLog() };

describeOnEachBrokerAndCluster('an owner’s session on %s', (kind) => {
  let broker: TestBroker;
  let session: OwnerSession;
  beforeEach(async () => {
    broker = await startBroker({ kind });
    const device = makeParty('device', seams.random);
    const account = await broker.issue({ role: 'owner', id: 'owner-1', homes: [device.id] });
    const home = { device: device.id, deviceKey: device.key.publicKey, name: '', trust: null };
    session = new OwnerSession({ ...home, account: { url: broker.url, prefix: 'doorsill/v1', ...account } }, seams);
  });
  afterEach(async () => {
    await session.stop();
    await broker.stop();
  });

  it('reports its return after its broker was unreachable, and not its start', async () => {
    const heard: string[] = [];
    session.listen({ returned: () => heard.push('returned') });
    await session.start();
    expect(heard).toEqual([]);
    await broker.pause();
    await broker.resume();
    await expect.poll(() => heard, { timeout: 60_000 }).toEqual(['returned']);
  });

  it('ends pending waits when it is stopped', async () => {
    await session.start();
    const waits = session.waitFor<void>('what never comes', 3_600_000, () => ({}));
    const ended = expect(waits).rejects.toMatchObject({ code: 'interrupted' });
    await session.stop();
    await ended;
  });
});
