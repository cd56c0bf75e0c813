// The layout of instances-layout.ts in containers of one machine: all files, and the steps.
import { type ComposeLayoutWish, type ContainerAddresses, composeFile, containerAddresses } from './compose-file.ts';
import { CONTAINER_PLACES, CONTAINER_USERS, imageFiles, SECRETS } from './compose-image.ts';
import { haproxyOfInstances, PARTS, postgresAccess, postgresSettings, settingsFiles } from './instances-layout.ts';
import { haproxyOfNodes } from './nats-layout.ts';

/** The files by path, in reading order. None contains a secret. */
export function composeLayout(wish: ComposeLayoutWish): Map<string, string> {
  const addresses = containerAddresses(wish);
  const { passwordOf, bucketOf, databaseCertificate } = SECRETS;
  const inContainer = (secret: string) => `${CONTAINER_PLACES.secrets}/${secret}`;
  const settings = settingsFiles(addresses, (part) => ({
    folder: CONTAINER_PLACES.keysOf(part),
    database: inContainer(passwordOf(part)),
    s3: inContainer(bucketOf(part)),
    databaseAuthority: inContainer(databaseCertificate),
  }));
  return new Map([
    ['STEPS.md', steps(addresses, wish.version)],
    ['compose.yml', composeFile(addresses, wish)],
    ...settings,
    ['haproxy/haproxy.cfg', haproxyOfInstances(addresses)],
    ['haproxy/doorsill-broker.cfg', haproxyOfNodes(addresses)],
    ['postgresql/doorsill.conf', postgresSettings(addresses)],
    ['postgresql/pg_hba.conf', `# Users inside the container.\nlocal all postgres peer\n${postgresAccess(addresses)}`],
    ...imageFiles().map(([name, text]): [string, string] => [`image/${name}`, text]),
  ]);
}

function steps({ domain, s3, instances, database, standby }: ContainerAddresses, version: string): string {
  const { registry, vault, bridge, postgres, haproxy } = CONTAINER_USERS;
  const { passwordOf, bucketOf, databaseCertificate, databaseKey } = SECRETS;
  const of = (part: string) => instances.map(({ name }) => `${part}-${name}`).join(' ');
  const [first] = instances;
  return `# doorsill in containers of one machine, for ${domain}

Written by \`doorsill bridge deploy compose\`. No file here contains a secret. Any one container except HAProxy and PostgreSQL's primary may stop, and
is restarted; to survive the loss of a machine use \`doorsill bridge deploy instances\`. Needs Docker 23 with compose 2.20, or newer. As root, in
this folder, which must stay in its place:

1. Names \`bridge\`, \`registry\`, \`vault\` and \`broker\` under ${domain} lead to this machine; ports 443 and 8883 are open.
2. Images: doorsill's from the release, whose checksums and signature you have checked, and all others from Debian's packages.

       docker load --input doorsill-bridge-${version}-linux-x64.tar.gz
       docker compose build --pull

3. Files for the containers: \`chmod -R a+rX settings haproxy postgresql\`.
4. Secrets, each readable only by its container's user. PostgreSQL's certificate is its own authority and names its addresses:

       install -d -m 0700 secrets
       (
         cd secrets
         umask 077
         for user in ${[...PARTS, 'standby'].join(' ')}; do openssl rand -hex 32 >$user-database; done
         chown ${registry}:${postgres} ${passwordOf('registry')}
         chown ${vault}:${postgres} ${passwordOf('vault')}
         chown ${bridge}:${postgres} ${passwordOf('bridge')}
         chown ${postgres}:${postgres} ${passwordOf('standby')}
         chmod 0440 *-database
         openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=doorsill-postgres \\
           -addext subjectAltName=IP:${database},IP:${standby} -keyout ${databaseKey} -out ${databaseCertificate}
         chown ${postgres}:${postgres} ${databaseKey}
         chmod 0444 ${databaseCertificate}
       )

   From elsewhere, mode 0400: \`secrets/doorsill.pem\` with certificate and key for bridge., registry. and vault.${domain}, \`secrets/doorsill-broker.pem\` with
   those for broker.${domain}, both owned by ${haproxy}; \`secrets/${bucketOf('vault')}\` with the secret of a bucket's key, owned by ${vault}, and
   \`secrets/${bucketOf('bridge')}\`, owned by ${bridge}.
5. Clips: two buckets, \`doorsill-bridge\` and \`doorsill-vault\`, at ${s3}, without versions, each with a key of its own. Write the keys' ids
   into \`keyId\` of the settings.
6. All but the bridges: \`docker compose up --detach --wait haproxy ${of('registry')} ${of('vault')}\`.
7. Keys. Registry and vault now answer at https://registry.${domain}/v1/key and https://vault.${domain}/v1/vault; put each \`key\` into every
   settings/*/bridge.json, where both are empty. A bridge refuses to start before.
8. \`docker compose up --detach --wait\`: the bridges make their accounts, the nodes of the area broker read of them and let them in.
   Rarely a node is left out at the first start: if clients are still refused after a minute, \`docker compose restart nats-a\`, then the others, one
   after the other.
9. \`curl https://bridge.${domain}/readyz\` says \`ready\`. Let the vault pin the bridge, whose id and key are at https://bridge.${domain}/v1/bridge:
   \`POST /v1/bridges\` at the vault with its admin token, which \`docker compose exec vault-${first?.name} cat ${CONTAINER_PLACES.keysOf('vault')}/admin.token\` prints.

**Changed settings** are read at a container's next start: \`docker compose restart bridge-a\`, one after the other. A registry's \`domains/\`
is in its volume of keys.

**An upgrade** is step 2, the new version in compose.yml, and, one container after the other, \`docker compose up --detach --wait --no-deps bridge-a\`.

**Back up** the volumes whose names end in \`-keys\`, \`doorsill_accounts\`, this folder with \`secrets\`, and the rows by \`pg_dump\` in postgres-b.

**If the primary is lost** for good: \`docker compose rm --stop --force postgres-a && docker volume rm doorsill_postgres-a\`, promote the standby by
\`docker compose exec postgres-b psql --host ${CONTAINER_PLACES.postgresSocket} --dbname postgres --command 'select pg_promote()'\`, exchange in compose.yml the
\`command\`, \`ipv4_address\` and \`depends_on\` of the two, naming postgres-b in the latter, and \`docker compose up --detach --wait\`: postgres-a becomes
the standby. Until then commits wait.

**Callers' addresses.** HAProxy sees the addresses of callers over IPv4. With rootless Docker, and for IPv6 calls to an IPv4 network, it sees Docker's
own address, so all those callers share the limits of one.

More of what to back up, what to watch and how to upgrade: docs/operate.md.
`;
}
