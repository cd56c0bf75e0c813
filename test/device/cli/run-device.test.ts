import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('run-device');
afterAll(() => folder.dispose());
const [porch, password] = [join(folder.path, 'porch'), join(folder.path, 'password')];
/** Nobody listens there: a doorbell starts without its broker. */
const account = ['--user', 'porch', '--password-file', password];
writeFileSync(password, 'secret\n', { mode: 0o600 });

/** What a doorbell prints without a terminal until it is ready. */
async function printed(...more: string[]): Promise<string> {
  const running = new Running(['device', '--data', porch, '--camera', 'synthetic', ...more]);
  try {
    await expect.poll(() => running.stdout, { timeout: 60_000 }).toContain('To check its camera');
    return running.stdout;
  } finally {
    await running.stop();
  }
}

it('draws the code that pairs a phone into a log only if that is wanted, and while nobody is paired', {
  tags: ['long'],
  timeout: 240_000,
}, async () => {
  await runCommand([
    ...['device', 'init', '--data', porch, '--home-url', 'mqtt://127.0.0.1:9', ...account],
    ...['--camera', 'synthetic', '--console', 'this-machine'],
  ]);
  const code = /\/pair[^\s]*#|Scan it/;
  expect(await printed()).not.toMatch(code);
  expect(await printed('--code-in-log')).toMatch(code);
  const running = new Running(['device', '--data', porch, '--camera', 'synthetic']);
  await expect.poll(() => running.stdout, { timeout: 60_000 }).toContain('To check its camera');
  const socket = join(porch, 'run/pairing.sock');
  await runCommand(['pair', '--socket', socket, '--owner', join(folder.path, 'owner'), ...account]);
  await running.stop();
  expect(await printed('--code-in-log')).not.toMatch(code);
});
