// A domain belongs to an agency only when it shows that agency's id: in a file of the operator, at its web server over TLS, or in its DNS.
// An applicant cannot make the registry connect to an address that is not public.
import { createSocket, type Socket } from 'node:dgram';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  dnsProof,
  httpsProof,
  localProof,
  proofLine,
  proveDomain,
} from '../../../cloud-bridge/registry/domain-proof.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { CertificateMaker } from '../../support/certificates.ts';

const line = proofLine('agency-1');
const domain = 'police.springfield.example';

describe('a file of the operator', () => {
  it('proves the domain in its name, for the ids in it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'doorsill-proof-'));
    try {
      await writeFile(join(folder, domain), `doorsill-agency=agency-0\r\n  ${line}\r\n`);
      const proof = localProof(new SystemDisk(), folder);
      expect(await proof.shows(domain, line)).toBe(true);
      expect(await proof.shows(domain, proofLine('agency-2'))).toBe('the line is missing');
      expect(await proof.shows(domain, proofLine('agency-'))).toBe('the line is missing');
      expect(await proof.shows('other.example', line)).toBe('no such file');
      await mkdir(join(folder, 'folder.example'));
      expect(await proof.shows('folder.example', line)).toEqual(expect.any(String));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('the domain’s web server', { tags: ['openssl'] }, () => {
  let server: Server;
  let ca: string;
  const maker = new CertificateMaker();
  let answer: { status: number; text: string; location?: string };
  const here: LookupFunction = (_name, options, done) =>
    options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
  const proof = () => httpsProof({ lookup: here, port: (server.address() as AddressInfo).port, ca });

  beforeAll(async () => {
    const authority = maker.authority('authority');
    const made = maker.signed(authority, { name: 'server', altNames: `DNS:${domain}` });
    ca = maker.text(authority.certificate);
    server = createServer({ cert: maker.text(made.certificate), key: maker.text(made.key) }, (request, reply) => {
      const isFile = request.url === '/.well-known/doorsill-agency.txt';
      reply.writeHead(isFile ? answer.status : 404, answer.location ? { location: answer.location } : {});
      reply.end(answer.text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    maker.dispose();
  });

  it('proves it by the line in its file', async () => {
    answer = { status: 200, text: `# agencies\n${line}\n` };
    expect(await proof().shows(domain, line)).toBe(true);
    answer = { status: 200, text: 'nothing' };
    expect(await proof().shows(domain, line)).toBe('the line is missing');
  });

  it('proves nothing with another status, a redirect, a large file, or a certificate for another name', async () => {
    answer = { status: 404, text: line };
    expect(await proof().shows(domain, line)).toBe('it answers with 404');
    answer = { status: 302, text: line, location: 'https://elsewhere.example/' };
    expect(await proof().shows(domain, line)).toBe('it answers with 302');
    answer = { status: 200, text: `${'x'.repeat(5_000)}\n${line}\n` };
    expect(await proof().shows(domain, line)).toBe('the file is too large');
    answer = { status: 200, text: line };
    expect(await proof().shows('sheriff.example', line)).toMatch(/altnames/);
    expect(
      await httpsProof({ lookup: here, port: (server.address() as AddressInfo).port }).shows(domain, line),
    ).toMatch(/certificate/);
  });

  it('is not queried at an address that is not public', async () => {
    const { port } = server.address() as AddressInfo;
    answer = { status: 200, text: line };
    expect(await httpsProof({ port, ca }).shows('localhost', line)).toBe(
      'it has no address, or one that is not public',
    );
  });
});

describe('the domain’s DNS', () => {
  let socket: Socket;
  let records: string[][];
  let asked: string[];

  beforeAll(async () => {
    socket = createSocket('udp4');
    socket.on('message', (query, from) => {
      const end = query.indexOf(0, 12) + 5;
      const labels: string[] = [];
      for (let at = 12; (query[at] ?? 0) > 0; at += 1 + (query[at] ?? 0))
        labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] ?? 0)));
      asked.push(labels.join('.'));
      const head = Buffer.alloc(12);
      query.copy(head, 0, 0, 2);
      head.writeUInt16BE(records.length > 0 ? 0x8180 : 0x8183, 2);
      head.writeUInt16BE(1, 4);
      head.writeUInt16BE(records.length, 6);
      const answers = records.map((pieces) => {
        const data = Buffer.concat(pieces.map((piece) => Buffer.from([piece.length, ...Buffer.from(piece)])));
        const record = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, data.length >> 8, data.length & 255]);
        return Buffer.concat([record, data]);
      });
      socket.send(Buffer.concat([head, query.subarray(12, end), ...answers]), from.port, from.address);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  });
  afterAll(() => socket.close());

  it('proves it by a TXT record below the domain, in one piece or several', async () => {
    const proof = dnsProof([`127.0.0.1:${socket.address().port}`]);
    asked = [];
    records = [['v=spf1 -all'], [line]];
    expect(await proof.shows(domain, line)).toBe(true);
    expect(asked).toEqual([`_doorsill.${domain}`]);
    records = [[line.slice(0, 10), line.slice(10)]];
    expect(await proof.shows(domain, line)).toBe(true);
    records = [[`${line}0`]];
    expect(await proof.shows(domain, line)).toBe('the line is missing');
    records = [];
    expect(await proof.shows(domain, line)).toBe('ENOTFOUND');
  });
});

it('names the proof that was found, or the result of each attempt', async () => {
  const proofs = [
    { kind: 'local' as const, shows: async () => 'no such file' },
    {
      kind: 'dns' as const,
      shows: async (_domain: string, shown: string) => shown === line || 'the line is missing',
    },
  ];
  expect(await proveDomain(proofs, domain, 'agency-1')).toBe('dns');
  await expect(proveDomain(proofs, domain, 'agency-2')).rejects.toMatchObject({
    code: 'agency_domain_unproven',
    facts: { domain, proof: 'doorsill-agency=agency-2', detail: 'local: no such file; dns: the line is missing' },
  });
  await expect(proveDomain([], domain, 'agency-1')).rejects.toMatchObject({ code: 'agency_domain_unproven' });
});
