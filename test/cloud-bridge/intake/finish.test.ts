// Holds: a crash at any step of storing or deleting a clip leaves one clip or none, and the next start puts it right.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Disk, SystemDisk } from '../../../device/base/disk.ts';
import { BridgeHouse, type Parcel } from '../../support/bridge-house.ts';
import { DyingDisk } from '../../support/dying-disk.ts';
import { claimsOf } from '../../support/parties.ts';

let house: BridgeHouse;
let request: string;

beforeEach(async () => {
  house = await BridgeHouse.open();
  request = await house.ready();
});
afterEach(() => house.close());

const folder = (name: string) => house.disk.list(join(house.bridgeFolder, name));

async function restart(disk: Disk = house.disk): Promise<void> {
  await house.bridge.stop();
  house.bridgeDisk = disk;
  await house.startBridge();
}

async function assertStoredOnce(parcel: Parcel): Promise<void> {
  while ((await house.status(parcel)).body['state'] !== 'stored');
  expect(await folder('clips')).toEqual([parcel.clipId]);
  expect(await folder('staging')).toEqual([]);
  expect(await folder('ready')).toEqual([]);
  const stored = await readFile(join(house.bridgeFolder, 'clips', parcel.clipId, 'clip.mp4'));
  expect(new Uint8Array(stored)).toEqual(parcel.clip);
  const shown = await house.get('/v1/clips', house.access('all'));
  expect(shown.body['clips']).toHaveLength(1);
}

/** Sends a clip so that the bridge dies at change number `step` of storing it; whether it did. */
async function dieStoring(parcel: Parcel, step: number, lastIsDone: boolean): Promise<boolean> {
  const disk = new DyingDisk(house.disk);
  await restart(disk);
  await house.openIntake(parcel);
  const path = await house.create(parcel);
  disk.dieAt(step, lastIsDone);
  await house.patch(parcel, path, 0, parcel.clip);
  return disk.dead;
}

describe.each([false, true])('a process that dies, its last change done: %s', (lastIsDone) => {
  it('stores the clip once after a restart, whichever step of storing it died at', async () => {
    for (let step = 1; ; step += 1) {
      const parcel = house.parcel(request);
      const died = await dieStoring(parcel, step, lastIsDone);
      if (died) expect((await house.get('/v1/clips', house.access('all'))).body['clips']).toEqual([]);
      await restart();
      await assertStoredOnce(parcel);
      await house.revoke(parcel);
      if (!died) {
        expect(step).toBeGreaterThan(4);
        return;
      }
    }
  });

  it('stores it once when it then dies again and again while it starts', async () => {
    const parcel = house.parcel(request);
    // Folder, two manifests, clip into the ready folder, ready folder into sight: dead with or without the last of them.
    expect(await dieStoring(parcel, 5, lastIsDone)).toBe(true);
    let deaths = 0;
    for (let step = 1; ; step += 1) {
      const disk = new DyingDisk(house.disk).dieAt(step, lastIsDone);
      const started = await restart(disk).then(
        () => true,
        () => false,
      );
      if (started) break;
      deaths += 1;
    }
    expect(deaths).toBeGreaterThan(4);
    await restart();
    await assertStoredOnce(parcel);
  });

  it('leaves nothing of a revoked clip after a restart, whichever step of deleting it died at', async () => {
    for (let step = 1; ; step += 1) {
      const disk = new DyingDisk(house.disk);
      await restart(disk);
      const parcel = house.parcel(request);
      await house.deliver(parcel);
      disk.dieAt(step, lastIsDone);
      await house.revoke(parcel);
      await restart();
      expect((await house.status(parcel)).body['state']).toBe('deleted');
      expect([...(await folder('staging')), ...(await folder('ready')), ...(await folder('clips'))]).toEqual([]);
      if (!disk.dead) {
        expect(step).toBeGreaterThan(2);
        return;
      }
    }
  });
});

