// The files of `bridge deploy systemd` are valid for systemd, HAProxy and our own parts, and a registry starts with them.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BridgeConfig, parseConfig } from '../../../cloud-bridge/bridge-config.ts';
import { RegistryConfig } from '../../../cloud-bridge/registry/registry-config.ts';
import { VaultConfig } from '../../../cloud-bridge/vault/vault-config.ts';
import { partArguments } from '../../../sim/deploy/part-arguments.ts';
import { callCommand } from '../../support/call-command.ts';
import { Running, temporaryFolder } from '../../support/command-line.ts';
import { freePort } from '../../support/mosquitto.ts';
import { proved } from '../../support/proved.ts';

const folder = temporaryFolder('deploy');
const into = join(folder.path, 'files');
const read = (name: string) => readFileSync(join(into, name), 'utf8');
const PARTS = ['registry', 'vault', 'broker', 'bridge'] as const;
const unit = (part: string) => join(into, `systemd/doorsill-${part}.service`);
const deploy = (...more: string[]) =>
  callCommand(['bridge', 'deploy', 'systemd', '--domain', 'doorsill.example', ...more, '--json']);

beforeAll(async () => {
  expect((await deploy('--into', into)).last).toMatchObject({ event: 'written' });
});
afterAll(() => folder.dispose());

it('prints the same files, and leaves a folder that is not empty unchanged', async () => {
  const { files } = (await deploy()).last as { files: Record<string, string> };
  for (const [name, text] of Object.entries(files)) expect(read(name)).toBe(text);
  writeFileSync(join(into, 'STEPS.md'), 'my own notes');
  const again = await deploy('--into', into);
  expect(JSON.parse(again.stderr).error).toMatchObject({ code: 'usage' });
  expect(read('STEPS.md')).toBe('my own notes');
  for (const domain of ['', 'example', 'a b.example', 'x.example\nUser=root', '../x.example', '$(id).example']) {
    const refused = await callCommand(['bridge', 'deploy', 'systemd', '--domain', domain, '--json']);
    expect(JSON.parse(refused.stderr).error, domain).toMatchObject({ code: 'usage' });
  }
});

it('names only options that the parts have', async () => {
  for (const part of PARTS) {
    const command = /^ExecStart=(\S+) (\S+) ([\w ]+?) (--.*)$/m.exec(readFileSync(unit(part), 'utf8'));
    const words = partArguments(part);
    expect(command?.[3]).toBe(words.join(' '));
    const { stdout } = await callCommand([...words, '--help']);
    const options = [...(command?.[4] ?? '').matchAll(/--[a-z-]+/g)].map(([name]) => name);
    expect(options).toContain('--data');
    expect(options.filter((name) => !stdout.includes(`  ${name}`))).toEqual([]);
  }
});

it('has valid settings for each part, once the keys are filled in, and no secret', () => {
  const settings = (part: string) => ({
    ...JSON.parse(read(`settings/${part}.json`)),
    dataFolder: `/var/lib/doorsill-${part}`,
  });
  expect(parseConfig(RegistryConfig, settings('registry'), 'registry.json').http.proxies).toEqual(['127.0.0.1']);
  expect(parseConfig(VaultConfig, settings('vault'), 'vault.json').http.proxies).toEqual(['127.0.0.1']);
  const bridge = settings('bridge');
  expect(() => parseConfig(BridgeConfig, bridge, 'bridge.json')).toThrow(/key/);
  const key = 'A'.repeat(43);
  const filled = { ...bridge, registry: { ...bridge.registry, key }, vault: { ...bridge.vault, key } };
  expect(parseConfig(BridgeConfig, filled, 'bridge.json')).toMatchObject({
    database: { host: '/var/run/postgresql', user: 'doorsill-bridge', database: 'doorsill_bridge', password: null },
    area: { accounts: '/var/lib/doorsill-broker/accounts' },
  });
});

it('sets the registry’s port by its file, unless --port is given', { tags: ['long'] }, async () => {
  const data = join(folder.path, 'registry');
  const port = await freePort();
  mkdirSync(data);
  writeFileSync(join(data, 'registry.json'), JSON.stringify({ http: { port, proxies: ['127.0.0.1'] } }));
  const registry = new Running(['bridge', 'registry', '--data', data, '--json']);
  try {
    const ready = await registry.line('ready', (line) => line['event'] === 'ready');
    expect(ready['url']).toBe(`http://127.0.0.1:${port}`);
  } finally {
    await registry.stop();
  }
});

it('has units that systemd finds valid and judges at 3.0 or below', { tags: ['systemd'] }, (test) => {
  const verified = spawnSync('systemd-analyze', ['verify', ...PARTS.map(unit)], { encoding: 'utf8' });
  expect([verified.status, verified.stderr]).toEqual([0, '']);
  const exposures = PARTS.map((part) => {
    const text = execFileSync('systemd-analyze', ['security', '--offline=true', '--no-pager', unit(part)], {
      encoding: 'utf8',
    });
    return Number(/Overall exposure level for \S+: ([\d.]+)/.exec(text)?.[1]);
  });
  expect(Math.max(...exposures)).toBeLessThanOrEqual(3.0);
  proved(
    test,
    'Exposure of the units of `bridge deploy systemd` by systemd-analyze security, at most 3.0',
    exposures.join(', '),
  );
});

it('has a configuration that is valid for HAProxy', { tags: ['haproxy', 'openssl'] }, () => {
  const pem = join(folder.path, 'doorsill.pem');
  const key = join(folder.path, 'key.pem');
  const made = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    '/CN=doorsill.example',
    '-keyout',
    key,
    '-out',
    pem,
  ];
  execFileSync('openssl', made, { stdio: 'pipe' });
  writeFileSync(pem, readFileSync(pem, 'utf8') + readFileSync(key, 'utf8'));
  const file = join(folder.path, 'haproxy.cfg');
  writeFileSync(file, read('haproxy/haproxy.cfg').replaceAll('crt /etc/haproxy/doorsill.pem', `crt ${pem}`));
  const checked = spawnSync('haproxy', ['-c', '-f', file], { encoding: 'utf8' });
  expect([checked.status, checked.stderr]).toEqual([0, '']);
});
