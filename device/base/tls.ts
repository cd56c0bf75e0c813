// TLS of every session. Only TLS 1.3 is used, and the other side's name and certificate are always checked. PEM files can hold the
// authority to trust, and our own certificate with its key.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import type { ConnectionOptions, SecureVersion } from 'node:tls';
import { fromUtf8 } from '@doorsill/contract/bytes';
import { CodedError } from '@doorsill/contract/errors/coded-error';
import { z } from 'zod';
import { type Disk, systemCode } from './disk.ts';
import type { SecretRules } from './private-paths.ts';
import { TlsFault } from './tls-fault.ts';

/** The oldest supported version. */
export const TLS_VERSION_MIN: SecureVersion = 'TLSv1.3';

const pathSchema = z.string().min(1).max(1_000);
/** Paths of PEM files. Absent `ca`: the system's authorities. */
export const TlsFiles = z
  .strictObject({ ca: pathSchema.optional(), certificate: pathSchema.optional(), key: pathSchema.optional() })
  .refine(
    ({ certificate, key }) => (certificate === undefined) === (key === undefined),
    'certificate and key are set together or not at all',
  );
export type TlsFiles = z.infer<typeof TlsFiles>;

/** Authority, own certificate and its key, as PEM. */
export interface TlsMaterial {
  ca?: string;
  certificate?: string;
  key?: string;
}

/** Called before each connection, so that a renewed certificate needs no restart. Throws `TlsFault`. */
export type TlsSource = () => Promise<TlsMaterial>;

/** A bundle of all public authorities has about 250 kB. */
const FILE_BYTES_MAX = 512 * 1024;
const CERTIFICATES_MAX = 1_000;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Options for `tls.connect` and `https.Agent`. No environment variable and no flag of Node weakens them. */
export function tlsOptions({ ca, certificate, key }: TlsMaterial): ConnectionOptions {
  return {
    minVersion: TLS_VERSION_MIN,
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate, key }),
  };
}

/** Reads and checks the files; relative paths are in `folder`. Throws `TlsFault` of kind `file`. */
export async function readTlsFiles(disk: Disk, folder: string, files: TlsFiles): Promise<TlsMaterial> {
  const { ca, certificate, key } = files;
  const pathOf = (path: string) => (isAbsolute(path) ? path : join(folder, path));
  const material: TlsMaterial = {};
  if (ca !== undefined) {
    material.ca = await readText(disk, pathOf(ca));
    certificatesIn(material.ca, pathOf(ca));
  }
  if (certificate !== undefined && key !== undefined) {
    material.certificate = await readText(disk, pathOf(certificate));
    // An operator may share the key of a certificate with other programs, through a group.
    material.key = await readText(disk, pathOf(key), { isNamed: true, groupMayRead: true });
    const [own] = certificatesIn(material.certificate, pathOf(certificate));
    if (!own?.checkPrivateKey(keyIn(material.key, pathOf(key)))) {
      throw new TlsFault('file', `the key in ${pathOf(key)} is not that of the certificate in ${pathOf(certificate)}`);
    }
  }
  return material;
}

/**
 * The source for a link: the configured files (undefined: none), and, where they name no authority, the one that was pinned at enrolment or
 * pairing. Undefined when there is neither.
 */
export function tlsSource(
  disk: Disk,
  folder: string,
  files: TlsFiles | undefined,
  pinnedCa?: string,
): TlsSource | undefined {
  if (files === undefined && pinnedCa === undefined) return undefined;
  return async () => {
    const material = await readTlsFiles(disk, folder, files ?? {});
    if (material.ca !== undefined || pinnedCa === undefined) return material;
    certificatesIn(pinnedCa, 'the pinned authority');
    return { ...material, ca: pinnedCa };
  };
}

/**
 * The authority that `files` name, for others to pin: only its certificates, one after the other; undefined when they name none. Throws
 * `TlsFault` of kind `file`, also beyond `bytesMax`.
 */
export async function caToPin(
  disk: Disk,
  folder: string,
  files: TlsFiles | undefined,
  bytesMax: number,
): Promise<string | undefined> {
  const { ca } = await readTlsFiles(disk, folder, { ca: files?.ca });
  if (ca === undefined) return undefined;
  const pem = (ca.match(CERTIFICATE) ?? []).map((block) => `${block.replaceAll('\r', '')}\n`).join('');
  if (pem.length <= bytesMax) return pem;
  throw new TlsFault('file', `${files?.ca} is larger than the authority that others can pin (${bytesMax} bytes)`);
}

/** `secret`: the rules of a secret file; absent for other files. */
async function readText(disk: Disk, path: string, secret?: SecretRules): Promise<string> {
  let bytes: Uint8Array | null;
  try {
    bytes = await (secret ? disk.readSecret(path, FILE_BYTES_MAX, secret) : disk.readFile(path, FILE_BYTES_MAX));
  } catch (thrown) {
    if (thrown instanceof CodedError) throw new TlsFault('file', `${thrown.message} ${thrown.advice}`, thrown);
    throw new TlsFault('file', `${path} cannot be read (${systemCode(thrown) ?? 'unknown'})`, thrown);
  }
  if (!bytes) throw new TlsFault('file', `${path} does not exist`);
  const text = fromUtf8(bytes);
  if (text === null) throw new TlsFault('file', `${path} is not PEM text`);
  return text;
}

function certificatesIn(text: string, path: string): X509Certificate[] {
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0 || blocks.length > CERTIFICATES_MAX) {
    throw new TlsFault('file', `${path} holds no PEM certificate`);
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (thrown) {
    throw new TlsFault('file', `${path} holds a certificate that is damaged`, thrown);
  }
}

function keyIn(text: string, path: string) {
  try {
    return createPrivateKey(text);
  } catch (thrown) {
    throw new TlsFault('file', `${path} holds no private key in PEM, or an encrypted one`, thrown);
  }
}
