// Slow, interrupted, numerous, conflicting or invalid senders do not impair the bridge, and it parses no clip before chain and hash are
// verified.
import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { Disk, DiskFile } from '../../../device/base/disk.ts';
import { HTTP_LIMITS } from '../../../device/base/http/http-server.ts';
import { integerBelow, SeededRandom } from '../../../device/base/random.ts';
import { patchHead } from '../../support/bare-upload.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { proved } from '../../support/proved.ts';

let fixture: BridgeFixture;
afterEach(() => fixture.close());

const bridgePort = () => Number(new URL(fixture.bridge.url).port);

/** A raw connection to the bridge: received bytes, and the time of its close. */
function line(): {
  send: (text: string | Uint8Array) => void;
  end: () => void;
  closed: Promise<string>;
  isOpen: () => boolean;
} {
  const socket = connect(bridgePort(), '127.0.0.1');
  let answer = '';
  let isOpen = true;
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    answer += bytes.toString('latin1');
  });
  const closed = new Promise<string>((resolve) =>
    socket.once('close', () => {
      isOpen = false;
      resolve(answer);
    }),
  );
  return { send: (text) => void socket.write(text), end: () => void socket.destroy(), closed, isOpen: () => isOpen };
}

async function offsetOf(parcel: Parcel, path: string): Promise<number> {
  return Number((await fixture.tus('HEAD', path, parcel)).headers.get('upload-offset'));
}

async function created(request: string): Promise<{ parcel: Parcel; path: string }> {
  const parcel = fixture.parcel(request);
  await fixture.openIntake(parcel);
  return { parcel, path: await fixture.create(parcel) };
}

/** The stored clip as the agency downloads it. */
async function stored(parcel: Parcel): Promise<Buffer> {
  const headers = { authorization: `Bearer ${fixture.access(parcel.clipId)}` };
  const answer = await fetch(`${fixture.bridge.url}/v1/clips/${parcel.clipId}`, { headers });
  return Buffer.from(await answer.arrayBuffer());
}

it('an upload of one byte at a time is ended, and can be resumed', { tags: ['long'] }, async (test) => {
  fixture = await BridgeFixture.open({ httpLimits: { ...HTTP_LIMITS, idleMs: 2_000, uploadBytesMin: 1_000 } });
  const { parcel, path } = await created(await fixture.ready());
  const drip = line();
  drip.send(patchHead(parcel, path, 0));
  let sent = 0;
  while (drip.isOpen()) {
    drip.send(parcel.clip.subarray(sent, sent + 1));
    sent += 1;
    await fixture.clock.sleep(20);
  }
  expect(sent).toBeLessThan(1_000);
  const offset = await offsetOf(parcel, path);
  expect(offset).toBeLessThanOrEqual(sent);
  expect((await fixture.patch(parcel, path, offset, parcel.clip.subarray(offset))).status).toBe(204);
  expect((await stored(parcel)).equals(parcel.clip)).toBe(true);
  proved(test, 'an upload that drips is ended and resumed', `after ${sent} bytes, one at a time`);
});

