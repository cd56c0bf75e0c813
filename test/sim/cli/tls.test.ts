// @module-tag long
// @module-tag openssl
// TLS from the command line: a broker with certificates, and an owner's commands that meet good and bad ones.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { issueAccount } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { OwnerSession } from '../../../device/owner/owner-session.ts';
import { listPairedDevices, storePairedDevice } from '../../../device/owner/paired-devices.ts';
import { type CertificateFiles, CertificateMaker } from '../../support/certificates.ts';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';
import { makeParty } from '../../support/parties.ts';

const disk = new SystemDisk();
const random = new SystemRandom();
const seams = { clock: new SystemClock(), random, disk, log: silentLog() };

describe('a broker that was started with certificates', () => {
  const folder = temporaryFolder('tls');
  const device = makeParty('device', random);
  let maker: CertificateMaker;
  let authority: CertificateFiles;
  let good: CertificateFiles;
  let broker: Running;
  let url: string;

  beforeAll(async () => {
    maker = new CertificateMaker();
    authority = maker.authority('authority');
    good = maker.signed(authority, { name: 'broker', altNames: 'IP:127.0.0.1' });
    const tls = ['--tls-cert', good.certificate, '--tls-key', good.key, '--client-ca', authority.certificate];
    broker = new Running(['bridge', 'broker', '--data', join(folder.path, 'broker'), '--port', '0', ...tls, '--json']);
    url = String((await broker.line('the broker', (line) => line['event'] === 'ready'))['url']);
  });
  afterAll(async () => {
    await broker.stop();
    folder.dispose();
    maker.dispose();
  });

  /** Asks `watch --once` as an owner with these files; resolves with the code of the error. */
  async function watchWith(name: string, tls: { ca?: string; certificate?: string; key?: string }): Promise<string> {
    const owner = join(folder.path, name);
    const wish = { role: 'owner', id: 'owner-1', homes: [device.id] };
    const account = await issueAccount(disk, random, join(folder.path, 'broker', 'accounts'), wish);
    const home = { device: device.id, deviceKey: device.key.publicKey, name: 'Front door', trust: null, tls };
    await storePairedDevice(disk, owner, { ...home, account: { url, prefix: 'doorsill/v1', ...account } });
    const watched = await runCommand(['watch', '--once', '--owner', owner, '--json']);
    return /"code":"([a-z_]+)"/.exec(watched.stderr)?.[1] ?? watched.stderr;
  }

  it('speaks mqtts, and accepts owners or refuses them with the code of the fault', async () => {
    expect(url).toMatch(/^mqtts:\/\/127\.0\.0\.1:\d+$/);
    const user = (
      await issueAccount(disk, random, join(folder.path, 'broker', 'accounts'), {
        role: 'owner',
        id: 'owner-1',
        homes: [device.id],
      })
    ).user;
    const ca = authority.certificate;
    expect(await watchWith('stranger', {})).toBe('tls_unknown_authority');
    expect(await watchWith('missing', { ca: join(folder.path, 'none.pem') })).toBe('tls_file_unusable');
    expect(await watchWith('nobody', { ca })).toBe('tls_client_refused');
    const [home] = await listPairedDevices(disk, join(folder.path, 'nobody'));
    if (!home) throw new Error('no home');
    const session = new OwnerSession({ ...home, tls: { ca, ...maker.signed(authority, { name: user }) } }, seams);
    await session.start();
    await session.stop();
  }, 120_000);

  it.each([
    [['--tls-cert', 'a.crt'], 'usage'],
    [['--tls-cert', 'none.crt', '--tls-key', 'none.key'], 'tls_file_unusable'],
  ])('does not start with %j', async (options, code) => {
    const failed = await runCommand([
      'bridge',
      'broker',
      '--data',
      join(folder.path, 'other'),
      '--port',
      '0',
      ...options,
      '--json',
    ]);
    expect(failed.stderr).toContain(code);
    expect(failed.status).toBe(code === 'usage' ? 2 : 5);
  });

  it('does not pair with a missing authority file', async () => {
    const [options, code] = [['--ca', 'none.pem'], 'tls_file_unusable'] as const;
    const failed = await runCommand([
      'pair',
      '--socket',
      '/no/such',
      '--owner',
      join(folder.path, 'p'),
      ...options,
      '--json',
    ]);
    expect(failed.stderr).toContain(code);
  });
});
