import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock, SystemClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import type { Login } from '../../../sim/camera-server/digest-login.ts';
import { parseFault } from '../../../sim/camera-server/faults.ts';
import { RtspServer, SESSIONS_MAX } from '../../../sim/camera-server/rtsp-server.ts';
import { FakeStream, FORMAT, packet, picture } from './support/fake-stream.ts';
import { openHalfSent } from './support/half-sent.ts';
import { RtspClient } from './support/rtsp-client.ts';

let stream: FakeStream;
let server: RtspServer;
let port = 0;
const clients: RtspClient[] = [];

const ADDRESS = { host: '127.0.0.1', port: 0, path: '/porch' };

async function start(login: Login | null = null, clock = new SystemClock(), address = ADDRESS): Promise<void> {
  const seams = { clock, random: new SeededRandom(3), log: silentLog() };
  server = new RtspServer(address, login, { ...seams, stream });
  port = await server.start();
}

function client(path?: string): RtspClient {
  const made = new RtspClient(port, path);
  clients.push(made);
  return made;
}

beforeEach(() => {
  stream = new FakeStream();
});

afterEach(async () => {
  for (const one of clients.splice(0)) one.end();
  await server.stop();
});

const rtpOf = (viewer: RtspClient) => viewer.packets.filter(({ channel }) => channel === 0);
const TCP = { Transport: 'RTP/AVP/TCP;unicast;interleaved=0-1' };

