import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { generateSigningKey } from '../../../device/base/keys.ts';
import { issueAccount, listAccounts } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { factoryReset } from '../../../device/factory-reset.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from '../../../device/identity.ts';
import { listPairedDevices, storePairedDevice } from '../../../device/owner/paired-devices.ts';
import {
  addDoorbell,
  DOORBELLS_MAX,
  finishRemovals,
  listDoorbells,
  namedDoorbell,
  removeDoorbell,
} from '../../../sim/testbed/doorbell-folders.ts';
import { testbedPaths } from '../../../sim/testbed/testbed-folder.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const disk = new SystemDisk();
const random = new SystemRandom();
const destroy = (path: string) => factoryReset(disk, random, path);
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder('doorbells');
});
afterEach(() => folder.dispose());

const add = (name?: string, camera?: string) =>
  addDoorbell(disk, folder.path, {
    ...(name === undefined ? {} : { name }),
    ...(camera === undefined ? {} : { camera }),
  });
const names = async () => (await listDoorbells(disk, folder.path)).map(({ name }) => name);
const code = (code: string) => expect.objectContaining({ code });

/** Gives a doorbell a key, its accounts at the broker and its owner's file, as its first start does. Returns its id. */
async function started(path: string): Promise<string> {
  const { accounts, owner } = testbedPaths(folder.path);
  const device = deviceIdOf(await loadOrCreateDeviceKey(disk, random, path));
  await issueAccount(disk, random, accounts, { role: 'device-home', id: device });
  await issueAccount(disk, random, accounts, { role: 'device-area', id: device });
  const account = await issueAccount(disk, random, accounts, { role: 'owner', id: 'owner-1', homes: [device] });
  await storePairedDevice(disk, owner, {
    device,
    deviceKey: generateSigningKey(random).publicKey,
    name: 'x',
    trust: null,
    account: { url: 'mqtt://127.0.0.1:1', prefix: 'doorsill/v1', ...account },
  });
  return device;
}

describe('the doorbells of a testbed', () => {
  it('are one at first; added ones get their own names, numbers and folders', async () => {
    expect(await names()).toEqual(['Front door']);
    await add();
    await add('Back door', 'file:back.mp4');
    await add();
    expect(await listDoorbells(disk, folder.path)).toEqual([
      { number: 1, part: 'doorbell', path: join(folder.path, 'doorbell'), name: 'Front door' },
      expect.objectContaining({ number: 2, part: 'doorbell-2', name: 'Doorbell 2' }),
      expect.objectContaining({ number: 3, part: 'doorbell-3', name: 'Back door', camera: 'file:back.mp4' }),
      expect.objectContaining({ number: 4, name: 'Doorbell 4', path: join(folder.path, 'doorbells', '4') }),
    ]);
  });

  it('are listed by number, not alphabetically, without unfinished or foreign folders', async () => {
    for (let count = 1; count < 11; count += 1) await add();
    mkdirSync(join(folder.path, 'doorbells', '12'));
    mkdirSync(join(folder.path, 'doorbells', '01'));
    writeFileSync(join(folder.path, 'doorbells', 'notes.txt'), 'x');
    expect((await listDoorbells(disk, folder.path)).map(({ number }) => number)).toEqual([
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    ]);
  });

  it('are sixteen at most', async () => {
    for (let count = 1; count < DOORBELLS_MAX; count += 1) await add();
    await expect(add()).rejects.toEqual(code('doorbell_too_many'));
    expect(await names()).toHaveLength(DOORBELLS_MAX);
  });

  it.each(['Front door', 'front DOOR'])('refuse a name that is taken: %s', async (name) => {
    await expect(add(name)).rejects.toEqual(code('doorbell_name_taken'));
  });

  it.each([...['', ' Back', 'Back ', 'x'.repeat(61), 'a\nb', 'a\u001b[31m', 'a\u202eb', 'device-12']])(
    'refuse a name that would mislead: %j',
    async (name) => {
      await expect(add(name)).rejects.toEqual(code('usage'));
      expect(readdirSync(folder.path)).toEqual([]);
    },
  );

  it('choose a default name that is not taken: "Doorbell 3" may be the second', async () => {
    await add('Doorbell 2');
    await add('Doorbell 4');
    await add();
    expect(await names()).toEqual(['Front door', 'Doorbell 2', 'Doorbell 4', 'Doorbell 5']);
  });

  it('refuse a device.json without settings', async () => {
    const { path } = await add('Back');
    writeFileSync(join(path, 'device.json'), '[]');
    await expect(listDoorbells(disk, folder.path)).rejects.toEqual(code('config_invalid'));
  });
});

