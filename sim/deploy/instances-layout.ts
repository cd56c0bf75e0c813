// The files of a deployment that survives the loss of a machine: several instances of registry, vault and bridge, PostgreSQL with a standby, a
// bucket, a NATS cluster, HAProxy in front.

import { type NatsLayoutWish, natsLayout } from './nats-layout.ts';
import { partArguments } from './part-arguments.ts';
import { haproxyHead, PORTS, printed, serviceUnit, USERS } from './systemd-layout.ts';

export const PARTS = ['registry', 'vault', 'bridge'] as const;
export type Part = (typeof PARTS)[number];

/** One instance of each part, each at its address. */
export interface Instance {
  name: string;
  hosts: Readonly<Record<Part, string>>;
}

/** The addresses of a deployment, on machines or in containers. */
export interface Served {
  domain: string;
  instances: readonly Instance[];
  /** Addresses: of HAProxy, and of PostgreSQL and its standby. */
  proxy: string;
  database: string;
  standby: string;
  /** Address of the S3 server. */
  s3: string;
}

/** Paths of an instance's secrets: its part's folder of keys, and the files with the passwords of database and bucket. */
export interface SecretPlaces {
  folder: string;
  database: string;
  s3: string;
  /** PEM file with the authority of PostgreSQL's certificate; absent: the system's authorities. */
  databaseAuthority?: string;
}

export interface InstancesLayoutWish extends NatsLayoutWish, Omit<Served, 'instances'> {
  /** Each has one instance of each part. */
  machines: readonly { name: string; host: string }[];
}

export const folderOf = (part: Part) => `/var/lib/doorsill-${part}`;
const AT_HOST = (host: string) => (host.includes(':') ? `[${host}]` : host);

/** The files by path, in reading order. None contains a secret. */
export function instancesLayout(wish: InstancesLayoutWish): Map<string, string> {
  const { node, program } = wish;
  const instances = wish.machines.map(({ name, host }) => ({
    name,
    hosts: { registry: host, vault: host, bridge: host },
  }));
  const served = { ...wish, instances };
  const units = PARTS.map((part): [string, string] => [
    `systemd/doorsill-${part}.service`,
    serviceUnit(part, `${node} ${program} ${partArguments(part).join(' ')} --data ${folderOf(part)} --json`, {
      isAlone: false,
    }),
  ]);
  const settings = settingsFiles(served, (part) => {
    const folder = `${folderOf(part)}/secrets`;
    return { folder, database: `${folder}/database`, s3: `${folder}/s3` };
  });
  const broker = [...natsLayout(wish)].map(([path, text]): [string, string] => [`broker/${path}`, text]);
  return new Map([
    ['STEPS.md', steps(wish)],
    ['sysusers.d/doorsill.conf', USERS],
    ...units,
    ...settings,
    ['haproxy/haproxy.cfg', haproxyOfInstances(served)],
    ['postgresql/doorsill.conf', postgresSettings(served)],
    ['postgresql/pg_hba.conf', postgresAccess(served)],
    ...broker,
  ]);
}

/** The settings of all instances. Keys that the parts make and ids of the buckets' keys are empty: the operator fills them in. */
export function settingsFiles(served: Served, secretsOf: (part: Part) => SecretPlaces): [string, string][] {
  return served.instances.flatMap((instance) =>
    PARTS.map((part): [string, string] => [
      `settings/${instance.name}/${part}.json`,
      printed(settingsOf(part, instance, served, secretsOf(part))),
    ]),
  );
}

