// Connections of a process and of its children are found in /proc, and sockets that may send anywhere.
import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { ProcessSockets, readTable } from '../../../sim/prove/process-sockets.ts';
import { untilFound } from '../../support/until-found.ts';

const clock = new SystemClock();
let server: Server;
let port = 0;
let arrived = 0;
beforeEach(async () => {
  arrived = 0;
  server = createServer((socket) => {
    arrived += 1;
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  port = typeof address === 'object' && address ? address.port : 0;
});
afterEach(() => void server.close());

/** Runs a script in a node of its own, looked at until it was seen to do `what`. */
async function looked(script: string, isDone: () => boolean): Promise<string[]> {
  const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'ignore', 'inherit'] });
  const sockets = new ProcessSockets(clock);
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    sockets.watch(child.pid ?? 0);
    const missing = () => 'the child did nothing';
    await untilFound(() => (isDone() ? true : null), { mostMs: 10_000, everyMs: 10, missing });
    await clock.sleep(100);
    const { ends, looks, blindMs } = await sockets.stop();
    // Looks are 20 ms apart at least, and the time from one to the next is told.
    expect(looks).toBeGreaterThan(1);
    expect(blindMs).toBeGreaterThanOrEqual(19);
    return ends.map(({ end }) => end);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

it('finds the remote address of a process’s connection', async () => {
  const ends = await looked(`require('net').connect(${port}, '127.0.0.1')`, () => arrived > 0);
  expect(ends).toEqual([`tcp 127.0.0.1:${port}`]);
});

it('finds the remote address of a child’s connection', async () => {
  const inner = `require('net').connect(${port}, '127.0.0.1')`;
  const script = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(inner)}], { stdio: ['pipe', 'ignore', 'ignore'] })`;
  expect(await looked(script, () => arrived > 0)).toEqual([`tcp 127.0.0.1:${port}`]);
});

it('finds a socket that may send anywhere, and none that only listens', async () => {
  const script = `const listener = require('net').createServer().listen(0, '127.0.0.1');
    require('dgram').createSocket('udp4').bind(0, () => require('net').connect(${port}, '127.0.0.1'));`;
  expect((await looked(script, () => arrived > 0)).sort()).toEqual([`tcp 127.0.0.1:${port}`, 'udp (any)']);
});

it('reads addresses of both families, and mapped ones as IPv4', () => {
  const row = (far: string, inode: number, state = '01') =>
    `   0: 0100007F:C350 ${far} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 20 4 30 10 -1`;
  const rows = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    row('0101A8C0:01BB', 1),
    row('00000000000000000000000001000000:0050', 2),
    row('0000000000000000FFFF00000100007F:0050', 3),
    row('0101A8C0:0016', 4),
    row('0101A8C0:0017', 5, '0A'),
  ].join('\n');
  expect(readTable('tcp6', rows, new Set(['1', '2', '3', '5']))).toEqual([
    'tcp 192.168.1.1:443',
    'tcp [0:0:0:0:0:0:0:1]:80',
    'tcp 127.0.0.1:80',
  ]);
});
