import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type DiskFile, SystemDisk } from '../../../device/base/disk.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';

/** The machine's disk; while `isFull` staged files cannot grow. `whileAsked` runs while its free space is queried. */
class FullStaging extends SystemDisk {
  isFull = false;
  whileAsked: () => Promise<unknown> = async () => undefined;

  override async freeBytes(path: string): Promise<number> {
    await this.whileAsked();
    return super.freeBytes(path);
  }

  override async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    const file = await super.open(path, options);
    if (!path.includes('/staging/')) return file;
    const write: DiskFile['write'] = async (position, bytes) => {
      if (this.isFull) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      await file.write(position, bytes);
    };
    return {
      ...{ write, size: () => file.size(), sync: () => file.sync(), close: () => file.close() },
      read: (position, length, into) => file.read(position, length, into),
      writeDurably: (position, bytes) => file.writeDurably(position, bytes),
      truncate: (length) => file.truncate(length),
    };
  }
}

let fixture: BridgeFixture;
let request: string;
const disk = new FullStaging();
beforeEach(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
  await fixture.bridge.stop();
  fixture.bridgeDisk = disk;
  await fixture.startBridge();
});
afterEach(() => fixture.close());

it('writes to the bridge’s own disk, reports that it is full, and takes the rest once it is not', async () => {
  const parcel = fixture.parcel(request);
  await fixture.openIntake(parcel);
  const path = await fixture.create(parcel);
  const half = Math.floor(parcel.clip.length / 2);
  expect((await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, half))).status).toBe(204);
  disk.isFull = true;
  const refused = await fixture.patch(parcel, path, half, parcel.clip.subarray(half));
  expect([refused.status, refused.body['code']]).toEqual([507, 'intake_full']);
  expect((await fixture.tus('HEAD', path, parcel)).headers.get('upload-offset')).toBe(String(half));
  disk.isFull = false;
  expect((await fixture.patch(parcel, path, half, parcel.clip.subarray(half))).status).toBe(204);
  expect((await fixture.status(parcel)).body).toMatchObject({ state: 'stored' });
});

it('starts an upload over when it is created again, and reports none that was ended', async () => {
  const parcel = fixture.parcel(request);
  await fixture.openIntake(parcel);
  const path = await fixture.create(parcel);
  await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, 100));
  expect(await fixture.create(parcel)).toBe(path);
  expect((await fixture.tus('HEAD', path, parcel)).headers.get('upload-offset')).toBe('0');
  expect((await fixture.tus('DELETE', path, parcel)).status).toBe(204);
  expect((await fixture.tus('HEAD', path, parcel)).status).toBe(404);
  expect((await fixture.tus('DELETE', path, parcel)).status).toBe(404);
});

it('takes no byte of a clip that was revoked between the check of a request and its turn for the lock', async () => {
  const parcel = fixture.parcel(request);
  await fixture.openIntake(parcel);
  disk.whileAsked = async () => {
    disk.whileAsked = async () => undefined;
    expect((await fixture.revoke(parcel)).body).toMatchObject({ state: 'deleted' });
  };
  const headers = { 'upload-length': String(parcel.clip.length), 'content-type': 'application/offset+octet-stream' };
  const created = await fixture.tus('POST', '/v1/uploads', parcel, headers, parcel.clip);
  expect(created.status).toBe(404);
  expect(await fixture.disk.list(join(fixture.bridgeFolder, 'staging'))).toEqual([]);
});
