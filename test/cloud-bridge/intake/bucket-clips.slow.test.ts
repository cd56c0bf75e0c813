// All instances of a bridge share one bucket, which belongs to that bridge alone. Each upload has its own object, which is removed with the
// staged file; what a crash left is swept, what another instance needs is not.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { BucketClips } from '../../../cloud-bridge/intake/bucket-clips.ts';
import type { KeptClips } from '../../../cloud-bridge/intake/clip-files.ts';
import { ALONE } from '../../../cloud-bridge/persistence/instance-turns.ts';
import { S3Bucket, S3Settings } from '../../../cloud-bridge/persistence/s3-bucket.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { Moto } from '../../support/moto.ts';

let moto: Moto;
let folder: string;
let bucket = '';
let count = 0;
beforeAll(async () => {
  moto = await Moto.open({ checking: false });
  process.env['AWS_SECRET_ACCESS_KEY'] = moto.secret;
  folder = await mkdtemp(join(tmpdir(), 'doorsill-bucket-clips-'));
}, 60_000);
afterAll(async () => {
  await moto.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  count += 1;
  bucket = `bucket-${count}`;
  await moto.bucket(bucket);
});

/** The clips of one instance of a bridge. */
async function open(instance: string, bridgeId = 'bridge-a'): Promise<BucketClips> {
  const settings = { endpoint: moto.url, bucket, keyId: moto.keyId, prefix: 'clips/' };
  const clips = new BucketClips({
    disk: new SystemDisk(),
    folder: join(folder, bucket, instance),
    bucket: new S3Bucket(new SystemClock(), S3Settings.parse(settings)),
    prefix: 'clips/',
    bridgeId,
    turns: ALONE,
  });
  await clips.start();
  return clips;
}
const objects = async () => {
  const { text } = await moto.call('GET', `/${bucket}`);
  return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key);
};
const put = (key: string) => moto.call('PUT', `/${bucket}/${key}`, 'x');
const MARK = 'clips/bridge.txt';

/** The answers that a database would give. */
function keeps(known: { staged?: string[]; stored?: Record<string, string>; clips?: string[] }): KeptClips {
  const { staged = [], stored = {}, clips = [] } = known;
  return {
    staged: async (upload) => staged.includes(upload),
    stored: async (clip, upload) => stored[clip] !== undefined && (upload === undefined || stored[clip] === upload),
    known: async (clip) => clips.includes(clip) || stored[clip] !== undefined,
  };
}

async function stage(clips: BucketClips, upload: string, clip = 'clip-a') {
  const bytes = `the bytes of ${upload}`;
  await writeFile(clips.stagedPath(upload), bytes);
  return { upload, clip, clipSha256: sha256Hex(bytes), clipBytes: bytes.length };
}

it('belongs to the bridge that claimed it, with all its instances, and is refused when it has other content', async () => {
  await open('a');
  await open('b');
  await expect(open('c', 'bridge-b')).rejects.toMatchObject({ code: 'evidence_store_unfit' });
  await moto.call('DELETE', `/${bucket}/${MARK}`);
  await put('clips/clip-a/upload-a');
  await expect(open('a')).rejects.toMatchObject({ code: 'evidence_store_unfit' });
});

it('has an object for each upload: sent while the file stays staged, readable by any instance, removed with the staged file', async () => {
  const [a, b] = [await open('a'), await open('b')];
  const ours = await stage(a, 'upload-a-1');
  await a.makeReady(ours);
  expect(await a.stagedBytes('upload-a-1')).toBe(ours.clipBytes);
  const theirs = await stage(b, 'upload-b-1');
  await b.makeReady(theirs);
  expect(await objects()).toEqual([MARK, 'clips/clip-a/upload-a-1', 'clips/clip-a/upload-b-1']);
  const read = await (await b.openClip(ours)).read(0, ours.clipBytes);
  expect(Buffer.from(read).toString()).toBe('the bytes of upload-a-1');
  await a.remove(ours);
  expect(await a.hiddenNames()).toEqual([]);
  expect(await objects()).toEqual([MARK, 'clips/clip-a/upload-b-1']);
  await b.shown(theirs);
  expect(await b.hiddenNames()).toEqual([]);
  // A file with other bytes than expected is not sent.
  const wrong = { ...(await stage(a, 'upload-a-2')), clipSha256: sha256Hex('other') };
  await expect(a.makeReady(wrong)).rejects.toMatchObject({ code: 'evidence_store_unreachable' });
});

it('is swept of orphaned objects: not of clips that are stored or being sent by another instance, nor of others’ objects', async () => {
  const a = await open('a');
  const left = ['clips/clip-a/upload-lost', 'clips/clip-gone/upload-x'];
  const kept = ['clips/clip-a/upload-a-1', 'clips/clip-b/upload-b-1'];
  const foreign = ['clips/README/notes/x', 'clips/one', 'elsewhere/clip-a/upload-lost'];
  for (const key of [...left, ...kept, ...foreign]) await put(key);
  await stage(a, 'upload-a-9');
  await stage(a, 'upload-a-2');
  await a.sweep(keeps({ staged: ['upload-b-1', 'upload-a-2'], stored: { 'clip-a': 'upload-a-1' }, clips: ['clip-b'] }));
  expect((await objects()).sort()).toEqual([...kept, ...foreign, MARK].sort());
  expect(await readdir(a.staging)).toEqual(['upload-a-2']);
});

it('is not swept at all when its database knows none of its objects', async () => {
  const a = await open('a');
  const strangers = Array.from({ length: 65 }, (_, at) => `clips/clip-${at}/upload-x`);
  for (const key of strangers) await put(key);
  await expect(a.sweep(keeps({}))).rejects.toMatchObject({ code: 'evidence_store_unfit' });
  expect(await objects()).toHaveLength(66);
  const known = { clips: strangers.map((key) => key.split('/')[1] ?? '') };
  await a.sweep(keeps(known));
  expect(await objects()).toEqual([MARK]);
}, 60_000);
