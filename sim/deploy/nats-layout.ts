// Owns: the files of an area broker that is a NATS cluster, in the place of the one broker of systemd-layout.ts: units, HAProxy before the
// nodes, steps. Not here: the nodes' own configuration (sim/broker/nats-files.ts), writing or printing files (sim/cli/deploy.ts).
import { HARDENING, type LayoutWish } from './systemd-layout.ts';

export interface NatsLayoutWish extends LayoutWish {
  /** Names and addresses; HAProxy and the bridge reach each at its address. */
  nodes: readonly { name: string; host: string }[];
}

const MQTT_PORT = 1883;
/** Folders: of the nodes' files, and of the bridges' accounts. */
export const NATS_PLACES = { folder: '/var/lib/doorsill-nats', accounts: '/var/lib/doorsill-broker/accounts' } as const;
const FOLDER = NATS_PLACES.folder;

/** The files by their paths below a folder. None holds a secret. */
export function natsLayout(wish: NatsLayoutWish): Map<string, string> {
  return new Map([
    ['STEPS.md', steps(wish)],
    ['systemd/doorsill-nats-files.service', filesUnit(wish)],
    ['systemd/doorsill-nats@.service', NODE_UNIT],
    ['haproxy/doorsill-broker.cfg', haproxyOfNodes(wish)],
  ]);
}

/** The command line's words by which the nodes' files follow the bridges' accounts. */
export function followWords(nodes: NatsLayoutWish['nodes']): string[] {
  const cluster = nodes.map(({ name, host }) => `${name}=${host}`).join();
  const files = ['--accounts', NATS_PLACES.accounts, '--out', NATS_PLACES.folder];
  return [
    'bridge',
    'broker',
    'acl',
    '--nats',
    ...files,
    '--port',
    `${MQTT_PORT}`,
    '--cluster',
    cluster,
    '--watch',
    '--json',
  ];
}

function filesUnit({ node, program, nodes }: NatsLayoutWish): string {
  return `# Written by \`doorsill bridge deploy nats\`. Keeps the nodes' files as the bridge's accounts have it, on the bridge's machine.
[Unit]
Description=doorsill: accounts and permissions for the nodes of the area broker
After=doorsill-bridge.service

[Service]
Type=exec
ExecStart=${[node, program, ...followWords(nodes)].join(' ')}
Restart=always
RestartSec=5

User=doorsill-bridge
StateDirectory=doorsill-nats
${HARDENING}`;
}

const NODE_UNIT = `# Written by \`doorsill bridge deploy nats\`. One node: doorsill-nats@a is the one whose configuration is ${FOLDER}/a.conf.
[Unit]
Description=doorsill: node %i of the area broker
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart=/usr/sbin/nats-server -c ${FOLDER}/%i.conf
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5

User=doorsill-bridge
StateDirectory=doorsill-nats
# The bridge's keys and rows are not the broker's to read.
InaccessiblePaths=-/var/lib/doorsill-bridge -/var/lib/doorsill-broker
${HARDENING}`;

/** HAProxy's configuration before the nodes, to stand behind that of the parts. */
export function haproxyOfNodes({ domain, nodes }: Pick<NatsLayoutWish, 'domain' | 'nodes'>): string {
  return `# Goes behind haproxy.cfg. /etc/haproxy/doorsill-broker.pem has a certificate for broker.${domain}, with
# its key behind it in the same file, readable by nobody but who starts HAProxy. Behind it everything goes in the clear: a network of the nodes' own.
listen broker
    bind :8883 ssl crt /etc/haproxy/doorsill-broker.pem ssl-min-ver TLSv1.3
    mode tcp
    balance leastconn
    option redispatch
    # A doorbell says something every 30 s.
    timeout client 90s
    timeout server 90s
    # A session of a node that is gone is ended, and comes back at another.
    default-server check inter 1s fall 2 rise 2 on-marked-down shutdown-sessions
${nodes.map(({ name, host }) => `    server ${name} ${host.includes(':') ? `[${host}]` : host}:${MQTT_PORT}\n`).join('')}`;
}

function steps({ domain, nodes }: NatsLayoutWish): string {
  const [first, ...others] = nodes.map(({ name }) => name);
  return `# The area broker of ${domain} as ${nodes.length} nodes of NATS

Written by \`doorsill bridge deploy nats\`. It takes the place of doorsill-broker of \`doorsill bridge deploy systemd\`: one node may be away. What
survives what is in sim/broker/README.md. As root on Debian, in this folder:

1. The addresses ${nodes.map(({ name, host }) => `${host} (${name})`).join(', ')} are in a network that only the nodes, the bridge's machine and HAProxy are in. Ports there: ${MQTT_PORT}
   for sessions, 6222 between the nodes. Both are in the clear.
2. On each machine of a node: \`apt-get install nats-server\`, \`systemctl disable --now nats-server\` (Debian starts one that lets everybody in),
   the user of \`sysusers.d/doorsill.conf\` from \`doorsill bridge deploy systemd\`, and \`cp systemd/doorsill-nats@.service /etc/systemd/system/\`.
3. On the bridge's machine: \`systemctl disable --now doorsill-broker\`, \`cp systemd/doorsill-nats-files.service /etc/systemd/system/\`,
   \`systemctl enable --now doorsill-nats-files\`. It writes accounts.conf, ${nodes.map(({ name }) => `${name}.conf`).join(', ')} and cluster.password into ${FOLDER}.
4. Bring accounts.conf and its own configuration to ${FOLDER} of each node, owned by doorsill-bridge, mode 0600: cluster.password is in the
   configuration, and whoever has it reads and writes everything.
5. On each machine of a node: \`systemctl enable --now doorsill-nats@NAME\`: ${[first, ...others].map((name) => `doorsill-nats@${name}`).join(', ')}. Until three
   have been there, each refuses every client, and says \`no suitable peers for placement\`; then they let clients in, within a minute, by
   themselves. Seldom a node is left out: where clients are still refused then, \`systemctl restart\` each node, one after the other. From then
   on one may be away.
6. \`cat haproxy/doorsill-broker.cfg >>/etc/haproxy/haproxy.cfg && haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl restart haproxy\`

**After every enrolment**, and at once when an account is removed, accounts.conf goes to each node again, and the node is told:
\`systemctl reload doorsill-nats@NAME\`. An account that a node has not read of cannot come in there; one that it has not read the removal of still
can. A timer that copies the file each minute by rsync over ssh does it.

\`nats-server -t -c ${FOLDER}/NAME.conf\` says whether a configuration is valid.
`;
}
