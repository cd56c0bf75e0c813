// @module-tag long
// @module-tag namespaces
// @module-tag root
// @module-tag zeroconf
// Holds: with `announce` enabled, other software finds a doorbell on its network under its owner's name; without it, the doorbell sends no
// announcement.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Namespace } from '../../scenarios/wire/support/namespace.ts';
import { LAUNCHER, runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('announced');
const at = (name: string) => join(folder.path, name);
let network: Namespace;
let inside: string;
beforeAll(async () => {
  network = await Namespace.open(folder.path);
  const links = execFileSync('ip', ['-n', network.name, '-o', '-4', 'address'], { encoding: 'utf8' });
  inside = new RegExp(`: (\\S+)\\s+inet ${network.device.replaceAll('.', '\\.')}/`).exec(links)?.[1] ?? '';
  expect(inside).not.toBe('');
});
afterAll(async () => {
  await network.close();
  folder.dispose();
});

/** A doorbell on the network, until its process ends. */
async function doorbell(announce: object): Promise<{ child: ChildProcess; stop: () => Promise<void>; socket: string }> {
  const data = at(`porch-${Object.keys(announce).length}`);
  mkdirSync(data, { mode: 0o700 });
  const home = { url: `mqtt://${network.host}:1`, user: 'porch', password: 'a-long-password' };
  const settings = {
    ...{
      name: 'Haustür',
      camera: 'synthetic?size=320x180',
      ring: { kind: 'memory', bytes: 8 * 1024 * 1024 },
      home,
    },
    console: { listen: 'home-network', announce },
  };
  writeFileSync(join(data, 'device.json'), JSON.stringify(settings), { mode: 0o600 });
  const child = network.spawn(process.execPath, [LAUNCHER, 'device', '--data', data, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  for await (const line of lines) if (line.includes('"event":"ready"')) break;
  const stop = async () => {
    child.kill('SIGTERM');
    await closed;
  };
  return { child, stop, socket: join(data, 'run/pairing.sock') };
}

/** Names and addresses in the multicast DNS messages from inside. */
async function said(): Promise<string[]> {
  const filter = ['-r', network.captureFile, '-Y', `mdns && ip.src == ${network.device}`];
  const fields = ['-T', 'fields', '-e', 'dns.resp.name', '-e', 'dns.a', '-e', 'dns.txt'];
  const { stdout } = await promisify(execFile)('tshark', [...filter, ...fields]);
  return stdout.split('\n').filter((line) => line !== '');
}

describe('a doorbell on the home network', () => {
  it('sends nothing over multicast DNS unless that is enabled', { timeout: 90_000 }, async () => {
    const { stop, socket } = await doorbell({});
    const { last } = await runCommand(['pair', '--show', '--socket', socket, '--json']);
    expect(last).toMatchObject({
      announced: null,
      pairingUrl: expect.stringContaining(`https://${network.device}:8480/#`),
    });
    await stop();
    await network.mark();
    expect(await said()).toEqual([]);
  });

  it('is found by zeroconf under its owner’s name until it stops', {
    timeout: 120_000,
  }, async () => {
    const browser = spawn('/usr/bin/python3', ['test/support/mdns-browse.py', network.host, 'Haustür'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: browser.stdout })[Symbol.asyncIterator]();
    const { stop, socket } = await doorbell({ enabled: true, interfaces: [inside] });
    expect(JSON.parse((await lines.next()).value)).toEqual({
      label: 'Haustür',
      host: 'haustur.local.',
      port: 8_480,
      addresses: [network.device],
      properties: { path: '/' },
    });
    const { last } = await runCommand(['pair', '--show', '--socket', socket, '--json']);
    expect(last).toMatchObject({
      announced: { host: 'haustur.local', fault: null },
      pairingUrl: expect.stringContaining('https://haustur.local:8480/#'),
      url: `https://${network.device}:8480`,
    });
    await stop();
    expect((await lines.next()).value).toBe('gone');
    browser.kill();
    await network.mark();
    const words = new Set((await said()).flatMap((line) => line.split(/[\t,]/)));
    const allowed = ['_services._dns-sd._udp.local', '_https._tcp.local', 'Haustür._https._tcp.local', 'haustur.local'];
    expect([...words].filter((word) => ![...allowed, network.device, 'path=/', ''].includes(word))).toEqual([]);
  });
});