describe('the RTSP server', () => {
  it('describes the stream, sets it up, plays it from the next keyframe on, pauses it and tears it down', async () => {
    await start();
    const viewer = client();
    expect((await viewer.ask('OPTIONS')).headers.get('public')).toContain('GET_PARAMETER');
    const described = await viewer.ask('DESCRIBE', { Accept: 'application/sdp' });
    expect(described.headers.get('content-base')).toBe(`rtsp://127.0.0.1:${port}/porch/`);
    expect(described.body).toContain('m=video 0 RTP/AVP 96');
    const id = await viewer.play();
    expect(server.viewers).toBe(1);
    for (let at = 10; at < 20; at += 1) server.unit(picture(at));
    await viewer.until(() => rtpOf(viewer).length >= 6);
    // Pictures 15 to 19; the first has its parameter sets in a separate packet.
    expect(rtpOf(viewer).length).toBe(6);
    expect(viewer.packets[0]?.channel).toBe(1);
    expect((await viewer.ask('PAUSE', { Session: id })).status).toBe(200);
    server.unit(picture(30));
    expect((await viewer.ask('GET_PARAMETER', { Session: id })).status).toBe(200);
    expect(rtpOf(viewer).length).toBe(6);
    expect((await viewer.ask('TEARDOWN', { Session: id })).status).toBe(200);
    expect((await viewer.ask('PLAY', { Session: id })).status).toBe(454);
    expect(server.viewers).toBe(0);
  });

  it('sends both tracks to several viewers, and goes on when one disconnects', async () => {
    await start();
    const viewers = [client(), client(), client()];
    for (const viewer of viewers) {
      const id = await viewer.play();
      expect(id).toMatch(/^[0-9a-f]{16}$/);
    }
    const [first, ...others] = viewers;
    first?.end();
    await first?.until(() => first.isClosed);
    for (let at = 0; at < 30; at += 1) server.unit(picture(at));
    for (const viewer of others) {
      await viewer.until(() => rtpOf(viewer).length >= 32);
      expect(rtpOf(viewer).length).toBe(32);
    }
    await expect.poll(() => server.viewers).toBe(2);
  });

  it('sends by UDP only to the requesting host', async () => {
    await start();
    const [rtp, elsewhere] = [createSocket('udp4'), createSocket('udp4')];
    let came = 0;
    let strayed = 0;
    rtp.on('message', () => {
      came += 1;
    });
    elsewhere.on('message', () => {
      strayed += 1;
    });
    rtp.bind(0, '127.0.0.1');
    await once(rtp, 'listening');
    elsewhere.bind(rtp.address().port, '127.0.0.2');
    await once(elsewhere, 'listening');
    const viewer = client();
    const { port: own } = rtp.address();
    const transport = `RTP/AVP;unicast;destination=127.0.0.2;client_port=${own}-${own + 1}`;
    const set = await viewer.ask('SETUP', { Transport: transport }, '/track=video');
    expect(set.headers.get('transport')).toMatch(
      new RegExp(`client_port=${own}-${own + 1};server_port=\\d*[02468]-\\d+`),
    );
    await viewer.ask('PLAY', { Session: (set.headers.get('session') ?? '').split(';')[0] ?? '' });
    for (let at = 0; at < 15; at += 1) server.unit(picture(at));
    await expect.poll(() => came).toBe(16);
    expect(strayed).toBe(0);
    for (const socket of [rtp, elsewhere]) socket.close();
  });

  it.each([
    ['hangs up', true, [0, 900]],
    ['does not', false, [900, 5_000]],
  ] as const)(
    'ends with a second for a viewer by UDP who %s, and with none by TCP',
    async (_, isPolite, [least, most]) => {
      await start();
      const [byUdp, byTcp] = [client(), client()];
      const udp = { Transport: 'RTP/AVP;unicast;client_port=5000-5001' };
      expect((await byUdp.ask('SETUP', udp, '/track=video')).status).toBe(200);
      expect((await byTcp.ask('SETUP', TCP, '/track=video')).status).toBe(200);
      const ended: string[] = [];
      byUdp.socket.once('close', () => ended.push('by UDP'));
      byTcp.socket.once('close', () => {
        ended.push('by TCP');
        if (isPolite) byUdp.end();
      });
      const startedMs = performance.now();
      await server.stop();
      const tookMs = performance.now() - startedMs;
      await expect.poll(() => ended).toEqual(['by TCP', 'by UDP']);
      expect(tookMs).toBeGreaterThanOrEqual(least);
      expect(tookMs).toBeLessThan(most);
    },
  );

  it('opens UDP ports for a viewer after it could not for the one before', async () => {
    const address = { ...ADDRESS };
    await start(null, new SystemClock(), address);
    const ask = () => client().ask('SETUP', { Transport: 'RTP/AVP;unicast;client_port=5000-5001' }, '/track=video');
    // This machine has no such address.
    address.host = '192.0.2.1';
    expect((await ask()).status).toBe(503);
    address.host = '127.0.0.1';
    expect((await ask()).status).toBe(200);
  });

  it.each([
    ['DESCRIBE', {}, '/other', 404],
    ['DESCRIBE', { Accept: 'text/html' }, '', 406],
    ['SETUP', TCP, '', 459],
    ['SETUP', { Transport: 'RTP/SAVP;unicast' }, '/track=video', 461],
    ['SETUP', {}, '/track=video', 461],
    ['SETUP', { ...TCP, Session: 'ffff' }, '/track=video', 454],
    ['PLAY', {}, '', 454],
    ['PAUSE', { Session: 'ffff' }, '', 454],
    ['ANNOUNCE', {}, '', 405],
    ['BREW', {}, '', 501],
    ['DESCRIBE', { Require: 'onvif-replay' }, '', 551],
  ])('answers %s with %j at %j: %i', async (method, headers, below, status) => {
    await start();
    expect((await client().ask(method, headers, below)).status).toBe(status);
  });

  it('accepts 64 sessions, and refuses a thousand more', async () => {
    await start();
    const greedy = client();
    const text = Array.from({ length: 1_000 }, () => greedy.request('SETUP', TCP, '/track=video')).join('');
    greedy.socket.write(text);
    await greedy.until(() => greedy.answers.length === 1_000);
    expect(greedy.answers.filter(({ status }) => status === 200).length).toBe(SESSIONS_MAX);
    expect(greedy.answers.filter(({ status }) => status === 453).length).toBe(1_000 - SESSIONS_MAX);
    greedy.end();
    // The sessions end with their connection.
    await expect.poll(async () => (await client().ask('SETUP', TCP, '/track=video')).status).toBe(200);
  });

  it('keeps no session for a viewer who left before the first picture', async () => {
    let begin = () => {};
    const ready = new Promise<void>((resolve) => {
      begin = resolve;
    });
    Object.defineProperty(stream, 'ready', { value: ready });
    await start();
    for (let left = SESSIONS_MAX; left > 0; left -= 1) {
      const early = client();
      early.socket.write(early.request('SETUP', TCP, '/track=video'), () => early.end());
      await early.until(() => early.isClosed);
    }
    // When this one is answered, the end of the one before was processed, too.
    const next = client();
    next.socket.write(next.request('OPTIONS'));
    await expect.poll(() => (Reflect.get(server, 'connections') as Set<unknown>).size).toBe(1);
    begin();
    await next.until(() => next.answers.length === 1);
    expect((await next.ask('SETUP', TCP, '/track=video')).status).toBe(200);
  });

  it('survives noise and heads of a megabyte, closing only their connections', async () => {
    await start();
    const viewer = client();
    await viewer.play();
    for (const noise of [
      '\x16\x03\x01\r\n\r\n',
      `OPTIONS * RTSP/1.0\r\nX: ${'x'.repeat(1_000_000)}`,
      '\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n',
    ]) {
      const hostile = client();
      hostile.socket.write(noise);
      await hostile.until(() => hostile.isClosed);
      expect([400, 413]).toContain(hostile.answers[0]?.status);
    }
    server.unit(picture(0));
    await viewer.until(() => rtpOf(viewer).length === 2);
  });

  it('ends the session of a viewer that is silent for more than a minute', async () => {
    const clock = new ManualClock(0);
    await start(null, clock);
    const viewer = client();
    const id = await viewer.play();
    await clock.advance(55_000);
    await viewer.ask('GET_PARAMETER', { Session: id });
    await clock.advance(55_000);
    expect(server.viewers).toBe(1);
    await clock.advance(15_000);
    expect(server.viewers).toBe(0);
    viewer.end();
    // `stop` waits a moment on this clock.
    const stopped = server.stop();
    await clock.advance(1_000);
    await stopped;
    await start();
  });

  it('refuses a taken port', async () => {
    await start();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const at = typeof address === 'object' && address ? address.port : 0;
    const seams = { clock: new SystemClock(), random: new SeededRandom(3), log: silentLog() };
    const second = new RtspServer({ host: '127.0.0.1', port: at, path: '/porch' }, null, { ...seams, stream });
    await expect(second.start()).rejects.toMatchObject({ code: 'port_in_use' });
    taken.close();
  });
});

