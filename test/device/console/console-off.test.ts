// Holds: without `console` in its settings a device listens nowhere, and does not even load a server's packages.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { parseDeviceConfig } from '../../../device/config.ts';
import { ConsoleRig } from './support/console-rig.ts';

/** TCP ports that this process listens on, as the kernel lists them (proc(5)). */
function listening(): number[] {
  const inodes = new Set(
    readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
        return state === '0A' && inodes.has(inode) ? [Number.parseInt(local.split(':')[1] ?? '', 16)] : [];
      }),
  );
}

it('listens nowhere unless the settings say so, and then only on the configured address', async () => {
  const before = listening();
  const silent = await ConsoleRig.start({ console: undefined });
  expect([silent.doorbell.console, listening()]).toEqual([null, before]);
  await silent.stop();
  const rig = await ConsoleRig.start();
  const port = Number(new URL(rig.url).port);
  expect(listening()).toEqual([...before, port]);
  // On loopback: `0100007F` is 127.0.0.1.
  expect(readFileSync('/proc/net/tcp', 'utf8')).toContain(
    `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`,
  );
  await rig.stop();
  expect(listening()).toEqual(before);
});

it('is off by default', () => {
  const home = { url: 'mqtt://127.0.0.1:1', user: 'porch', password: 'secret' };
  expect(parseDeviceConfig({ home }, 'device.json').console.listen).toBe('off');
  expect(parseDeviceConfig({ home, console: {} }, 'device.json').console.listen).toBe('off');
});

/** Packages of which a program has loaded something, once it has imported these modules of the build. */
async function packagesOf(...modules: string[]): Promise<Set<string>> {
  const urls = modules.map((name) => new URL(`../../../device/dist/${name}`, import.meta.url).href);
  const program = `
    import { createRequire } from 'node:module';
    for (const url of ${JSON.stringify(urls)}) await import(url);
    console.log(JSON.stringify(Object.keys(createRequire(import.meta.url).cache)));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  const files: string[] = JSON.parse(stdout);
  return new Set(files.flatMap((file) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []));
}

it('loads no server package for a device without a server', async () => {
  const [without, withOne] = await Promise.all([packagesOf('index.js'), packagesOf('console/console-server.js')]);
  for (const name of ['fastify', 'node-forge', 'light-my-request'])
    expect([name, without.has(name)]).toEqual([name, false]);
  expect(withOne.has('fastify')).toBe(true);
});
