// Makes the configuration files of NATS, as our MQTT broker: one with our accounts and their permissions, and one for each node. Pure.
import type { TopicRule } from '@doorsill/contract/topic-access';
import type { ListedAccount } from './account-list.ts';
import { DEFAULT_LIMITS } from './broker-limits.ts';
import type { FilesWish } from './mosquitto-files.ts';

/** The nodes of a cluster; clients reach each at its own address. */
export interface NatsClusterWish {
  nodes: readonly { name: string; host: string }[];
  /** Port for connections between nodes. */
  port: number;
}

export interface NatsCluster extends NatsClusterWish {
  /** Authenticates nodes to each other; whoever knows it can read and write everything. */
  password: string;
}

const ACCOUNTS = 'accounts.conf';
const ONLY_NODE = 'nats';
/** NATS makes up to three subscriptions of one MQTT filter: the topic, its parent level (for `#`), and the delivery. */
const SUBSCRIPTIONS_PER_FILTER = 3;
const CLUSTER_USER = 'node';
/** Copies of each stream, so that any one node may fail. */
const CLUSTER_REPLICAS = 3;
/**
 * The subjects by which NATS delivers QoS 1 messages to sessions. An account that subscribes to anything needs permission for them. That
 * gives clients nothing more: NATS refuses MQTT clients that subscribe to them themselves.
 */
const MQTT_DELIVERY = '$MQTT.sub.>';

/** Names of a node's configuration and pid file. */
export const natsConfiguration = (node: string) => `${node}.conf`;
export const natsPidFile = (node: string) => `${node}.pid`;

/** Names of the nodes. */
export function natsNodes(cluster: NatsClusterWish | null): string[] {
  return cluster ? cluster.nodes.map(({ name }) => name) : [ONLY_NODE];
}

/** The text of each file. Accounts must have `verifiers.nats`. */
export function natsFiles(
  accounts: readonly ListedAccount[],
  wish: FilesWish,
  cluster: NatsCluster | null,
): Map<string, string> {
  const files = new Map([[ACCOUNTS, accountList(accounts)]]);
  for (const [at, name] of natsNodes(cluster).entries())
    files.set(natsConfiguration(name), configuration(name, cluster?.nodes[at]?.host ?? wish.host, wish, cluster));
  return files;
}

/** An address as it stands before a port. */
const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host);
/** JSON strings are valid in this format, and `$` has no meaning in them. */
const quoted = (text: string) => JSON.stringify(text);

function accountList(accounts: readonly ListedAccount[]): string {
  const users = accounts.map(({ user, verifiers, access }) => {
    const publish = permission(access.publish.map(subjectOf));
    const subjects = access.subscribe.map(subjectOf);
    const subscribe = permission(subjects.length > 0 ? [...subjects, MQTT_DELIVERY] : []);
    return `      { user: ${quoted(user)}, password: ${quoted(verifiers.nats ?? '')}, allowed_connection_types: ["MQTT"], permissions: { publish: ${publish}, subscribe: ${subscribe} } }`;
  });
  return `# Written by \`doorsill bridge broker acl --for nats\`; changes made here are lost at its next run.
# An account may do only what is listed here. Levels of MQTT topics are tokens of subjects, and + is *.
accounts {
  DOORSILL {
    jetstream: enabled
    users: [
${users.map((line) => `${line}\n`).join('')}    ]
  }
  SYS { users: [] }
}
# Nobody may query the servers' internals.
system_account: SYS
`;
}

/** NATS reads an empty list as everything, so no permission is written as a denial of everything. */
function permission(subjects: readonly string[]): string {
  return subjects.length > 0 ? `{ allow: [${subjects.map(quoted).join(', ')}] }` : '{ deny: [">"] }';
}

/** The NATS subject of an MQTT topic pattern. Nothing needs escaping: the schemas of ids and prefix exclude `.`, `*`, `>` and blanks. */
function subjectOf({ pattern }: TopicRule): string {
  return pattern
    .split('/')
    .map((level) => (level === '+' ? '*' : level))
    .join('.');
}

function configuration(
  name: string,
  host: string,
  { port, folder, connections = DEFAULT_LIMITS.connections }: FilesWish,
  cluster: NatsCluster | null,
): string {
  return `# Written by \`doorsill bridge broker acl --for nats\` for nats-server 2.10: nats-server -c ${folder}/${natsConfiguration(name)}
# Changes made here are lost at its next run; copy what you need into a configuration of your own.
server_name: ${quoted(name)}
pid_file: ${quoted(`${folder}/${natsPidFile(name)}`)}

# NATS' own protocol cannot be switched off: it listens on a port that the system chooses, on this machine only, and accounts.conf
# lets nobody log in there. Monitoring, leaf nodes, gateways and WebSocket are off without a port.
listen: "127.0.0.1:-1"

mqtt {
  listen: ${quoted(`${bracketed(host)}:${port}`)}
  max_ack_pending: 1000
  reject_qos2_publish: true${cluster ? `\n  stream_replicas: ${CLUSTER_REPLICAS}` : ''}
  # A session's subscriptions end with it, so they need no disk. With consumers on the disks of a cluster, clients that all reconnect at once
  # are refused for minutes: a filter that takes longer than four seconds is refused, but its consumer is created and kept.
  consumer_memory_storage: true
  consumer_inactive_threshold: "24h"
  # For clients on other machines: TLS. They use \`mqtts://\` and the authority's certificate.
  # tls { cert_file: ${quoted(`${folder}/broker.pem`)}, key_file: ${quoted(`${folder}/broker.key`)}, min_version: "1.3" }
}
max_connections: ${connections}
max_subscriptions: ${SUBSCRIPTIONS_PER_FILTER * DEFAULT_LIMITS.subscriptions}
max_pending: 4194304

# Sessions and retained messages. Writes reach the disk within two minutes (sync_interval); publishers publish retained messages again, so
# nothing has to survive a power cut.
jetstream {
  store_dir: ${quoted(`${folder}/store-${name}`)}
  max_memory_store: 67108864
  max_file_store: 1073741824
}

include ${ACCOUNTS}
${cluster ? `\n${routes(host, cluster)}` : ''}`;
}

function routes(host: string, { nodes, port, password }: NatsCluster): string {
  const others = nodes.filter((node) => node.host !== host);
  return `# Connections between nodes are not encrypted: give them a network of their own, or tls { … } with verify.
cluster {
  name: doorsill
  listen: ${quoted(`${bracketed(host)}:${port}`)}
  no_advertise: true
  authorization { user: ${CLUSTER_USER}, password: ${quoted(password)}, timeout: 2 }
  routes: [${others.map((node) => quoted(`nats-route://${CLUSTER_USER}:${password}@${bracketed(node.host)}:${port}`)).join(', ')}]
}
`;
}
