// @module-tag openssl
// A link with every kind of certificate, at the embedded broker and at a stock mosquitto.
import { createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { linkFailure } from '../../../device/base/link-failure.ts';
import { silentLog } from '../../../device/base/log.ts';
import { type LinkState, MqttLink } from '../../../device/base/mqtt-link.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { type TlsFiles, tlsSource } from '../../../device/base/tls.ts';
import { PAYLOAD_BYTES_MAX, topicsUnder } from '../../../device/contract/topics.ts';
import { type CertificateFiles, CertificateMaker } from '../../support/certificates.ts';
import { proved } from '../../support/proved.ts';
import {
  DEVICE,
  startEmbedded,
  startMosquitto,
  type TlsBroker,
  type TlsBrokerOptions,
  USER,
} from '../../support/tls-brokers.ts';

const HOUR_S = 3_600;
const HOST = 'DNS:localhost,IP:127.0.0.1';
const topics = topicsUnder('doorsill/v1');
const disk = new SystemDisk();

let maker: CertificateMaker;
let authority: CertificateFiles;
let stranger: CertificateFiles;
let good: CertificateFiles;
let own: CertificateFiles;
const links: MqttLink[] = [];
const brokers: TlsBroker[] = [];

beforeAll(() => {
  maker = new CertificateMaker();
  authority = maker.authority('authority');
  stranger = maker.authority('stranger');
  good = maker.signed(authority, { name: 'broker', altNames: HOST });
  own = maker.signed(authority, { name: USER });
});
afterEach(async () => {
  await Promise.all(links.splice(0).map((link) => link.stop()));
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
});
afterAll(() => maker.dispose());

function linkTo(url: string, files: TlsFiles | undefined, account: { user: string; password?: string }): MqttLink {
  const link = new MqttLink({
    url,
    ...account,
    tls: tlsSource(disk, maker.folder, files),
    payloadBytesMax: PAYLOAD_BYTES_MAX,
    unreachable: linkFailure('the home broker'),
    clock: new SystemClock(),
    random: new SystemRandom(),
    log: silentLog(),
  });
  links.push(link);
  return link;
}

/** Resolves with the first state that is online or has an error. */
function firstState(link: MqttLink): Promise<LinkState> {
  return new Promise((resolve) => link.onState((state) => (state.online || state.error) && resolve(state)));
}

const codeOf = (state: LinkState) =>
  state.online ? 'online' : state.error && 'code' in state.error && state.error.code;

/** One case: the broker's certificate, the link's files, and the expected result. */
interface Meeting {
  name: string;
  broker: () => TlsBrokerOptions;
  files: () => TlsFiles;
  host?: string;
  code: string;
  only?: 'mosquitto';
}

const trusting = () => ({ ca: authority.certificate });
const dated = (fromS: number, toS: number) => maker.signed(authority, { name: 'broker', altNames: HOST, fromS, toS });
const asking = () => ({ server: good, clientCa: authority });

const MEETINGS: readonly Meeting[] = [
  { name: 'a certificate of the named authority', broker: () => ({ server: good }), files: trusting, code: 'online' },
  {
    name: 'its name instead of its address',
    broker: () => ({ server: good }),
    files: trusting,
    host: 'localhost',
    code: 'online',
  },
  {
    name: 'a client certificate that is asked for, and no password',
    broker: asking,
    files: () => ({ ...trusting(), ...own }),
    code: 'online',
  },
  {
    name: 'a certificate of another authority',
    broker: () => ({ server: maker.signed(stranger, { name: 'broker', altNames: HOST }) }),
    files: trusting,
    code: 'tls_unknown_authority',
  },
  {
    name: 'a certificate that signed itself',
    broker: () => ({ server: maker.authority('localhost') }),
    files: trusting,
    code: 'tls_unknown_authority',
  },
  {
    name: 'a good certificate, but no named authority',
    broker: () => ({ server: good }),
    files: () => ({}),
    code: 'tls_unknown_authority',
  },
  {
    name: 'an expired certificate',
    broker: () => ({ server: dated(-2 * HOUR_S, -HOUR_S) }),
    files: trusting,
    code: 'tls_certificate_expired',
  },
  {
    name: 'a certificate that is not valid yet',
    broker: () => ({ server: dated(HOUR_S, 2 * HOUR_S) }),
    files: trusting,
    code: 'tls_certificate_early',
  },
  {
    name: 'a certificate for another host',
    broker: () => ({ server: maker.signed(authority, { name: 'localhost', altNames: 'DNS:elsewhere.example' }) }),
    files: trusting,
    host: 'localhost',
    code: 'tls_wrong_host',
  },
  {
    name: 'a server of TLS 1.2',
    broker: () => ({ server: good, isOld: true }),
    files: trusting,
    code: 'tls_version_old',
    only: 'mosquitto',
  },
  { name: 'a port that speaks no TLS', broker: () => ({}), files: trusting, code: 'tls_not_spoken' },
  { name: 'no certificate where one is asked for', broker: asking, files: trusting, code: 'tls_client_refused' },
  {
    name: 'a client certificate of another authority',
    broker: asking,
    files: () => ({ ...trusting(), ...maker.signed(stranger, { name: USER }) }),
    code: 'tls_client_refused',
  },
  {
    name: 'an expired client certificate',
    broker: asking,
    files: () => ({ ...trusting(), ...maker.signed(authority, { name: USER, fromS: -2 * HOUR_S, toS: -HOUR_S }) }),
    code: 'tls_client_refused',
  },
];

describe.each([
  ['the embedded broker', startEmbedded, undefined],
  ['mosquitto', startMosquitto, 'mosquitto' as const],
])('a link to %s over TLS', (where, start, kind) => {
  const meetings = MEETINGS.filter(({ only }) => only === undefined || only === kind);

  it(`is accepted or refused with the right code for each of ${meetings.length} kinds of certificate`, async (test) => {
    const came: Record<string, unknown> = {};
    for (const { name, broker: options, files, host = '127.0.0.1' } of meetings) {
      const broker = await start(maker, options());
      brokers.push(broker);
      const account = options().clientCa ? { user: USER } : broker.account;
      const link = linkTo(`mqtts://${host}:${broker.port}`, files(), account);
      const state = firstState(link);
      link.start();
      came[name] = codeOf(await state);
      if (link.state.online) await link.publish(topics.event(DEVICE), 'ding');
      await Promise.all([link.stop(), ...brokers.splice(0).map((each) => each.stop())]);
    }
    expect(came).toEqual(Object.fromEntries(meetings.map(({ name, code }) => [name, code])));
    const bad = meetings.filter(({ code }) => code !== 'online').length;
    const refused = Object.values(came).filter((code) => typeof code === 'string' && code.startsWith('tls_')).length;
    proved(test, `kinds of bad TLS refused by the link to ${where}`, `${refused} of ${bad}`);
  }, 60_000);

  it('goes online by itself once the certificate is renewed, without a restart of the link', async () => {
    const broker = await start(maker, asking());
    brokers.push(broker);
    const files = { ...trusting(), certificate: 'renewed.crt', key: 'renewed.key' };
    const put = ({ certificate, key }: CertificateFiles) => {
      maker.file(files.certificate, maker.text(certificate));
      maker.file(files.key, maker.text(key));
    };
    put(maker.signed(stranger, { name: USER }));
    const link = linkTo(`mqtts://127.0.0.1:${broker.port}`, files, { user: USER });
    const state = firstState(link);
    link.start();
    expect(codeOf(await state)).toBe('tls_client_refused');
    put(own);
    await link.reached(20_000);
    await link.publish(topics.event(DEVICE), 'ding');
  }, 30_000);
});

describe('the embedded broker with client certificates', () => {
  it('takes the user from the certificate, whatever name the client sends, and refuses one without an account', async () => {
    const broker = await startEmbedded(maker, asking());
    brokers.push(broker);
    const url = `mqtts://127.0.0.1:${broker.port}`;
    const other = maker.signed(authority, { name: 'device-home-device-2' });
    const unknown = linkTo(url, { ...trusting(), ...other }, broker.account);
    const state = firstState(unknown);
    unknown.start();
    expect(await state).toMatchObject({
      online: false,
      error: { message: expect.stringMatching(/not authorized|bad user/i) },
    });
    const known = linkTo(url, { ...trusting(), ...own }, { user: 'device-home-device-2', password: 'whatever' });
    known.start();
    // Only the account of the certificate may publish here.
    await known.publish(topics.event(DEVICE), 'ding');
  });

  it('accepts only TLS 1.3', async () => {
    const broker = await startEmbedded(maker, { server: good });
    brokers.push(broker);
    const outcome = await new Promise((resolve) => {
      const settings = { ca: maker.text(authority.certificate), maxVersion: 'TLSv1.2' } as const;
      const socket = connectTls({ host: '127.0.0.1', port: broker.port, ...settings }, () => resolve('connected'));
      socket.on('error', (thrown: NodeJS.ErrnoException) => resolve(thrown.code));
    });
    expect(outcome).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  });
});

describe('a link that was told to use TLS', () => {
  it('never sends a byte in the clear, however often it is refused', async () => {
    const firsts: number[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (chunk) => {
        firsts.push(chunk[0] ?? -1);
        socket.end('220 not here\r\n');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const link = linkTo(`mqtts://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, trusting(), {
      user: USER,
    });
    const third = new Promise<void>((resolve) => link.onState(() => firsts.length >= 3 && resolve()));
    link.start();
    await third;
    expect(link.state).toMatchObject({ online: false, error: { code: 'tls_not_spoken' } });
    // 22: a TLS handshake record (RFC 8446 §5.1).
    expect(new Set(firsts)).toEqual(new Set([22]));
    await link.stop();
    await new Promise((resolve) => server.close(resolve));
  }, 20_000);

  it('checks certificates also where the environment says not to', async () => {
    const broker = await startEmbedded(maker, { server: maker.authority('localhost') });
    brokers.push(broker);
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const link = linkTo(`mqtts://127.0.0.1:${broker.port}`, undefined, broker.account);
      const state = firstState(link);
      link.start();
      expect(codeOf(await state)).toBe('tls_unknown_authority');
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
  });

  it('names the file that cannot be used, and connects once it can', async () => {
    const broker = await startEmbedded(maker, { server: good });
    brokers.push(broker);
    const cases: [TlsFiles, RegExp][] = [
      [{ ca: 'missing.pem' }, /missing\.pem does not exist/],
      [{ ca: maker.file('empty.pem', 'nothing') }, /empty\.pem holds no PEM certificate/],
      [
        { ca: maker.file('bad.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n') },
        /bad\.pem holds a certificate that is damaged/,
      ],
      [{ ...trusting(), certificate: own.certificate, key: good.key }, /is not that of the certificate/],
      [
        { ...trusting(), certificate: own.certificate, key: maker.file('no-key.pem', maker.text(own.certificate)) },
        /holds no private key/,
      ],
      [{ ...trusting(), certificate: own.certificate, key: own.certificate }, /is not safe from other users/],
      [{ ca: maker.folder }, /cannot be read \(EISDIR\)/],
    ];
    for (const [files, message] of cases) {
      const link = linkTo(`mqtts://127.0.0.1:${broker.port}`, files, broker.account);
      const state = firstState(link);
      link.start();
      expect(await state).toMatchObject({
        error: { code: 'tls_file_unusable', message: expect.stringMatching(message) },
      });
      if (files.ca !== 'missing.pem') continue;
      maker.file('missing.pem', maker.text(authority.certificate));
      await link.reached(20_000);
    }
  }, 30_000);
});
