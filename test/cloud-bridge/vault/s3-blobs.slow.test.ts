// The contract of evidence storage, on a bucket; and that the program verifies what the bucket says: an object that was lost, cut, changed
// or kept is noticed before the evidence counts as stored or destroyed.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ALONE } from '../../../cloud-bridge/persistence/instance-turns.ts';
import { S3Bucket, S3Settings } from '../../../cloud-bridge/persistence/s3-bucket.ts';
import { S3Blobs } from '../../../cloud-bridge/vault/s3-blobs.ts';
import { VaultConfig } from '../../../cloud-bridge/vault/vault-config.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { type Lies, LyingProxy, type Passing } from '../../support/lying-proxy.ts';
import { Moto } from '../../support/moto.ts';
import { blobsContract, put, take } from './blobs-contract.ts';

const folder = temporaryFolder('s3');
const SIGNATURE = fileURLToPath(new URL('../../support/signature.py', import.meta.url));
const random = new SystemRandom();
let moto: Moto;
let proxy: LyingProxy;
let secretFile: string;
let name = '';
let count = 0;
let settings: Awaited<ReturnType<Moto['bucket']>>;
beforeAll(async () => {
  moto = await Moto.open({ checking: false });
  proxy = await LyingProxy.open(moto.port);
  secretFile = join(folder.path, 'secret');
  writeFileSync(secretFile, `${moto.secret}\n`, { mode: 0o600 });
}, 60_000);
afterAll(async () => {
  await proxy.close();
  await moto.close();
  folder.dispose();
});
beforeEach(async () => {
  count += 1;
  name = `evidence-${count}`;
  settings = await moto.bucket(name, proxy.url);
});
afterEach(() => {
  proxy.lies = {};
});

function open(changes: object = {}, vault = 'vault-a', isShared = false): S3Blobs {
  const s3 = S3Settings.parse({ ...settings, secretFile, prefix: 'clips/', ...changes });
  const bucket = new S3Bucket(new SystemClock(), s3);
  const stagingFolder = join(folder.path, 'staging');
  const seams = { disk: new SystemDisk(), random, bucket, prefix: s3.prefix, stagingFolder };
  return new S3Blobs({ ...seams, vault, turns: ALONE, isShared });
}
const started = async (...how: Parameters<typeof open>) => {
  const blobs = open(...how);
  await blobs.start(async () => ({ state: 'unknown', object: '' }));
  return blobs;
};
const refused = (...how: Parameters<typeof open>) => started(...how).catch((thrown: unknown) => thrown);

/** Object names in the bucket, read past the program. */
async function keys(): Promise<string[]> {
  const { text } = await moto.call('GET', `/${name}?list-type=2`);
  return [...text.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key = '']) => key);
}
const items = async () => [
  ...new Set((await keys()).filter((key) => key.endsWith('.mp4')).map((key) => key.split('/')[1] ?? '')),
];

blobsContract(() => open(), items);

