// The images of the containers: the release's for the parts, and for all others a Dockerfile with a target for each program, and the scripts
// that start PostgreSQL and a node of NATS.
import { folderOf, PARTS, type Part } from './instances-layout.ts';
import { NATS_PLACES } from './nats-layout.ts';

/** An image of the release. No registry of others is asked for it: where it was not loaded, `localhost` is, and nobody answers. */
export function imageName(target: 'testbed' | 'bridge', version: string): string {
  return `localhost/doorsill-${target}:${version}`;
}

/** User ids in the containers and on the machine; the release's Dockerfile makes those of the parts. Each part has its own, so that a captured bridge cannot read the keys of registry and vault. */
export const CONTAINER_USERS = { registry: 901, vault: 902, bridge: 903, postgres: 904, haproxy: 905 } as const;

/** Folders and files in the containers. */
export const CONTAINER_PLACES = {
  secrets: '/run/secrets',
  /** The folder of keys that all instances of a part share. */
  keysOf: (part: Part) => `${folderOf(part)}-keys`,
  postgres: '/var/lib/postgresql',
  postgresSettings: '/etc/postgresql',
  postgresSocket: '/run/postgresql',
  haproxy: '/etc/haproxy',
  haproxySocket: '/run/haproxy',
} as const;

/** Names of secrets and of their files. */
export const SECRETS = {
  passwordOf: (user: Part | 'standby') => `${user}-database`,
  bucketOf: (part: Part) => `${part}-s3`,
  databaseCertificate: 'postgres.crt',
  databaseKey: 'postgres.key',
} as const;

const SCRIPTS = '/usr/local/lib/doorsill';
const { postgres, haproxy, bridge } = CONTAINER_USERS;

/** The files of the build context. */
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
const DOCKERFILE = `# Written by \`doorsill bridge deploy compose\`: an image for each program, which runs as an unprivileged user. Rebuild with --pull
# after updates of Debian. A new volume copies the image's folder at its path, with owner and mode.

FROM debian:trixie-slim AS haproxy
RUN ${[user('haproxy', haproxy), 'apt-get update', install('haproxy')].join(AND)}
# Lets running calls end.
STOPSIGNAL SIGUSR1
ENTRYPOINT ["haproxy", "-db", "-f", "${CONTAINER_PLACES.haproxy}/haproxy.cfg", "-f", "${CONTAINER_PLACES.haproxy}/doorsill-broker.cfg"]

FROM debian:trixie-slim AS nats
RUN ${[user('doorsill-bridge', bridge), owned(bridge, NATS_PLACES.folder), 'apt-get update', install('nats-server')].join(AND)}
COPY --chmod=0444 nats.sh ${SCRIPTS}/nats.sh
ENTRYPOINT ["sh", "${SCRIPTS}/nats.sh"]

FROM debian:trixie-slim AS postgres
# Debian's package would create a server.
RUN ${[
  user('postgres', postgres),
  'apt-get update',
  'apt-get install -y --no-install-recommends postgresql-common',
  "sed -i 's/^#\\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf",
  install('postgresql'),
  owned(postgres, CONTAINER_PLACES.postgres),
].join(AND)}
COPY --chmod=0444 postgres.sh ${SCRIPTS}/postgres.sh
# Fast shutdown: disconnects clients.
STOPSIGNAL SIGINT
ENTRYPOINT ["sh", "${SCRIPTS}/postgres.sh"]
`;

const databases = PARTS.map(
  (part) => `\\set password \`cat ${CONTAINER_PLACES.secrets}/${SECRETS.passwordOf(part)}\`
create role "doorsill-${part}" login password :'password';
create database doorsill_${part} owner "doorsill-${part}";`,
);

const POSTGRES = `# Written by \`doorsill bridge deploy compose\`: runs one server of PostgreSQL.
#   postgres.sh primary            the first start creates the parts' databases
#   postgres.sh standby ADDRESS    the first start copies the primary at this address, and follows it from then on
# Existing data is used as it is. An unfinished first start is repeated.
set -eu
umask 077
secrets=${CONTAINER_PLACES.secrets}
settings=${CONTAINER_PLACES.postgresSettings}
socket=${CONTAINER_PLACES.postgresSocket}
data=${CONTAINER_PLACES.postgres}/data
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
# No home, so that programs find no settings there.
export HOME=/nonexistent

need() {
  for name in "$@"; do
    [ -s "$secrets/$name" ] && [ -r "$secrets/$name" ] && continue
    echo "the secret $name is missing, empty or not readable: see STEPS.md" >&2
    exit 1
  done
}

make_primary() {
  need ${[...PARTS, 'standby' as const].map(SECRETS.passwordOf).join(' ')}
  initdb --pgdata="$data.new" --username=postgres --auth-local=peer --auth-host=reject --encoding=UTF8 --locale=C.UTF-8 --data-checksums
  # Without addresses, so that no client finds it before it is complete.
  pg_ctl --pgdata="$data.new" --wait --options="-c listen_addresses='' -c unix_socket_directories=$data.new" start
  # Passwords go over the server's socket, so that no process list shows them.
  psql --host="$data.new" --username=postgres --dbname=postgres --no-psqlrc --quiet --set=ON_ERROR_STOP=1 <<'SQL'
${databases.join('\n')}
\\set password \`cat ${CONTAINER_PLACES.secrets}/${SECRETS.passwordOf('standby')}\`
create role doorsill_standby replication login password :'password';
SQL
  pg_ctl --pgdata="$data.new" --wait --mode=fast stop
}

# Not under the standby's name: until the copy is complete, no commit may rely on it.
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
# The primary recognizes its standby by the cluster's name.
exec postgres -D "$data" -c config_file="$settings/doorsill.conf" -c hba_file="$settings/pg_hba.conf" -c unix_socket_directories="$socket" \\
  -c cluster_name=doorsill_standby -c ssl_cert_file="$secrets/${SECRETS.databaseCertificate}" -c ssl_key_file="$secrets/${SECRETS.databaseKey}"
`;

const NATS = `# Written by \`doorsill bridge deploy compose\`: runs one node of the area broker.
#   nats.sh NAME
# It reloads accounts.conf whenever an account changed, which ends the sessions of removed ones.
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
# The port for health checks, inside this container only.
exec nats-server -c "$folder/$1.conf" -m "$port"
`;
