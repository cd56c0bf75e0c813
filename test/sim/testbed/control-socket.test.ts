// Holds: a running testbed's socket takes one order at a time from its own user; everything else is refused and changes nothing.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { privateSocketPath } from '../../../device/owner/private-socket.ts';
import { failure } from '../../../sim/errors.ts';
import {
  type ChangedDoorbell,
  ControlServer,
  orderTestbed,
  type TestbedOrder,
} from '../../../sim/testbed/control-socket.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const clock = new SystemClock();
const disk = new SystemDisk();
const ADDED: ChangedDoorbell = { name: 'Back door', device: 'device-2', page: 'http://127.0.0.1:18935' };
const NOBODY = 61_234;

let folder: ReturnType<typeof temporaryFolder>;
let server: ControlServer;
let orders: TestbedOrder[];
let obey: (order: TestbedOrder) => Promise<ChangedDoorbell>;
const open: Socket[] = [];
const path = () => privateSocketPath(folder.path, 'control.sock');
const add = (name?: string) => orderTestbed({ clock }, folder.path, { verb: 'add', ...(name ? { name } : {}) });

beforeEach(async () => {
  folder = temporaryFolder('control');
  orders = [];
  obey = async () => ADDED;
  server = new ControlServer({
    ...{ clock, disk, folder: folder.path },
    obey: (order) => {
      orders.push(order);
      return obey(order);
    },
  });
  await server.start();
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await server.stop();
  folder.dispose();
});

/** Sends raw bytes; resolves with the answer once the connection has ended. */
function send(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection(path());
    open.push(socket);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(text));
    socket.write(bytes);
  });
}

describe('an order', () => {
  it('is carried out and answered', async () => {
    expect(await add('Back door')).toEqual(ADDED);
    await orderTestbed({ clock }, folder.path, { verb: 'remove', device: 'device-2' });
    expect(orders).toEqual([
      { verb: 'add', name: 'Back door' },
      { verb: 'remove', device: 'device-2' },
    ]);
  });

  it('that is refused returns that refusal, with its facts', async () => {
    obey = async () => {
      throw failure('doorbell_name_taken', { name: 'Back door' });
    };
    await expect(add('Back door')).rejects.toMatchObject({
      code: 'doorbell_name_taken',
      message: 'There is already a doorbell called "Back door".',
    });
    obey = async () => {
      throw new Error('a bug');
    };
    await expect(add()).rejects.toMatchObject({ code: 'internal' });
  });

  it('waits for the one before it', async () => {
    let running = 0;
    let most = 0;
    obey = async () => {
      running += 1;
      most = Math.max(most, running);
      await clock.sleep(30);
      running -= 1;
      return ADDED;
    };
    await Promise.all([add('a'), add('b'), add('c')]);
    expect([orders.length, most]).toEqual([3, 1]);
  });

  it('fails if no testbed runs', async () => {
    await server.stop();
    expect(existsSync(path())).toBe(false);
    await expect(add()).rejects.toMatchObject({ code: 'unreachable' });
    expect(orders).toEqual([]);
  });
});

describe('data that is not an order', () => {
  it.each([
    ...[
      'nonsense',
      '',
      '{}',
      '[]',
      'null',
      '{"verb":"stop"}',
      '{"verb":"add","path":"/etc"}',
      '{"verb":"add","name":7}',
    ],
    ...['{"verb":"remove"}', '{"verb":"remove","device":"../owner"}', '\u0000\u0001', '{"verb":"add","camera":""}'],
  ])('is refused, and nothing is done: %j', async (text) => {
    expect(await send(`${text}\n`)).toContain('"ok":false,"code":"usage"');
    expect(orders).toEqual([]);
    expect(await add()).toEqual(ADDED);
  });

  it('ends the connection if it is too long, also without a line end', async () => {
    const long = JSON.stringify({ verb: 'add', name: 'x'.repeat(90_000) });
    expect(await send(`${long}\n`)).toBe('');
    expect(await send('x'.repeat(100_000))).toBe('');
    expect(orders).toEqual([]);
    expect(await add()).toEqual(ADDED);
  });

  it('is refused after an order on the same connection: there is one order for each', async () => {
    await send('{"verb":"add"}\n{"verb":"add"}\n');
    await clock.sleep(20);
    expect(orders.length).toBeLessThanOrEqual(1);
  });
});

describe('the socket', () => {
  it('is only for the user of the process', () => {
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it('refuses another user, even if the folders admit them', { tags: ['root'] }, () => {
    for (const each of [folder.path, join(folder.path, 'run')]) chmodSync(each, 0o755);
    const script = `require('node:net').createConnection(${JSON.stringify(path())})
      .on('connect', () => { console.log('connected'); process.exit(); }).on('error', (thrown) => console.log(thrown.code));`;
    const asked = (uid: number) =>
      spawnSync(process.execPath, ['-e', script], { uid, gid: uid, cwd: '/', encoding: 'utf8' }).stdout.trim();
    expect([asked(NOBODY), asked(process.getuid?.() ?? 0)]).toEqual(['EACCES', 'connected']);
  });

  it('replaces a socket that a crash left', async () => {
    await server.stop();
    writeFileSync(path(), '');
    await server.start();
    expect(await add()).toEqual(ADDED);
  });

  it('is not trusted by the client: an invalid or endless answer is an error', async () => {
    await server.stop();
    let says = 'nonsense\n';
    const other = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.resume();
      socket.write(says);
    });
    await new Promise<void>((resolve) => other.listen(path(), resolve));
    try {
      await expect(add()).rejects.toMatchObject({ code: 'unreachable' });
      says = 'x'.repeat(100_000);
      await expect(add()).rejects.toMatchObject({ code: 'unreachable' });
      says = '{"ok":false,"code":"made_up","facts":{}}\n';
      await expect(add()).rejects.toMatchObject({ code: 'unreachable' });
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  });
});