it('silent connections give way to an active one, and time out', { tags: ['long'] }, async () => {
  const limits = { ...HTTP_LIMITS, connections: 8, connectionsPerAddress: 8, connectionsReserved: 2 };
  fixture = await BridgeFixture.open({ httpLimits: { ...limits, headersMs: 1_500 } });
  const silent = Array.from({ length: 8 }, () => line());
  for (const one of silent) one.send('GET /v1/bridge HTTP/1.1\r\nX-Slow: ');
  const speaking = line();
  speaking.send('GET /v1/bridge HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  expect(await speaking.closed).toMatch(/^HTTP\/1\.1 200 /);
  const [first, ...others] = await Promise.all(silent.map((one) => one.closed));
  expect(first).toBe('');
  for (const answer of others) expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect((await fixture.get('/v1/bridge')).status).toBe(200);
});

const CUTS = 20;

it('an upload interrupted twenty times arrives complete', async (test) => {
  fixture = await BridgeFixture.open();
  const random = new SeededRandom(4);
  const { parcel, path } = await created(await fixture.ready());
  let offset = 0;
  for (let cut = 0; cut < CUTS; cut += 1) {
    const sender = line();
    sender.send(patchHead(parcel, path, offset));
    sender.send(parcel.clip.subarray(offset, offset + integerBelow(random, Math.floor(parcel.clip.length / 20))));
    await fixture.clock.sleep(integerBelow(random, 20));
    sender.end();
    const now = await offsetOf(parcel, path);
    expect(now).toBeGreaterThanOrEqual(offset);
    offset = now;
  }
  expect((await fixture.patch(parcel, path, offset, parcel.clip.subarray(offset))).status).toBe(204);
  expect((await stored(parcel)).equals(parcel.clip)).toBe(true);
  proved(test, 'an upload cut off again and again arrives whole', `${CUTS} cuts, ${parcel.clip.length} bytes`);
});

it('of many parallel senders under one grant one clip arrives, with the right bytes', async (test) => {
  fixture = await BridgeFixture.open();
  const request = await fixture.ready();
  let [sent, refused] = [0, 0];
  for (let round = 0; round < 6; round += 1) {
    const { parcel, path } = await created(request);
    const other = new Uint8Array(parcel.clip.length).fill(round);
    // Right and wrong bytes, complete and in halves, and a repeated creation, all at once.
    const half = Math.floor(parcel.clip.length / 2);
    const answers = await Promise.allSettled([
      fixture.patch(parcel, path, 0, parcel.clip),
      fixture.patch(parcel, path, 0, other),
      fixture.patch(parcel, path, 0, parcel.clip.subarray(0, half)),
      fixture.patch(parcel, path, half, other.subarray(half)),
      fixture.openIntake(parcel),
      fixture.tus('POST', '/v1/uploads', parcel, { 'upload-length': String(parcel.clip.length) }),
    ]);
    sent += answers.length;
    refused += answers.filter((one) => one.status === 'rejected' || one.value.status >= 400).length;
    const state = await fixture.status(parcel);
    if (state.body['state'] !== 'stored') {
      const again = await fixture.create(parcel);
      expect((await fixture.patch(parcel, again, 0, parcel.clip)).status).toBe(204);
    }
    expect((await stored(parcel)).equals(parcel.clip)).toBe(true);
  }
  expect(refused).toBeGreaterThan(0);
  proved(test, 'senders at once under one grant: one clip, the very bytes', `${sent} requests, ${refused} refused`);
});

it('one device exhausts neither the daily limit nor the disk', async (test) => {
  const clipBytesMax = 40_000;
  fixture = await BridgeFixture.open({
    bridge: { intake: { clipBytesMax, dayBytesPerDeviceMax: 50_000, openBytesPerDeviceMax: 50_000 } },
  });
  const request = await fixture.ready();
  const statuses: number[] = [];
  for (let clip = 0; clip < 4; clip += 1) statuses.push((await fixture.deliver(fixture.parcel(request))).status);
  const taken = statuses.filter((status) => status === 204).length;
  expect(taken * fixture.parcel(request).clip.length).toBeLessThanOrEqual(50_000);
  expect(statuses.slice(taken)).toEqual(Array(4 - taken).fill(507));
  expect(taken).toBeGreaterThan(0);
  expect((await fixture.openIntake(fixture.parcel(request))).body['code']).toBe('intake_full');
  fixture.clock.shiftS += 24 * 3_600;
  await fixture.bridge.refreshRevocations();
  expect((await fixture.deliver(fixture.parcel(request))).status).toBe(204);
  proved(test, 'a device that sends without end is stopped for the day', `after ${taken} clips`);
});

it('reports a full disk, keeps its data, and goes on when there is room', async () => {
  fixture = await BridgeFixture.open();
  const { parcel, path } = await created(await fixture.ready());
  await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, 1_000));
  const disk = fixture.bridgeDisk;
  let free = 0;
  fixture.bridgeDisk = new Proxy(disk, {
    get: (of, name) => {
      const value: unknown = Reflect.get(of, name);
      if (name === 'freeBytes') return async () => free;
      return typeof value === 'function' ? value.bind(of) : value;
    },
  });
  await fixture.bridge.stop();
  await fixture.startBridge();
  const full = { status: 507, body: { code: 'intake_full' } };
  expect(await fixture.patch(parcel, path, 1_000, parcel.clip.subarray(1_000))).toMatchObject(full);
  expect(await fixture.openIntake(fixture.parcel(fixture.cast.request()))).toMatchObject({ status: 410 });
  expect(await offsetOf(parcel, path)).toBe(1_000);
  free = 1e12;
  expect((await fixture.patch(parcel, path, 1_000, parcel.clip.subarray(1_000))).status).toBe(204);
});

