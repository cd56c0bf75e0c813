// A complete doorbell without a working camera: the events that it keeps.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SystemClock } from '../../device/base/clock.ts';
import { generateSigningKey } from '../../device/base/keys.ts';
import { silentLog } from '../../device/base/log.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { RecentEncodings } from '../../device/clip/recent-encodings.ts';
import { parseDeviceConfig } from '../../device/config.ts';
import type { DeviceEvent, DeviceState } from '../../device/contract/home-messages.ts';
import type { Doorbell } from '../../device/doorbell.ts';
import { factoryReset } from '../../device/factory-reset.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from '../../device/identity.ts';
import { giveOrder } from '../../device/owner/give-command.ts';
import { OwnerSession } from '../../device/owner/owner-session.ts';
import { pairWithDevice } from '../../device/owner/pairing-client.ts';
import type { Signer } from '../../device/owner/sign-owner-messages.ts';
import { startDevice } from '../../device/start-device.ts';
import { startBroker, type TestBroker } from '../support/broker.ts';
import { osError, ProbingDisk } from './ring/probing-disk.ts';

const seams = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog() };
const disk = new ProbingDisk();
const PATIENCE_MS = 20_000;

let broker: TestBroker;
let folder: string;
let doorbell: Doorbell;
let heard: DeviceEvent[];

beforeEach(async () => {
  broker = await startBroker();
  folder = await mkdtemp(join(tmpdir(), 'doorsill-doorbell-'));
  await writeFile(join(folder, 'none.mp4'), 'no video');
  await start();
});
afterEach(async () => {
  disk.onWrite = () => undefined;
  await doorbell.stop();
  await broker.stop();
  await rm(folder, { recursive: true });
});

async function start(events: object = {}): Promise<void> {
  heard = [];
  const device = deviceIdOf(await loadOrCreateDeviceKey(disk, seams.random, folder));
  const account = await broker.issue({ role: 'device-home', id: device });
  const config = parseDeviceConfig(
    {
      camera: `file:${join(folder, 'none.mp4')}`,
      events,
      home: { url: broker.url, ...account, accounts: broker.accounts },
    },
    'device.json',
  );
  doorbell = await startDevice({ config, folder, heard: (event) => heard.push(event) }, { ...seams, disk });
}

const press = () => doorbell.pressed({ button: 'front', source: 'local', atUs: seams.clock.wallUs() });
const stored = async () => {
  const text = await readFile(join(folder, 'events/newer.jsonl'), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line.trim() !== '');
};
const ringsStored = async () => (await stored()).filter((line) => line.includes('"type":"ring"')).length;

/** Runs `work` with the session of an owner who is paired and connected. */
async function asOwner(work: (session: OwnerSession, signer: Signer) => Promise<void>): Promise<void> {
  const key = generateSigningKey(seams.random);
  const home = await pairWithDevice(seams, doorbell.pairingSocket, key, 'Alex');
  const session = new OwnerSession(home, { ...seams, disk });
  await session.start();
  await work(session, { key, clock: seams.clock, random: seams.random }).finally(() => session.stop());
}

it('keeps a press across a restart, and forgets it with the footage at its owner’s order', async () => {
  press();
  await expect.poll(ringsStored).toBe(1);
  await doorbell.stop();
  // The last event happens while the doorbell stops.
  expect((await stored()).at(-1)).toContain('"state":"off"');
  await start();
  press();
  await expect.poll(ringsStored).toBe(2);
  const [first] = await stored();
  expect(JSON.parse(first ?? '')).toMatchObject({ sequence: 1, event: { type: expect.any(String) } });
  await asOwner(async (session, signer) => {
    const forgotten = vi.spyOn(RecentEncodings.prototype, 'forget');
    await giveOrder(session, signer, { action: 'forget' }, PATIENCE_MS);
    expect(await ringsStored()).toBe(0);
    // The encodings of footage in memory.
    expect(forgotten).toHaveBeenCalledOnce();
  });
});

it('publishes a press on a failing disk, and reports that it is not stored', async () => {
  disk.onWrite = ({ path }) => {
    if (path.includes('events')) throw osError('ENOSPC');
  };
  await asOwner(async (session) => {
    const told: DeviceState[] = [];
    session.listen({ state: (state) => told.push(state) });
    press();
    expect(heard.filter(({ type }) => type === 'ring')).toHaveLength(1);
    await expect
      .poll(() => told.at(-1)?.storage, { timeout: PATIENCE_MS })
      .toMatchObject({
        state: 'full',
        detail: expect.stringContaining('history of events'),
      });
  });
});

it('reports faults of other parts before those of the history', async () => {
  await doorbell.stop();
  for (const name of ['events/newer.jsonl', 'home-assistant.json']) {
    await rm(join(folder, name), { force: true });
    await mkdir(join(folder, name), { recursive: true });
  }
  await start();
  await asOwner(async (session) => {
    const told: DeviceState[] = [];
    session.listen({ state: (state) => told.push(state) });
    press();
    await expect.poll(() => told.at(-1)?.storage, { timeout: PATIENCE_MS }).toMatchObject({ state: 'failed' });
    expect(told.at(-1)?.storage.detail).toMatch(/^EISDIR/);
  });
});

it('leaves no past event after a factory reset', async () => {
  press();
  await expect.poll(ringsStored).toBe(1);
  await doorbell.stop();
  await factoryReset(disk, seams.random, folder);
  expect(await disk.list(folder)).not.toContain('events');
});
