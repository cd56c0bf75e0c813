// A NATS cluster as area broker, in place of the broker of systemd-layout.ts: units, HAProxy, steps. The nodes' configuration is in
// sim/broker/nats-files.ts.
import { HARDENING, type LayoutWish } from './systemd-layout.ts';

export interface NatsLayoutWish extends LayoutWish {
  /** Names and addresses, at which HAProxy and the bridge reach the nodes. */
  nodes: readonly { name: string; host: string }[];
}

const MQTT_PORT = 1883;
/** Folders of the nodes' files and of the bridges' accounts. */
export const NATS_PLACES = { folder: '/var/lib/doorsill-nats', accounts: '/var/lib/doorsill-broker/accounts' } as const;
const FOLDER = NATS_PLACES.folder;

/** The files by path. None contains a secret. */
export function natsLayout(wish: NatsLayoutWish): Map<string, string> {
  return new Map([
    ['STEPS.md', steps(wish)],
    ['systemd/doorsill-nats-files.service', filesUnit(wish)],
    ['systemd/doorsill-nats@.service', NODE_UNIT],
    ['haproxy/doorsill-broker.cfg', haproxyOfNodes(wish)],
  ]);
}

/** The arguments of the command that updates the nodes' files from the bridges' accounts. */
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
  return `# Written by \`doorsill bridge deploy nats\`. Updates the nodes' files from the bridge's accounts, on the bridge's machine.
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
# The broker must not read the bridge's keys and rows.
InaccessiblePaths=-/var/lib/doorsill-bridge -/var/lib/doorsill-broker
${HARDENING}`;

/** HAProxy's configuration for the nodes; it is appended to that of systemd-layout.ts. */
export function haproxyOfNodes({ domain, nodes }: Pick<NatsLayoutWish, 'domain' | 'nodes'>): string {
  return `# Append to haproxy.cfg. /etc/haproxy/doorsill-broker.pem has a certificate for broker.${domain}, then its key, readable only by the user
# who starts HAProxy. Connections to the nodes are not encrypted: give them a network of their own.
listen broker
    bind :8883 ssl crt /etc/haproxy/doorsill-broker.pem ssl-min-ver TLSv1.3
    mode tcp
    balance leastconn
    option redispatch
    # A doorbell sends something every 30 s.
    timeout client 90s
    timeout server 90s
    # Ends sessions of a lost node, so that clients reconnect to another.
    default-server check inter 1s fall 2 rise 2 on-marked-down shutdown-sessions
${nodes.map(({ name, host }) => `    server ${name} ${host.includes(':') ? `[${host}]` : host}:${MQTT_PORT}\n`).join('')}`;
}

function steps({ domain, nodes }: NatsLayoutWish): string {
  const [first, ...others] = nodes.map(({ name }) => name);
  return `# The area broker of ${domain} as ${nodes.length} nodes of NATS

Written by \`doorsill bridge deploy nats\`. It replaces doorsill-broker of \`doorsill bridge deploy systemd\`: one node may be away.
sim/broker/README.md lists which failures it survives. As root on Debian, in this folder:

1. The addresses ${nodes.map(({ name, host }) => `${host} (${name})`).join(', ')} are in a network of only the nodes, the bridge's machine and HAProxy. Ports there: ${MQTT_PORT} for
   sessions, 6222 between the nodes. Neither is encrypted.
2. On each machine of a node: \`apt-get install nats-server\`, \`systemctl disable --now nats-server\` (Debian's accepts everybody),
   the user of \`sysusers.d/doorsill.conf\` from \`doorsill bridge deploy systemd\`, and \`cp systemd/doorsill-nats@.service /etc/systemd/system/\`.
3. On the bridge's machine: \`systemctl disable --now doorsill-broker\`, \`cp systemd/doorsill-nats-files.service /etc/systemd/system/\`,
   \`systemctl enable --now doorsill-nats-files\`. It writes accounts.conf, ${nodes.map(({ name }) => `${name}.conf`).join(', ')} and cluster.password into ${FOLDER}.
4. Copy accounts.conf and the node's configuration to ${FOLDER} of each node, owned by doorsill-bridge, mode 0600: the configuration
   contains cluster.password, and whoever has it reads and writes everything.
5. On each machine of a node: \`systemctl enable --now doorsill-nats@NAME\`: ${[first, ...others].map((name) => `doorsill-nats@${name}`).join(', ')}. Until all
   three have run, each refuses every client and logs \`no suitable peers for placement\`; then they accept clients within a minute. Rarely a
   node is left out: if clients are still refused, \`systemctl restart\` each node, one after the other. From then on one may be away.
6. \`cat haproxy/doorsill-broker.cfg >>/etc/haproxy/haproxy.cfg && haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl restart haproxy\`

**After every enrolment**, and immediately when an account is removed, copy accounts.conf to each node again and reload it:
\`systemctl reload doorsill-nats@NAME\`. Until then a new account cannot log in there, and a removed one still can. A timer that copies the file
each minute by rsync over ssh is enough.

\`nats-server -t -c ${FOLDER}/NAME.conf\` checks a configuration.
`;
}
