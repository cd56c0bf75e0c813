// The two brokers that speak TLS in tests, started alike: the embedded one and a stock mosquitto.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { silentLog } from '../../device/base/log.ts';
import { issueAccount } from '../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { DEFAULT_PREFIX } from '../../device/contract/topics.ts';
import { Broker } from '../../sim/broker/broker.ts';
import type { CertificateFiles, CertificateMaker } from './certificates.ts';
import { freePort, Mosquitto } from './mosquitto.ts';

export interface TlsBroker {
  port: number;
  /** The user name and password of the account that every broker here knows; with client certificates both are ignored. */
  account: { user: string; password: string };
  stop(): Promise<void>;
}

export interface TlsBrokerOptions {
  /** Absent: it speaks no TLS. */
  server?: CertificateFiles;
  /** Asks for client certificates of this authority. */
  clientCa?: CertificateFiles;
  /** Speaks TLS 1.2 and no later one; only mosquitto can be made to. */
  isOld?: boolean;
}

/** The account of the device whose home link the tests open. */
export const DEVICE = 'device-1';
export const USER = `device-home-${DEVICE}`;
const seams = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk(), log: silentLog() };

export async function startEmbedded(maker: CertificateMaker, options: TlsBrokerOptions): Promise<TlsBroker> {
  const accounts = await mkdtemp(join(tmpdir(), 'doorsill-tls-broker-'));
  const account = await issueAccount(seams.disk, seams.random, accounts, { role: 'device-home', id: DEVICE });
  const { server, clientCa } = options;
  const tls = server && {
    certificate: maker.text(server.certificate),
    key: maker.text(server.key),
    clientCa: clientCa && maker.text(clientCa.certificate),
  };
  const broker = new Broker({
    ...seams,
    accounts,
    host: '127.0.0.1',
    port: 0,
    prefix: DEFAULT_PREFIX,
    ...(tls ? { tls } : {}),
  });
  await broker.start();
  return {
    port: broker.port,
    account,
    stop: async () => {
      await broker.stop();
      await rm(accounts, { recursive: true });
    },
  };
}

/** OpenSSL's own switch: mosquitto has one for the oldest version, none for the newest. */
const OLD_TLS = `openssl_conf = init
[init]
ssl_conf = sections
[sections]
system_default = old
[old]
MaxProtocol = TLSv1.2
`;

export async function startMosquitto(maker: CertificateMaker, options: TlsBrokerOptions): Promise<TlsBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-mosquitto-'));
  const port = await freePort();
  const { server, clientCa, isOld } = options;
  const lines = [
    `listener ${port} 127.0.0.1`,
    'persistence false',
    'user root',
    'allow_anonymous true',
    ...(server ? [`certfile ${server.certificate}`, `keyfile ${server.key}`] : []),
    ...(clientCa
      ? [`cafile ${clientCa.certificate}`, 'require_certificate true', 'use_identity_as_username true']
      : []),
  ];
  const file = join(folder, 'mosquitto.conf');
  await writeFile(file, `${lines.join('\n')}\n`);
  const old = maker.file('old-tls.cnf', OLD_TLS);
  const broker = await Mosquitto.run(file, port, isOld ? { OPENSSL_CONF: old } : {});
  return {
    port,
    account: { user: USER, password: 'not-asked-for' },
    stop: async () => {
      await broker.stop();
      await rm(folder, { recursive: true });
    },
  };
}
