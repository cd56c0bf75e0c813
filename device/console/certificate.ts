// The server's certificate: made once, self-signed, kept in the device's folder. An owner may replace both files.
import { createHash, createPrivateKey, generateKeyPair, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Clock, EARLIEST_WALL_US } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Random } from '@doorsill/base/random';
import { fromUtf8, toHex, utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';

export interface ServerCertificate {
  /** PEM. */
  key: string;
  certificate: string;
  /** SHA-256 of the certificate's DER bytes in lower-case hex, which browsers show as its fingerprint. */
  fingerprint: string;
}

/** Apple's limit for server certificates, which applies to self-signed ones, too. */
const LIFE_DAYS = 825;
/** A certificate that we made is renewed at a start this close to its end. */
const RENEW_DAYS = 30;
const DAY_MS = 86_400_000;
const FILE_BYTES_MAX = 64 * 1024;
const SERIAL_BYTES = 16;
const COMMON_NAME = 'doorsill';
/** The only name in a certificate that we made: a client that has the certificate can verify it under this name. */
export const CERTIFICATE_NAME = 'doorsill.local';

/**
 * The certificate in `folder`, made if there is none or ours ends soon. `fresh`: it was made now, so browsers will ask again whether to
 * trust it. Throws `tls_file_unusable` for files that are damaged or do not belong together, and the disk's error.
 */
export async function serverCertificate(
  seams: { disk: Disk; random: Random; clock: Clock },
  folder: string,
): Promise<ServerCertificate & { fresh: boolean }> {
  const { disk, clock } = seams;
  const paths = { key: join(folder, 'server.key.pem'), certificate: join(folder, 'server.cert.pem') };
  const nowMs = clock.wallUs() / 1_000;
  const stored = await storedIn(disk, paths);
  if (stored && (!isOurs(stored.parsed) || Date.parse(stored.parsed.validTo) - nowMs > RENEW_DAYS * DAY_MS)) {
    return { ...stored.pem, fingerprint: fingerprintOf(stored.parsed), fresh: false };
  }
  // By a clock that is not set, it would have expired as soon as the clock is.
  const made = await makeCertificate(seams.random, clock.synchronised() ? nowMs : EARLIEST_WALL_US / 1_000);
  await disk.makeFolder(folder);
  await disk.replaceFile(paths.key, utf8(made.key));
  await disk.replaceFile(paths.certificate, utf8(made.certificate));
  return { ...made, fingerprint: fingerprintOf(new X509Certificate(made.certificate)), fresh: true };
}

async function storedIn(
  disk: Disk,
  paths: { key: string; certificate: string },
): Promise<{ pem: { key: string; certificate: string }; parsed: X509Certificate } | null> {
  const texts = [];
  for (const bytes of [
    await disk.readSecret(paths.key, FILE_BYTES_MAX),
    await disk.readFile(paths.certificate, FILE_BYTES_MAX),
  ]) {
    texts.push(bytes && (fromUtf8(bytes) ?? ''));
  }
  const [key, certificate] = texts;
  // The key is written first: a crash in between leaves a key without a certificate, so both are made again.
  if (key === null || certificate === null || key === undefined || certificate === undefined) return null;
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(certificate);
    if (parsed.checkPrivateKey(createPrivateKey(key))) return { pem: { key, certificate }, parsed };
  } catch (thrown) {
    throw failure('tls_file_unusable', { detail: `${paths.certificate} or its key is damaged` }, thrown);
  }
  // A crash during a renewal leaves a new key with our old certificate.
  if (isOurs(parsed)) return null;
  throw failure('tls_file_unusable', { detail: `${paths.key} is not the key of ${paths.certificate}` });
}

/** Whether we made it. A certificate that an owner put there is never replaced. */
function isOurs({ subject, issuer }: X509Certificate): boolean {
  return subject === `CN=${COMMON_NAME}` && issuer === subject;
}

/** RSA with 2,048 bits, which every browser and player of the last ten years accepts. */
async function makeCertificate(random: Random, nowMs: number): Promise<{ key: string; certificate: string }> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  // Loaded only to make a certificate, once in two years.
  const { default: forge } = await import('node-forge');
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  const serial = random.bytes(SERIAL_BYTES);
  // A serial number is positive (RFC 5280 §4.1.2.2).
  certificate.serialNumber = `01${toHex(serial)}`;
  certificate.validity.notBefore = new Date(nowMs - DAY_MS);
  certificate.validity.notAfter = new Date(nowMs + (LIFE_DAYS - 1) * DAY_MS);
  // No name of the home or the machine: everyone who connects sees the subject.
  const name = [{ name: 'commonName', value: COMMON_NAME }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: [{ type: 2, value: CERTIFICATE_NAME }] },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create());
  return { key: privateKey, certificate: forge.pki.certificateToPem(certificate) };
}

function fingerprintOf(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('hex');
}
