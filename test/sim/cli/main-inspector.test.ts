// @module-tag long
// No doorsill process opens Node's inspector on a signal, and none starts with an open one.
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const folder = temporaryFolder('inspector');
afterAll(() => folder.dispose());

/** TCP ports that a process of this machine listens on, as the kernel knows them. */
function portsOf(pid: number): number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  const lines = ['tcp', 'tcp6'].flatMap((kind) =>
    readFileSync(`/proc/net/${kind}`, 'utf8').trim().split('\n').slice(1),
  );
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , socket]) => state === '0A' && sockets.has(socket ?? ''))
    .map(([, address = '']) => Number.parseInt(address.split(':')[1] ?? '', 16));
}

const home = { url: 'mqtt://127.0.0.1:9', user: 'device-home-x', password: 'x' };
const area = { url: 'mqtt://127.0.0.1:9', accounts: join(folder.path, 'accounts') };
const registry = { url: 'http://127.0.0.1:9', key: `${'A'.repeat(42)}E` };
const parts: [string, object, string[]?][] = [
  ['device', { home }],
  ['bridge', { http: { port: 0 }, area, registry }],
  ['registry', {}, ['bridge', 'registry']],
  ['broker', {}, ['bridge', 'broker']],
];

describe.each(parts)('the %s', (part, settings, words = [part]) => {
  it('opens no port on SIGUSR1, and keeps running', async (test) => {
    const data = temporaryFolder(`inspected-${part}`);
    writeFileSync(join(data.path, `${part}.json`), JSON.stringify(settings));
    const port = part === 'device' ? [] : ['--port', '0'];
    const running = new Running([...words, '--data', data.path, ...port, '--json']);
    try {
      const ready = await running.line(`a running ${part}`, (line) => line['event'] === 'ready');
      const pid = Number(ready['pid']);
      const before = portsOf(pid);
      expect(before.length).toBe(part === 'device' ? 0 : 1);
      for (let times = 0; times < 3; times += 1) {
        process.kill(pid, 'SIGUSR1');
        await sleep(300);
      }
      expect(portsOf(pid)).toEqual(before);
      expect(running.stderr).not.toContain('Debugger');
      proved(test, `ports that the ${part} opens when it is sent SIGUSR1`, '0');
    } finally {
      await running.stop();
      data.dispose();
    }
  });
});

it.each(['--inspect=0', '--inspect --inspect-port=0'])('no verb runs with NODE_OPTIONS=%s', async (options) => {
  const data = join(folder.path, 'none');
  const { status, stderr } = await runCommand(['device', '--data', data, '--json'], {
    environment: { NODE_OPTIONS: options },
  });
  const said = stderr.split('\n').find((line) => line.startsWith('{')) ?? '';
  expect(JSON.parse(said)).toMatchObject({ error: { code: 'inspector_open' } });
  expect(status).toBe(5);
  expect(existsSync(data)).toBe(false);
});
