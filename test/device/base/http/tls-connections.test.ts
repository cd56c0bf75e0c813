// Holds: over TLS, too, a transfer keeps its connection however many others come, and a connection is reset, not closed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemClock } from '../../../../device/base/clock.ts';
import { SystemDisk } from '../../../../device/base/disk.ts';
import { keepForTransfer, resetConnection } from '../../../../device/base/http/connection-limit.ts';
import { HTTP_LIMITS, listenOn, makeHttpServer } from '../../../../device/base/http/http-server.ts';
import { silentLog } from '../../../../device/base/log.ts';
import { SystemRandom } from '../../../../device/base/random.ts';
import { serverCertificate } from '../../../../device/console/certificate.ts';

let folder: string;
let server: ReturnType<typeof makeHttpServer>;
let url: string;
/** Resets the connection of the running answer. */
let reset: () => void = () => undefined;
const sockets: TLSSocket[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-tls-'));
  const clock = new SystemClock();
  const tls = await serverCertificate({ disk: new SystemDisk(), random: new SystemRandom(), clock }, folder);
  const limits = { ...HTTP_LIMITS, connections: 10, connectionsPerAddress: 10, connectionsReserved: 2 };
  server = makeHttpServer({ clock, log: silentLog(), limits, tls });
  server.get('/endless', (_request, reply) => {
    reply.hijack();
    const { raw } = reply;
    keepForTransfer(raw.socket);
    reset = () => resetConnection(raw.socket);
    raw.writeHead(200);
    raw.write('begun');
  });
  url = await listenOn(server, '127.0.0.1', 0);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
  await rm(folder, { recursive: true });
});

/** Sends `text` on a connection; the answer, and how the connection ended. */
async function line(text = ''): Promise<{ heard: string; end: string | null }> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false });
  sockets.push(socket);
  const one = { heard: '', end: null as string | null };
  socket.on('data', (bytes: Buffer) => {
    one.heard += bytes.toString('latin1');
  });
  socket.on('error', (thrown: NodeJS.ErrnoException) => {
    one.end ??= thrown.code ?? '';
  });
  socket.on('close', () => {
    one.end ??= 'closed';
  });
  await new Promise((resolve) => socket.once('secureConnect', resolve).once('close', resolve));
  if (text !== '') socket.write(text);
  return one;
}

const ENDLESS = 'GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n';

it('keeps a transfer while idle connections come and go', async () => {
  const transfer = await line(ENDLESS);
  await expect.poll(() => transfer.heard).toContain('begun');
  const idle: Awaited<ReturnType<typeof line>>[] = [];
  for (let number = 0; number < 25; number += 1) idle.push(await line());
  await expect.poll(() => idle.filter(({ end }) => end === null).length).toBeLessThanOrEqual(9);
  expect(transfer.end).toBeNull();
});

it('resets a connection, so that its client knows that the answer is incomplete', async () => {
  const transfer = await line(ENDLESS);
  await expect.poll(() => transfer.heard).toContain('begun');
  reset();
  await expect.poll(() => transfer.end).toBe('ECONNRESET');
  await expect
    .poll(() => new Promise((resolve) => server.server.getConnections((_error, count) => resolve(count))))
    .toBe(0);
});
