// @module-tag long
// @module-tag setpriv
// A doorbell whose inner button is held for ten seconds: a real process erases its identity and starts as a new one.
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { Running, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('held');
afterAll(() => folder.dispose());
const at = (name: string) => join(folder.path, name);
const data = at('porch');

/** Prints the edges of its line from a file with its number, as they come. */
const GPIOMON = `#!/bin/sh
[ "$1" = --version ] && echo "gpiomon (libgpiod) v2.2.1" && exit
for last; do :; done
touch ${folder.path}/$last
exec tail -n +1 -f ${folder.path}/$last
`;

function start(): Running {
  return new Running(['device', '--data', data, '--json'], { PATH: `${at('bin')}:${process.env['PATH']}` });
}
const ready = async (doorbell: Running) =>
  (await doorbell.line('a ready doorbell', ({ event }) => event === 'ready'))['device'];

it('ends without owner, keeps its settings, and starts as a new doorbell', async () => {
  mkdirSync(at('bin'));
  writeFileSync(at('bin/gpiomon'), GPIOMON);
  chmodSync(at('bin/gpiomon'), 0o755);
  mkdirSync(data, { mode: 0o700 });
  const buttons = [
    { kind: 'gpio', name: 'front', line: 17 },
    { kind: 'gpio', name: 'inside', line: 27, holdToReset: true },
  ];
  const home = { url: 'mqtt://127.0.0.1:9', user: 'porch', password: 'x' };
  writeFileSync(
    join(data, 'device.json'),
    JSON.stringify({ home, buttons, console: { listen: 'home-network', port: 0 } }),
  );

  const before = start();
  const device = await ready(before);
  await vi.waitFor(() => expect(['17', '27'].map((line) => existsSync(at(line)))).toEqual([true, true]), 10_000);
  // The bell button is held for longer than the reset button.
  writeFileSync(at('17'), '1\n', { flag: 'a' });
  await before.line('a ring', ({ event, button }) => event === 'ring' && button === 'front');
  expect(existsSync(join(data, 'console'))).toBe(true);
  writeFileSync(at('27'), '1\n', { flag: 'a' });
  const told = await before.line('the reset', ({ event }) => event === 'tamper');
  expect([told['what'], told['detail']]).toEqual(['factory-reset', 'the button inside was held for 10 s']);
  expect(await before.ended(60)).toBe(0);
  expect(readdirSync(data)).toEqual(['device.json', 'format.json', 'run']);
  expect(readdirSync(at('porch/run'))).toEqual([]);

  writeFileSync(at('17'), '');
  writeFileSync(at('27'), '');
  const after = start();
  expect(await ready(after)).not.toBe(device);
  await after.stop();
  expect(existsSync(join(data, 'device.key'))).toBe(true);
}, 180_000);