function settingsOf(part: Part, { name, hosts }: Instance, served: Served, secrets: SecretPlaces): object {
  const { domain, proxy, database, s3 } = served;
  const bucket = { endpoint: s3, bucket: `doorsill-${part}`, keyId: '', secretFile: secrets.s3 };
  const authority = secrets.databaseAuthority === undefined ? '' : `?sslrootcert=${secrets.databaseAuthority}`;
  const common = {
    database: `postgres://doorsill-${part}@${AT_HOST(database)}/doorsill_${part}${authority}`,
    databasePasswordFile: secrets.database,
    http: { host: hosts[part], port: PORTS[part], proxyProtocol: [proxy] },
  };
  const instance = { name, secretsFolder: secrets.folder };
  const publicUrl = `https://${part}.${domain}`;
  switch (part) {
    case 'registry':
      return { ...common, instance };
    case 'vault':
      return { ...common, instance, s3: bucket, publicUrl };
    case 'bridge':
      return {
        ...common,
        instance: { ...instance, s3: bucket },
        publicUrl,
        registry: { url: `https://registry.${domain}`, key: '' },
        vault: { url: `https://vault.${domain}`, key: '' },
        area: { url: `mqtts://broker.${domain}:8883`, accounts: '/var/lib/doorsill-broker/accounts' },
      };
  }
}

/** HAProxy's configuration. */
export function haproxyOfInstances({ domain, instances }: Pick<Served, 'domain' | 'instances'>): string {
  const routes = PARTS.map(
    (part) => `    use_backend ${part} if { req.hdr(host),field(1,:),lower -m str ${part}.${domain} }`,
  );
  return `${haproxyHead('the instances', domain)}    option redispatch
    # Passes on the caller's address, which instances accept only from HAProxy's address (http.proxyProtocol).
    default-server check inter 1s fall 1 rise 1 send-proxy-v2 check-send-proxy

frontend doorsill
    bind :443 ssl crt /etc/haproxy/doorsill.pem alpn h2,http/1.1
    # Other host names get status 421.
${routes.join('\n')}
    default_backend elsewhere

backend elsewhere
    http-request return status 421

${PARTS.map((part) => backend(part, instances)).join('\n')}
# Whether a bridge runs, with or without area broker and bucket.
backend bridge_alive
    option httpchk GET /healthz
    http-check expect status 200
${servers('bridge', instances)}`;
}

function servers(part: Part, instances: readonly Instance[]): string {
  return instances.map(({ name, hosts }) => `    server ${name} ${AT_HOST(hosts[part])}:${PORTS[part]}\n`).join('');
}

function backend(part: Part, instances: readonly Instance[]): string {
  const ready = `backend ${part}
    option httpchk GET /readyz
    http-check expect status 200
`;
  if (part !== 'bridge') return ready + servers(part, instances);
  const uploads = instances.map(({ name }) => `    use-server ${name} if { path_beg /v1/uploads/upload-${name}- }\n`);
  const alive = instances.map(
    ({ name, hosts }) =>
      `    server ${name}-alive ${AT_HOST(hosts.bridge)}:${PORTS.bridge} no-check backup track bridge_alive/${name}\n`,
  );
  return `${ready}    # Each caller's address leads to one instance, which counts its public calls and refusals; an upload stays at its first instance.
    balance source
    hash-type consistent
${uploads.join('')}${servers(part, instances)}    # When none is ready, running instances still accept revocations.
${alive.join('')}`;
}

/** PostgreSQL's settings, for primary and standby. */
export function postgresSettings({ database, standby }: Pick<Served, 'database' | 'standby'>): string {
  return `# Settings of PostgreSQL at ${database} and at its standby ${standby}; on Debian a file in /etc/postgresql/*/main/conf.d/.
listen_addresses = '*'
password_encryption = scram-sha-256
# The parts verify the certificate's name; set sslrootcert= in their \`database\` for your own authority.
ssl = on
# A commit is acknowledged once it is on the standby's disk, too: no receipt may be lost with this machine.
synchronous_commit = on
synchronous_standby_names = 'ANY 1 (doorsill_standby)'
wal_level = replica
max_wal_senders = 10
# Each instance has one connection.
max_connections = 100
`;
}