describe('a signature', () => {
  it('equals botocore’s for each request, and covers the body’s hash', async () => {
    const asked: Passing[] = [];
    proxy.lies = {
      onRequest: (one) => {
        asked.push(one);
        return one;
      },
    };
    const blobs = await started({ region: 'eu-central-1' });
    const place = await put(blobs, 'item-a', random.bytes(1_000));
    await take(blobs, place, 1, 5);
    await blobs.erase(place);
    expect(new Set(asked.map(({ method }) => method))).toEqual(new Set(['GET', 'PUT', 'HEAD', 'DELETE']));
    for (const { method, path, headers, body } of asked) {
      const said = String(headers.authorization);
      const [, names = ''] = /SignedHeaders=([a-z0-9;-]+)/.exec(said) ?? [];
      expect(names.split(';')).toEqual(expect.arrayContaining(['host', 'x-amz-content-sha256', 'x-amz-date']));
      expect(headers['x-amz-content-sha256']).toBe(sha256Hex(body));
      const signed = Object.fromEntries(names.split(';').map((header) => [header, headers[header]]));
      const told = {
        method,
        url: proxy.url + path,
        headers: signed,
        region: 'eu-central-1',
        keyId: moto.keyId,
        secret: moto.secret,
      };
      const right = execFileSync('/usr/bin/python3', [SIGNATURE], { input: JSON.stringify(told), encoding: 'utf8' });
      expect(said.endsWith(`Signature=${right}`), `${method} ${path}`).toBe(true);
    }
  }, 60_000);

  it('is made for what a reader gets, and not for more before it', async () => {
    const blobs = await started();
    const bytes = random.bytes(9 * 1024 * 1024);
    const place = await put(blobs, 'item-a', bytes);
    const ranges: unknown[] = [];
    proxy.lies = {
      onRequest: (one) => {
        if (one.method === 'GET') ranges.push(one.headers.range);
        return one;
      },
    };
    const opened = await blobs.open(place, { start: 4_000_000, end: 4_200_000 });
    expect(await opened.read(0, 24)).toEqual(bytes.subarray(0, 24));
    for (const at of [4_000_000, 4_100_000]) {
      expect(await opened.read(at, 100_000)).toEqual(bytes.subarray(at, at + 100_000));
    }
    await opened.close();
    expect(ranges).toEqual(['bytes=0-23', 'bytes=4000000-4199999']);
  });

  it('is accepted by a server that checks it, and a wrong one is not', async () => {
    const strict = await Moto.open({ checking: true });
    const s3 = { ...(await strict.bucket('strict')), prefix: '' };
    const file = join(folder.path, 'strict');
    writeFileSync(file, strict.secret, { mode: 0o600 });
    const blobs = await started({ ...s3, secretFile: file });
    await put(blobs, 'item-a', random.bytes(1_000));
    writeFileSync(file, 'a wrong secret');
    const wrong = await put(blobs, 'item-b', random.bytes(1_000)).catch((thrown: unknown) => thrown);
    expect(wrong).toMatchObject({ code: 'evidence_store_unfit', message: expect.stringMatching(/403/) });
    expect(JSON.stringify(wrong) + String(wrong)).not.toContain('a wrong secret');
    await strict.close();
  }, 60_000);
});

it('stores a clip and its manifest beside each other, as plain bytes under the prefix', async () => {
  const blobs = await started();
  const { object } = await put(blobs, 'item-a', new TextEncoder().encode('the very bytes'));
  expect(await keys()).toEqual([`clips/item-a/${object}.jws`, `clips/item-a/${object}.mp4`, 'clips/vault.txt']);
  expect((await moto.call('GET', `/${name}/clips/item-a/${object}.mp4`)).text).toBe('the very bytes');
  expect((await moto.call('GET', `/${name}/clips/item-a/${object}.jws`)).text).toBe('manifest of item-a');
});

