// A crash at any step of storing or deleting a clip leaves one clip or none, and the next start repairs it.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Disk, SystemDisk } from '../../../device/base/disk.ts';
import { type Answer, BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { DyingDisk } from '../../support/dying-disk.ts';
import { claimsOf } from '../../support/parties.ts';

let fixture: BridgeFixture;
let request: string;

beforeEach(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
});
afterEach(() => fixture.close());

const folder = (name: string) => fixture.disk.list(join(fixture.bridgeFolder, name));

async function restart(disk: Disk = fixture.disk): Promise<void> {
  await fixture.bridge.stop();
  fixture.bridgeDisk = disk;
  await fixture.startBridge();
}

async function assertStoredOnce(parcel: Parcel): Promise<void> {
  while ((await fixture.status(parcel)).body['state'] !== 'stored');
  expect(await folder('clips')).toEqual([parcel.clipId]);
  expect(await folder('staging')).toEqual([]);
  expect(await folder('ready')).toEqual([]);
  const stored = await readFile(join(fixture.bridgeFolder, 'clips', parcel.clipId, 'clip.mp4'));
  expect(stored.equals(parcel.clip)).toBe(true);
  const shown = await fixture.get('/v1/clips', fixture.access('all'));
  expect(shown.body['clips']).toHaveLength(1);
}

/** Sends a clip so that the bridge dies at disk change number `step` of storing it; returns whether it died. */
async function dieStoring(parcel: Parcel, step: number, lastIsDone: boolean): Promise<boolean> {
  const disk = new DyingDisk(fixture.disk);
  await restart(disk);
  await fixture.openIntake(parcel);
  const path = await fixture.create(parcel);
  disk.dieAt(step, lastIsDone);
  await fixture.patch(parcel, path, 0, parcel.clip);
  return disk.dead;
}

describe.each([false, true])('a process that dies, its last change done: %s', (lastIsDone) => {
  it('stores the clip once after a restart, at whichever step of storing it died', async () => {
    for (let step = 1; ; step += 1) {
      const parcel = fixture.parcel(request);
      const died = await dieStoring(parcel, step, lastIsDone);
      if (died) expect((await fixture.get('/v1/clips', fixture.access('all'))).body['clips']).toEqual([]);
      await restart();
      await assertStoredOnce(parcel);
      await fixture.revoke(parcel);
      if (!died) {
        expect(step).toBeGreaterThan(4);
        return;
      }
    }
  });

  it('stores it once when it dies repeatedly during its starts', async () => {
    const parcel = fixture.parcel(request);
    // Folder, two manifests, clip into the ready folder, ready folder published: it dies with or without the last change.
    expect(await dieStoring(parcel, 5, lastIsDone)).toBe(true);
    let deaths = 0;
    for (let step = 1; ; step += 1) {
      const disk = new DyingDisk(fixture.disk).dieAt(step, lastIsDone);
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

  it('leaves nothing of a revoked clip after a restart, at whichever step of deleting it died', async () => {
    for (let step = 1; ; step += 1) {
      const disk = new DyingDisk(fixture.disk);
      await restart(disk);
      const parcel = fixture.parcel(request);
      await fixture.deliver(parcel);
      disk.dieAt(step, lastIsDone);
      await fixture.revoke(parcel);
      await restart();
      expect((await fixture.status(parcel)).body['state']).toBe('deleted');
      expect([...(await folder('staging')), ...(await folder('ready')), ...(await folder('clips'))]).toEqual([]);
      if (!disk.dead) {
        expect(step).toBeGreaterThan(2);
        return;
      }
    }
  });
});

describe('a restart', () => {
  it('continues a half-sent upload at its last byte', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, 7_000));
    await restart();
    expect((await fixture.tus('HEAD', path, parcel)).headers.get('upload-offset')).toBe('7000');
    await fixture.patch(parcel, path, 7_000, parcel.clip.subarray(7_000));
    await assertStoredOnce(parcel);
  });

  it('finishes by itself a clip whose bytes had all arrived', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    await fixture.bridge.stop();
    await writeFile(join(fixture.bridgeFolder, 'staging', path.split('/').at(-1) ?? ''), parcel.clip);
    await restart();
    while ((await folder('clips')).length === 0) await new Promise((resolve) => setImmediate(resolve));
    await assertStoredOnce(parcel);
  });

  it.each([
    ['staged', (upload: string, _clip: string) => `staging/${upload}`],
    ['made ready', (_upload: string, clip: string) => `ready/${clip}/clip.mp4`],
  ])(
    'shows a clip again whose commit was made although it was reported as failed, and that is %s',
    async (_where, path) => {
      const parcel = fixture.parcel(request);
      await fixture.openIntake(parcel);
      const upload = (await fixture.create(parcel)).split('/').at(-1) ?? '';
      await fixture.deliver(parcel);
      await fixture.bridge.stop();
      const away = join(fixture.bridgeFolder, path(upload, parcel.clipId));
      await mkdir(dirname(away), { recursive: true });
      await rename(join(fixture.bridgeFolder, 'clips', parcel.clipId, 'clip.mp4'), away);
      await restart();
      await assertStoredOnce(parcel);
    },
  );

  it('removes files that belong to nothing', async () => {
    await fixture.bridge.stop();
    for (const name of ['staging/stray', 'ready/stray', 'clips/stray']) {
      await writeFile(join(fixture.bridgeFolder, name), 'left behind');
    }
    await restart();
    expect([...(await folder('staging')), ...(await folder('ready')), ...(await folder('clips'))]).toEqual([]);
  });

  it('keeps a whole clip waiting while the agency’s standing is unknown, and stores it once it is known', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, 100));
    await fixture.registry.stop();
    await restart();
    const refused = await fixture.patch(parcel, path, 100, parcel.clip.subarray(100));
    expect(refused).toMatchObject({ status: 503, body: { code: 'credential_unavailable' } });
    await writeFile(join(fixture.bridgeFolder, 'staging', path.split('/').at(-1) ?? ''), parcel.clip);
    expect(await fixture.status(parcel)).toMatchObject({ status: 503, body: { code: 'credential_unavailable' } });
    await fixture.startRegistry();
    await assertStoredOnce(parcel);
  });

  it('deletes a clip whose agency was revoked before its last byte', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, 100));
    await fixture.registry.revoke(fixture.cast.agency.id);
    await fixture.bridge.refreshRevocations();
    const refused = await fixture.patch(parcel, path, 100, parcel.clip.subarray(100));
    // The bridge withdraws the requests of an agency without access.
    expect(refused).toMatchObject({ status: 410, body: { code: 'request_not_live' } });
    await writeFile(join(fixture.bridgeFolder, 'staging', path.split('/').at(-1) ?? ''), parcel.clip);
    expect((await fixture.status(parcel)).body['state']).toBe('deleted');
    expect([...(await folder('staging')), ...(await folder('clips'))]).toEqual([]);
  });
});

