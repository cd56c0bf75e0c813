// @module-tag openssl
// Enrolment over HTTPS with an authority of one's own, and the area broker's authority that comes with it.
import { readFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { createServer, type Server } from 'node:https';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BridgeConfig } from '../../../cloud-bridge/bridge-config.ts';
import { enrol } from '../../../device/area-link/enrolment.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { type TlsFiles, tlsSource } from '../../../device/base/tls.ts';
import { parseDeviceConfig } from '../../../device/config.ts';
import { makeAreaLink } from '../../../device/link-factory.ts';
import { BridgeHttp } from '../../../device/upload/bridge-http.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { startBroker, type TestBroker } from '../../support/broker.ts';
import { type CertificateFiles, CertificateMaker } from '../../support/certificates.ts';
import { HOME } from '../../support/parties.ts';

const seams = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk(), log: silentLog() };

describe('a bridge behind HTTPS with an authority of its own', () => {
  let maker: CertificateMaker;
  let authority: CertificateFiles;
  let good: CertificateFiles;
  let broker: TestBroker;
  let fixture: BridgeFixture;
  let front: Server | null = null;

  beforeAll(async () => {
    maker = new CertificateMaker();
    authority = maker.authority('authority');
    good = maker.signed(authority, { name: 'testbed', altNames: 'IP:127.0.0.1' });
    broker = await startBroker({ tls: { certificate: maker.text(good.certificate), key: maker.text(good.key) } });
    const area = { url: broker.url, accounts: broker.accounts, tls: { ca: authority.certificate } };
    fixture = await BridgeFixture.open({ bridge: { area } });
  });
  afterEach(async () => {
    await new Promise((resolve) => (front ? front.close(resolve) : resolve(null)));
    front = null;
  });
  afterAll(async () => {
    await fixture.close();
    await broker.stop();
    maker.dispose();
  });

  /** A proxy with TLS in front of the bridge; resolves with its address. */
  async function startFront(files: CertificateFiles, settings: object = {}): Promise<string> {
    const server = createServer(
      { cert: readFileSync(files.certificate), key: readFileSync(files.key), ...settings },
      (incoming, answer) => {
        const onward = plainRequest(
          `${fixture.bridge.url}${incoming.url}`,
          { method: incoming.method, headers: incoming.headers },
          (reply) => {
            answer.writeHead(reply.statusCode ?? 500, reply.headers);
            reply.pipe(answer);
          },
        );
        incoming.pipe(onward);
      },
    );
    front = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  async function enrolAt(url: string, files: TlsFiles | undefined) {
    const { code } = await fixture.bridge.printEnrolmentCode();
    // As the operator of the proxy would have the bridge print it (publicUrl).
    const [prefix, text = ''] = code.split('.');
    const claims: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    const moved = Buffer.from(JSON.stringify(Object.assign({}, claims, { url }))).toString('base64url');
    const tls = tlsSource(seams.disk, maker.folder, files);
    return enrol({ ...seams, ...fixture.cast.device, tls }, `${prefix}.${moved}`);
  }

  it('enrols a device that names the authority, and sends it the area broker’s, so that its link needs no file', async () => {
    const enrolment = await enrolAt(await startFront(good), { ca: authority.certificate });
    expect(enrolment.area.ca).toBe(maker.text(authority.certificate));
    const home = { url: 'mqtt://127.0.0.1', user: 'device-home-x', password: 'x' };
    const link = makeAreaLink(parseDeviceConfig({ home, place: HOME }, 'device.json'), '/', enrolment, seams);
    if (!link) throw new Error('no link');
    const online = new Promise<void>((resolve) => link.onState((state) => state.online && resolve()));
    link.start();
    await online;
    await link.stop();
  });

  it('gets nothing from a device that cannot verify it', async () => {
    const named = { ca: authority.certificate };
    const stranger = maker.signed(maker.authority('stranger'), { name: 'testbed', altNames: 'IP:127.0.0.1' });
    const cases: [CertificateFiles, object, TlsFiles | undefined][] = [
      [good, {}, undefined],
      [stranger, {}, named],
      [maker.signed(authority, { name: 'testbed', altNames: 'DNS:elsewhere.example' }), {}, named],
      [maker.signed(authority, { name: 'testbed', altNames: 'IP:127.0.0.1', fromS: -7_200, toS: -3_600 }), {}, named],
      [good, { maxVersion: 'TLSv1.2' }, named],
    ];
    for (const [files, settings, tls] of cases) {
      const url = await startFront(files, settings);
      let asked = 0;
      front?.on('request', () => (asked += 1));
      await expect(enrolAt(url, tls)).rejects.toMatchObject({ code: 'unreachable' });
      expect(asked).toBe(0);
      await new Promise((resolve) => front?.close(resolve));
      front = null;
    }
    await expect(enrolAt('https://127.0.0.1:9', { ca: 'missing.pem' })).rejects.toMatchObject({
      code: 'tls_file_unusable',
    });
  });

  it('gets no clip’s bytes from a device that cannot verify it', async () => {
    const baseUrl = await startFront(good);
    const http = (ca?: string) =>
      new BridgeHttp({
        baseUrl,
        mayLeave: () => undefined,
        signal: new AbortController().signal,
        clock: seams.clock,
        tls: ca === undefined ? {} : { ca },
      });
    const [trusting, doubting] = [http(maker.text(authority.certificate)), http()];
    expect((await trusting.createRequest('GET', `${baseUrl}/v1/bridge`).send()).getStatus()).toBe(200);
    await expect(doubting.createRequest('GET', `${baseUrl}/v1/bridge`).send()).rejects.toMatchObject({
      code: 'upload_unreachable',
    });
    trusting.close();
    doubting.close();
  });
});

describe('TLS settings that contradict each other', () => {
  const home = { url: 'mqtts://broker.example', user: 'device-home-x', password: 'x' };
  it.each([
    ['a certificate without its key', { home: { ...home, tls: { certificate: 'a.crt' } } }, 'together'],
    ['TLS files for an address without TLS', { home: { ...home, url: 'mqtt://h', tls: { ca: 'ca.pem' } } }, 'mqtts'],
    ['no way to log in', { home: { url: home.url, user: home.user } }, 'password'],
    ['an area broker without TLS', { home, areaUrl: 'mqtt://h', areaTls: { ca: 'ca.pem' } }, 'areaUrl'],
    ['a bridge without TLS', { home, bridgeUrl: 'http://h', bridgeTls: { ca: 'ca.pem' } }, 'bridgeUrl'],
    ['an unknown one', { home: { ...home, tls: { insecure: true } } }, 'insecure'],
  ])('are refused on the device: %s', (_name, config, word) => {
    expect(() => parseDeviceConfig(config, 'device.json')).toThrow(word);
  });

  it('are accepted where they fit: a client certificate instead of a password', () => {
    const tls = { certificate: 'a.crt', key: 'a.key' };
    expect(parseDeviceConfig({ home: { url: home.url, user: home.user, tls } }, 'device.json').home.tls).toEqual(tls);
  });

  it('are refused on the bridge', () => {
    const registry = { url: 'http://127.0.0.1:1', key: 'x'.repeat(43) };
    const area = { url: 'mqtt://h', accounts: '/a', tls: { ca: 'ca.pem' } };
    const parsed = BridgeConfig.safeParse({ dataFolder: '/d', registry, area });
    expect(parsed.error?.issues.map(({ message }) => message)).toContain(
      'area.tls is set, but area.url is not mqtts://',
    );
  });

  it('keep a bridge from starting when devices could not learn its authority', async () => {
    const fixture = await BridgeFixture.open();
    await fixture.bridge.stop();
    const area = { url: 'mqtts://127.0.0.1:9', accounts: '/nowhere', tls: { ca: '/no/such.pem' } };
    fixture.options.bridge = { area };
    await expect(fixture.startBridge()).rejects.toMatchObject({ code: 'tls_file_unusable' });
    await fixture.close();
  });
});