describe('a login', () => {
  it('is required before anything about the stream is disclosed', async () => {
    await start({ user: 'anna', password: 'geheim' });
    const viewer = client();
    const refused = await viewer.ask('DESCRIBE');
    expect([refused.status, refused.body]).toEqual([401, '']);
    const challenge = refused.headers.get('www-authenticate') ?? '';
    const ask = (password: string) =>
      viewer.ask('DESCRIBE', { Authorization: viewer.proof(challenge, 'DESCRIBE', 'anna', password) });
    expect((await ask('falsch')).status).toBe(401);
    expect((await ask('geheim')).status).toBe(200);
    expect((await viewer.ask('SETUP', TCP, '/track=video')).status).toBe(401);
  });

  it('is valid for the stream and its tracks only', async () => {
    await start({ user: 'anna', password: 'geheim' });
    const viewer = client();
    const challenge = (await viewer.ask('DESCRIBE')).headers.get('www-authenticate') ?? '';
    const setUp = (uri?: string) =>
      viewer.ask(
        'SETUP',
        { ...TCP, Authorization: viewer.proof(challenge, 'SETUP', 'anna', 'geheim', uri) },
        '/track=video',
      );
    expect((await setUp(`rtsp://127.0.0.1:${port}/other`)).status).toBe(400);
    expect((await setUp(`rtsp://127.0.0.1:${port}/porch/track=video`)).status).toBe(200);
    // As live555 sends it, and every player based on it.
    expect((await setUp(`rtsp://127.0.0.1:${port}/porch/`)).status).toBe(200);
  });
});