describe('a store that lies', () => {
  const clip = /\.mp4$/;
  const cases: [string, Lies][] = [
    [
      'cuts what it is sent',
      { onRequest: (one) => (one.method === 'PUT' ? { ...one, body: one.body.subarray(0, 500) } : one) },
    ],
    [
      'says that it has it, and has not',
      {
        onRequest: (one) =>
          one.method === 'PUT' ? { status: 200, headers: { etag: '"x"' }, body: Buffer.alloc(0) } : one,
      },
    ],
    [
      'keeps the framing of chunks as content',
      {
        onRequest: (one) =>
          one.method === 'PUT' ? { ...one, body: Buffer.concat([Buffer.from('3e8\r\n'), one.body]) } : one,
      },
    ],
    [
      'changes one bit',
      {
        onAnswer: (one, answer) =>
          one.method === 'GET' && clip.test(one.path) ? { ...answer, body: flipped(answer.body) } : answer,
      },
    ],
    [
      'returns less than it says it has',
      {
        onAnswer: (one, answer) =>
          one.method === 'GET' && clip.test(one.path) ? { ...answer, body: answer.body.subarray(1) } : answer,
      },
    ],
    [
      'never stops returning',
      {
        onAnswer: (one, answer) =>
          one.method === 'GET' && clip.test(one.path)
            ? { ...answer, body: Buffer.concat([answer.body, answer.body]) }
            : answer,
      },
    ],
    [
      'answers with an error',
      {
        onRequest: (one) => (one.method === 'PUT' ? { status: 500, headers: {}, body: Buffer.from('<Error/>') } : one),
      },
    ],
    [
      'sends elsewhere',
      { onRequest: () => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: Buffer.alloc(0) }) },
    ],
    ['says nothing', { onRequest: (one) => (one.method === 'PUT' ? 'silence' : one) }],
    [
      'says nothing when it is asked to return it',
      { onRequest: (one) => (one.method === 'GET' && clip.test(one.path) ? 'silence' : one) },
    ],
  ];
  it.each(cases)('and %s is not trusted; the same clip is stored once it behaves', async (_what, lies) => {
    const blobs = await started({ answerSMax: 1 });
    proxy.lies = lies;
    const bytes = random.bytes(1_000);
    await expect(put(blobs, 'item-a', bytes)).rejects.toMatchObject({
      code: 'evidence_store_unreachable',
      http: 503,
      retryable: true,
    });
    proxy.lies = {};
    const place = await put(blobs, 'item-a', bytes);
    expect(await take(blobs, place, 0, 1_000)).toEqual(Buffer.from(bytes));
  });

  it('and redirects is not followed', async () => {
    const asked: string[] = [];
    const blobs = await started();
    const trap = { status: 302, headers: { location: `${proxy.url}/trap` }, body: Buffer.alloc(0) };
    proxy.lies = {
      onRequest: (one) => {
        asked.push(one.path);
        return one.method === 'GET' && clip.test(one.path) ? trap : one;
      },
    };
    await expect(put(blobs, 'item-a', random.bytes(10))).rejects.toMatchObject({ code: 'evidence_store_unreachable' });
    expect(asked.filter((path) => path.includes('trap'))).toEqual([]);
  });

  it('only about an ETag is tolerated, because ETags are not used', async () => {
    const blobs = await started();
    proxy.lies = { onAnswer: (_one, answer) => ({ ...answer, headers: { ...answer.headers, etag: '"wrong"' } }) };
    await put(blobs, 'item-a', random.bytes(10));
    expect(await items()).toEqual(['item-a']);
  });

  it('about deleting is called again until the object is gone', async () => {
    const blobs = await started();
    const place = await put(blobs, 'item-a', random.bytes(10));
    proxy.lies = {
      onRequest: (one) => (one.method === 'DELETE' ? { status: 204, headers: {}, body: Buffer.alloc(0) } : one),
    };
    await expect(blobs.erase(place)).rejects.toMatchObject({ code: 'evidence_store_unreachable' });
    await expect(blobs.eraseOwed()).rejects.toMatchObject({ code: 'evidence_store_unreachable' });
    expect(await items()).toEqual(['item-a']);
    proxy.lies = {};
    await blobs.eraseOwed();
    expect(await keys()).toEqual(['clips/vault.txt']);
  });

  it('about a part of an object ends the download', async () => {
    const blobs = await started();
    const place = await put(blobs, 'item-a', random.bytes(1_000));
    for (const change of [(body: Buffer) => body.subarray(1), (body: Buffer) => Buffer.concat([body, body])]) {
      proxy.lies = {
        onAnswer: (one, answer) => (clip.test(one.path) ? { ...answer, body: change(answer.body) } : answer),
      };
      await expect(take(blobs, place, 10, 500)).rejects.toMatchObject({ code: 'evidence_store_unreachable' });
    }
    proxy.lies = { onAnswer: (one, answer) => (clip.test(one.path) ? { ...answer, status: 200 } : answer) };
    await expect(take(blobs, place, 10, 500)).rejects.toMatchObject({ code: 'evidence_store_unreachable' });
  });
});

