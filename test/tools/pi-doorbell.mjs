// A doorbell on an emulated board that has no network: its connections to broker and bridge, which run on the machine that runs the board,
// go out as lines `DOOR {...}` on the console and come back as files below /host, numbered from 0. So does what it prints.
// Usage: node pi-doorbell.mjs FOLDER PORT,PORT PROGRAM ARG...   FOLDER is where those files appear.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 40;
/** A console is slow, and its lines are short. */
const LINE_BYTES_MAX = 3_000;

const [, , folder = '', ports = '', program = '', ...args] = process.argv;
const say = (line) => process.stdout.write(`DOOR ${JSON.stringify(line)}\n`);

const sockets = new Map();
let opened = 0;

/** Lets the doorbell reach a port of the other machine under the same number here. */
function forward(port) {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const id = opened;
    opened += 1;
    sockets.set(id, socket);
    say({ open: id, port });
    socket.on('data', (data) => {
      for (let at = 0; at < data.length; at += LINE_BYTES_MAX) {
        say({ data: data.subarray(at, at + LINE_BYTES_MAX).toString('base64'), id });
      }
    });
    socket.on('end', () => say({ end: id }));
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(id);
      say({ close: id });
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

function take({ data, id, end, close, stop }, door) {
  if (data !== undefined) sockets.get(id)?.write(Buffer.from(data, 'base64'));
  if (end !== undefined) sockets.get(end)?.end();
  if (close !== undefined) sockets.get(close)?.destroy();
  if (stop) door.kill('SIGTERM');
}

/** The next file's lines; null while it is not there. A file appears whole. */
function next(number) {
  try {
    return readFileSync(`${folder}/${number}`, 'utf8').trim().split('\n');
  } catch (thrown) {
    if (thrown.code === 'ENOENT') return null;
    throw thrown;
  }
}

say({ machine: process.arch });
await Promise.all(ports.split(',').map((port) => forward(Number(port))));
const door = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
createInterface({ input: door.stdout }).on('line', (out) => say({ out }));
createInterface({ input: door.stderr }).on('line', (err) => say({ err }));
let isOver = false;
door.once('close', (code, signal) => {
  isOver = true;
  say({ ended: signal ?? `status ${code}` });
});
for (let number = 0; !isOver; ) {
  const lines = next(number);
  if (lines === null) {
    await sleep(LOOK_EVERY_MS);
  } else {
    for (const line of lines) take(JSON.parse(line), door);
    number += 1;
  }
}
process.exit(0);