it('refuses ambiguous (smuggled) requests once', async (test) => {
  fixture = await BridgeFixture.open({
    httpLimits: { ...HTTP_LIMITS, headersMs: 1_500, bodyMs: 1_500, idleMs: 2_000 },
  });
  const { parcel, path } = await created(await fixture.ready());
  const hidden = 'GET /v1/bridge HTTP/1.1\r\nHost: x\r\n\r\n';
  const post = (headers: string[], body: string, start = 'POST /v1/requests HTTP/1.1') =>
    `${[start, 'Host: x', 'Content-Type: application/json', ...headers].join('\r\n')}\r\n\r\n${body}`;
  const chunked = `0\r\n\r\n${hidden}`;
  const attacks = [
    post(['Content-Length: 5', 'Transfer-Encoding: chunked'], chunked),
    post(['Transfer-Encoding: chunked', 'Content-Length: 5'], chunked),
    post(['Content-Length: 5', 'Content-Length: 6'], `{}   ${hidden}`),
    post(['Content-Length: 5, 5'], `{}   ${hidden}`),
    post(['Content-Length: +5'], `{}   ${hidden}`),
    post(['Content-Length: 0x5'], `{}   ${hidden}`),
    post(['Content-Length : 5'], `{}   ${hidden}`),
    post(['Transfer-Encoding: xchunked'], chunked),
    post(['Transfer-Encoding: chunked, identity'], chunked),
    post(['Transfer-Encoding : chunked'], chunked),
    post(['Transfer-Encoding:\x0bchunked', 'Content-Length: 5'], chunked),
    post(['X: y\nTransfer-Encoding: chunked'], chunked),
    post([' Content-Length: 5'], `{}   ${hidden}`),
    post(['Transfer-Encoding: chunked'], `5;${'x'.repeat(100_000)}\r\n`),
    post(['Transfer-Encoding: chunked'], `-1\r\n${hidden}`),
    post(['Transfer-Encoding: chunked'], `fffffffffffffffff\r\n${hidden}`),
    post([`X-Long: ${'x'.repeat(100_000)}`], '{}'),
    post(
      Array.from({ length: 20_000 }, (_, at) => `X-${at}: y`),
      '{}',
    ),
    post(['X-Null: a\0b'], '{}'),
    post([], '{}', 'POST /v1/requests HTTP/9.9'),
    post([], '{}', 'P\0ST /v1/requests HTTP/1.1'),
    patchHead(parcel, path, 0, ['Transfer-Encoding: chunked']) + chunked,
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03',
  ];
  for (const attack of attacks) {
    const one = line();
    one.send(Buffer.from(attack, 'latin1'));
    const answer = await one.closed;
    const [status = ''] = answer.split('\r\n');
    expect([attack.slice(0, 120), status]).toEqual([attack.slice(0, 120), expect.stringMatching(/^HTTP\/1\.1 4\d\d /)]);
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(answer).toContain('"code":"http_body_invalid"');
  }
  expect(await offsetOf(parcel, path)).toBe(0);
  proved(
    test,
    'malformed and smuggled HTTP requests refused, one answer each',
    `${attacks.length} of ${attacks.length}`,
  );
}, 90_000);

it('ignores a method in a header', async () => {
  fixture = await BridgeFixture.open();
  const { parcel, path } = await created(await fixture.ready());
  await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, 500));
  for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
    await fixture.tus('HEAD', path, parcel, { [name]: 'DELETE' });
    expect(await offsetOf(parcel, path)).toBe(500);
    const answer = await fixture.tus('POST', path, parcel, { [name]: 'PATCH', 'upload-offset': '500' });
    expect(answer.status).toBe(404);
  }
  expect(await offsetOf(parcel, path)).toBe(500);
});

it('parses no clip before its chain and hash are verified', async (test) => {
  fixture = await BridgeFixture.open();
  const request = await fixture.ready();
  const steps: string[] = [];
  const inner = fixture.bridgeDisk;
  const spied = (file: DiskFile, what: string): DiskFile =>
    new Proxy(file, {
      get: (of, name) => {
        const value: unknown = Reflect.get(of, name);
        if (name !== 'read' && name !== 'sync') return typeof value === 'function' ? value.bind(of) : value;
        return (...args: unknown[]) => {
          steps.push(`${what} ${name} ${args[1] === 16 ? 'a header' : 'bytes'}`);
          return typeof value === 'function' ? value.apply(of, args) : undefined;
        };
      },
    });
  fixture.bridgeDisk = new Proxy<Disk>(inner, {
    get: (of, name) => {
      const value: unknown = Reflect.get(of, name);
      if (name === 'open') {
        return async (path: string, options: { create: boolean }) => {
          const file = await of.open(path, options);
          return path.includes('/staging/') ? spied(file, 'staged') : file;
        };
      }
      return typeof value === 'function' ? value.bind(of) : value;
    },
  });
  await fixture.bridge.stop();
  await fixture.startBridge();
  steps.length = 0;
  const broken = [{ exp: 1 }, { disclose: ['name' as const] }, { requestSha256: 'f'.repeat(64) }];
  const refused: number[] = [];
  for (const grant of broken) refused.push((await fixture.deliver(fixture.parcel(request, { grant }))).status);
  expect(refused.every((status) => status >= 400)).toBe(true);
  expect(steps).toEqual([]);
  const wrong = fixture.parcel(request);
  await fixture.openIntake(wrong);
  refused.push((await fixture.patch(wrong, await fixture.create(wrong), 0, new Uint8Array(wrong.clip.length))).status);
  expect(steps.filter((step) => step.endsWith('bytes'))).not.toEqual([]);
  const looks = steps.filter((step) => step === 'staged read a header').length;
  expect(looks).toBe(0);
  steps.length = 0;
  await fixture.deliver(fixture.parcel(request));
  expect(steps).toContain('staged read a header');
  expect(steps.indexOf('staged read a header')).toBeGreaterThan(steps.lastIndexOf('staged sync bytes'));
  proved(test, 'clips looked into before chain and hash hold', `${looks} of ${refused.length} refused ones`);
});
