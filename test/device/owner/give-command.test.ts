// An owner's client gives orders over a real broker to a real gate, signs again when another order came first, and is
// led to another signature by the device's own signed word alone.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { silentLog } from '../../../device/base/log.ts';
import type { MqttLink } from '../../../device/base/mqtt-link.ts';
import type { IncomingMessage } from '../../../device/base/mqtt-subscription.ts';
import { freshId, SystemRandom } from '../../../device/base/random.ts';
import type { DeviceState, ReceiptBody } from '../../../device/contract/home-messages.ts';
import { noOrderYet } from '../../../device/contract/owner-orders.ts';
import { giveOrder, ORDER_SIGNINGS_MAX } from '../../../device/owner/give-command.ts';
import { OwnerSession } from '../../../device/owner/owner-session.ts';
import { startBroker, type TestBroker } from '../../support/broker.ts';
import { claimsOf, type Party } from '../../support/parties.ts';
import { GateRig } from '../consent/gate-rig.ts';

const seams = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk(), log: silentLog() };
const ANSWER_MS = 5_000;

let rig: GateRig;
let broker: TestBroker;
let device: MqttLink;
let session: OwnerSession;
/** Every command that arrived on the device's topic. */
let commands: string[];
/** Called with a command before the gate gets it. */
let before: (count: number) => Promise<void>;

beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
  broker = await startBroker();
  const { id, key } = rig.cast.device;
  const account = await broker.issue({ role: 'owner', id: rig.cast.owner.id, homes: [id] });
  const home = { device: id, deviceKey: key.publicKey, name: '', trust: null };
  session = new OwnerSession({ ...home, account: { url: broker.url, prefix: 'doorsill/v1', ...account } }, seams);
  commands = [];
  before = async () => undefined;
  device = await broker.link({ role: 'device-home', id });
  rig.effects.onReceipt = (body) => void say(body);
  device.subscribe([rig.topics.command(id)], (message) => void take(message));
  device.start();
  await device.reached(ANSWER_MS);
});
afterEach(async () => {
  await session.stop();
  await broker.stop();
  await rig.close();
});

async function take(message: IncomingMessage): Promise<void> {
  commands.push(Buffer.from(message.payload).toString());
  await before(commands.length);
  await rig.gate.onOwnerMessage(message);
}

/** Publishes a receipt signed by the device, or by somebody else. */
async function say(body: ReceiptBody, changes: object = {}, by: Party = rig.cast.device): Promise<void> {
  const receipt = {
    iss: by.key.publicKey,
    aud: 'owner',
    iat: rig.cast.nowS(),
    jti: freshId(seams.random, 'receipt'),
    device: rig.cast.device.id,
    ...body,
    ledger: rig.gate.head,
    lastOrder: rig.gate.lastOrder,
    ...changes,
  };
  await device.publish(rig.topics.receipt(rig.cast.device.id), rig.cast.sign('doorsill-receipt+jws', receipt, by));
}

async function publishState(lastOrder: string): Promise<void> {
  const state: DeviceState = {
    device: rig.cast.device.id,
    name: 'Front door',
    atUs: 1,
    camera: { state: 'recording', source: 'synthetic' },
    privacy: false,
    searchParty: false,
    storage: { state: 'ok' },
    clockTrusted: true,
    area: 'none',
    owners: 1,
    ring: { kind: 'memory', bytes: 0, bytesMax: 1, segments: 0, coverage: [], damaged: 0 },
    requests: [],
    refused: {},
    ledger: rig.gate.head,
    lastOrder,
  };
  await device.publish(rig.topics.state(rig.cast.device.id), JSON.stringify(state), { retain: true });
}

const order = (on = false) =>
  giveOrder(
    session,
    { key: rig.cast.owner.key, clock: rig.clock, random: seams.random },
    { action: 'privacy', on },
    ANSWER_MS,
  );
const privacyBy = (on: boolean) => rig.command(rig.cast.command({ action: 'privacy', on }));
const named = () => commands.map((token) => claimsOf(token)['after']);

describe('giving an order', () => {
  it('takes one signature when the state named the last order', async () => {
    await privacyBy(true);
    await publishState(rig.gate.lastOrder);
    await session.start();
    const receipt = await order();
    expect([receipt.outcome, rig.gate.privacyOn, commands.length]).toEqual(['command-done', false, 1]);
    await order();
    expect(commands).toHaveLength(2);
  });

  it('takes one signature at a device that has accepted none and published no state', async () => {
    await session.start();
    await order();
    expect(named()).toEqual([sha256Hex(noOrderYet(rig.cast.device.id))]);
  });

  it('signs again when the state was outdated, with the order that the refusal names', async () => {
    await publishState(rig.gate.lastOrder);
    await privacyBy(true);
    const last = rig.gate.lastOrder;
    await session.start();
    await order();
    expect(rig.gate.privacyOn).toBe(false);
    expect(named().slice(1)).toEqual([last]);
  });

  it('prefers a signed receipt to an unsigned state, whichever arrives later', async () => {
    await session.start();
    await order();
    const last = rig.gate.lastOrder;
    const heard = session.waitFor<void>('a state', ANSWER_MS, (found) => ({ state: () => found() }));
    // Otherwise a broker that sends an old or invented state would cost a second signature at every order.
    await publishState(sha256Hex('made up'));
    await heard;
    expect(await session.lastOrder()).toBe(last);
    const signed = commands.length;
    await order();
    expect(commands).toHaveLength(signed + 1);
  });

  it('signs again when another owner was quicker, and gives up with the refusal when others always are', async () => {
    await session.start();
    before = async (count) => (count <= 2 ? privacyBy(true) : undefined);
    await order();
    expect([rig.gate.privacyOn, commands.length]).toEqual([false, 3]);
    commands.length = 0;
    before = () => privacyBy(true);
    await expect(order()).rejects.toMatchObject({ code: 'consent_order_stale' });
    expect([rig.gate.privacyOn, commands.length]).toEqual([true, ORDER_SIGNINGS_MAX]);
  });

  it('signs no second time at a stranger’s refusal, nor at the device’s answer to another order', async () => {
    await session.start();
    rig.effects.onReceipt = () => undefined;
    const stranger = rig.cast.bridge;
    before = async () => {
      const answers = String(claimsOf(commands[0] ?? '')['jti']);
      const stale = { outcome: 'refused', code: 'consent_order_stale' } as const;
      await say({ ...stale, answers }, { lastOrder: sha256Hex('mine') }, stranger);
      await say({ ...stale, answers: 'command-another' });
    };
    const signer = { key: rig.cast.owner.key, clock: rig.clock, random: seams.random };
    await expect(giveOrder(session, signer, { action: 'forget' }, 500)).rejects.toMatchObject({ code: 'timed_out' });
    expect([commands.length, session.unbelievedCount]).toEqual([1, 1]);
  });

  it('passes other refusals on', async () => {
    await session.start();
    const signer = { key: rig.cast.owner.key, clock: rig.clock, random: seams.random };
    const key = rig.cast.owner.key.publicKey;
    await expect(giveOrder(session, signer, { action: 'remove-owner', key }, ANSWER_MS)).rejects.toMatchObject({
      code: 'owner_last',
    });
    expect(commands).toHaveLength(1);
  });
});
