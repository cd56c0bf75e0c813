// Owns: what the containers of compose-layout.ts are made of: a Dockerfile with a target for each program, and what starts PostgreSQL and a
// node of NATS. Not here: the containers themselves.
import { folderOf, PARTS, type Part } from './instances-layout.ts';
import { NATS_PLACES } from './nats-layout.ts';

/** Users in the containers, and so on the machine: each part has one, so that a captured bridge cannot read the keys of registry and vault. */
export const CONTAINER_USERS = { registry: 901, vault: 902, bridge: 903, postgres: 904, haproxy: 905 } as const;

/** Folders and files in the containers. */
export const CONTAINER_PLACES = {
  secrets: '/run/secrets',
  /** Of the keys that all instances of a part share. */
  keysOf: (part: Part) => `${folderOf(part)}-keys`,
  postgres: '/var/lib/postgresql',
  postgresSettings: '/etc/postgresql',
  postgresSocket: '/run/postgresql',
  haproxy: '/etc/haproxy',
  haproxySocket: '/run/haproxy',
} as const;

/** Names of secrets, which are those of their files, too. */
export const SECRETS = {
  passwordOf: (user: Part | 'standby') => `${user}-database`,
  bucketOf: (part: Part) => `${part}-s3`,
  databaseCertificate: 'postgres.crt',
  databaseKey: 'postgres.key',
} as const;

const SCRIPTS = '/usr/local/lib/doorsill';
const { postgres, haproxy, bridge } = CONTAINER_USERS;

/** The files by their paths below the folder that images are built from. */
export function imageFiles(): [string, string][] {
  return [
    ['Dockerfile', DOCKERFILE],
    ['postgres.sh', POSTGRES],
    ['nats.sh', NATS],
  ];
}

const user = (name: string, id: number) =>
  `groupadd --system --gid ${id} ${name} && useradd --system --uid ${id} --gid ${id} --home-dir /nonexistent --shell /usr/sbin/nologin ${name}`;
const owned = (id: number, ...folders: string[]) => `install -d -o ${id} -g ${id} -m 0700 ${folders.join(' ')}`;
const install = (...packages: string[]) =>
  `apt-get install -y --no-install-recommends ${packages.join(' ')} && rm -rf /var/lib/apt/lists/*`;
const AND = ' \\\n && ';
const parts = PARTS.flatMap((part) => {
  const id = CONTAINER_USERS[part];
  return [user(`doorsill-${part}`, id), owned(id, folderOf(part), CONTAINER_PLACES.keysOf(part))];
});

/** Our packages, each in the folder where package.json has it as a workspace. */
const PACKAGES = [
  ['doorsill-contract', 'device/contract'],
  ['doorsill-base', 'device/base'],
  ['doorsill-console-page', 'device/console-page'],
  ['doorsill-device', 'device'],
  ['doorsill-cloud-bridge', 'cloud-bridge'],
  ['doorsill', 'sim'],
];
const unpacked = PACKAGES.map(
  ([name, folder]) => `mkdir -p ${folder} && tar -xzf ${name}-[0-9]*.tgz -C ${folder} --strip-components=1`,
);

const DOCKERFILE = `# Written by \`doorsill bridge deploy compose\`: an image for each program, with a user without rights to run it. Build them anew,
# with --pull, whenever Debian or Node renews what is in them. A volume begins as the folder of the image in its place, owner and mode included.

FROM node:24-trixie-slim AS parts
RUN ${[...parts, owned(bridge, NATS_PLACES.accounts, NATS_PLACES.folder)].join(AND)}
WORKDIR /opt/doorsill
COPY package.json package-lock.json *.tgz ./
RUN ${unpacked.join(AND)}${AND}rm *.tgz
# Of the lock file's hashes, and no script of a package runs. No part here makes pictures.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund${AND}rm -rf node_modules/node-ffmpeg-linux-x64 /root/.npm
ENTRYPOINT ["node", "/opt/doorsill/sim/cli/doorsill.mjs"]

FROM debian:trixie-slim AS haproxy
RUN ${[user('haproxy', haproxy), 'apt-get update', install('haproxy')].join(AND)}
# It lets calls end.
STOPSIGNAL SIGUSR1
ENTRYPOINT ["haproxy", "-db", "-f", "${CONTAINER_PLACES.haproxy}/haproxy.cfg", "-f", "${CONTAINER_PLACES.haproxy}/doorsill-broker.cfg"]

FROM debian:trixie-slim AS nats
RUN ${[user('doorsill-bridge', bridge), owned(bridge, NATS_PLACES.folder), 'apt-get update', install('nats-server')].join(AND)}
COPY --chmod=0444 nats.sh ${SCRIPTS}/nats.sh
ENTRYPOINT ["sh", "${SCRIPTS}/nats.sh"]

FROM debian:trixie-slim AS postgres
# Debian's package makes a server of its own unless it is told not to.
RUN ${[
  user('postgres', postgres),
  'apt-get update',
  'apt-get install -y --no-install-recommends postgresql-common',
  "sed -i 's/^#\\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf",
  install('postgresql'),
  owned(postgres, CONTAINER_PLACES.postgres),
].join(AND)}
COPY --chmod=0444 postgres.sh ${SCRIPTS}/postgres.sh
# It ends at once for whoever is connected.
STOPSIGNAL SIGINT
ENTRYPOINT ["sh", "${SCRIPTS}/postgres.sh"]
`;

