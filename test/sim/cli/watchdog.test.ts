// @module-tag python
// A doorbell under systemd's protocol: a real datagram socket receives READY, WATCHDOG and STOPPING.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { ServiceManager } from '../../../device/terminal/service-manager.ts';
import { Running, temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const folder = temporaryFolder('watchdog');
const socket = join(folder.path, 'notify');
const heard: string[] = [];
let receiver: ChildProcess;
beforeAll(() => {
  receiver = spawn('python3', [join(import.meta.dirname, '../../support/datagrams.py'), socket]);
  receiver.stdout?.on('data', (chunk: Buffer) => heard.push(...chunk.toString().split('\n').filter(Boolean)));
});
afterAll(async () => {
  receiver.kill();
  await once(receiver, 'close');
  folder.dispose();
});
const lives = () => heard.filter((line) => line === 'WATCHDOG=1').length;

it('receives READY, then WATCHDOG except while the doorbell hangs, then STOPPING', {
  tags: ['long', 'systemd'],
}, async (test) => {
  await vi.waitFor(() => expect(heard).toEqual(['bound']), 10_000);
  const data = join(folder.path, 'porch');
  const home = { url: 'mqtt://127.0.0.1:9', user: 'device-home-x', password: 'x' };
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(join(data, 'device.json'), JSON.stringify({ home }));
  const doorbell = new Running(['device', '--data', data, '--json'], {
    NOTIFY_SOCKET: socket,
    WATCHDOG_USEC: String(900_000),
  });
  await doorbell.line('a running doorbell', (line) => line['event'] === 'ready');
  await vi.waitFor(() => expect(lives()).toBeGreaterThan(2), 15_000);
  expect(heard.filter((line) => line.startsWith('READY'))).toHaveLength(1);

  const pid = doorbell.lines.find((line) => line['event'] === 'ready')?.['pid'];
  process.kill(Number(pid), 'SIGSTOP');
  // What was on its way when it was halted still arrives.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const halted = lives();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect(lives()).toBe(halted);
  process.kill(Number(pid), 'SIGCONT');
  await vi.waitFor(() => expect(lives()).toBeGreaterThan(halted), 15_000);

  await doorbell.stop();
  await vi.waitFor(() => expect(heard.at(-1)).toBe('STOPPING=1'), 10_000);
  proved(test, 'Watchdog: words heard by a stand-in for systemd while the doorbell hung for two watchdog times', '0');
});

it('receives no WATCHDOG when the health check fails or does not answer', async () => {
  const clock = new ManualClock(1_795_608_000_000_000);
  let fault: Promise<string | null> = Promise.resolve('the camera records, but its footage does not arrive');
  const environment = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '60000000', PATH: process.env['PATH'] };
  const manager = new ServiceManager({ clock, log: silentLog(), environment, fault: () => fault });
  const before = lives();
  manager.ready();
  await clock.advance(60_000);
  fault = new Promise(() => undefined);
  await clock.advance(60_000);
  manager.stop();
  await vi.waitFor(() => expect(heard.at(-1)).toBe('STOPPING=1'), 10_000);
  expect(lives()).toBe(before);
});
