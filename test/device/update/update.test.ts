import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from '../../../device/identity.ts';
import { Ledger, walkLedger } from '../../../device/ledger/ledger.ts';
import type { LedgerBody } from '../../../device/ledger/ledger-entry.ts';
import type { ReleaseManifest } from '../../../device/update/release-manifest.ts';
import { type GivenRelease, installFirst, settleUpdate, updateDoorbell } from '../../../device/update/update.ts';
import { unpackFormerDevice } from '../../support/former-device.ts';
import { DATA, FOLDER, filesOf, KEY, Machine, makeReleaseKey, releaseOf, signed } from './support.ts';

const release = (version: string, changes: Partial<ReleaseManifest> = {}) => releaseOf(filesOf(version, changes));

/** The update of most tests. */
const LATER = release('1.1.0', { format: 9 });
const FIRST = release('1.0.0');

/** A machine with the version 1.0.0. */
async function installed(seed = 1): Promise<Machine> {
  const machine = await Machine.fresh(seed);
  await installFirst(machine.deps, KEY, FIRST);
  return machine;
}

const update = (machine: Machine, given: GivenRelease, downgrade = false) =>
  updateDoorbell(machine.deps, machine.doorbell, given, { downgrade });

describe('a first release', () => {
  it('is started from then on, and its key is pinned', async () => {
    const machine = await installed();
    expect([await machine.started(), await machine.started('keeper')]).toEqual(['1.0.0', '1.0.0']);
    expect(await update(machine, release('1.0.0'))).toBeNull();
  });

  it.each([
    ['that another key signed', releaseOf(filesOf('1.0.0'), makeReleaseKey()), 'update_key_foreign'],
    ['that nobody signed', { ...release('1.0.0'), signature: null }, 'update_unsigned'],
  ])('%s leaves no folder', async (_, given, code) => {
    const machine = await Machine.fresh();
    await expect(installFirst(machine.deps, KEY, given)).rejects.toMatchObject({ code });
    expect(await machine.disk.list('/opt')).toEqual([]);
  });

  it('is refused where another one is, or where the folder holds other files', async () => {
    const machine = await installed();
    const code = 'update_folder_taken';
    await expect(installFirst(machine.deps, makeReleaseKey(), release('2.0.0'))).rejects.toMatchObject({
      code: 'update_key_foreign',
    });
    await expect(installFirst(machine.deps, KEY, release('2.0.0'))).rejects.toMatchObject({ code });
    const folder = '/var/lib';
    await expect(installFirst({ ...machine.deps, folder }, KEY, release('1.0.0'))).rejects.toMatchObject({ code });
  });
});

