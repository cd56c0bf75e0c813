// Owns: the files of a town that no single machine stops: registry, vault and bridge as several instances, rows in PostgreSQL with a standby,
// clips in a bucket, a NATS cluster, HAProxy in front. Not here: the units themselves (systemd-layout.ts), the cluster's files
// (nats-layout.ts), writing or printing them (sim/cli/deploy.ts).
import { type NatsLayoutWish, natsLayout } from './nats-layout.ts';
import { haproxyHead, PORTS, printed, serviceUnit, USERS } from './systemd-layout.ts';

export interface InstancesLayoutWish extends NatsLayoutWish {
  /** Names and addresses of the machines, each of which has one instance of each part. */
  instances: readonly { name: string; host: string }[];
  /** Addresses: of HAProxy, and of PostgreSQL and its standby. */
  proxy: string;
  database: string;
  standby: string;
  /** Address of the S3 server. */
  s3: string;
}

const PARTS = ['registry', 'vault', 'bridge'] as const;
type Part = (typeof PARTS)[number];

const folderOf = (part: Part) => `/var/lib/doorsill-${part}`;
const AT_HOST = (host: string) => (host.includes(':') ? `[${host}]` : host);

/** The files by their paths below a folder, in the order in which a person reads them. None holds a secret. */
export function instancesLayout(wish: InstancesLayoutWish): Map<string, string> {
  const { node, program, instances } = wish;
  const units = PARTS.map((part): [string, string] => [
    `systemd/doorsill-${part}.service`,
    serviceUnit(part, `${node} ${program} ${part} --data ${folderOf(part)} --json`, { isAlone: false }),
  ]);
  const settings = instances.flatMap(({ name, host }) =>
    PARTS.map((part): [string, string] => [
      `settings/${name}/${part}.json`,
      printed(settingsOf(part, { name, host }, wish)),
    ]),
  );
  const broker = [...natsLayout(wish)].map(([path, text]): [string, string] => [`broker/${path}`, text]);
  return new Map([
    ['STEPS.md', steps(wish)],
    ['sysusers.d/doorsill.conf', USERS],
    ...units,
    ...settings,
    ['haproxy/haproxy.cfg', haproxy(wish)],
    ['postgresql/doorsill.conf', postgresSettings(wish)],
    ['postgresql/pg_hba.conf', postgresAccess(wish)],
    ...broker,
  ]);
}