describe('the doorbell of an id or a name', () => {
  const named = async (word?: string) => (await namedDoorbell(disk, folder.path, word)).number;

  it('is found by its name in any case, by its id, or without either if it is the only one', async () => {
    expect(await named()).toBe(1);
    const { path } = await add('Back door');
    const device = await started(path);
    expect([await named('BACK door'), await named(device), await named('Front door')]).toEqual([2, 2, 1]);
  });

  it('must be named when there are several: the refusal lists their names', async () => {
    await add('Back door');
    await expect(named()).rejects.toMatchObject({
      code: 'doorbell_not_named',
      message: expect.stringContaining('Front door | Back door'),
    });
    await expect(named('Garage')).rejects.toEqual(code('doorbell_unknown'));
  });
});

describe('removing a doorbell', () => {
  it('removes its folder, its accounts and the owner’s side, and nothing of the others', async () => {
    const { accounts, owner } = testbedPaths(folder.path);
    const [kept] = await listDoorbells(disk, folder.path);
    const keptId = await started(kept?.path ?? '');
    const gone = await add('Garage');
    const goneId = await started(gone.path);
    writeFileSync(join(gone.path, 'ring'), 'footage');
    expect(await listAccounts(disk, accounts)).toHaveLength(6);
    await removeDoorbell(disk, folder.path, gone, destroy);
    expect(await names()).toEqual(['Front door']);
    expect(readdirSync(join(folder.path, 'doorbells'))).toEqual([]);
    expect((await listPairedDevices(disk, owner)).map(({ device }) => device)).toEqual([keptId]);
    const left = await listAccounts(disk, accounts);
    expect(left).toHaveLength(3);
    expect(left.join()).not.toContain(goneId);
  });

  it('is refused for the first one', async () => {
    const [first] = await listDoorbells(disk, folder.path);
    if (!first) throw new Error('no first one');
    await started(first.path);
    await expect(removeDoorbell(disk, folder.path, first, destroy)).rejects.toEqual(code('doorbell_first'));
    expect(existsSync(join(first.path, 'device.key'))).toBe(true);
  });

  it('is completed later if a crash interrupts it', async () => {
    const { accounts, owner } = testbedPaths(folder.path);
    const gone = await add('Garage');
    await started(gone.path);
    renameSync(gone.path, join(folder.path, 'doorbells', '.removed-2'));
    expect(await names()).toEqual(['Front door']);
    await finishRemovals(disk, folder.path, destroy);
    expect(readdirSync(join(folder.path, 'doorbells'))).toEqual([]);
    expect([await listAccounts(disk, accounts), await listPairedDevices(disk, owner)]).toEqual([[], []]);
  });

  it('frees its number for the next one, which gets none of its data', async () => {
    const gone = await add('Garage');
    const before = await started(gone.path);
    await removeDoorbell(disk, folder.path, gone, destroy);
    const again = await add('Garage');
    expect([again.number, await started(again.path)]).toEqual([2, expect.not.stringMatching(before)]);
    expect(JSON.parse(readFileSync(join(again.path, 'device.json'), 'utf8'))).toEqual({
      name: 'Garage',
      camera: 'synthetic?size=640x360',
    });
  });
});
