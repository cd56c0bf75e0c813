import { createHash } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { parseFragment, parseInit } from '../../../device/contract/media/fragment.ts';
import { FragmentSplitter } from '../../../device/contract/media/fragment-splitter.ts';
import { type Login, REALM } from '../../../sim/camera-server/digest-login.ts';
import { parseFault } from '../../../sim/camera-server/faults.ts';
import { HttpStreams } from '../../../sim/camera-server/http-streams.ts';
import { FakeStream, picture } from './support/fake-stream.ts';
import { openHalfSent } from './support/half-sent.ts';

/** No test here makes a JPEG. */
const NO_FFMPEG = { path: '/no/such/ffmpeg', version: 'none', release: [7, 1], origin: 'system' } as const;
const KINDS = new Map([
  ['/porch.mp4', 'mp4'],
  ['/porch.jpg', 'jpg'],
] as const);
let server: HttpStreams | null = null;
let port = 0;

async function start(stream: FakeStream, login: Login | null = null): Promise<HttpStreams> {
  const seams = { clock: new SystemClock(), random: new SeededRandom(1), log: silentLog() };
  const made = new HttpStreams({ host: '127.0.0.1', port: 0 }, KINDS, login, {
    ...seams,
    ffmpeg: NO_FFMPEG,
    stream,
    lastKey: () => null,
  });
  server = made;
  port = await made.start();
  return made;
}

function ask(path: string, method = 'GET', headers = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers }, resolve).on('error', reject).end();
  });
}

/** A header as clients send it (RFC 2617 §3.2.2, without qop). */
function proof(nonce: string, method: string, uri: string): string {
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  const response = md5(`${md5(`anna:${REALM}:geheim`)}:${nonce}:${md5(`${method}:${uri}`)}`);
  return `Digest username="anna", realm="${REALM}", nonce="${nonce}", uri="${uri}", response="${response}"`;
}

afterEach(async () => {
  await server?.stop();
  server = null;
});

describe('streams over HTTP', () => {
  it('send each viewer an MP4 that begins at the next keyframe', async () => {
    const served = await start(new FakeStream());
    const response = await ask('/porch.mp4');
    expect(response.headers['content-type']).toBe('video/mp4');
    const parts: Buffer[] = [];
    response.on('data', (part: Buffer) => parts.push(part));
    await expect.poll(() => served.viewers).toBe(1);
    for (let at = 10; at < 20; at += 1) served.unit(picture(at));
    await expect
      .poll(() => {
        const [init, ...fragments] = new FragmentSplitter().push(Buffer.concat(parts));
        if (init?.kind !== 'init') return [];
        const info = parseInit(init.bytes);
        return fragments.flatMap(({ bytes }) => parseFragment(info, bytes).video.map(({ key }) => key));
      })
      .toEqual([true, false, false, false]);
    served.formatChanged();
    await new Promise((resolve) => response.on('end', resolve));
    await expect.poll(() => served.viewers).toBe(0);
  });

  it('admit a viewer although unfinished requests fill the limit, and drop no viewer', async () => {
    const served = await start(new FakeStream());
    const watching = await ask('/porch.mp4');
    let bytes = 0;
    watching.on('data', (part: Buffer) => {
      bytes += part.length;
    });
    const end = await openHalfSent(port, 200, 'GET /porch.mp4 HTTP/1.1\r\nHost: ');
    expect((await ask('/porch.mp4')).statusCode).toBe(200);
    for (let at = 10; at < 20; at += 1) served.unit(picture(at));
    await expect.poll(() => bytes).toBeGreaterThan(0);
    expect(served.viewers).toBe(2);
    end();
  });

  it('drop a viewer who leaves before the first picture', async () => {
    const stream = new FakeStream();
    let asked = 0;
    let begin = () => {};
    const ready = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const get = () => {
      asked += 1;
      return ready;
    };
    const served = await start(Object.defineProperty(stream, 'ready', { get }));
    const early = connect(port, '127.0.0.1');
    early.write('GET /porch.mp4 HTTP/1.1\r\nHost: camera\r\n\r\n', () => early.destroy());
    await expect.poll(() => asked).toBe(1);
    const second = ask('/porch.mp4');
    await expect.poll(() => asked).toBe(2);
    begin();
    (await second).on('error', () => undefined).resume();
    expect(served.viewers).toBe(1);
  });

  it('survive a request whose answer fails', async () => {
    const stream = new FakeStream();
    await start(stream);
    const format = stream.format();
    stream.format = () => {
      throw new Error('a bug');
    };
    await expect(ask('/porch.mp4')).rejects.toThrow('socket hang up');
    stream.format = () => format;
    const response = await ask('/porch.mp4', 'HEAD');
    response.resume();
    expect(response.statusCode).toBe(200);
  });

  it.each([
    ['GET', '/other.mp4', 404],
    ['POST', '/porch.mp4', 405],
    ['HEAD', '/porch.mp4', 200],
    ['GET', '/porch.jpg', 503],
  ])('answer %s %s with %i', async (method, path, status) => {
    await start(new FakeStream());
    const response = await ask(path, method);
    response.resume();
    expect(response.statusCode).toBe(status);
  });

  it('require a login', async () => {
    await start(new FakeStream(), { user: 'anna', password: 'geheim' });
    const response = await ask('/porch.mp4');
    response.resume();
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toContain('Digest realm=');
    const nonce = /nonce="(\w+)"/.exec(response.headers['www-authenticate'] ?? '')?.[1] ?? '';
    const status = async (uri: string) => {
      const answered = await ask('/porch.mp4', 'HEAD', { Authorization: proof(nonce, 'HEAD', uri) });
      return answered.resume().statusCode;
    };
    expect(await status('/porch.mp4')).toBe(200);
    expect(await status(`http://127.0.0.1:${port}/porch.mp4`)).toBe(200);
    // A proof for a still is not valid for a stream.
    expect(await status('/porch.jpg')).toBe(400);
  });

  it.each([
    ['wrong-password', 401],
    ['not-found', 404],
    ['busy', 503],
  ])('misbehave: %s is %i', async (fault, status) => {
    const stream = new FakeStream();
    stream.faults.add(parseFault(fault));
    await start(stream);
    const response = await ask('/porch.mp4');
    response.resume();
    expect(response.statusCode).toBe(status);
  });
});