/** Rules for remote connections to PostgreSQL, for primary and standby. */
export function postgresAccess({ instances, standby, database }: Omit<Served, 'domain'>): string {
  const only = (host: string) => (host.includes(':') ? `${host}/128` : `${host}/32`);
  const lines = PARTS.flatMap((part) =>
    instances.map(({ hosts }) => `hostssl doorsill_${part} doorsill-${part} ${only(hosts[part])} scram-sha-256`),
  );
  const standbys = [standby, database].map(
    (host) => `hostssl replication doorsill_standby ${only(host)} scram-sha-256`,
  );
  return `# Lines for pg_hba.conf at both; on Debian in /etc/postgresql/*/main/. By address, so that nobody else can connect.
${[...lines, ...standbys].join('\n')}
`;
}

function steps({ domain, machines, proxy, database, standby, s3 }: InstancesLayoutWish): string {
  const [first, ...others] = machines;
  const each = machines.map(({ name, host }) => `${name} (${host})`).join(', ');
  return `# doorsill on several machines, for ${domain}

Written by \`doorsill bridge deploy instances\`. No file here contains a secret. Any one machine may be away: each of ${each} has one
instance of registry, vault and bridge. Behind HAProxy only PostgreSQL and S3 are encrypted, so give these machines a network of their own. As
root on Debian, in this folder:

1. Names \`bridge\`, \`registry\`, \`vault\` and \`broker\` under ${domain} lead to HAProxy at ${proxy}; ports 443 and 8883 are open there.
2. Rows, at ${database}: \`apt-get install postgresql\`, postgresql/doorsill.conf and the lines of postgresql/pg_hba.conf in their places, then

       for part in registry vault bridge; do
         runuser -u postgres -- createuser --pwprompt doorsill-$part
         runuser -u postgres -- createdb --owner doorsill-$part --encoding UTF8 --template template0 doorsill_$part
       done
       runuser -u postgres -- createuser --replication --pwprompt doorsill_standby

   The standby at ${standby} starts as a copy: \`pg_basebackup -h ${database} -U doorsill_standby -D DATA -R -X stream\`, with
   \`application_name=doorsill_standby\` in its primary_conninfo. Until it is there, commits wait for it.
3. Clips: two buckets, \`doorsill-bridge\` and \`doorsill-vault\`, at ${s3}, without versions, each with a key of its own. Write the keys' ids
   into \`keyId\` of the settings.
4. On each of ${each}: the users of sysusers.d/doorsill.conf (\`systemd-sysusers\`), doorsill with its node outside of home folders,
   and \`cp systemd/*.service /etc/systemd/system/ && systemctl daemon-reload\`. /var/lib/doorsill-broker/accounts is one folder that all of them
   mount, owned by doorsill-bridge, mode 0700.
5. Settings and secrets, with NAME for the machine's own:

       for part in registry vault bridge; do
         install -d -o doorsill-$part -g doorsill-$part -m 0700 /var/lib/doorsill-$part /var/lib/doorsill-$part/secrets
         install -o doorsill-$part -m 0600 settings/NAME/$part.json /var/lib/doorsill-$part/$part.json
       done

   Into each \`secrets\`, mode 0600, owned by the part's user: \`database\` with its password, and for vault and bridge \`s3\` with its bucket's secret.
   A registry's \`domains/\` is there, too.
6. Registry and vault at ${first?.name} alone: \`systemctl enable --now doorsill-registry doorsill-vault\`. They make \`signing.key\` and \`admin.token\` in
   their \`secrets\`. Bring both files to the same place at ${others.map(({ name }) => name).join(', ')}, and start registry and vault there.
7. HAProxy at ${proxy}: \`cp haproxy/haproxy.cfg /etc/haproxy/ && systemctl restart haproxy\`. Both now answer at https://registry.${domain}/v1/key and
   https://vault.${domain}/v1/vault; put each \`key\` into bridge.json, where both are empty. A bridge refuses to start before.
8. The bridge in the same way: at ${first?.name}, its \`signing.key\` and \`admin.token\` to the others, then there.
9. The area broker: broker/STEPS.md.
10. \`curl https://bridge.${domain}/readyz\` says \`ready\`. Let the vault pin the bridge, whose id and key are at https://bridge.${domain}/v1/bridge:
    \`POST /v1/bridges\` at the vault with its admin token.

What to back up, what to watch, how to upgrade and how to promote the standby: docs/operate.md.
`;
}
