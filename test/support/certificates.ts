// Certificates for tests, made by openssl in a folder of their own: an authority, and what it signs well or badly.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Paths of a certificate and its key. */
export interface CertificateFiles {
  certificate: string;
  key: string;
}

export interface CertificateWish {
  /** Common name; the user name in a client's certificate. */
  name: string;
  /** As openssl writes them, e.g. `DNS:localhost,IP:127.0.0.1`. */
  altNames?: string;
  /** Seconds from now, each. */
  fromS?: number;
  toS?: number;
}

const DAY_S = 86_400;

/** One folder of keys; `dispose` removes it. */
export class CertificateMaker {
  readonly folder = mkdtempSync(join(tmpdir(), 'doorsill-certificates-'));
  private made = 0;

  /** An authority of its own. */
  authority(name: string): CertificateFiles {
    return this.make({ name }, null);
  }

  /** A certificate that `by` signs. */
  signed(by: CertificateFiles, wish: CertificateWish): CertificateFiles {
    return this.make(wish, by);
  }

  /** A file with this text, for nobody else: it may be a key. */
  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  text(path: string): string {
    return readFileSync(path, 'utf8');
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true });
  }

  private make({ name, altNames, fromS = -DAY_S, toS = DAY_S }: CertificateWish, by: CertificateFiles | null) {
    this.made += 1;
    const path = join(this.folder, `${this.made}-${name}`);
    const files = { certificate: `${path}.crt`, key: `${path}.key` };
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`],
        ...['-not_before', stamp(fromS), '-not_after', stamp(toS), '-keyout', files.key, '-out', files.certificate],
        ...(by ? ['-CA', by.certificate, '-CAkey', by.key, '-addext', 'basicConstraints=critical,CA:FALSE'] : []),
        ...(altNames ? ['-addext', `subjectAltName=${altNames}`] : []),
      ],
      { stdio: 'pipe' },
    );
    return files;
  }
}

function stamp(fromNowS: number): string {
  const iso = new Date(Date.now() + fromNowS * 1000).toISOString();
  return `${iso.slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
}