describe('a restart', () => {
  it('goes on with a half-sent upload at the byte it had', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    await house.patch(parcel, path, 0, parcel.clip.subarray(0, 7_000));
    await restart();
    expect((await house.tus('HEAD', path, parcel)).headers.get('upload-offset')).toBe('7000');
    await house.patch(parcel, path, 7_000, parcel.clip.subarray(7_000));
    await assertStoredOnce(parcel);
  });

  it('finishes by itself a clip whose bytes were all there', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    await house.bridge.stop();
    await writeFile(join(house.bridgeFolder, 'staging', path.split('/').at(-1) ?? ''), parcel.clip);
    await restart();
    while ((await folder('clips')).length === 0) await new Promise((resolve) => setImmediate(resolve));
    await assertStoredOnce(parcel);
  });

  it.each([
    ['staged', (upload: string, _clip: string) => `staging/${upload}`],
    ['made ready', (_upload: string, clip: string) => `ready/${clip}/clip.mp4`],
  ])(
    'shows a clip again whose commit stands although it was reported as failed, and that is %s',
    async (_where, path) => {
      const parcel = house.parcel(request);
      await house.openIntake(parcel);
      const upload = (await house.create(parcel)).split('/').at(-1) ?? '';
      await house.deliver(parcel);
      await house.bridge.stop();
      const away = join(house.bridgeFolder, path(upload, parcel.clipId));
      await mkdir(dirname(away), { recursive: true });
      await rename(join(house.bridgeFolder, 'clips', parcel.clipId, 'clip.mp4'), away);
      await restart();
      await assertStoredOnce(parcel);
    },
  );

  it('removes files that belong to nothing', async () => {
    await house.bridge.stop();
    for (const name of ['staging/stray', 'ready/stray', 'clips/stray']) {
      await writeFile(join(house.bridgeFolder, name), 'left behind');
    }
    await restart();
    expect([...(await folder('staging')), ...(await folder('ready')), ...(await folder('clips'))]).toEqual([]);
  });

  it('waits with a whole clip while the agency’s standing cannot be known, and stores it when it can', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    await house.patch(parcel, path, 0, parcel.clip.subarray(0, 100));
    await house.registry.stop();
    await restart();
    const refused = await house.patch(parcel, path, 100, parcel.clip.subarray(100));
    expect(refused).toMatchObject({ status: 503, body: { code: 'credential_unavailable' } });
    await writeFile(join(house.bridgeFolder, 'staging', path.split('/').at(-1) ?? ''), parcel.clip);
    expect(await house.status(parcel)).toMatchObject({ status: 503, body: { code: 'credential_unavailable' } });
    await house.startRegistry();
    await assertStoredOnce(parcel);
  });

  it('deletes a clip whose agency was revoked before its last byte', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    await house.patch(parcel, path, 0, parcel.clip.subarray(0, 100));
    await house.registry.revoke(house.cast.agency.id);
    await house.bridge.refreshRevocations();
    const refused = await house.patch(parcel, path, 100, parcel.clip.subarray(100));
    expect(refused).toMatchObject({ status: 403, body: { code: 'agency_revoked' } });
    await writeFile(join(house.bridgeFolder, 'staging', path.split('/').at(-1) ?? ''), parcel.clip);
    expect((await house.status(parcel)).body['state']).toBe('deleted');
    expect([...(await folder('staging')), ...(await folder('clips'))]).toEqual([]);
  });
});

describe('in the last moment before a clip becomes visible', () => {
  /** A disk on which something happens when the clip has been made ready and only the one step into sight is left. */
  class WatchedDisk extends SystemDisk {
    happens: () => Promise<unknown> = async () => undefined;

    override async replaceFile(path: string, bytes: Uint8Array): Promise<void> {
      await super.replaceFile(path, bytes);
      if (path.endsWith('manifest.json')) await this.happens();
    }
  }

  it.each([
    [
      'its agency is revoked',
      async () => {
        await house.registry.revoke(house.cast.agency.id);
        await house.bridge.refreshRevocations();
      },
      'agency_revoked',
    ],
    [
      'its request is resolved',
      async () => {
        const id = String(claimsOf(request)['jti']);
        await house.post(
          `/v1/requests/${id}/resolve`,
          {},
          house.agencyCall({ action: 'resolve-request', request: id }),
        );
      },
      'request_not_live',
    ],
    [
      'its grant expires',
      async () => {
        house.clock.shiftS = 2 * 24 * 3600;
      },
      'intake_grant_invalid',
    ],
  ])('%s, and nobody ever sees it', async (_what, happens, code) => {
    const disk = new WatchedDisk();
    await restart(disk);
    disk.happens = happens;
    const parcel = house.parcel(request);
    expect((await house.deliver(parcel)).body['code']).toBe(code);
    house.clock.shiftS = 0;
    expect((await house.status(parcel)).body['state']).toBe('deleted');
    expect([...(await folder('staging')), ...(await folder('ready')), ...(await folder('clips'))]).toEqual([]);
  });

  it('its owner revokes, and nobody ever sees it', async () => {
    const disk = new WatchedDisk();
    await restart(disk);
    const parcel = house.parcel(request);
    let revoking: Promise<unknown> = Promise.resolve();
    disk.happens = async () => {
      // It waits for the upload's lock to wipe, so only its decision can be waited for here.
      revoking = house.revoke(parcel);
      while (!(await isRevoked(parcel)));
    };
    expect((await house.deliver(parcel)).body['code']).toBe('intake_revoked');
    await revoking;
    expect([...(await folder('staging')), ...(await folder('ready')), ...(await folder('clips'))]).toEqual([]);
  });

  async function isRevoked(parcel: Parcel): Promise<boolean> {
    return (await house.openIntake(parcel)).body['code'] === 'intake_revoked';
  }
});
