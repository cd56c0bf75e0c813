// Checks whether an applicant controls the domain it names: a line with its id on the domain's web server, in its DNS, or in a local folder
// that the registry's operator fills.
import { Resolver } from 'node:dns/promises';
import { get } from 'node:https';
import type { LookupFunction } from 'node:net';
import { join } from 'node:path';
import { type Disk, systemCode } from '@doorsill/base/disk';
import { fromUtf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { lookupAllowed } from '../http/public-address.ts';

export const PROOF_KINDS = ['local', 'https', 'dns'] as const;
export type ProofKind = (typeof PROOF_KINDS)[number];

/** One way to prove a domain. */
export interface DomainProof {
  readonly kind: ProofKind;
  /** True if the domain shows this line; otherwise why not, or why it could not be checked. Never rejects. */
  shows(domain: string, line: string): Promise<true | string>;
}

const ANSWER_BYTES_MAX = 4_096;
const ANSWER_MS_MAX = 5_000;
/** RFC 8615. */
export const TOKEN_FILE = '/.well-known/doorsill-agency.txt';
/** The name below the domain whose TXT records are read (RFC 8552). */
export const TXT_LABEL = '_doorsill';

/** The line a domain must show: the id is derived from the agency's key, so the line vouches for that key and no other. */
export function proofLine(agency: string): string {
  return `doorsill-agency=${agency}`;
}

/** The first proof that succeeds, in the given order. Throws `agency_domain_unproven` with the result of each. */
export async function proveDomain(proofs: readonly DomainProof[], domain: string, agency: string): Promise<ProofKind> {
  const line = proofLine(agency);
  const found: string[] = [];
  for (const proof of proofs) {
    const shown = await proof.shows(domain, line);
    if (shown === true) return proof.kind;
    found.push(`${proof.kind}: ${shown}`);
  }
  const detail = found.join('; ') || 'the settings have no way to prove it';
  throw failure('agency_domain_unproven', { domain, proof: line, detail });
}

/** A file named after the domain in a folder of the registry's operator: for trials on one machine. */
export function localProof(disk: Pick<Disk, 'readFile'>, folder: string): DomainProof {
  return {
    kind: 'local',
    shows: async (domain, line) => {
      try {
        const bytes = await disk.readFile(join(folder, domain), ANSWER_BYTES_MAX);
        return bytes ? hasLine(fromUtf8(bytes) ?? '', line) : 'no such file';
      } catch (thrown) {
        return systemCode(thrown) ?? 'the file cannot be read';
      }
    },
  };
}

/** A file on the domain's own web server, over TLS with the CAs that this machine trusts. Redirects are not followed. */
export function httpsProof(options: { lookup?: LookupFunction; port?: number; ca?: string } = {}): DomainProof {
  const { lookup = lookupAllowed(false), port = 443, ca } = options;
  return {
    kind: 'https',
    shows: (domain, line) =>
      new Promise((resolve) => {
        const signal = AbortSignal.timeout(ANSWER_MS_MAX);
        const asked = get(
          { host: domain, port, path: TOKEN_FILE, lookup, signal, agent: false, ...(ca === undefined ? {} : { ca }) },
          (answer) => {
            let text = '';
            answer.setEncoding('utf8');
            answer.on('data', (piece: string) => {
              text += piece;
              if (text.length <= ANSWER_BYTES_MAX) return;
              // The whole body may have arrived already: the result must not depend on that.
              resolve('the file is too large');
              asked.destroy();
            });
            answer.on('end', () =>
              resolve(answer.statusCode === 200 ? hasLine(text, line) : `it answers with ${answer.statusCode}`),
            );
          },
        );
        asked.on('error', (thrown) => resolve(thrown.message || 'it cannot be reached'));
      }),
  };
}

/** A TXT record below the domain. `servers`: DNS servers to use instead of the machine's. */
export function dnsProof(servers?: readonly string[]): DomainProof {
  return {
    kind: 'dns',
    shows: async (domain, line) => {
      try {
        const resolver = new Resolver({ timeout: ANSWER_MS_MAX, tries: 1 });
        if (servers) resolver.setServers(servers);
        const records = await resolver.resolveTxt(`${TXT_LABEL}.${domain}`);
        return hasLine(records.map((pieces) => pieces.join('')).join('\n'), line);
      } catch (thrown) {
        return systemCode(thrown) ?? 'the DNS cannot be reached';
      }
    },
  };
}

function hasLine(text: string, line: string): true | string {
  return text.split(/\r?\n/).some((one) => one.trim() === line) || 'the line is missing';
}
