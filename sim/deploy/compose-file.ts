// compose.yml: the addresses of the containers, their commands, rights, files and volumes.

import { CONTAINER_PLACES, CONTAINER_USERS, imageName, SECRETS } from './compose-image.ts';
import { folderOf, type Instance, PARTS, type Part, type Served } from './instances-layout.ts';
import { followWords, NATS_PLACES, type NatsLayoutWish } from './nats-layout.ts';
import { partArguments } from './part-arguments.ts';
import { PORTS } from './systemd-layout.ts';

export interface ComposeLayoutWish {
  domain: string;
  /** Address of the S3 server. */
  s3: string;
  /** Instances of each part, 2 to `INSTANCES_MAX`. */
  instances: number;
  /** The containers' /24 network: three numbers of an IPv4 address, such as `172.31.77`. */
  network: string;
  /** The version of the release whose image runs the parts. */
  version: string;
}

/** Instances are named by letters, and each part has ten addresses. */
export const INSTANCES_MAX = 8;

/** The addresses in the containers' network. */
export interface ContainerAddresses extends Served {
  nodes: NatsLayoutWish['nodes'];
}

export function containerAddresses({ domain, s3, instances: count, network }: ComposeLayoutWish): ContainerAddresses {
  const at = (last: number) => `${network}.${last}`;
  const instances = [...'abcdefgh'.slice(0, count)].map((name, number): Instance => {
    const hosts = { registry: at(20 + number), vault: at(30 + number), bridge: at(40 + number) };
    return { name, hosts };
  });
  const nodes = [1, 2, 3].map((number) => ({ name: `n${number}`, host: at(50 + number) }));
  return { domain, s3, instances, nodes, proxy: at(10), database: at(61), standby: at(62) };
}

/** Names under the domain that resolve to HAProxy. */
const NAMES = ['bridge', 'registry', 'vault', 'broker'];

const ABOUT: Readonly<Record<Part, string>> = {
  registry: 'Which agencies may ask. The instances of a part share rows, and keys that the first one makes.',
  vault: 'Evidence for the agencies that it was granted to. Each has a volume for clips on their way to the bucket.',
  bridge: 'They publish requests and store granted clips. Each has a volume for clips on their way to the bucket.',
};

const section = (about: string, services: readonly string[]) => `  # ${about}\n${services.join('\n')}`;

