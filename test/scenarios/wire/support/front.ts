// Forwarding proxies at the host's end of the link for broker, bridge and camera, plain or TLS; they can be closed or held on demand.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';
import { DOMAIN } from './namespace.ts';

const run = promisify(execFile);

/** A certificate for every name of the domain, and the file of its CA. */
export interface Certificate {
  key: Buffer;
  cert: Buffer;
  authorityFile: string;
}

export async function makeCertificate(folder: string): Promise<Certificate> {
  const file = (name: string) => join(folder, name);
  const openssl = (line: string) => run('openssl', line.split(' '));
  const [caKey, ca, key, ask, cert] = ['ca.key', 'ca.pem', 'key.pem', 'ask.pem', 'cert.pem'].map(file);
  await openssl(`req -x509 -newkey ed25519 -nodes -keyout ${caKey} -out ${ca} -days 2 -subj /CN=authority.${DOMAIN}`);
  await openssl(`req -newkey ed25519 -nodes -keyout ${key} -out ${ask} -subj /CN=${DOMAIN}`);
  await writeFile(file('names'), `subjectAltName=DNS:*.${DOMAIN}\n`);
  await openssl(`x509 -req -in ${ask} -CA ${ca} -CAkey ${caKey} -days 2 -extfile ${file('names')} -out ${cert}`);
  return { key: await readFile(key ?? ''), cert: await readFile(cert ?? ''), authorityFile: ca ?? '' };
}

export class Front {
  readonly name: string;
  /** The target port on loopback. */
  targetPort = 0;
  port = 0;
  /** Plain bytes from clients after TLS, by client port. */
  readonly heard = new Map<number, number>();
  /** What passed, by connection, each way; null if it is not recorded. */
  readonly passed: { up: Buffer[]; down: Buffer[] }[] | null;
  private readonly host: string;
  private readonly certificate: Certificate | null;
  private readonly open = new Set<Socket>();
  private server: Server | null = null;
  /** Bytes that may still pass; then clients wait. */
  private allowance = Number.POSITIVE_INFINITY;
  private readonly held = new Set<Socket>();
  private heldOnce: (() => void) | null = null;

  /** `certificate`: terminates TLS; null: forwards as it is. */
  constructor(name: string, host: string, certificate: Certificate | null, { isRecorded = false } = {}) {
    this.name = name;
    this.host = host;
    this.certificate = certificate;
    this.passed = isRecorded ? [] : null;
  }

  async start(): Promise<void> {
    const accept = (client: Socket) => this.accept(client);
    const { certificate } = this;
    const server = certificate
      ? createTlsServer({ key: certificate.key, cert: certificate.cert, minVersion: 'TLSv1.3' }, accept)
      : createServer(accept);
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, this.host, resolve);
    });
    const address = server.address();
    if (address && typeof address === 'object') this.port = address.port;
  }

  /** Refuses and closes connections; `start` opens it again at the same port. */
  async stop(): Promise<void> {
    const { server } = this;
    this.server = null;
    for (const socket of this.open) socket.destroy();
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Lets `bytes` more from clients pass and then nothing; resolves when something waits. */
  hold(bytes: number): Promise<void> {
    this.allowance = bytes;
    return new Promise((resolve) => {
      this.heldOnce = resolve;
    });
  }

  release(): void {
    this.allowance = Number.POSITIVE_INFINITY;
    for (const client of this.held) client.resume();
    this.held.clear();
  }

  private accept(client: Socket): void {
    const target = connect(this.targetPort, '127.0.0.1');
    const port = client.remotePort ?? 0;
    const passed = { up: [] as Buffer[], down: [] as Buffer[] };
    this.passed?.push(passed);
    for (const socket of [client, target]) {
      this.open.add(socket);
      socket.on('error', () => undefined);
      socket.setNoDelay(true);
    }
    client.on('data', (piece: Buffer) => {
      this.heard.set(port, (this.heard.get(port) ?? 0) + piece.length);
      this.allowance -= piece.length;
      if (this.passed) passed.up.push(piece);
      target.write(piece);
      if (this.allowance > 0) return;
      client.pause();
      this.held.add(client);
      this.heldOnce?.();
      this.heldOnce = null;
    });
    target.on('data', (piece: Buffer) => {
      if (this.passed) passed.down.push(piece);
      client.write(piece);
    });
    const close = () => {
      for (const socket of [client, target]) {
        socket.destroy();
        this.open.delete(socket);
      }
      this.held.delete(client);
    };
    client.on('end', () => target.end());
    target.on('end', () => client.end());
    client.on('close', close);
    target.on('close', close);
  }
}
