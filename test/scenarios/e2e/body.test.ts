// @module-tag long
// @module-tag setpriv
// A doorbell with hardware: real programs replace its GPIO button, chime, shutter and lamps, and a real broker carries its messages.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { DeviceEvent, DeviceState } from '../../../device/contract/home-messages.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { descendants } from '../../support/processes.ts';
import { proved } from '../../support/proved.ts';
import { RunningTestbed } from '../../support/running-testbed.ts';

const folder = temporaryFolder('body');
const at = (name: string) => join(folder.path, name);
const read = (name: string) => (existsSync(at(name)) ? readFileSync(at(name), 'utf8') : '');

/** Prints an edge for each word in a file, as the real tool does for each edge. */
const GPIOMON = `#!/bin/sh
[ "$1" = --version ] && echo "gpiomon (libgpiod) v2.2.1" && exit
[ -e ${at('unplugged')} ] && echo "gpiomon: cannot find line 17" >&2 && exit 1
touch ${at('edges')}
exec tail -n +1 -f ${at('edges')}
`;

/** Holds its line and records each level. */
const GPIOSET = `#!/bin/sh
[ "$1" = --version ] && echo "gpioset (libgpiod) v2.2.1" && exit
for last; do :; done
echo "$last" >> ${at('lamps')}
exec sleep 1000
`;

mkdirSync(at('bin'));
writeFileSync(at('bin/gpioset'), GPIOSET);
chmodSync(at('bin/gpioset'), 0o755);
writeFileSync(at('bin/gpiomon'), GPIOMON);
chmodSync(at('bin/gpiomon'), 0o755);
const testbed = new RunningTestbed('synthetic', { PATH: `${at('bin')}:${process.env['PATH']}` });
const events: DeviceEvent[] = [];
const states: DeviceState[] = [];

beforeAll(async () => {
  await testbed.start();
  await testbed.configure({
    buttons: [{ kind: 'gpio', name: 'gate', line: 17 }],
    chime: { command: ['sh', '-c', `echo ding >> ${at('chime')}`] },
    shutter: {
      kind: 'command',
      close: ['sh', '-c', `echo closed >> ${at('shutter')}`],
      open: ['sh', '-c', `echo open >> ${at('shutter')}`],
    },
    lights: { recording: { kind: 'gpio', line: 22 }, privacy: { kind: 'gpio', line: 23 } },
  });
  testbed.session.listen({ event: (event) => events.push(event), state: (said) => states.push(said) });
  await vi.waitFor(() => expect(existsSync(at('edges'))).toBe(true), 10_000);
}, 90_000);

afterAll(async () => {
  await testbed.stop();
  testbed.dispose();
  folder.dispose();
});

/** The doorbell's processes with this name. */
const running = (name: string) =>
  descendants(testbed.pidOf('doorbell') ?? 0).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name;
    } catch {
      return false;
    }
  });

/** The last level of a lamp's line. */
const lamp = (line: number) =>
  read('lamps')
    .split('\n')
    .findLast((each) => each.startsWith(`${line}=`));
const lampsAre = (...levels: string[]) => vi.waitFor(() => expect([lamp(22), lamp(23)]).toEqual(levels), 10_000);

/** Presses the button and waits for the owner's event. */
async function press(): Promise<void> {
  const before = rings().length;
  writeFileSync(at('edges'), '1\n', { flag: 'a' });
  await vi.waitFor(() => expect(rings().length).toBe(before + 1), 10_000);
  writeFileSync(at('edges'), '2\n', { flag: 'a' });
}
const hardware = () => events.flatMap((event) => (event.type === 'hardware' ? [event.state] : []));
const state = (): DeviceState | undefined => states.at(-1);
const rings = () => events.filter((event) => event.type === 'ring' && event.source === 'gpio');

it('rings, sounds its chime and keeps its shutter open without privacy', async () => {
  await testbed.cameraIs('recording');
  await press();
  expect(rings()).toMatchObject([{ button: 'gate' }]);
  await vi.waitFor(() => expect(read('chime')).toBe('ding\n'), 10_000);
  expect(read('shutter')).toBe('open\n');
  await lampsAre('22=1', '23=0');
});

it('stops its camera and closes its shutter with privacy, and still rings', async (test) => {
  await testbed.command({ action: 'privacy', on: true });
  await testbed.cameraIs('off');
  await vi.waitFor(() => expect(read('shutter')).toBe('open\nclosed\n'), 10_000);
  expect(running('ffmpeg')).toEqual([]);
  await lampsAre('22=0', '23=1');
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await press();
  await vi.waitFor(() => expect(read('chime')).toBe('ding\nding\n'), 10_000);
  expect(running('ffmpeg')).toEqual([]);
  await testbed.command({ action: 'privacy', on: false });
  await testbed.cameraIs('recording');
  expect(read('shutter')).toBe('open\nclosed\nopen\n');
  await lampsAre('22=1', '23=0');
  proved(
    test,
    'Presses that ring while privacy keeps the camera off',
    `${rings().length - 1} of 1, ffmpeg processes 0`,
  );
});

it('refuses to press a missing button', async () => {
  await expect(testbed.command({ action: 'press', button: 'nope' })).rejects.toMatchObject({
    code: 'button_unknown',
    message: 'The doorbell has no such button; it has front, gate.',
  });
});

it('publishes its state on changes, not every second', async () => {
  await testbed.cameraIs('recording');
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const before = states.length;
  const newest = state()?.ring.coverage.at(-1)?.endUs ?? 0;
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  expect(states.length - before).toBeLessThanOrEqual(1);
  await testbed.footage(1_000_000, newest);
  expect(state()?.ring.coverage.at(-1)?.endUs).toBeGreaterThan(newest);
});

it('reports an unreadable button, and its recovery', async () => {
  writeFileSync(at('unplugged'), '');
  for (const pid of running('tail')) process.kill(pid, 'SIGKILL');
  await vi.waitFor(() => expect(state()?.hardware?.[0]?.detail).toContain('cannot find line 17'), 10_000);
  expect(state()?.hardware).toMatchObject([{ part: 'button', name: 'gate' }]);
  rmSync(at('unplugged'));
  await vi.waitFor(() => expect(state()?.hardware).toBeUndefined(), 20_000);
  expect(hardware()).toEqual([...hardware().slice(0, -1).fill('failed'), 'ok']);
  await press();
});
