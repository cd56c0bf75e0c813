// The files of `bridge deploy compose` are valid for docker-compose, HAProxy, sh and our own parts, and agree with each other. No container is
// started.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { makeProgram } from '../../../device/cli/command-line.ts';
import { ownVersion } from '../../../device/cli/own-version.ts';
import { DOORSILL } from '../../../sim/cli/main.ts';
import { composeLayout } from '../../../sim/deploy/compose-layout.ts';
import { root } from '../../layout/source-tree.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';
import { filledIn } from '../../support/filled-settings.ts';

const folder = temporaryFolder('deploy-compose');
const into = join(folder.path, 'files');
const files = composeLayout({
  domain: 'doorsill.example',
  s3: 'https://s3.doorsill.example',
  instances: 3,
  network: '10.7.0',
  version: ownVersion(),
});
const read = (name: string) => files.get(name) ?? '';
const PARTS = ['registry', 'vault', 'bridge'] as const;
const INSTANCES = ['a', 'b', 'c'] as const;
const WISH = { domain: 'doorsill.example', s3: 'https://s3.doorsill.example', instances: '3', network: '10.7.0.0/24' };
const words = (changes: Partial<typeof WISH> = {}) => [
  ...['bridge', 'deploy', 'compose'],
  ...Object.entries({ ...WISH, ...changes }).flatMap(([name, value]) => [`--${name}`, value]),
];
const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` };

beforeAll(() => {
  for (const [name, text] of files) {
    mkdirSync(dirname(join(into, name)), { recursive: true });
    writeFileSync(join(into, name), text);
  }
});
afterAll(() => folder.dispose());

it.each([
  { domain: 'example' },
  { s3: 'http://s3.doorsill.example' },
  { s3: 'https://key@s3.doorsill.example/x' },
  { instances: '1' },
  { instances: '9' },
  { instances: 'two' },
  { network: '10.7.0.0/16' },
  { network: '10.7.0.1/24' },
  { network: '8.8.8.0/24' },
  { network: '172.32.0.0/24' },
  { network: '10.7.256.0/24' },
  { network: '10.7.0.0/24\nx: y' },
])('refuses %j', async (changes) => {
  const run = (await makeProgram(DOORSILL, ['bridge', 'deploy'])).parseAsync(['node', 'doorsill', ...words(changes)]);
  await expect(run).rejects.toMatchObject({ code: 'usage' });
});

it('are written into the folder of --into', { tags: ['long'] }, async () => {
  const written = join(folder.path, 'written');
  const { last, stderr } = await runCommand([...words(), '--into', written, '--json']);
  expect(last, stderr).toEqual({ event: 'written', files: [...files.keys()].map((name) => join(written, name)) });
  for (const [name, text] of files) expect(readFileSync(join(written, name), 'utf8')).toBe(text);
});

const serviceSchema = z.looseObject({
  image: z.string(),
  build: z.object({ target: z.string() }).optional(),
  user: z.string(),
  read_only: z.boolean(),
  restart: z.string(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  ulimits: z.looseObject({ core: z.object({ soft: z.number(), hard: z.number() }) }),
  healthcheck: z.object({ test: z.array(z.string()).min(2) }),
  networks: z
    .record(z.string(), z.object({ ipv4_address: z.string(), aliases: z.array(z.string()).optional() }))
    .optional(),
  ports: z.array(z.object({ target: z.number(), published: z.string() })).optional(),
  volumes: z.array(
    z.object({ type: z.string(), source: z.string(), target: z.string(), read_only: z.boolean().optional() }),
  ),
  secrets: z.array(z.object({ source: z.string(), target: z.string() })).optional(),
});
const composeSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  secrets: z.record(z.string(), z.looseObject({ file: z.string() })),
});

let composed: z.infer<typeof composeSchema> | undefined;

/** compose.yml as docker-compose reads it. */
function compose(): z.infer<typeof composeSchema> {
  if (composed) return composed;
  const asked = ['--file', join(into, 'compose.yml'), 'config'];
  const { status, stdout, stderr } = spawnSync('docker-compose', asked, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  composed = composeSchema.parse(parse(stdout));
  return composed;
}

it('restricts every container to its own work, and opens only HAProxy’s ports', { tags: ['docker-compose'] }, () => {
  const { services } = compose();
  const parts = PARTS.flatMap((part) => INSTANCES.map((name) => `${part}-${name}`));
  const others = ['haproxy', 'nats-files', 'nats-n1', 'nats-n2', 'nats-n3', 'postgres-a', 'postgres-b'];
  expect(Object.keys(services).sort()).toEqual([...parts, ...others].sort());
  for (const [name, service] of Object.entries(services)) {
    expect(service, name).toMatchObject({
      user: expect.stringMatching(/^90[1-5]:90[1-5]$/),
      read_only: true,
      restart: 'unless-stopped',
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      ulimits: { core: { soft: 0, hard: 0 } },
    });
    for (const more of ['environment', 'env_file', 'privileged', 'cap_add', 'devices', 'pid', 'ipc', 'userns_mode'])
      expect(service[more], `${name} has ${more}`).toBeUndefined();
    const ports = service.ports?.map(({ target, published }) => [target, published]) ?? [];
    expect(ports, name).toEqual(
      name === 'haproxy'
        ? [
            [443, '443'],
            [8883, '8883'],
          ]
        : [],
    );
    expect(service['network_mode'], name).toBe(name === 'nats-files' ? 'none' : undefined);
  }
});

it('gives each container exactly the files, folders and secrets of its settings', {
  tags: ['docker-compose'],
}, () => {
  const { services, secrets } = compose();
  const ofRelease = readFileSync(join(root, 'sim/release/Dockerfile'), 'utf8');
  const imageOf = (target: string) => {
    const part = (target === 'bridge' ? ofRelease : read('image/Dockerfile')).split(` AS ${target}\n`)[1];
    return part?.split('\nFROM ')[0] ?? '';
  };
  const given = Object.values(services).flatMap((service) => service.secrets ?? []);
  expect(Object.keys(secrets).sort()).toEqual([...new Set(given.map(({ source }) => source))].sort());
  for (const { file } of Object.values(secrets)) expect(relative(into, file)).toMatch(/^secrets\/[a-z0-9.-]+$/);
  for (const [name, { build, user, volumes, ...service }] of Object.entries(services)) {
    const released = { image: `localhost/doorsill-bridge:${ownVersion()}`, pull_policy: 'never' };
    if (!build) expect(service, name).toMatchObject(released);
    const image = imageOf(build?.target ?? 'bridge');
    expect(image, name).toContain(`--uid ${user.split(':')[0]} `);
    for (const { type, source, target, read_only: isReadOnly } of volumes) {
      // A volume begins as this folder of the image, which its user owns.
      if (type === 'volume')
        expect(image).toMatch(new RegExp(`install -d -o ${user.split(':')[0]} [^&]* ?${target}( |\n|$)`));
      else expect([files.has(relative(into, source)), isReadOnly], source).toEqual([true, true]);
    }
  }
  const secretsOf = (name: string) => services[name]?.secrets?.map(({ target }) => target) ?? [];
  for (const part of PARTS) {
    const { database, databasePasswordFile, instance, s3 = instance.s3 } = JSON.parse(read(`settings/a/${part}.json`));
    const named = [
      databasePasswordFile,
      new URL(database).searchParams.get('sslrootcert'),
      ...(s3 ? [s3.secretFile] : []),
    ];
    expect(secretsOf(`${part}-a`).sort()).toEqual(named.sort());
  }
  const certificates = [
    ...`${read('haproxy/haproxy.cfg')}${read('haproxy/doorsill-broker.cfg')}`.matchAll(/ crt (\S+)/g),
  ];
  expect(secretsOf('haproxy').sort()).toEqual(certificates.map(([, file]) => file).sort());
});

it('uses the same addresses in compose.yml, settings, HAProxy and PostgreSQL', { tags: ['docker-compose'] }, () => {
  const { services } = compose();
  const at = (name: string) => services[name]?.networks?.['inside']?.ipv4_address;
  const all = Object.keys(services)
    .filter((name) => name !== 'nats-files')
    .map(at);
  expect(new Set(all).size).toBe(all.length);
  expect(all.filter((address) => !address?.startsWith('10.7.0.'))).toEqual([]);
  const access = read('postgresql/pg_hba.conf');
  for (const name of INSTANCES) {
    for (const part of PARTS) {
      const { http, database } = JSON.parse(read(`settings/${name}/${part}.json`));
      expect(http).toMatchObject({ host: at(`${part}-${name}`), proxyProtocol: [at('haproxy')] });
      expect(new URL(database).hostname).toBe(at('postgres-a'));
      expect(read('haproxy/haproxy.cfg')).toContain(`    server ${name} ${http.host}:${http.port}\n`);
      expect(access).toContain(`hostssl doorsill_${part} doorsill-${part} ${http.host}/32 scram-sha-256\n`);
      expect(services[`${part}-${name}`]?.healthcheck.test.at(-1)).toContain(
        `'http://${http.host}:${http.port}/readyz'`,
      );
    }
  }
  expect(access).toContain(`hostssl replication doorsill_standby ${at('postgres-b')}/32 scram-sha-256\n`);
  expect(services['postgres-b']?.['command']).toEqual(['standby', at('postgres-a')]);
  const cluster = ['n1', 'n2', 'n3'].map((name) => `${name}=${at(`nats-${name}`)}`).join();
  expect(services['nats-files']?.['command']).toEqual(expect.arrayContaining(['--cluster', cluster, '--watch']));
  for (const node of cluster.split(',')) {
    const [name, host] = node.split('=');
    expect(read('haproxy/doorsill-broker.cfg')).toContain(`    server ${name} ${host}:1883\n`);
  }
  const aliases = ['bridge', 'registry', 'vault', 'broker'].map((name) => `${name}.doorsill.example`);
  expect(services['haproxy']?.networks?.['inside']?.aliases).toEqual(aliases);
});

it('has valid settings for each part, once empty values are filled in, and no secret', () => {
  for (const name of INSTANCES) {
    for (const part of PARTS) {
      const text = read(`settings/${name}/${part}.json`);
      expect(filledIn(part, text)).toMatchObject({
        instance: { name, secretsFolder: `/var/lib/doorsill-${part}-keys` },
        database: { user: `doorsill-${part}`, password: null, tls: true, ca: '/run/secrets/postgres.crt' },
      });
    }
  }
  for (const [name, text] of files) expect(text, name).not.toMatch(/PASSWORD=|AWS_SECRET|-----BEGIN|environment:/);
});

it('starts PostgreSQL and the nodes by scripts that are valid for sh', () => {
  for (const script of ['postgres.sh', 'nats.sh']) {
    const checked = spawnSync('sh', ['-n', join(into, 'image', script)], { encoding: 'utf8' });
    expect([checked.status, checked.stderr], script).toEqual([0, '']);
    expect(read('image/Dockerfile')).toContain(`ENTRYPOINT ["sh", "/usr/local/lib/doorsill/${script}"]`);
  }
});

it('has configurations that are valid together for HAProxy', { tags: ['haproxy', 'openssl'] }, () => {
  const [key, pem] = [join(folder.path, 'key.pem'), join(folder.path, 'doorsill.pem')];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', [...made, '-subj', '/CN=doorsill.example', '-keyout', key, '-out', pem], { stdio: 'pipe' });
  writeFileSync(pem, readFileSync(pem, 'utf8') + readFileSync(key, 'utf8'));
  const [, entry = '[]'] = /^ENTRYPOINT (\["haproxy".*\])$/m.exec(read('image/Dockerfile')) ?? [];
  const named = z
    .array(z.string())
    .parse(JSON.parse(entry))
    .filter((word) => word.endsWith('.cfg'));
  expect(named).toHaveLength(2);
  const moved = named.map((path) => {
    const file = join(folder.path, path.replaceAll('/', '-'));
    const text = read(path.replace('/etc/haproxy/', 'haproxy/'));
    writeFileSync(file, text.replaceAll(/crt \/etc\/haproxy\/doorsill(-broker)?\.pem/g, `crt ${pem}`));
    return ['-f', file];
  });
  const checked = spawnSync('haproxy', ['-c', ...moved.flat()], { encoding: 'utf8', env });
  expect([checked.status, checked.stderr]).toEqual([0, '']);
});