const databases = PARTS.map(
  (part) => `\\set password \`cat ${CONTAINER_PLACES.secrets}/${SECRETS.passwordOf(part)}\`
create role "doorsill-${part}" login password :'password';
create database doorsill_${part} owner "doorsill-${part}";`,
);

const POSTGRES = `# Written by \`doorsill bridge deploy compose\`: runs one server of PostgreSQL.
#   postgres.sh primary            its first start makes the parts' databases
#   postgres.sh standby ADDRESS    its first start copies all of the primary at this address, which it follows from then on
# What is there already is started as it is. What a first start has not finished is begun anew.
set -eu
umask 077
secrets=${CONTAINER_PLACES.secrets}
settings=${CONTAINER_PLACES.postgresSettings}
socket=${CONTAINER_PLACES.postgresSocket}
data=${CONTAINER_PLACES.postgres}/data
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
# Nobody's home: what programs would look for there does not count.
export HOME=/nonexistent

need() {
  for name in "$@"; do
    [ -s "$secrets/$name" ] && [ -r "$secrets/$name" ] && continue
    echo "the secret $name is missing, empty or not readable: STEPS.md says how it is made" >&2
    exit 1
  done
}

make_primary() {
  need ${[...PARTS, 'standby' as const].map(SECRETS.passwordOf).join(' ')}
  initdb --pgdata="$data.new" --username=postgres --auth-local=peer --auth-host=reject --encoding=UTF8 --locale=C.UTF-8 --data-checksums
  # No standby is there to wait for, and nobody finds it: it is not well yet.
  pg_ctl --pgdata="$data.new" --wait --options="-c listen_addresses='' -c unix_socket_directories=$data.new" start
  # Passwords reach the server over its socket, and no list of processes.
  psql --host="$data.new" --username=postgres --dbname=postgres --no-psqlrc --quiet --set=ON_ERROR_STOP=1 <<'SQL'
${databases.join('\n')}
\\set password \`cat ${CONTAINER_PLACES.secrets}/${SECRETS.passwordOf('standby')}\`
create role doorsill_standby replication login password :'password';
SQL
  pg_ctl --pgdata="$data.new" --wait --mode=fast stop
}

# Its name is not the standby's: what it has is no standby yet, and no commit may count on it.
copy_primary() {
  pg_basebackup --pgdata="$data.new" --wal-method=stream --checkpoint=fast --write-recovery-conf \\
    --dbname="host=$1 user=doorsill_standby passfile=$socket/pgpass sslmode=verify-full sslrootcert=$secrets/${SECRETS.databaseCertificate}"
}

need ${[SECRETS.passwordOf('standby'), SECRETS.databaseCertificate, SECRETS.databaseKey].join(' ')}
printf '*:*:*:doorsill_standby:%s\\n' "$(cat "$secrets/${SECRETS.passwordOf('standby')}")" >"$socket/pgpass"
if [ ! -d "$data" ]; then
  rm -rf "$data.new"
  case $1 in
    primary) make_primary ;;
    standby) copy_primary "$2" ;;
  esac
  mv "$data.new" "$data"
fi
# By the cluster's name the primary knows its standby.
exec postgres -D "$data" -c config_file="$settings/doorsill.conf" -c hba_file="$settings/pg_hba.conf" -c unix_socket_directories="$socket" \\
  -c cluster_name=doorsill_standby -c ssl_cert_file="$secrets/${SECRETS.databaseCertificate}" -c ssl_key_file="$secrets/${SECRETS.databaseKey}"
`;

const NATS = `# Written by \`doorsill bridge deploy compose\`: runs one node of the area broker.
#   nats.sh NAME
# It reads accounts.conf again whenever the bridges have changed an account: who was removed is out.
set -u
folder=${NATS_PLACES.folder}
port=8222
look_s=2

until [ -s "$folder/$1.conf" ]; do sleep 1; done
node=$$
seen=$(cksum <"$folder/accounts.conf")
(
  while sleep "$look_s" && kill -0 "$node" 2>/dev/null; do
    now=$(cksum <"$folder/accounts.conf")
    [ "$now" = "$seen" ] && continue
    seen=$now
    kill -HUP "$node"
  done
) &
# Its health is told at this port, to this container alone.
exec nats-server -c "$folder/$1.conf" -m "$port"
`;
