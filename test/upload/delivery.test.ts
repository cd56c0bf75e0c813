import { expect, it } from 'vitest';
import { ManualClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { silentLog } from '../../device/base/log.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { failure } from '../../device/protocol/errors.ts';
import { generateSealKey } from '../../device/ring/seal.ts';
import { Deliveries, type DeliveryDeps } from '../../device/upload/delivery.ts';
import { Outbox } from '../../device/upload/outbox.ts';
import { makeParty } from '../support/parties.ts';

const clock = new ManualClock(1_790_000_000_000_000);
const random = new SystemRandom();

/** Deliveries whose gate takes in a revocation's answer as `answered` says; nothing else is asked of it. */
function deliveriesWith(answered: () => Promise<void>): Deliveries {
  const unasked = () => Promise.reject(new Error('not asked for here'));
  const outbox = new Outbox({
    disk: new SystemDisk(),
    random,
    log: silentLog(),
    folder: '/nowhere',
    key: generateSealKey(random),
  });
  const deps: DeliveryDeps = {
    device: makeParty('device', random),
    gate: {
      clipSealed: unasked,
      tokenPresented: unasked,
      delivered: unasked,
      failed: unasked,
      revocationAnswered: answered,
    },
    outbox,
    sender: { send: unasked, revoke: () => Promise.resolve('the bridge’s word') },
    clip: {
      segments: async function* () {},
      ffmpeg: { path: '', version: '', release: [7, 1], origin: 'system' },
      clock,
      log: silentLog(),
    },
    footageSettled: unasked,
    values: () => ({}),
    storage: () => undefined,
    clock,
    random,
    log: silentLog(),
  };
  return new Deliveries(deps);
}

it('work on a grant waits for a ledger that has no room, and goes on when it has', async () => {
  let asked = 0;
  const done = new Promise<void>((resolve) => {
    const deliveries = deliveriesWith(async () => {
      asked += 1;
      if (asked < 3) throw failure('consent_storage_failed');
      resolve();
    });
    deliveries.revoke('grant-1', 'revocation', 'bridge-1');
  });
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(10_000);
  }
  await done;
  expect(asked).toBe(3);
});
