import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { keepLoopbackDirect } from '../../../device/cli/direct-loopback.ts';
import { LAUNCHER, temporaryFolder } from '../../support/command-line.ts';
import { descendants } from '../../support/processes.ts';

/** Whether a process has it in its environment that calls to this machine go past a proxy. */
function isTold(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').includes('no_proxy=localhost,127.0.0.1');
  } catch {
    return false;
  }
}

it('adds this machine to what goes past a proxy, and leaves an environment without one as it is', () => {
  const direct = 'localhost,127.0.0.1,::1,[::1]';
  const kept = (environment: NodeJS.ProcessEnv) => {
    keepLoopbackDirect(environment);
    return environment;
  };
  expect(kept({ PATH: '/bin' })).toEqual({ PATH: '/bin' });
  const proxy = { HTTPS_PROXY: 'http://proxy.lan:3128' };
  expect(kept({ ...proxy })).toEqual({ ...proxy, no_proxy: direct, NO_PROXY: direct });
  const own = 'intranet.lan';
  expect(kept({ ...proxy, NO_PROXY: own })).toMatchObject({
    no_proxy: `${own},${direct}`,
    NO_PROXY: `${own},${direct}`,
  });
  // The small name is the one that is read where both are set.
  expect(kept({ http_proxy: 'x', no_proxy: own, NO_PROXY: 'other' })).toMatchObject({ NO_PROXY: `${own},${direct}` });
});

it.runIf(process.platform === 'linux')(
  'sends nothing of a whole story to a proxy, and tells the programs that it starts',
  {
    tags: ['long'],
    timeout: 120_000,
  },
  async () => {
    const folder = temporaryFolder('proxy');
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(502).end();
    });
    proxy.on('connect', ({ url = '' }, socket) => {
      asked.push(url);
      socket.end('HTTP/1.1 502 No\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const place = proxy.address();
    const address = `http://127.0.0.1:${typeof place === 'object' ? place?.port : 0}`;
    const words = ['demo', '--data', join(folder.path, 'demo'), '--camera', 'synthetic?size=320x180', '--json'];
    const proxies = { HTTP_PROXY: address, http_proxy: address, HTTPS_PROXY: address, NODE_USE_ENV_PROXY: '1' };
    const child: ChildProcess = spawn(process.execPath, [LAUNCHER, ...words], {
      stdio: 'ignore',
      env: { ...process.env, ...proxies, NO_PROXY: '', no_proxy: '' },
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
      proxy.close();
      folder.dispose();
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    // This Node may know no proxy; ffmpeg does.
    const told = () => descendants(child.pid ?? 0).some(isTold);
    await expect.poll(told, { timeout: 60_000 }).toBe(true);
    const status = await ended;
    expect([status, asked]).toEqual([0, []]);
  },
);
