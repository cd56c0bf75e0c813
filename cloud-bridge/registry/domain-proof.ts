// Owns: finding out whether an applicant holds the domain it names: a line with its id, at the domain itself, in its DNS, or in
// a folder of this registry that its operator fills. Not here: whether the domain may be an agency's (eligibility.ts).
import { lookup as systemLookup } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { get } from 'node:https';
import { BlockList, type LookupFunction } from 'node:net';
import { join } from 'node:path';
import { fromUtf8 } from '../../device/base/bytes.ts';
import { type Disk, systemCode } from '../../device/base/disk.ts';
import { failure } from '../../device/protocol/errors.ts';

export const PROOF_KINDS = ['local', 'https', 'dns'] as const;
export type ProofKind = (typeof PROOF_KINDS)[number];

/** One way to prove a domain. */
export interface DomainProof {
  readonly kind: ProofKind;
  /** Whether the domain shows this line; a text says why it does not, or could not be asked. Never rejects. */
  shows(domain: string, line: string): Promise<true | string>;
}

const ANSWER_BYTES_MAX = 4_096;
const ANSWER_MS_MAX = 5_000;
/** RFC 8615. */
export const TOKEN_FILE = '/.well-known/doorsill-agency.txt';
/** The name below the domain whose TXT records are read (RFC 8552). */
export const TXT_LABEL = '_doorsill';

/** What a domain shows: the id follows from the agency's key, so it vouches for that key and no other. */
export function proofLine(agency: string): string {
  return `doorsill-agency=${agency}`;
}

/** The first proof that holds, in the order given. Throws `agency_domain_unproven` with what each of them found. */
export async function proveDomain(proofs: readonly DomainProof[], domain: string, agency: string): Promise<ProofKind> {
  const line = proofLine(agency);
  const found: string[] = [];
  for (const proof of proofs) {
    const shown = await proof.shows(domain, line);
    if (shown === true) return proof.kind;
    found.push(`${proof.kind}: ${shown}`);
  }
  const detail = found.join('; ') || 'no way of proving it is set';
  throw failure('agency_domain_unproven', { domain, proof: line, detail });
}

/** A file named after the domain in a folder that only this registry's operator can write: for towns on one machine. */
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

/** Addresses of no public server: an applicant must not have the registry knock at its operator's own machines. */
const NOT_PUBLIC = { ipv4: new BlockList(), ipv6: new BlockList() };
const NETWORKS = {
  ipv4: [
    ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
    ...['192.168.0.0/16', '198.18.0.0/15', '224.0.0.0/3'],
  ],
  ipv6: ['::/96', '::ffff:0:0/96', '64:ff9b::/96', 'fc00::/7', 'fe80::/10', 'ff00::/8'],
};
for (const family of ['ipv4', 'ipv6'] as const) {
  for (const [network = '', prefix] of NETWORKS[family].map((one) => one.split('/')))
    NOT_PUBLIC[family].addSubnet(network, Number(prefix), family);
}

/** Whether an address is one of the public internet's. */
export function isPublicAddress(address: string, family: 'ipv4' | 'ipv6'): boolean {
  return !NOT_PUBLIC[family].check(address, family);
}

/** Looks a name up and answers with public addresses alone. */
const publicLookup: LookupFunction = (name, options, done) => {
  systemLookup(name, { ...options, all: true }, (thrown, addresses) => {
    if (thrown) return done(thrown, '', 0);
    const open = addresses.filter(({ address, family }) => isPublicAddress(address, family === 6 ? 'ipv6' : 'ipv4'));
    const [first] = open;
    if (!first) return done(new Error('it has no public address'), '', 0);
    return options.all ? done(null, open) : done(null, first.address, first.family);
  });
};

/** A file at the domain's own web server, over TLS with the authorities this machine trusts. No redirect is followed. */
export function httpsProof(options: { lookup?: LookupFunction; port?: number; ca?: string } = {}): DomainProof {
  const { lookup = publicLookup, port = 443, ca } = options;
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
              // All of it may be here already: the answer must not depend on that.
              resolve('its file is too large');
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

/** A TXT record below the domain. `servers`: others than the machine's. */
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
        return systemCode(thrown) ?? 'it cannot be asked';
      }
    },
  };
}

function hasLine(text: string, line: string): true | string {
  return text.split(/\r?\n/).some((one) => one.trim() === line) || 'the line is not there';
}
