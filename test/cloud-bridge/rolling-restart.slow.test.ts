// Behind HAProxy two instances of a bridge restart one after the other without an error to a device or a reader. An instance takes its
// callers' addresses from HAProxy and from nobody else.
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SystemClock } from '../../device/base/clock.ts';
import { listenOn, makeHttpServer } from '../../device/base/http/http-server.ts';
import { silentLog } from '../../device/base/log.ts';
import { SharedGround } from '../support/bridge-instances.ts';
import { BridgeProcesses } from '../support/bridge-processes.ts';
import { Haproxy, inFrontOfBridges } from '../support/haproxy.ts';
import { freePort } from '../support/mosquitto.ts';
import { proved } from '../support/proved.ts';

let ground: SharedGround;
beforeAll(async () => {
  ground = await SharedGround.open();
}, 120_000);
afterAll(() => ground.close());

const opened: { close(): Promise<unknown> }[] = [];
afterAll(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
}, 60_000);

it('lets both instances restart, one after the other, without an error to a device or a reader', async (test) => {
  const both = await BridgeProcesses.open(ground, {
    drainS: 5,
    http: { proxyProtocol: ['127.0.0.1'], perMinuteMax: { public: 1_000_000 } },
  });
  opened.push(both);
  const { fixture, a, b, request } = both;
  const port = await freePort();
  const proxy = await Haproxy.open(inFrontOfBridges(port, { a: a.port, b: b.port }), port);
  opened.push(proxy);
  fixture.elsewhere = `http://127.0.0.1:${port}`;
  const isReady = async (name: string) => (await fixture.get('/readyz', undefined, { 'x-only': name })).status;
  for (const name of ['a', 'b']) await expect.poll(() => isReady(name), { timeout: 60_000 }).toBe(200);

  const errors: string[] = [];
  const calls = { reads: 0, clips: 0, anew: 0 };
  let isOver = false;
  const read = async () => {
    while (!isOver) {
      const { status } = await fixture.get('/v1/bridge');
      if (status !== 200) errors.push(`a reader got ${status}`);
      calls.reads += 1;
      await setTimeout(20);
    }
  };
  /** Uploads a clip in pieces; an upload whose instance is gone starts over, as tus prescribes. */
  const bring = async () => {
    const parcel = fixture.parcel(request);
    const openedClip = await fixture.openIntake(parcel);
    if (openedClip.status !== 200) return void errors.push(`an intake got ${openedClip.status}`);
    let path = await fixture.create(parcel);
    const step = Math.ceil(parcel.clip.length / 4);
    for (let at = 0; at < parcel.clip.length; ) {
      const sent = await fixture.patch(parcel, path, at, parcel.clip.subarray(at, at + step));
      if (sent.status === 204) at += step;
      else if (sent.status === 404 || sent.status === 410) {
        calls.anew += 1;
        path = await fixture.create(parcel);
        at = 0;
      } else return void errors.push(`a piece got ${sent.status}`);
    }
    const { body } = await fixture.status(parcel);
    if (body['state'] !== 'stored') errors.push(`a clip is ${String(body['state'])}`);
    calls.clips += 1;
  };
  const upload = async () => {
    while (!isOver) await bring();
  };
  const failed = (thrown: unknown) => void errors.push(String(thrown));
  const load = [read(), read(), upload(), upload()].map((one) => one.catch(failed));
  const stored = async () => {
    const before = calls.clips;
    await expect.poll(() => calls.clips > before + 1 || errors.length > 0, { timeout: 60_000 }).toBe(true);
  };
  for (const [name, one] of [
    ['a', a],
    ['b', b],
    ['a', a],
    ['b', b],
  ] as const) {
    await stored();
    expect(await one.end('SIGTERM')).toBe('status 0');
    await stored();
    await one.start();
    await expect.poll(() => isReady(name), { timeout: 60_000 }).toBe(200);
  }
  await stored();
  isOver = true;
  await Promise.all(load);
  expect(errors).toEqual([]);
  // Without the broker no instance is ready, but calls are served.
  await ground.broker.pause();
  await expect
    .poll(async () => (await fixture.get('/readyz')).body['facts'], { timeout: 60_000 })
    .toEqual({ failing: 'area' });
  expect((await fixture.get('/v1/bridge')).status).toBe(200);
  await ground.broker.resume();
  const told = `${calls.reads} reads, ${calls.clips} clips, ${calls.anew} uploads begun anew, 0 errors`;
  proved(test, 'four restarts of two instances behind HAProxy', told);
}, 400_000);

it.each(['tcp', 'http'])(
  'in %s mode passes its callers’ addresses on to an instance, and no caller can forge one',
  async (mode) => {
    const server = makeHttpServer({ clock: new SystemClock(), log: silentLog(), proxyProtocol: ['127.0.0.1'] });
    opened.push(server);
    server.get('/who', async ({ ip }) => `you are ${ip}.`);
    const { port: behind } = new URL(await listenOn(server, '127.0.0.1', 0));
    const [first, second] = [await freePort(), await freePort()];
    const listen = (port: number, send: string) => `
listen on${port}
    bind 127.0.0.1:${port}
    server it 127.0.0.1:${behind} ${send}`;
    const times = 'timeout connect 5s\n    timeout client 10s\n    timeout server 10s';
    const text = `defaults\n    mode ${mode}\n    ${times}\n${listen(first, 'send-proxy')}\n${listen(second, 'send-proxy-v2')}\n`;
    opened.push(await Haproxy.open(text, second));
    const ask = (port: number, words: string) =>
      new Promise<string>((resolve) => {
        let said = '';
        const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.5' }, () => void socket.write(words));
        socket.on('data', (piece) => {
          said += piece.toString();
        });
        socket.on('error', () => undefined).once('close', () => resolve(said));
      });
    const get = 'GET /who HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 198.51.100.1\r\nconnection: close\r\n\r\n';
    for (const port of [first, second]) {
      expect(await ask(port, get)).toContain('you are 127.0.0.5.');
      const forged = await ask(port, `PROXY TCP4 198.51.100.1 127.0.0.1 1 80\r\n${get}`);
      expect(forged).toContain(' 400 ');
      expect(forged).not.toContain('you are');
    }
  },
  60_000,
);

it('learns from each instance’s health check what is missing: bucket, broker, or that it drains', async () => {
  const both = await BridgeProcesses.open(ground, { drainS: 10 });
  opened.push(both);
  const { a, b, fixture } = both;
  both.at(a);
  const checks = { database: 'ok', disk: 'ok', registry: 'ok', bucket: 'ok', area: 'ok' };
  await expect
    .poll(async () => (await fixture.get('/readyz')).body, { timeout: 30_000 })
    .toEqual({ status: 'ready', checks });
  a.toBucket.refuse = true;
  a.toBucket.cut();
  const failing = async () => (await fixture.get('/readyz')).body['facts'];
  await expect.poll(failing, { timeout: 30_000 }).toEqual({ failing: 'bucket' });
  await ground.broker.pause();
  await expect.poll(failing, { timeout: 30_000 }).toEqual({ failing: 'bucket, area' });
  await ground.broker.resume();
  expect((await fixture.get('/healthz')).body).toEqual({ status: 'live' });
  both.at(b);
  expect(
    await b.begin('SIGTERM', async () => {
      await expect.poll(failing, { timeout: 9_000, interval: 20 }).toEqual({ failing: 'draining' });
      // It still serves calls.
      expect([(await fixture.get('/healthz')).status, (await fixture.get('/v1/bridge')).status]).toEqual([200, 200]);
    }),
  ).toBe('status 0');
}, 240_000);