/** The text of compose.yml. */
export function composeFile(addresses: ContainerAddresses, { network, version }: ComposeLayoutWish): string {
  const { domain, instances, nodes, proxy, database, standby } = addresses;
  const image = { release: imageName('bridge', version) };
  const services = [
    section('The entrance. Its ports are the only ones that this machine opens.', [haproxyService(proxy, domain)]),
    ...PARTS.map((part) =>
      section(
        ABOUT[part],
        instances.map((instance) => partService(part, instance, image)),
      ),
    ),
    section(
      'The area broker: three nodes, of which one may be away, and the process that writes their files from the bridges’ accounts.',
      [followService(nodes, image), ...nodes.map(nodeService)],
    ),
    section('Rows, and a standby that has each row before a commit is acknowledged.', [
      postgresService('postgres-a', { host: database, command: ['primary'] }),
      postgresService('postgres-b', { host: standby, command: ['standby', database], after: 'postgres-a' }),
    ]),
  ];
  const volumes = new Set([...services.join('').matchAll(/^ {6}- ([a-z0-9-]+):\//gm)].map(([, name]) => name));
  return `# Written by \`doorsill bridge deploy compose\` for ${domain}. Follow STEPS.md before \`docker compose up\`.
name: doorsill

x-container: &container
  # When the machine starts, Docker ignores dependencies: a container that starts too early ends, and is restarted.
  restart: unless-stopped
  # A container has no capabilities, and may write only to its volumes and to temporary folders.
  read_only: true
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  pids_limit: 512
  # A crash dump would contain facts about homes; each connection and each clip under way is a descriptor.
  ulimits: { core: 0, nofile: 65536 }
  # Lets running calls end.
  stop_grace_period: 60s
  logging: { driver: local, options: { max-size: 10m, max-file: "5" } }

services:
${services.join('\n')}
networks:
  inside:
    # HAProxy, PostgreSQL and the parts use each other's addresses.
    ipam: { config: [{ subnet: ${network}.0/24 }] }

volumes:
${[...volumes].map((name) => `  ${name}:`).join('\n')}

secrets:
${secretFiles()}`;
}

/** All secrets; each container gets those that it names. */
function secretFiles(): string {
  const { passwordOf, bucketOf, databaseCertificate, databaseKey } = SECRETS;
  const names = [
    ...[...PARTS, 'standby' as const].map(passwordOf),
    ...[bucketOf('vault'), bucketOf('bridge'), databaseCertificate, databaseKey, ...CERTIFICATES],
  ];
  return names.map((name) => `  ${name}: { file: ./secrets/${name} }\n`).join('');
}

interface Container {
  /** A target of the Dockerfile, or the image of the release. */
  image: 'haproxy' | 'nats' | 'postgres' | { release: string };
  user: keyof typeof CONTAINER_USERS;
  /** Lines of its own, without their indentation. */
  lines: readonly string[];
  volumes: readonly string[];
  secrets?: readonly string[];
  /** Temporary folders, beside /tmp. */
  scratch?: readonly string[];
  /** The health check, and how long it may fail after the start. */
  health: { test: readonly string[]; startS: number };
  after?: string;
}

/** A service of compose.yml. */
function service(name: string, { image, user, lines, health, after, ...container }: Container): string {
  const id = CONTAINER_USERS[user];
  const { volumes, secrets = [], scratch = [] } = container;
  const list = (key: string, items: readonly string[]) =>
    items.length > 0 ? [`${key}:`, ...items.map((item) => `  - ${item}`)] : [];
  const all = [
    '<<: *container',
    ...(typeof image === 'string'
      ? [`image: doorsill-${image}`, `build: { context: ./image, target: ${image} }`]
      : [`image: ${image.release}`, 'pull_policy: never']),
    `user: "${id}:${id}"`,
    ...lines,
    ...list('volumes', volumes),
    ...list('tmpfs', ['/tmp', ...scratch.map((folder) => `${folder}:uid=${id},gid=${id},mode=0700`)]),
    ...list('secrets', secrets),
    'healthcheck:',
    `  test: ${JSON.stringify(['CMD', ...health.test])}`,
    '  interval: 10s',
    '  timeout: 5s',
    `  start_period: ${health.startS}s`,
    ...(after ? [`depends_on: { ${after}: { condition: service_healthy } }`] : []),
  ];
  return `  ${name}:\n${all.map((line) => `    ${line}\n`).join('')}`;
}

/** PEM files of HAProxy: certificate and key. */
const CERTIFICATES = ['doorsill.pem', 'doorsill-broker.pem'];

function haproxyService(host: string, domain: string): string {
  const { haproxy, haproxySocket } = CONTAINER_PLACES;
  const bash = 'exec 3<>/dev/tcp/127.0.0.1/443 4<>/dev/tcp/127.0.0.1/8883';
  return service('haproxy', {
    image: 'haproxy',
    user: 'haproxy',
    lines: [
      'ports: ["443:443", "8883:8883"]',
      '# The containers also resolve the public names to it.',
      `networks: { inside: { ipv4_address: ${host}, aliases: [${NAMES.map((name) => `${name}.${domain}`).join(', ')}] } }`,
      '# It is not root and needs port 443.',
      'sysctls: { net.ipv4.ip_unprivileged_port_start: 0 }',
    ],
    volumes: ['haproxy.cfg', 'doorsill-broker.cfg'].map((file) => `./haproxy/${file}:${haproxy}/${file}:ro`),
    secrets: CERTIFICATES.map((file) => `{ source: ${file}, target: ${haproxy}/${file} }`),
    scratch: [haproxySocket],
    health: { test: ['bash', '-c', bash], startS: 10 },
  });
}

function partService(part: Part, { name, hosts }: Instance, image: Container['image']): string {
  const { passwordOf, bucketOf, databaseCertificate } = SECRETS;
  const folder = folderOf(part);
  const ready = `http://${hosts[part]}:${PORTS[part]}/readyz`;
  const ask = `fetch('${ready}').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))`;
  return service(`${part}-${name}`, {
    image,
    user: part,
    lines: [
      `command: [${partArguments(part).join(', ')}, --data, ${folder}, --json]`,
      `networks: { inside: { ipv4_address: ${hosts[part]} } }`,
    ],
    volumes: [
      `${part}-${name}:${folder}`,
      `./settings/${name}/${part}.json:${folder}/${part}.json:ro`,
      `${part}-keys:${CONTAINER_PLACES.keysOf(part)}`,
      ...(part === 'bridge' ? [`accounts:${NATS_PLACES.accounts}`] : []),
    ],
    secrets: [passwordOf(part), databaseCertificate, ...(part === 'registry' ? [] : [bucketOf(part)])],
    // At first the bridges wait for the nodes, which wait for their accounts and for each other.
    health: { test: ['node', '-e', ask], startS: part === 'bridge' ? 300 : 60 },
    after: 'postgres-b',
  });
}

function followService(nodes: ContainerAddresses['nodes'], image: Container['image']): string {
  const { accounts, folder } = NATS_PLACES;
  const isWritten = nodes.map(({ name }) => `[ -s ${folder}/${name}.conf ]`).join(' && ');
  return service('nats-files', {
    image,
    user: 'bridge',
    lines: [
      `command: ${JSON.stringify(followWords(nodes))}`,
      '# It only reads and writes files.',
      'network_mode: none',
    ],
    volumes: [`accounts:${accounts}:ro`, `nats:${folder}`],
    health: { test: ['sh', '-c', isWritten], startS: 30 },
  });
}

function nodeService({ name, host }: ContainerAddresses['nodes'][number]): string {
  const ask =
    "exec 3<>/dev/tcp/127.0.0.1/8222 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $$line == *' 200 '* ]]";
  return service(`nats-${name}`, {
    image: 'nats',
    user: 'bridge',
    lines: [`command: [${name}]`, `networks: { inside: { ipv4_address: ${host} } }`],
    volumes: [`nats:${NATS_PLACES.folder}`],
    health: { test: ['bash', '-c', ask], startS: 240 },
  });
}

function postgresService(
  name: string,
  { host, command, after }: { host: string; command: string[]; after?: string },
): string {
  const { postgres, postgresSettings: settings, postgresSocket } = CONTAINER_PLACES;
  const { passwordOf, databaseCertificate, databaseKey } = SECRETS;
  // The primary creates the databases, so it needs the passwords of all users.
  const users = [...(after ? [] : PARTS), 'standby' as const];
  const isWell =
    "select 1 / (not pg_is_in_recovery() or exists (select from pg_stat_wal_receiver where status = 'streaming'))::int";
  return service(name, {
    image: 'postgres',
    user: 'postgres',
    lines: [`command: [${command.join(', ')}]`, `networks: { inside: { ipv4_address: ${host} } }`, 'shm_size: 256m'],
    volumes: [
      `${name}:${postgres}`,
      ...['doorsill.conf', 'pg_hba.conf'].map((file) => `./postgresql/${file}:${settings}/${file}:ro`),
    ],
    secrets: [...users.map(passwordOf), databaseCertificate, databaseKey],
    scratch: [postgresSocket],
    // Healthy: it is the primary, or follows one.
    health: { test: ['psql', '--host', postgresSocket, '--dbname', 'postgres', '--command', isWell], startS: 120 },
    ...(after ? { after } : {}),
  });
}