describe('a bucket', () => {
  it('belongs to one vault: another is refused, and so is a bucket with evidence but no owner mark', async () => {
    const blobs = await started();
    await put(blobs, 'item-a', random.bytes(10));
    expect(await refused({}, 'vault-b')).toMatchObject({
      code: 'evidence_store_unfit',
      message: expect.stringMatching(/vault-a/),
    });
    await started({ prefix: 'others/' }, 'vault-b');
    await moto.call('DELETE', `/${name}/clips/vault.txt`);
    expect(await refused()).toMatchObject({
      code: 'evidence_store_unfit',
      message: expect.stringMatching(/no mark names its owner/),
    });
    expect(await items()).toEqual(['item-a']);
  });

  it('that keeps versions is refused, because nothing in it would ever be destroyed', async () => {
    const versioned =
      '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>';
    expect((await moto.call('PUT', `/${name}?versioning`, versioned)).status).toBe(200);
    expect(await refused()).toMatchObject({
      code: 'evidence_store_unfit',
      retryable: false,
      message: expect.stringMatching(/versions/),
    });
  });

  it('that does not exist, or not for this key, is refused; one that is down is waited for', async () => {
    expect(await refused({ bucket: 'no-such-bucket' })).toMatchObject({ code: 'evidence_store_unfit' });
    expect(await refused({ secretFile: join(folder.path, 'none') })).toMatchObject({ code: 'file_unusable' });
    expect(await refused({ secretFile: undefined })).toMatchObject({ code: 'config_invalid' });
    process.env['AWS_SECRET_ACCESS_KEY'] = moto.secret;
    expect(await refused({ secretFile: undefined })).toBeInstanceOf(S3Blobs);
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    expect(await refused({ endpoint: 'http://127.0.0.1:1' })).toMatchObject({
      code: 'evidence_store_unreachable',
      exit: 4,
    });
  });

  it('with foreign object names keeps them, however they are spelled', async () => {
    for (const key of ['clips/readme%26zz.txt', 'clips/item-a/notes.txt', 'elsewhere/item-b/clip.mp4']) {
      await moto.call('PUT', `/${name}/${key}`);
    }
    const blobs = await started();
    await put(blobs, 'item-c', random.bytes(10));
    await (await started()).eraseOwed();
    expect(await keys()).toEqual([
      'clips/item-a/notes.txt',
      'clips/readme&amp;zz.txt',
      'clips/vault.txt',
      'elsewhere/item-b/clip.mp4',
    ]);
  });
});

it('finds bytes under the names from before each upload had its own', async () => {
  const blobs = await started();
  await moto.call('PUT', `/${name}/clips/item-a/clip.mp4`, 'former');
  await moto.call('PUT', `/${name}/clips/item-a/manifest.jws`, 'm');
  const former = { item: 'item-a', object: '' };
  expect(String(await take(blobs, former, 0, 6))).toBe('former');
  await open().start(async () => ({ state: 'kept', object: '' }));
  expect(await keys()).toHaveLength(3);
  await blobs.erase(former);
  expect(await keys()).toEqual(['clips/vault.txt']);
});

describe('with other instances, a search for leftovers', () => {
  it('keeps what another instance may be uploading, and removes orphaned, superseded and erased objects', async () => {
    const blobs = open({}, 'vault-a', true);
    await blobs.start(async () => ({ state: 'unknown', object: '' }));
    const kept = await put(blobs, 'item-kept', random.bytes(10));
    for (const item of ['item-kept', 'item-arriving', 'item-unknown', 'item-erased']) {
      await put(blobs, item, random.bytes(10));
    }
    await blobs.sweep(async (item) => {
      const state = (['kept', 'arriving', 'erased'] as const).find((one) => item === `item-${one}`) ?? 'unknown';
      return { state, object: state === 'kept' ? kept.object : '' };
    });
    expect(await items()).toEqual(['item-arriving', 'item-kept']);
    expect((await keys()).filter((key) => key.includes('item-kept'))).toHaveLength(2);
    expect(await take(blobs, kept, 0, 10)).toHaveLength(10);
  });

  it('removes nothing at a single instance while it runs', async () => {
    const blobs = await started();
    await put(blobs, 'item-a', random.bytes(10));
    await blobs.sweep(async () => ({ state: 'unknown', object: '' }));
    expect(await items()).toEqual(['item-a']);
  });
});

it('accepts only settings that send evidence over TLS, and clips that fit into one request', () => {
  const s3 = { endpoint: 'http://s3.example', bucket: 'evidence', keyId: 'k' };
  const parse = (changes: object, more: object = {}) =>
    VaultConfig.safeParse({ dataFolder: '/d', s3: { ...s3, ...changes }, ...more }).success;
  expect(parse({})).toBe(false);
  expect(parse({ endpoint: 'https://s3.example' })).toBe(true);
  expect(parse({ endpoint: 'https://s3.example' }, { clipBytesMax: 6 * 1024 ** 3 })).toBe(false);
  expect(parse({ endpoint: 'https://s3.example', prefix: '../' })).toBe(false);
  expect(
    new S3Bucket(new SystemClock(), S3Settings.parse({ ...s3, endpoint: 'https://s3.example', pathStyle: false })).name,
  ).toBe('https://evidence.s3.example/');
});

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[17] = (copy[17] ?? 0) ^ 1;
  return copy;
}
