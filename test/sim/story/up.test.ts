// @module-tag long
// @module-tag terminal
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { folderHolder } from '../../../device/base/folder-lock.ts';
import { LAUNCHER, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('up-console');
/** Two runs at the same folder, one after the other: the second one continues the first one's testbed. */
const WORDS = [
  'up',
  '--no-ask',
  '--data',
  join(folder.path, 'testbed'),
  '--port',
  '18940',
  '--camera',
  'synthetic?size=320x240',
];
let child: ChildProcess | null = null;

/** Runs `up` until it has printed its folder and the address of its page. */
function upSays(command: string, args: string[]): Promise<string> {
  const started = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  child = started;
  return new Promise((resolve) => {
    let text = '';
    started.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('Every frame stays on the device')) resolve(text);
    });
    started.once('close', () => resolve(`${text}\n(it has ended)`));
  });
}

afterEach(async () => {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child?.once('close', resolve));
  // Ctrl-C is sent as a character. A signal would end the terminal before the program in it, which would still have its ports then.
  if (child.spawnfile === 'script') child.stdin?.write('\u0003');
  else child.kill('SIGTERM');
  await ended;
});
afterAll(() => folder.dispose());

it('prints the link that pairs a browser at a terminal, and its page is served there', async () => {
  const line = [process.execPath, LAUNCHER, ...WORDS].map((word) => `'${word}'`).join(' ');
  const said = await upSays('script', ['-qec', line, '/dev/null']);
  const [link = ''] = /http:\/\/127\.0\.0\.1:18944\/#pair=[\w-]{22}/.exec(said) ?? [];
  expect(link, said).not.toBe('');
  const page = await fetch(link);
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
}, 90_000);

const PARTS = ['broker', 'bridge', 'registry', 'vault', 'doorbell'] as const;

/** The process that holds each part's folder. */
const holders = () => PARTS.map((part) => folderHolder(join(folder.path, 'testbed', part)));

it('prints no link if no person reads it; broker and bridge share a process; `npm start &` ends by SIGINT', async () => {
  // A shell without a terminal lets what runs in its background ignore SIGINT.
  const inBackground = 'trap "" INT; exec npm start -- "$@"';
  const said = await upSays('sh', ['-c', inBackground, 'sh', ...WORDS.slice(1)]);
  expect(said).toContain('console    http://127.0.0.1:18944');
  expect(said).not.toContain('pair=');
  const [broker, bridge, ...others] = holders();
  expect(broker).toBe(bridge);
  expect(others).not.toContain(broker);
  expect([broker, ...others]).not.toContain(null);

  child?.kill('SIGINT');
  await expect.poll(() => child?.exitCode, { timeout: 6_000 }).toBe(0);
  expect(holders()).toEqual(PARTS.map(() => null));
}, 90_000);

it('runs every part in a process of its own with --separate, at the same addresses', async () => {
  const said = await upSays(process.execPath, [LAUNCHER, ...WORDS, '--separate']);
  expect(said).toMatch(/broker +mqtt:\/\/127.0.0.1:18940\n.*registry.*:18941\n.*bridge.*:18942\n/);
  expect(new Set([child?.pid, ...holders()]).size).toBe(1 + PARTS.length);
  expect(holders()).not.toContain(null);
}, 90_000);