describe('an update', () => {
  it('is switched to while the doorbell is stopped, and is kept once it is healthy, with the one before', async () => {
    const machine = await installed();
    expect(await update(machine, release('1.1.0'))).toEqual({ from: '1.0.0', to: '1.1.0' });
    expect(machine.happened).toEqual(['stop', '1.1.0']);
    expect([await machine.started(), await machine.started('keeper')]).toEqual(['1.1.0', '1.1.0']);
    await update(machine, release('1.2.0'));
    expect(await machine.disk.list(join(FOLDER, 'versions'))).toEqual(['1.1.0', '1.2.0']);
    expect(await machine.disk.list(FOLDER)).not.toContain('before-update');
  });

  it('that does not become healthy is rolled back, with the data that it migrated, but no decision', async () => {
    const machine = await installed();
    machine.broken.add('1.1.0');
    const before = await machine.text('format.json');
    machine.begins = async (version) => {
      if (version !== '1.1.0') return;
      await machine.write('format.json', '{"kind":"doorsill-device","format":9}');
      await machine.write('device.json', '{"name":"Porch","later":true}');
      await machine.write('consent/marks.json', 'a later mark');
    };
    await machine.disk.makeFolder(join(DATA, 'consent'));
    await machine.write('consent/marks.json', 'a mark');
    await expect(update(machine, LATER)).rejects.toMatchObject({ code: 'update_unhealthy' });
    expect(machine.happened).toEqual(['stop', '1.1.0', 'stop', '1.0.0']);
    expect([await machine.started(), await machine.started('keeper')]).toEqual(['1.0.0', '1.0.0']);
    expect([await machine.text('format.json'), await machine.text('device.json')]).toEqual([
      before,
      '{"name":"Porch"}',
    ]);
    expect(await machine.text('consent/marks.json')).toBe('a later mark');
    expect(await machine.disk.list(join(FOLDER, 'versions'))).toEqual(['1.0.0']);
    machine.broken.clear();
    expect(await update(machine, LATER)).toEqual({ from: '1.0.0', to: '1.1.0' });
  });

  const cut = (bytes: number) => {
    const given = release('1.1.0');
    return { ...given, archive: given.archive.subarray(0, -bytes) };
  };
  it.each([
    ['is cut off', cut(1), 'update_altered'],
    ['is not signed', { ...release('1.1.0'), signature: null }, 'update_unsigned'],
    ['another key signed', releaseOf(filesOf('1.1.0'), makeReleaseKey()), 'update_key_foreign'],
    ['was signed as it was cut off', signed(cut(20).archive), 'update_malformed'],
    ['is for another processor', release('1.1.0', { arch: 'x64' }), 'update_machine_foreign'],
    ['needs a newer Node', release('1.1.0', { node: '20.20.0' }), 'update_node_old'],
    ['is older', release('0.9.9'), 'update_older'],
    ['comes before the release that runs', release('1.0.0-beta.2'), 'update_older'],
    ['could not read the folder', release('1.1.0', { format: 3 }), 'update_format_older'],
  ])('that %s changes nothing', async (_, given, code) => {
    const machine = await installed();
    const before = await machine.everything();
    await expect(update(machine, given)).rejects.toMatchObject({ code });
    expect(await machine.everything()).toEqual(before);
    expect(machine.happened).toEqual([]);
  });

  it('to an older version is made when it is asked for, unless that version could not read the folder', async () => {
    const machine = await installed();
    expect(await update(machine, release('0.9.9'), true)).toEqual({ from: '1.0.0', to: '0.9.9' });
    await expect(update(machine, release('0.9.8', { format: 3 }), true)).rejects.toMatchObject({
      code: 'update_format_older',
    });
  });

  it('of a doorbell whose folder names no format changes nothing, because it is unknown which version could read it', async () => {
    const machine = await installed();
    await machine.write('format.json', '{"kind":"doorsill-device"}');
    const before = await machine.everything();
    await expect(update(machine, release('1.1.0'))).rejects.toMatchObject({ code: 'state_damaged' });
    expect(await machine.everything()).toEqual(before);
    expect(machine.happened).toEqual([]);
  });

  it('that does not fit on the disk changes nothing, and neither does one during which the disk becomes full', async () => {
    const machine = await installed();
    const before = await machine.everything();
    machine.disk.freeBytes = async () => 100;
    await expect(update(machine, release('1.1.0'))).rejects.toMatchObject({ code: 'update_disk_full' });
    expect(await machine.everything()).toEqual(before);
    machine.disk.freeBytes = async () => {
      machine.disk.set('full');
      return 2 ** 40;
    };
    await expect(update(machine, release('1.1.0'))).rejects.toMatchObject({ code: 'ENOSPC' });
    machine.disk.set('ok');
    expect([await machine.started(), machine.happened]).toEqual(['1.0.0', []]);
  });

  it('without a folder of programs is refused', async () => {
    const machine = await Machine.fresh();
    await expect(update(machine, release('1.0.0'))).rejects.toMatchObject({ code: 'update_folder_foreign' });
  });
});

/** The points at which an update may be cut off; the one complete version that runs afterwards loses nothing. */
describe('cut off at any step, an update', () => {
  /** The first `steps` of an update of a machine; resolves when the power is cut, or with the machine at its end. */
  const cutAfter = async (seed: number, steps: number, prepare: (machine: Machine) => void) => {
    const machine = await installed(seed);
    prepare(machine);
    let isCut = false;
    const cut = new Promise<void>((resolve) =>
      machine.disk.cutIn(steps, () => {
        isCut = true;
        resolve();
      }),
    );
    await Promise.race([cut, update(machine, LATER).catch(() => undefined)]);
    return { machine: new Machine(machine.disk.afterPowerCut()), isCut };
  };

  it.each([
    ['that would be healthy', () => undefined],
    ['that would not', (machine: Machine) => void machine.broken.add('1.1.0')],
  ])('%s leaves one whole version, its data, and the way to update again', async (_, prepare) => {
    const ends = new Map<string, number>();
    let cuts = 0;
    for (let steps = 1; ; steps += 1) {
      const { machine, isCut } = await cutAfter(steps, steps, (on) => {
        prepare(on);
        on.begins = async (version) => {
          if (version === '1.1.0') await on.write('format.json', '{"kind":"doorsill-device","format":9}');
        };
      });
      if (!isCut) break;
      cuts += 1;
      // The last healthy version runs first.
      await machine.started('keeper');
      await settleUpdate(machine.deps, machine.doorbell);
      const version = await machine.started();
      expect(await machine.started('keeper')).toBe(version);
      const format = JSON.parse((await machine.text('format.json')) ?? '{}').format;
      if (version === '1.0.0') expect(format).toBe(4);
      ends.set(version, (ends.get(version) ?? 0) + 1);
      if (version === '1.0.0' && steps % 4 === 0) {
        expect(await update(machine, LATER)).toEqual({ from: '1.0.0', to: '1.1.0' });
      }
      await machine.started();
    }
    expect(cuts).toBeGreaterThan(20);
    expect(ends.get('1.0.0')).toBeGreaterThan(20);
  });

  it('may be rolled back in several steps', async () => {
    for (let steps = 1; ; steps += 1) {
      const { machine: before } = await cutAfter(1, 75, () => undefined);
      let isCut = false;
      const cut = new Promise<void>((resolve) =>
        before.disk.cutIn(steps, () => {
          isCut = true;
          resolve();
        }),
      );
      await Promise.race([cut, settleUpdate(before.deps, before.doorbell)]);
      if (!isCut) break;
      const machine = new Machine(before.disk.afterPowerCut());
      await settleUpdate(machine.deps, machine.doorbell);
      expect(await machine.started()).toBe(await machine.started('keeper'));
    }
  });
});

