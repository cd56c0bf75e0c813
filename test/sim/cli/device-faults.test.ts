// A virtual doorbell has the faults of the command line, its owner is notified, a power cut ends it at once, and a real doorbell refuses faults.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { callCommand } from '../../support/call-command.ts';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('cli-faults');
afterAll(folder.dispose);

const stateSchema = z.object({
  state: z.looseObject({
    simulatedFaults: z.array(z.string()).optional(),
    storage: z.looseObject({ state: z.string() }),
  }),
});

/** A doorbell's folder; its broker is nowhere. */
function setUp(name: string, settings: object = {}): string {
  const data = join(folder.path, name);
  const home = { url: 'mqtt://127.0.0.1:9', user: 'device-home-x', password: 'x' };
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(join(data, 'device.json'), JSON.stringify({ home, ...settings }));
  return data;
}

it('lists the faults', async () => {
  const { lines, status } = await runCommand(['device', 'faults', '--json']);
  expect(status).toBe(0);
  expect(lines).toContainEqual(expect.objectContaining({ fault: 'power-cut', takes: 'lost|torn|kept' }));
});

it('refuses invalid faults, and any fault of a doorbell with hardware or of a service', {
  tags: ['long'],
  timeout: 120_000,
}, async () => {
  const said = async (data: string, words: string[], environment = {}) =>
    (await callCommand(['device', '--data', data, '--log', 'error', ...words], { environment })).stderr;
  const porch = setUp('refusing');
  expect(await said(porch, ['--fault', 'disk-ful'])).toContain('[device_fault_unknown]');
  expect(await said(porch, ['--fault', 'disk-full', '--fault', 'disk-slow'])).toContain('[device_faults_contradict]');
  expect(await said(porch, ['--fault', 'disk-full'], { NOTIFY_SOCKET: '/run/x' })).toContain(
    'a service of this machine',
  );
  expect(await said(porch, ['--control', './x.sock', '--camera', 'v4l2:/dev/video9'])).toContain('its camera is wired');
  const button = { kind: 'gpio', name: 'front', chip: 'gpiochip0', line: 17 };
  const wired = setUp('wired', { buttons: [button] });
  expect(await said(wired, ['--fault', 'disk-full'])).toContain('[device_fault_on_hardware]');
  // What was opened for a doorbell that cannot start does not keep its process running.
  writeFileSync(join(porch, 'device.key'), 'no key', { mode: 0o600 });
  const damaged = await runCommand(['device', '--data', porch, '--control', join(folder.path, 'left.sock')]);
  expect(damaged.stderr).toContain('[state_damaged]');
  expect(existsSync(join(folder.path, 'left.sock'))).toBe(false);
});

it('makes the doorbell of a testbed fail, notifies its owner, and restarts it after a power cut', {
  tags: ['long'],
  timeout: 300_000,
}, async () => {
  const data = join(folder.path, 'testbed');
  const control = join(folder.path, 'porch.sock');
  const words = ['--data', data, '--no-ask', '--fault', 'clock-drift=100', '--control', control];
  const up = new Running(['up', ...words, '--json']);
  try {
    await up.line('a testbed', ({ event }) => event === 'up', 180);
    const told = async () => {
      const { last } = await callCommand(['watch', '--once', '--json', '--data', data]);
      const { state } = stateSchema.parse(last);
      return [...(state.simulatedFaults ?? []), `storage ${state.storage.state}`];
    };
    expect(await told()).toEqual(['clock-drift=100', 'storage ok']);

    const order = (...more: string[]) => callCommand(['device', 'fault', '--control', control, '--json', ...more]);
    expect((await order('disk-failing')).last).toMatchObject({ faults: [{}, { fault: 'disk-failing', untilS: null }] });
    const failing = ['clock-drift=100', 'disk-failing', 'storage failed'];
    await expect.poll(told, { timeout: 60_000 }).toEqual(failing);

    expect((await order('power-cut=torn')).status).toBe(0);
    const note = await up.line('the crash', ({ event, text }) => event === 'note' && `${text}`.includes('SIGKILL'));
    expect(note['text']).toContain('doorbell');
    await expect.poll(told, { timeout: 60_000 }).toEqual(['storage ok']);
    expect((await order()).last).toMatchObject({ faults: [] });
  } finally {
    await up.stop();
  }
});