describe('faults of connections', () => {
  it.each([
    ['wrong-password', 401],
    ['redirect', 302],
    ['not-found', 404],
  ])('%s: DESCRIBE is answered with %i', async (fault, status) => {
    stream.faults.add(parseFault(fault));
    await start();
    expect((await client().ask('DESCRIBE')).status).toBe(status);
  });

  it('busy: no session is accepted; udp-only: no interleaved one', async () => {
    stream.faults.add(parseFault('busy@0s+5s'));
    stream.faults.add(parseFault('udp-only@5s'));
    await start();
    expect((await client().ask('SETUP', TCP, '/track=video')).status).toBe(453);
    stream.atUs = 6_000_000;
    expect((await client().ask('SETUP', TCP, '/track=video')).status).toBe(461);
  });

  it('assigns no channel above 255, and goes on', async () => {
    await start();
    const viewer = client();
    const Transport = 'RTP/AVP/TCP;unicast;interleaved=254-255';
    const set = await viewer.ask('SETUP', { Transport }, '/track=video');
    const [Session = ''] = (set.headers.get('session') ?? '').split(';');
    const sound = await viewer.ask('SETUP', { Session, Transport: 'RTP/AVP/TCP;unicast' }, '/track=audio');
    expect([set.status, sound.status]).toEqual([200, 461]);
    await viewer.ask('PLAY', { Session });
    server.unit(picture(0));
    server.unit(packet(0));
    await viewer.until(() => viewer.packets.length > 0);
  });

  it('admits a viewer although unfinished requests fill the limit, and drops no viewer', async () => {
    await start();
    const watching = client();
    await watching.play();
    const end = await openHalfSent(port, 300, 'OPTIONS rtsp://127.0.0.1/porch RTSP/1.0\r\nCSeq: 1\r\n');
    const viewer = client();
    expect((await viewer.ask('OPTIONS')).status).toBe(200);
    await viewer.play();
    for (let at = 0; at < 10; at += 1) server.unit(picture(at));
    await watching.until(() => rtpOf(watching).length > 0);
    expect(server.viewers).toBe(2);
    end();
  });

  it('survives connections that could not be accepted', async () => {
    await start();
    const listening = Reflect.get(server, 'server') as Server;
    for (let time = 0; time < 2; time += 1) listening.emit('error', new Error('accept EMFILE'));
    expect((await client().ask('OPTIONS')).status).toBe(200);
  });

  it('web-page: the answer is not RTSP', async () => {
    stream.faults.add(parseFault('web-page'));
    await start();
    const viewer = client();
    let text = '';
    viewer.socket.on('data', (part: Buffer) => {
      text += part.toString();
    });
    viewer.socket.write(viewer.request('OPTIONS'));
    await viewer.until(() => viewer.isClosed);
    expect(text).toMatch(/^HTTP\/1.1 200 OK/);
  });

  it('slow-start: the first answer of each connection is late', async () => {
    stream.faults.add(parseFault('slow-start=300ms'));
    await start();
    const viewer = client();
    const startedMs = performance.now();
    await viewer.ask('OPTIONS');
    expect(performance.now() - startedMs).toBeGreaterThan(290);
    const againMs = performance.now();
    await viewer.ask('OPTIONS');
    expect(performance.now() - againMs).toBeLessThan(250);
  });

  it('two-cameras: another camera, without the stream, takes every second connection', async () => {
    stream.faults.add(parseFault('two-cameras'));
    await start();
    const statuses = [];
    for (let left = 4; left > 0; left -= 1) statuses.push((await client().ask('DESCRIBE')).status);
    expect(statuses).toEqual([404, 200, 404, 200]);
  });

  it('half-open: the connection stays open and silent', async () => {
    await start();
    const viewer = client();
    const id = await viewer.play();
    server.unit(picture(0));
    await viewer.until(() => rtpOf(viewer).length === 2);
    stream.faults.add(parseFault('half-open'));
    viewer.socket.write(viewer.request('GET_PARAMETER', { Session: id }));
    server.unit(picture(1));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([rtpOf(viewer).length, viewer.answers.length, viewer.isClosed]).toEqual([2, 2, false]);
  });

  it('dies: every connection ends, and new ones are refused for two seconds', async () => {
    stream.faults.add(parseFault('dies=10s'));
    await start();
    const viewer = client();
    await viewer.play();
    stream.atUs = 10_100_000;
    server.unit(picture(0));
    await viewer.until(() => viewer.isClosed);
    await expect(client().ask('OPTIONS')).rejects.toThrow('closed');
    stream.atUs = 12_100_000;
    expect((await client().ask('OPTIONS')).status).toBe(200);
  });

  it('lost, late and duplicate packets: a share of all, the late ones out of order', async () => {
    stream.faults.add(parseFault('lost-packets=20%@0s+10s'));
    stream.faults.add(parseFault('duplicate-packets=20%@10s+10s'));
    stream.faults.add(parseFault('late-packets=50ms@20s'));
    await start();
    const viewer = client();
    await viewer.play();
    const numbers = async (first: number) => {
      const before = rtpOf(viewer).length;
      for (let at = 0; at < 150; at += 1) server.unit(picture(first + at));
      await new Promise((resolve) => setTimeout(resolve, 150));
      return rtpOf(viewer)
        .slice(before)
        .map(({ bytes }) => bytes.readUInt16BE(2));
    };
    const lost = await numbers(0);
    expect(lost.length).toBeGreaterThan(110);
    expect(lost.length).toBeLessThan(145);
    stream.atUs = 10_000_000;
    const twice = await numbers(150);
    expect(twice.length - new Set(twice).size).toBeGreaterThan(15);
    stream.atUs = 20_000_000;
    const late = await numbers(300);
    expect(new Set(late).size).toBe(160);
    const behind = late.filter((number, at) => at > 0 && (number - (late[at - 1] ?? 0) + 65_536) % 65_536 > 32_768);
    expect(behind.length).toBeGreaterThan(0);
  });
});

describe('the sound for a viewer that set up only the pictures', () => {
  it('is nothing', async () => {
    stream = new FakeStream({ ...FORMAT, sound: null });
    await start();
    const viewer = client();
    expect((await viewer.ask('SETUP', TCP, '/track=audio')).status).toBe(404);
    await viewer.play();
    server.unit(picture(0));
    server.unit(packet(0));
    await viewer.until(() => rtpOf(viewer).length === 2);
    expect(rtpOf(viewer).length).toBe(2);
  });
});
