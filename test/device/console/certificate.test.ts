import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { serverCertificate } from '../../../device/console/certificate.ts';
import { CertificateMaker } from '../../support/certificates.ts';

const DAY_US = 86_400_000_000;
const NOW_US = Date.now() * 1_000;

let folder: string;
let clock: ManualClock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-certificate-'));
  clock = new ManualClock(NOW_US);
});
afterEach(() => rm(folder, { recursive: true }));

const start = () => serverCertificate({ disk: new SystemDisk(), random: new SystemRandom(), clock }, folder);
const keyFile = () => join(folder, 'server.key.pem');
const certificateFile = () => join(folder, 'server.cert.pem');
const refusal = () =>
  start().then(
    () => null,
    (thrown: unknown) => (thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown)),
  );

/** A pair that a device made, for tests of what happens next: a key takes long to make. */
let first: Awaited<ReturnType<typeof start>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-certificate-'));
  clock = new ManualClock(NOW_US);
  first = await start();
  await rm(folder, { recursive: true });
});

/** As after a first start. */
async function startedOnce(): Promise<typeof first> {
  await writeFile(keyFile(), first.key, { mode: 0o600 });
  await writeFile(certificateFile(), first.certificate);
  return first;
}

describe('the certificate', () => {
  it('is made once: for servers, without a name of the home, its key for its user alone', async () => {
    const made = await start();
    const read = new X509Certificate(made.certificate);
    expect(made.fresh).toBe(true);
    expect(read.checkPrivateKey(createPrivateKey(made.key))).toBe(true);
    expect(made.fingerprint).toBe(read.fingerprint256.replaceAll(':', '').toLowerCase());
    expect([read.subject, read.issuer, read.subjectAltName, read.ca]).toEqual([
      'CN=doorsill',
      'CN=doorsill',
      'DNS:doorsill.local',
      false,
    ]);
    expect(read.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(read.verify(read.publicKey)).toBe(true);
    expect((await stat(keyFile())).mode & 0o077).toBe(0);
    // Apple accepts 825 days and no more.
    expect((Date.parse(read.validTo) - Date.parse(read.validFrom)) / 86_400_000).toBeLessThanOrEqual(825);
    expect(Date.parse(read.validFrom)).toBeLessThan(NOW_US / 1_000);
  });

  it('made before the clock is set is valid afterwards, and stays', async () => {
    clock.setWallUs(0, false);
    const made = await start();
    const { validFrom, validTo } = new X509Certificate(made.certificate);
    expect([Date.parse(validFrom) > Date.UTC(2025, 11, 1), Date.parse(validTo) > NOW_US / 1_000]).toEqual([true, true]);
    clock.setWallUs(NOW_US);
    expect(await start()).toEqual({ ...made, fresh: false });
  });

  it('is the same after a restart, until a month before its end', async () => {
    const made = await startedOnce();
    expect(await start()).toEqual({ ...made, fresh: false });
    clock.setWallUs(NOW_US + 793 * DAY_US);
    expect(await start()).toEqual({ ...made, fresh: false });
    clock.setWallUs(NOW_US + 795 * DAY_US);
    const renewed = await start();
    expect([renewed.fresh, renewed.fingerprint === made.fingerprint, renewed.key === made.key]).toEqual([
      true,
      false,
      false,
    ]);
    expect(await start()).toEqual({ ...renewed, fresh: false });
  });

  it.each([
    ['its key', keyFile],
    ['itself', certificateFile],
  ])('is made again if %s is missing, as after a crash', async (_what, path) => {
    const made = await startedOnce();
    await rm(path());
    const again = await start();
    expect([again.fresh, again.fingerprint === made.fingerprint]).toEqual([true, false]);
  });

  it('is made again if a crash during a renewal left the new key with it', async () => {
    const made = await startedOnce();
    await rm(certificateFile());
    await start();
    await writeFile(certificateFile(), made.certificate);
    expect((await start()).fresh).toBe(true);
    expect((await start()).fresh).toBe(false);
  });

  it.each<[string, () => string, (text: string) => string | Uint8Array]>([
    ['a cut certificate', certificateFile, (text) => text.slice(0, 300)],
    ['a cut key', keyFile, (text) => text.slice(0, 300)],
    ['an empty certificate', certificateFile, () => ''],
    ['an empty key', keyFile, () => ''],
    ['no text at all', certificateFile, () => Uint8Array.of(0xff, 0xfe, 0)],
  ])('that is damaged makes the start fail with a code, and is not changed: %s', async (_what, path, damage) => {
    await startedOnce();
    const damaged = Buffer.from(damage(await readFile(path(), 'utf8')));
    await writeFile(path(), damaged);
    expect(await refusal()).toBe('tls_file_unusable');
    expect((await readFile(path())).equals(damaged)).toBe(true);
  });
});

describe('a certificate that an owner put there', { tags: ['openssl'] }, () => {
  let maker: CertificateMaker;
  beforeEach(() => {
    maker = new CertificateMaker();
  });
  afterEach(() => maker.dispose());

  /** Puts a pair of files in place; returns the certificate's text. */
  async function place(toS?: number): Promise<string> {
    const by = maker.authority('home');
    const files = maker.signed(by, { name: 'porch.local', altNames: 'DNS:porch.local', ...(toS ? { toS } : {}) });
    await writeFile(certificateFile(), maker.text(files.certificate));
    await writeFile(keyFile(), maker.text(files.key), { mode: 0o600 });
    return maker.text(files.certificate);
  }

  it('is served even near its end, and never replaced', async () => {
    const text = await place(3_600);
    const served = await start();
    expect([served.fresh, served.certificate]).toEqual([false, text]);
    clock.setWallUs(NOW_US + 2 * DAY_US);
    expect((await start()).certificate).toBe(text);
  });

  it('makes the start fail with a code when others can read its key', async () => {
    await place();
    await chmod(keyFile(), 0o644);
    expect(await refusal()).toBe('secret_file_exposed');
    await chmod(keyFile(), 0o600);
    expect((await start()).fresh).toBe(false);
  });

  it('makes the start fail with a code when the key belongs to another certificate', async () => {
    const text = await place();
    const mine = await readFile(keyFile(), 'utf8');
    const other = maker.text(maker.authority('other').key);
    await writeFile(keyFile(), other);
    expect(await refusal()).toBe('tls_file_unusable');
    expect([await readFile(certificateFile(), 'utf8'), await readFile(keyFile(), 'utf8')]).toEqual([text, other]);
    await writeFile(keyFile(), mine);
    expect((await start()).certificate).toBe(text);
  });
});