function settingsOf(part: Part, { name, host }: { name: string; host: string }, wish: InstancesLayoutWish): object {
  const { domain, proxy, database, s3 } = wish;
  const bucket = { endpoint: s3, bucket: `doorsill-${part}`, keyId: '', secretFile: `${folderOf(part)}/secrets/s3` };
  const common = {
    database: `postgres://doorsill-${part}@${AT_HOST(database)}/doorsill_${part}`,
    databasePasswordFile: `${folderOf(part)}/secrets/database`,
    http: { host, port: PORTS[part], proxyProtocol: [proxy] },
  };
  const instance = { name, secretsFolder: `${folderOf(part)}/secrets` };
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

function haproxy({ domain, instances }: InstancesLayoutWish): string {
  const routes = PARTS.map(
    (part) => `    use_backend ${part} if { req.hdr(host),field(1,:),lower -m str ${part}.${domain} }`,
  );
  return `${haproxyHead('the instances, on a machine of its own', domain)}    option redispatch
    # Whom it speaks for, which each instance believes of this machine alone (http.proxyProtocol).
    default-server check inter 1s fall 1 rise 1 send-proxy-v2 check-send-proxy

frontend doorsill
    bind :443 ssl crt /etc/haproxy/doorsill.pem alpn h2,http/1.1
    # Names of other sites are answered with 421.
${routes.join('\n')}
    default_backend elsewhere

backend elsewhere
    http-request return status 421

${PARTS.map((part) => backend(part, instances)).join('\n')}
# Whether a bridge lives, be the area broker or the bucket away or not.
backend bridge_alive
    option httpchk GET /healthz
    http-check expect status 200
${servers('bridge', instances)}`;
}

function servers(part: Part, instances: InstancesLayoutWish['instances']): string {
  return instances.map(({ name, host }) => `    server ${name} ${AT_HOST(host)}:${PORTS[part]}\n`).join('');
}

function backend(part: Part, instances: InstancesLayoutWish['instances']): string {
  const ready = `backend ${part}
    option httpchk GET /readyz
    http-check expect status 200
`;
  if (part !== 'bridge') return ready + servers(part, instances);
  const uploads = instances.map(({ name }) => `    use-server ${name} if { path_beg /v1/uploads/upload-${name}- }\n`);
  const alive = instances.map(
    ({ name, host }) =>
      `    server ${name}-alive ${AT_HOST(host)}:${PORTS.bridge} no-check backup track bridge_alive/${name}\n`,
  );
  return `${ready}    # One address comes to one instance, which counts its public calls and its refusals; an upload to the one that began it.
    balance source
    hash-type consistent
${uploads.join('')}${servers(part, instances)}    # When none is ready, those that live still take revocations.
${alive.join('')}`;
}

function postgresSettings({ database, standby }: InstancesLayoutWish): string {
  return `# /etc/postgresql/*/main/conf.d/doorsill.conf at ${database} and at its standby ${standby}.
listen_addresses = '*'
password_encryption = scram-sha-256
# A certificate whose name the parts verify; sslrootcert= in their \`database\` names an authority of your own.
ssl = on
# A commit is acknowledged once the standby has it on its disk, too: no receipt is given for what would be lost with this machine.
synchronous_commit = on
synchronous_standby_names = 'ANY 1 (doorsill_standby)'
wal_level = replica
max_wal_senders = 10
# Each instance has one connection.
max_connections = 100
`;
}

function postgresAccess({ instances, standby, database }: InstancesLayoutWish): string {
  const hosts = (host: string) => (host.includes(':') ? `${host}/128` : `${host}/32`);
  const lines = PARTS.flatMap((part) =>
    instances.map(({ host }) => `hostssl doorsill_${part} doorsill-${part} ${hosts(host)} scram-sha-256`),
  );
  const standbys = [standby, database].map(
    (host) => `hostssl replication doorsill_standby ${hosts(host)} scram-sha-256`,
  );
  return `# Lines for /etc/postgresql/*/main/pg_hba.conf at both. Addresses, not names: nobody else comes in.
${[...lines, ...standbys].join('\n')}
`;
}

function steps({ domain, instances, proxy, database, standby, s3 }: InstancesLayoutWish): string {
  const [first, ...others] = instances;
  const each = instances.map(({ name, host }) => `${name} (${host})`).join(', ');
  return `# doorsill on several machines, for ${domain}

Written by \`doorsill deploy instances\`. No file here holds a secret. Any one machine may be away: each of ${each} has one
instance of registry, vault and bridge. Behind HAProxy everything but PostgreSQL and S3 goes in the clear: a network of these
machines' own. As root on Debian, in this folder:

1. Names \`bridge\`, \`registry\`, \`vault\` and \`broker\` under ${domain} lead to HAProxy at ${proxy}; ports 443 and 8883 are open there.
2. Rows, at ${database}: \`apt-get install postgresql\`, postgresql/doorsill.conf and the lines of postgresql/pg_hba.conf in their places, then

       for part in registry vault bridge; do
         runuser -u postgres -- createuser --pwprompt doorsill-$part
         runuser -u postgres -- createdb --owner doorsill-$part --encoding UTF8 --template template0 doorsill_$part
       done
       runuser -u postgres -- createuser --replication --pwprompt doorsill_standby

   The standby at ${standby} begins as a copy: \`pg_basebackup -h ${database} -U doorsill_standby -D DATA -R -X stream\`, with
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
   A registry's \`domains/\` lies there, too.
6. Registry and vault at ${first?.name} alone: \`systemctl enable --now doorsill-registry doorsill-vault\`. They make \`signing.key\` and \`admin.token\` in
   their \`secrets\`. Bring both files to the same place at ${others.map(({ name }) => name).join(', ')}, and start registry and vault there.
7. HAProxy at ${proxy}: \`cp haproxy/haproxy.cfg /etc/haproxy/ && systemctl restart haproxy\`. Both now answer at https://registry.${domain}/v1/key and
   https://vault.${domain}/v1/vault; put each \`key\` into bridge.json, where both are empty. A bridge refuses to start before.
8. The bridge in the same way: at ${first?.name}, its \`signing.key\` and \`admin.token\` to the others, then there.
9. The area broker: broker/STEPS.md.
10. \`curl https://bridge.${domain}/readyz\` says \`ready\`. Let the vault pin the bridge, whose id and key https://bridge.${domain}/v1/bridge says:
    \`POST /v1/bridges\` at the vault with its admin token.

What to back up, what to watch, how to upgrade and how to promote the standby: docs/operate.md.
`;
}
