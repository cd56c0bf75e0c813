// Holds: only its user can switch a running doorbell's faults; a refused or garbled order changes nothing.
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { DeviceFaults } from '../../../sim/world/device-faults.ts';
import { FaultServer, orderFaults } from '../../../sim/world/fault-socket.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const clock = new SystemClock();
const disk = new SystemDisk();
let folder = temporaryFolder('fault-socket');
let faults: DeviceFaults;
let server: FaultServer;
beforeEach(async () => {
  folder = temporaryFolder('fault-socket');
  faults = new DeviceFaults({ clock, disk, random: new SeededRandom(1), log: silentLog(), cutOff: () => undefined });
  server = new FaultServer(path(), { clock, disk, faults });
  await server.start();
});
afterEach(async () => {
  faults.stop();
  await server.stop();
  folder.dispose();
});
const path = () => join(folder.path, 'porch.sock');
const order = (add: string[], clear: string[] = []) => orderFaults(path(), { add, clear }, clock);

it('adds, lists and clears faults, also in one order', async () => {
  const { faults: added, nowS } = await order(['disk-full+1h', 'clock-ahead=3h@5h']);
  expect(added.map(({ fault }) => fault)).toEqual(['disk-full+1h', 'clock-ahead=3h@5h']);
  expect(added[1]).toMatchObject({ name: 'clock-ahead', fromS: 18_000, untilS: null });
  expect(nowS).toBeGreaterThan(0);
  expect(faults.now()).toEqual(['disk-full+1h']);
  const after = await order(['disk-failing'], ['all']);
  expect(after.faults.map(({ fault }) => fault)).toEqual(['disk-failing']);
  expect((await order([])).faults).toEqual(after.faults);
});

it('is only for its user, and is removed when it stops', async () => {
  expect(statSync(path()).mode & 0o777).toBe(0o600);
  await server.stop();
  await expect(order([])).rejects.toMatchObject({ code: 'device_control_silent' });
});

it('passes on the doorbell’s refusals', async () => {
  await expect(order(['disk-fulll'])).rejects.toMatchObject({
    code: 'device_fault_unknown',
    message: 'There is no doorbell fault called "disk-fulll" (did you mean disk-full?).',
  });
  await expect(order([], ['disk-full'])).rejects.toMatchObject({ code: 'device_fault_not_set' });
  expect(faults.list()).toEqual([]);
});

it('changes nothing for data that is not an order, and ends a connection that sends too much', async () => {
  const said = (text: string) =>
    new Promise<string>((resolve) => {
      let answer = '';
      const socket = connect(path(), () => socket.write(text));
      socket.on('data', (chunk) => {
        answer += chunk.toString();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(answer));
    });
  expect(await said('hello\n')).toContain('"usage"');
  expect(await said('{"add":["disk-full"]}\n')).toContain('"usage"');
  expect(await said('x'.repeat(70_000))).toBe('');
  expect(faults.list()).toEqual([]);
});

it('replaces a socket that a crash left, and nothing else', async () => {
  const other = (name: string) => new FaultServer(join(folder.path, name), { clock, disk, faults });
  await expect(other('porch.sock').start()).rejects.toMatchObject({ code: 'device_control_unusable' });
  writeFileSync(join(folder.path, 'file'), 'mine');
  mkdirSync(join(folder.path, 'folder'));
  for (const name of ['file', 'folder', 'x'.repeat(120)])
    await expect(other(name).start()).rejects.toMatchObject({ code: 'device_control_unusable' });
});

it('does not take another program’s answer for a doorbell’s', async () => {
  const there = join(folder.path, 'other.sock');
  const program = createServer((socket) => socket.on('error', () => undefined).end('{"hello":1}\n'));
  await new Promise<void>((resolve) => program.listen(there, resolve));
  await expect(orderFaults(there, { add: [], clear: [] }, clock)).rejects.toMatchObject({
    code: 'device_control_silent',
  });
  program.close();
});
