// Owns: the accounts' access list as files for NATS, one node or a cluster: accounts with permissions, and each node's configuration.
// Pure. Not here: reading accounts (account-list.ts), writing files (write-broker-files.ts), the list itself (device/contract/topic-access.ts).
import type { TopicRule } from '@doorsill/contract/topic-access';
import type { ListedAccount } from './account-list.ts';
import { DEFAULT_LIMITS } from './broker-limits.ts';
import type { FilesWish } from './mosquitto-files.ts';

/** Nodes that answer for one another; each is reached by clients at its own address. */
export interface NatsClusterWish {
  nodes: readonly { name: string; host: string }[];
  /** Port at which nodes talk to one another. */
  port: number;
}

export interface NatsCluster extends NatsClusterWish {
  /** What a node shows to another; whoever knows it reads and writes everything. */
  password: string;
}

const ACCOUNTS = 'accounts.conf';
const ONLY_NODE = 'nats';
/** One filter of a session is up to three subscriptions: the topic, its parent for `#`, and the delivery. */
const SUBSCRIPTIONS_PER_FILTER = 3;
const CLUSTER_USER = 'node';
/** Copies of each stream, so that any one node may be lost. */
const CLUSTER_REPLICAS = 3;
/** Where NATS delivers messages of QoS 1 to a session. It refuses MQTT clients that ask for these subjects themselves. */
const MQTT_DELIVERY = '$MQTT.sub.>';

/** Name of a node's configuration and of its pid file. */
export const natsConfiguration = (node: string) => `${node}.conf`;
export const natsPidFile = (node: string) => `${node}.pid`;

/** Names of the nodes that the files are for. */
export function natsNodes(cluster: NatsClusterWish | null): string[] {
  return cluster ? cluster.nodes.map(({ name }) => name) : [ONLY_NODE];
}

/** File names and their text. An account without `verifiers.nats` must be left out before. */
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
/** JSON's strings are strings of this format, too, in which `$` is a letter like others. */
const quoted = (text: string) => JSON.stringify(text);

function accountList(accounts: readonly ListedAccount[]): string {
  const users = accounts.map(({ user, verifiers, access }) => {
    const publish = permission(access.publish.map(subjectOf));
    const subjects = access.subscribe.map(subjectOf);
    const subscribe = permission(subjects.length > 0 ? [...subjects, MQTT_DELIVERY] : []);
    return `      { user: ${quoted(user)}, password: ${quoted(verifiers.nats ?? '')}, allowed_connection_types: ["MQTT"], permissions: { publish: ${publish}, subscribe: ${subscribe} } }`;
  });
  return `# Written by \`doorsill bridge broker acl --for nats\`; changes made here are lost at its next run.
# What an account is not given here it may not do. MQTT's levels are subjects' tokens, its + is *.
accounts {
  DOORSILL {
    jetstream: enabled
    users: [
${users.map((line) => `${line}\n`).join('')}    ]
  }
  SYS { users: [] }
}
# Nobody may ask the servers about themselves.
system_account: SYS
`;
}

/** NATS takes an empty list for everything, so nothing is said as a refusal of everything. */
function permission(subjects: readonly string[]): string {
  return subjects.length > 0 ? `{ allow: [${subjects.map(quoted).join(', ')}] }` : '{ deny: [">"] }';
}

/** Ids and the prefix hold no `.`, `*`, `>` and no blanks: their schemas say so. */
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
# Changes made here are lost at its next run; a configuration of your own can take over what it needs.
server_name: ${quoted(name)}
pid_file: ${quoted(`${folder}/${natsPidFile(name)}`)}

# NATS' own protocol can't be switched off: it listens on a port that the system chooses, on this machine alone, and
# accounts.conf lets nobody in there. Monitoring, leaf nodes, gateways and WebSocket are off as long as they have no port.
listen: "127.0.0.1:-1"

mqtt {
  listen: ${quoted(`${bracketed(host)}:${port}`)}
  max_ack_pending: 1000
  reject_qos2_publish: true${cluster ? `\n  stream_replicas: ${CLUSTER_REPLICAS}` : ''}
  # What a session listens to ends with it, so no disk has to remember it. On disks of a cluster, clients that all come back at once are
  # refused for minutes: each filter that takes longer than four seconds is refused, made all the same, and kept beside the next one.
  consumer_memory_storage: true
  consumer_inactive_threshold: "24h"
  # For clients that come over a network: TLS. They take \`mqtts://\` and the authority's certificate.
  # tls { cert_file: ${quoted(`${folder}/broker.pem`)}, key_file: ${quoted(`${folder}/broker.key`)}, min_version: "1.3" }
}
max_connections: ${connections}
max_subscriptions: ${SUBSCRIPTIONS_PER_FILTER * DEFAULT_LIMITS.subscriptions}
max_pending: 4194304

# Sessions and retained messages. Writes reach the disk within two minutes (sync_interval); their writers publish retained
# messages again, so that nothing has to outlive a power cut.
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
  return `# Between the nodes everything goes in the clear: a network of their own, or tls { … } with verify.
cluster {
  name: doorsill
  listen: ${quoted(`${bracketed(host)}:${port}`)}
  no_advertise: true
  authorization { user: ${CLUSTER_USER}, password: ${quoted(password)}, timeout: 2 }
  routes: [${others.map((node) => quoted(`nats-route://${CLUSTER_USER}:${password}@${bracketed(node.host)}:${port}`)).join(', ')}]
}
`;
}
