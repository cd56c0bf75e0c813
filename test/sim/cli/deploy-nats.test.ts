// The files of `bridge deploy nats` are valid for systemd, HAProxy, nats-server and our own verb.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { issueAccount } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { makeProgram } from '../../../device/cli/command-line.ts';
import { DOORSILL } from '../../../sim/cli/main.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('deploy-nats');
const into = join(folder.path, 'files');
const read = (name: string) => readFileSync(join(into, name), 'utf8');
const CLUSTER = 'a=10.0.0.1,b=10.0.0.2,c=fd00::3';
const deploy = (...words: string[]) => ['bridge', 'deploy', 'nats', '--domain', 'doorsill.example', ...words];
const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` };

beforeAll(async () => {
  const { last, stderr } = await runCommand([...deploy('--cluster', CLUSTER, '--into', into), '--json']);
  expect(last, stderr).toMatchObject({ event: 'written' });
});
afterAll(() => folder.dispose());

it.each(['', 'a=10.0.0.1', 'a=10.0.0.1,b=10.0.0.1,c=10.0.0.3', 'a=10.0.0.1,b=10.0.0.2,c=x\nUser=root'])(
  'takes no cluster like "%s"',
  async (cluster) => {
    const run = (await makeProgram(DOORSILL, ['bridge', 'deploy'])).parseAsync([
      'node',
      'doorsill',
      ...deploy('--cluster', cluster),
    ]);
    await expect(run).rejects.toMatchObject({ code: 'usage' });
  },
);

it('has units that systemd finds valid and judges at 3.0 or below', { tags: ['systemd', 'nats'] }, () => {
  // systemd-analyze takes a template by the name of an instance.
  const units = [join(into, 'systemd/doorsill-nats-files.service'), join(into, 'systemd/doorsill-nats@a.service')];
  writeFileSync(units[1] ?? '', read('systemd/doorsill-nats@.service'));
  const verified = spawnSync('systemd-analyze', ['verify', ...units], { encoding: 'utf8' });
  expect([verified.status, verified.stderr]).toEqual([0, '']);
  for (const unit of units) {
    const words = ['security', '--offline=true', '--no-pager', unit];
    const text = execFileSync('systemd-analyze', words, { encoding: 'utf8' });
    expect(Number(/Overall exposure level for \S+: ([\d.]+)/.exec(text)?.[1]), unit).toBeLessThanOrEqual(3.0);
  }
});

it('runs a verb that writes valid files for nats-server, for each node', { tags: ['nats'] }, async () => {
  const [accounts, out] = [join(folder.path, 'accounts'), join(folder.path, 'nats')];
  await issueAccount(new SystemDisk(), new SystemRandom(), accounts, { role: 'bridge', id: 'bridge-1' });
  const words = (/^ExecStart=\S+ \S+ (.*)$/m.exec(read('systemd/doorsill-nats-files.service'))?.[1] ?? '').split(' ');
  expect(words).toContain('--watch');
  const moved = words
    .filter((word) => word !== '--watch')
    .map((word) => ({ '/var/lib/doorsill-broker/accounts': accounts, '/var/lib/doorsill-nats': out })[word] ?? word);
  const { last, stderr } = await runCommand(moved);
  expect(last, stderr).toMatchObject({ event: 'written', for: 'nats', accounts: 1 });
  const node = /^ExecStart=\/usr\/sbin\/(nats-server) -c \/var\/lib\/doorsill-nats\/%i\.conf$/m;
  const [, program = ''] = node.exec(read('systemd/doorsill-nats@.service')) ?? [];
  for (const name of ['a', 'b', 'c']) {
    const checked = spawnSync(program, ['-t', '-c', join(out, `${name}.conf`)], { encoding: 'utf8', env });
    expect([checked.status, checked.stderr], name).toEqual([0, expect.stringContaining('is valid')]);
  }
});

it('configures HAProxy with the address at which each node listens', { tags: ['haproxy', 'openssl'] }, () => {
  const tls = join(folder.path, 'tls');
  mkdirSync(tls);
  const [key, pem] = [join(tls, 'key.pem'), join(tls, 'broker.pem')];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', [...made, '-subj', '/CN=broker.doorsill.example', '-keyout', key, '-out', pem], {
    stdio: 'pipe',
  });
  writeFileSync(pem, readFileSync(pem, 'utf8') + readFileSync(key, 'utf8'));
  const text = read('haproxy/doorsill-broker.cfg');
  expect([...text.matchAll(/^ {4}server (.*)$/gm)].map(([, server]) => server)).toEqual([
    'a 10.0.0.1:1883',
    'b 10.0.0.2:1883',
    'c [fd00::3]:1883',
  ]);
  const file = join(tls, 'haproxy.cfg');
  const before = 'defaults\n    timeout connect 5s\n';
  writeFileSync(file, before + text.replace('crt /etc/haproxy/doorsill-broker.pem', `crt ${pem}`));
  const checked = spawnSync('haproxy', ['-c', '-f', file], { encoding: 'utf8', env });
  expect([checked.status, checked.stderr]).toEqual([0, '']);
});
