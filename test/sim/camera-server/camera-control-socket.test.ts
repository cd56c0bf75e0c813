import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import {
  CameraControlSocket,
  type ControlState,
  orderCamera,
} from '../../../sim/camera-server/camera-control-socket.ts';
import { failure } from '../../../sim/errors.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const clock = new SystemClock();
const STATE: ControlState = { nowS: 1.5, viewers: 2, serves: ['rtsp://127.0.0.1/porch'], faults: [] };
let folder: ReturnType<typeof temporaryFolder>;
let path = '';
let control: CameraControlSocket | null = null;
const executed: unknown[] = [];

beforeEach(() => {
  folder = temporaryFolder('control');
  path = join(folder.path, 'porch.sock');
  executed.length = 0;
});

afterEach(async () => {
  await control?.stop();
  control = null;
  folder.dispose();
});

function make(): CameraControlSocket {
  return new CameraControlSocket(path, {
    disk: new SystemDisk(),
    log: silentLog(),
    execute: (order) => {
      executed.push(order);
      if (order.do === 'clear') throw failure('camera_fault_not_set', { name: order.name });
      return STATE;
    },
  });
}

async function start(): Promise<void> {
  control = make();
  await control.start();
}

/** Sends bytes; returns the lines received until the other end closes or there are `lines`. */
function converse(bytes: string, lines = 1): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    const end = () => {
      socket.destroy();
      resolve(text.split('\n').filter((line) => line !== ''));
    };
    socket.on('data', (part: Buffer) => {
      text += part.toString();
      if (text.split('\n').length > lines) end();
    });
    socket.once('error', reject);
    socket.once('close', end);
    socket.write(bytes);
  });
}

describe('the control socket of a camera', () => {
  it('is accessible to this user only, executes orders, and is removed at the end', async () => {
    await start();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await orderCamera(path, { do: 'add', fault: 'frozen+5s' }, clock)).toEqual(STATE);
    expect(executed).toEqual([{ do: 'add', fault: 'frozen+5s' }]);
    await control?.stop();
    expect(() => statSync(path)).toThrow('ENOENT');
  });

  it('returns the code of a refused order', async () => {
    await start();
    await expect(orderCamera(path, { do: 'clear', name: 'noise' }, clock)).rejects.toMatchObject({
      code: 'camera_fault_not_set',
    });
  });

  it.each([
    ['no JSON', 'frozen\n'],
    ['an unknown order', '{"do":"explode"}\n'],
    ['a word too much', '{"do":"list","now":true}\n'],
    ['a fault that is no text', '{"do":"add","fault":7}\n'],
    ['a line that never ends', 'x'.repeat(10_000)],
    ['bytes that are no text', '\u0000\u00ff\n'],
  ])('answers %s with a code, and executes nothing', async (_what, bytes) => {
    await start();
    const [answer = ''] = await converse(bytes);
    expect(JSON.parse(answer)).toMatchObject({ ok: false, code: 'camera_control_garbled' });
    expect(executed).toEqual([]);
    expect(await orderCamera(path, { do: 'list' }, clock)).toEqual(STATE);
  });

  it('accepts several orders over one connection, at most a thousand', async () => {
    await start();
    const answers = await converse('{"do":"list"}\n'.repeat(1_001), 1_001);
    expect(answers.slice(0, 1_000).every((line) => line.includes('"ok":true'))).toBe(true);
    expect(answers.at(-1)).toContain('camera_control_garbled');
  });

  it('replaces a socket that a crash left behind, and no other file', async () => {
    await start();
    const second = make();
    await expect(second.start()).rejects.toMatchObject({ code: 'camera_control_unusable' });
    expect(await orderCamera(path, { do: 'list' }, clock)).toEqual(STATE);
    await control?.stop();
    writeFileSync(path, 'a letter');
    await expect(make().start()).rejects.toMatchObject({ code: 'camera_control_unusable' });
    path = join(folder.path, 'folder');
    mkdirSync(path);
    writeFileSync(join(path, 'kept'), '');
    await expect(make().start()).rejects.toMatchObject({ code: 'camera_control_unusable' });
    expect(statSync(join(path, 'kept')).isFile()).toBe(true);
    path = join(folder.path, 'x'.repeat(200));
    await expect(make().start()).rejects.toMatchObject({ code: 'camera_control_unusable' });
  });

  it('has a client that fails with a code if no camera listens', async () => {
    await expect(orderCamera(path, { do: 'list' }, clock)).rejects.toMatchObject({ code: 'camera_control_silent' });
  });
});
