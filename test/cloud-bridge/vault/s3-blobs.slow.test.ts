import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { S3Blobs } from '../../../cloud-bridge/vault/s3-blobs.ts';
import { S3Bucket, s3Schema } from '../../../cloud-bridge/vault/s3-bucket.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { Moto } from '../../support/moto.ts';

let moto: Moto;
beforeAll(async () => {
  moto = await Moto.open();
}, 60_000);
afterAll(() => moto.close());

it('x', async () => {
  process.env['AWS_SECRET_ACCESS_KEY'] = moto.secret;
  const bucket = new S3Bucket(new SystemClock(), s3Schema.parse(await moto.bucket('one')));
  const blobs = new S3Blobs({
    disk: new SystemDisk(),
    random: new SystemRandom(),
    bucket,
    prefix: '',
    stagingFolder: join(mkdtempSync(join(tmpdir(), 'doorsill-x-')), 's'),
    vault: 'vault-a',
  });
  await blobs.start(async () => 'kept');
  const staged = await blobs.stage();
  await staged.write(new Uint8Array(600_000).fill(7));
  await staged.seal();
  await staged.prepare('item-a', 'manifest');
  await staged.publish('item-a', 'manifest');
  await staged.close();
  let n = 0;
  for await (const piece of blobs.read('item-a', { start: 10, end: 600_000 })) n += piece.length;
  expect(n).toBe(599_990);
  process.env['AWS_SECRET_ACCESS_KEY'] = 'wrong';
  await blobs.erase('item-a').catch((e) => console.log(e.message));
  process.env['AWS_SECRET_ACCESS_KEY'] = moto.secret;
  await blobs.erase('item-a');
});