describe('while a clip is stored', () => {
  /** A disk that runs a callback when the clip has left the staging folder and is not published yet. */
  class PausingDisk extends SystemDisk {
    happens: () => Promise<unknown> = async () => undefined;

    override async rename(from: string, to: string): Promise<void> {
      await super.rename(from, to);
      if (/\/ready\/[^/]+\/clip\.mp4$/.test(to)) await this.happens();
    }
  }

  it('a device that comes back learns that all bytes are there, and does not send them again', async () => {
    const disk = new PausingDisk();
    await restart(disk);
    const parcel = fixture.parcel(request);
    const authorization = `Bearer ${parcel.bearer}`;
    let asked: Promise<{ headers: Headers }> | undefined;
    disk.happens = async () => {
      asked = fixture.send('HEAD', `/v1/intakes/${parcel.grant}`, { authorization });
      await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 300))]);
    };
    await fixture.deliver(parcel);
    const { headers } = (await asked) ?? { headers: new Headers() };
    expect([headers.get('upload-offset'), headers.has('location')]).toEqual([String(parcel.clip.length), true]);
    await assertStoredOnce(parcel);
  });

  it('a device that asks for the status gets the final result, not that bytes are missing', async () => {
    const disk = new PausingDisk();
    await restart(disk);
    const parcel = fixture.parcel(request);
    let asked: Promise<Answer> | undefined;
    disk.happens = async () => {
      asked = fixture.status(parcel);
      await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 300))]);
    };
    await fixture.deliver(parcel);
    expect((await asked)?.body['state']).toBe('stored');
  });
});

describe('in the last moment before a clip becomes visible', () => {
  /** A disk that runs a callback when the clip is ready and only the move that publishes it is left. */
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
        await fixture.registry.revoke(fixture.cast.agency.id);
        await fixture.bridge.refreshRevocations();
      },
      'request_not_live',
    ],
    [
      'its request is resolved',
      async () => {
        const id = String(claimsOf(request)['jti']);
        await fixture.post(
          `/v1/requests/${id}/resolve`,
          {},
          fixture.agencyCall({ action: 'resolve-request', request: id }),
        );
      },
      'request_not_live',
    ],
    [
      'its grant expires',
      async () => {
        fixture.clock.shiftS = 2 * 24 * 3600;
      },
      'intake_grant_invalid',
    ],
  ])('%s, and nobody ever sees it', async (_what, happens, code) => {
    const disk = new WatchedDisk();
    await restart(disk);
    disk.happens = happens;
    const parcel = fixture.parcel(request);
    expect((await fixture.deliver(parcel)).body['code']).toBe(code);
    fixture.clock.shiftS = 0;
    expect((await fixture.status(parcel)).body['state']).toBe('deleted');
    expect([...(await folder('staging')), ...(await folder('ready')), ...(await folder('clips'))]).toEqual([]);
  });

  it('its owner revokes, and nobody ever sees it', async () => {
    const disk = new WatchedDisk();
    await restart(disk);
    const parcel = fixture.parcel(request);
    let revoking: Promise<unknown> = Promise.resolve();
    disk.happens = async () => {
      // Erasing waits for the upload's lock, so the test can only wait for the decision.
      revoking = fixture.revoke(parcel);
      while (!(await isRevoked(parcel)));
    };
    expect((await fixture.deliver(parcel)).body['code']).toBe('intake_revoked');
    await revoking;
    expect([...(await folder('staging')), ...(await folder('ready')), ...(await folder('clips'))]).toEqual([]);
  });

  async function isRevoked(parcel: Parcel): Promise<boolean> {
    return (await fixture.openIntake(parcel)).body['code'] === 'intake_revoked';
  }
});
