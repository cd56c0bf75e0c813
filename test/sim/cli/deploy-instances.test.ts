// The files of `bridge deploy instances` are valid for systemd, HAProxy, PostgreSQL and our own parts.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeProgram } from '../../../device/cli/command-line.ts';
import { DOORSILL } from '../../../sim/cli/main.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';
import { asPrinted, filledIn } from '../../support/filled-settings.ts';
import { postgresPrograms } from '../../support/postgres.ts';

const folder = temporaryFolder('deploy-instances');
const into = join(folder.path, 'files');
const read = (name: string) => readFileSync(join(into, name), 'utf8');
const WISH = {
  domain: 'doorsill.example',
  machines: 'a=10.0.0.11,b=fd00::12',
  proxy: '10.0.0.1',
  database: '10.0.0.21',
  standby: '10.0.0.22',
  s3: 'https://s3.doorsill.example',
  cluster: 'n1=10.0.0.31,n2=10.0.0.32,n3=10.0.0.33',
};
const words = (changes: Partial<typeof WISH> = {}) => [
  ...['bridge', 'deploy', 'instances'],
  ...Object.entries({ ...WISH, ...changes }).flatMap(([name, value]) => [`--${name}`, value]),
];
const PARTS = ['registry', 'vault', 'bridge'] as const;
const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` };

beforeAll(async () => {
  const { last, stderr } = await runCommand([...words(), '--into', into, '--json']);
  expect(last, stderr).toMatchObject({ event: 'written' });
});
afterAll(() => folder.dispose());

it.each([
  { machines: 'a=10.0.0.11' },
  { machines: 'a=10.0.0.11,b=10.0.0.11' },
  { machines: 'A-1=10.0.0.11,b=10.0.0.12' },
  { machines: 'a=10.0.0.11,b=x\nUser=root' },
  { proxy: '$(id)' },
  { database: '' },
  { standby: 'a b' },
  { s3: 'http://s3.doorsill.example' },
  { s3: 'https://key@s3.doorsill.example/x' },
  { domain: 'example' },
  { cluster: 'a=10.0.0.31' },
])('refuses %j', async (changes) => {
  const run = (await makeProgram(DOORSILL, ['bridge', 'deploy'])).parseAsync(['node', 'doorsill', ...words(changes)]);
  await expect(run).rejects.toMatchObject({ code: 'usage' });
});

it('has valid settings for each part, once empty values are filled in, with one name for each machine', () => {
  for (const [name, host] of [
    ['a', '10.0.0.11'],
    ['b', 'fd00::12'],
  ] as const) {
    for (const part of PARTS) {
      const text = read(`settings/${name}/${part}.json`);
      expect(filledIn(part, text)).toMatchObject({
        instance: { name, secretsFolder: `/var/lib/doorsill-${part}/secrets` },
        database: { host: '10.0.0.21', user: `doorsill-${part}`, database: `doorsill_${part}`, password: null },
        http: { host, proxyProtocol: ['10.0.0.1'], proxies: [] },
      });
      if (part !== 'registry') expect(() => asPrinted(part, text)).toThrow();
    }
  }
});

it('has units that systemd finds valid and judges at 3.0 or below', { tags: ['systemd'] }, () => {
  const units = PARTS.map((part) => join(into, `systemd/doorsill-${part}.service`));
  const verified = spawnSync('systemd-analyze', ['verify', ...units], { encoding: 'utf8' });
  expect([verified.status, verified.stderr]).toEqual([0, '']);
  for (const unit of units) {
    const asked = ['security', '--offline=true', '--no-pager', unit];
    const text = execFileSync('systemd-analyze', asked, { encoding: 'utf8' });
    expect(Number(/Overall exposure level for \S+: ([\d.]+)/.exec(text)?.[1]), unit).toBeLessThanOrEqual(3.0);
  }
});

it('configures HAProxy with the address at which each instance listens', { tags: ['haproxy', 'openssl'] }, () => {
  const text = read('haproxy/haproxy.cfg');
  for (const name of ['a', 'b']) {
    for (const part of PARTS) {
      const { http } = JSON.parse(read(`settings/${name}/${part}.json`));
      const host = http.host.includes(':') ? `[${http.host}]` : http.host;
      const backend = text.split(`backend ${part}\n`)[1]?.split('\nbackend ')[0] ?? '';
      expect(backend).toContain(`    server ${name} ${host}:${http.port}\n`);
    }
    expect(text).toContain(`use-server ${name} if { path_beg /v1/uploads/upload-${name}- }`);
  }
  const [key, pem] = [join(folder.path, 'key.pem'), join(folder.path, 'doorsill.pem')];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', [...made, '-subj', '/CN=doorsill.example', '-keyout', key, '-out', pem], { stdio: 'pipe' });
  writeFileSync(pem, readFileSync(pem, 'utf8') + readFileSync(key, 'utf8'));
  const file = join(folder.path, 'haproxy.cfg');
  // With the broker's behind it, as its steps say.
  const whole = `${text}\n${read('broker/haproxy/doorsill-broker.cfg')}`;
  writeFileSync(file, whole.replaceAll(/crt \/etc\/haproxy\/doorsill(-broker)?\.pem/g, `crt ${pem}`));
  const checked = spawnSync('haproxy', ['-c', '-f', file], { encoding: 'utf8', env });
  expect([checked.status, checked.stderr]).toEqual([0, '']);
});

it('has valid settings for PostgreSQL, and lets only the machines of the instances connect, over TLS', {
  tags: ['postgresql'],
}, () => {
  const bin = postgresPrograms();
  const data = join(folder.path, 'postgresql', 'postgresql.conf');
  mkdirSync(dirname(data));
  chmodSync(folder.path, 0o755);
  writeFileSync(data, read('postgresql/doorsill.conf'));
  for (const [name, value] of [
    ['synchronous_standby_names', 'ANY 1 (doorsill_standby)'],
    ['synchronous_commit', 'on'],
  ] as const) {
    // It reads the whole file, and refuses to be root: as anybody else it needs no more than this folder.
    const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const asked = spawnSync(join(bin, 'postgres'), ['-D', dirname(data), '-C', name], {
      encoding: 'utf8',
      cwd: '/',
      ...nobody,
    });
    expect([asked.stdout.trim(), asked.status], asked.stderr).toEqual([value, 0]);
  }
  const lines = read('postgresql/pg_hba.conf')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(lines).toContain('hostssl doorsill_bridge doorsill-bridge fd00::12/128 scram-sha-256');
  expect(lines.filter((line) => !/^hostssl \S+ \S+ \S+\/(32|128) scram-sha-256$/.test(line))).toEqual([]);
  expect(lines).toHaveLength(3 * 2 + 2);
});