describe('an update and decisions', () => {
  const disk = new SystemDisk();

  /** A doorbell of 0.1 with its ledger, up to and including its last entry of this type. */
  const withLedger = async (last: LedgerBody['type'], use: (machine: Machine, folder: string) => Promise<void>) => {
    const folder = await mkdtemp(join(tmpdir(), 'doorsill-update-'));
    try {
      await unpackFormerDevice(folder);
      const key = await loadOrCreateDeviceKey(disk, new SystemRandom(), folder);
      const device = { id: deviceIdOf(key), key };
      const bodies: LedgerBody[] = [];
      const place = { id: device.id, key: key.publicKey };
      await walkLedger(disk, join(folder, 'consent'), place, (entry) => {
        const { type, body } = entry;
        bodies.push({ type, body } as LedgerBody);
      });
      await disk.remove(join(folder, 'consent'));
      await disk.makeFolder(join(folder, 'consent'));
      const ledger = new Ledger({
        disk,
        clock: new ManualClock(0),
        folder: join(folder, 'consent'),
        device,
        boot: 'boot-1',
      });
      await ledger.start(() => undefined);
      const end = bodies.findLastIndex(({ type }) => type === last);
      for (const body of bodies.slice(0, end + 1)) await ledger.append(body);
      await ledger.stop();
      const machine = await installed();
      const { doorbell } = machine;
      Object.assign(doorbell, { data: folder, identity: async () => place });
      Object.assign(machine.deps, { private: disk, folder: join(folder, 'programs') });
      Object.assign(machine.deps, { programs: new SystemDisk('readable') });
      await installFirst(machine.deps, KEY, release('1.0.0'));
      Object.assign(machine, {
        started: async () => (await machine.deps.programs.readLink(join(folder, 'programs/current')))?.slice(9),
      });
      await use(machine, folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  };

  it('waits for an unfinished grant: the ledger is read before and after the doorbell is stopped', async () => {
    await withLedger('granted', async (machine) => {
      await expect(update(machine, release('1.1.0'))).rejects.toMatchObject({ code: 'update_grant_under_way' });
      expect(machine.happened).toEqual([]);
    });
    await withLedger('granted', async (machine) => {
      const { doorbell } = machine;
      const place = await doorbell.identity(doorbell.data);
      let looks = 0;
      // The grant arrives between the two reads.
      Object.assign(doorbell, { identity: async () => (++looks === 1 ? null : place) });
      await expect(update(machine, release('1.1.0'))).rejects.toMatchObject({ code: 'update_grant_under_way' });
      expect(machine.happened).toEqual(['stop', 'stop', '1.0.0']);
    });
  });

  it('goes on after a grant is finished', async () => {
    await withLedger('delivered', async (machine) => {
      expect(await update(machine, release('1.1.0'))).toEqual({ from: '1.0.0', to: '1.1.0' });
    });
  });

  it('is not rolled back where the previous version could not read the decisions made since', async () => {
    await withLedger('delivered', async (machine, folder) => {
      machine.broken.add('1.1.0');
      machine.begins = async (version) => {
        if (version !== '1.1.0') return;
        const file = await disk.open(join(folder, 'consent/ledger.jsonl'), { create: false });
        await file.write(await file.size(), Buffer.from('an entry of a later doorsill\n'));
        await file.write(10, Buffer.from('####'));
        await file.close();
      };
      await expect(update(machine, release('1.1.0'))).rejects.toMatchObject({ code: 'update_irreversible' });
      expect(machine.happened).toEqual(['stop', '1.1.0', 'stop', '1.1.0']);
    });
  });
});
