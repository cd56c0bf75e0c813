// Owns: the accounts' access list as files for RabbitMQ with its MQTT plugin: definitions to import and a configuration.
// Pure. Not here: reading accounts (account-list.ts), writing files (write-broker-files.ts), the list itself (device/protocol/topic-access.ts).
import { PAYLOAD_BYTES_MAX, TOPIC_BYTES_MAX, type TopicRule } from '../../device/exports-without-firmware.ts';
import type { ListedAccount } from './account-list.ts';
import { DEFAULT_LIMITS } from './broker-limits.ts';
import type { FilesWish } from './mosquitto-files.ts';

const DEFINITIONS = 'definitions.json';
const CONFIGURATION = 'rabbitmq.conf';
const PLUGINS = 'enabled_plugins';
const VHOST = '/';
const EXCHANGE = 'amq.topic';
/** Matches nothing that a client could name. */
const NOTHING = '^$';
const ID = '[a-z0-9][a-z0-9-]{0,62}';

/** File names and their text. */
export function rabbitmqFiles(accounts: readonly ListedAccount[], wish: FilesWish): Map<string, string> {
  return new Map([
    [DEFINITIONS, `${JSON.stringify(definitions(accounts), null, 2)}\n`],
    [CONFIGURATION, configuration(wish)],
    [PLUGINS, '[rabbitmq_mqtt].\n'],
  ]);
}

/** An account without a topic permission would be allowed every topic, so each gets one, even if it matches nothing. */
function definitions(accounts: readonly ListedAccount[]): object {
  return {
    vhosts: [{ name: VHOST }],
    users: accounts.map(({ user, verifiers }) => ({
      name: user,
      password_hash: verifiers.rabbitmq,
      hashing_algorithm: 'rabbit_password_hashing_sha512',
      tags: [],
    })),
    permissions: accounts.map(({ user, access }) => {
      // Queues are named after the client id, which begins with the account's name: no account can create or read another's.
      const queue = `^mqtt-subscription-${user}-[0-9a-f]{32}qos[01]$`;
      const exchange = `^${EXCHANGE.replace('.', '\\.')}$`;
      return {
        user,
        vhost: VHOST,
        configure: queue,
        write: access.publish.length > 0 ? `${queue}|${exchange}` : queue,
        read: access.subscribe.length > 0 ? `${queue}|${exchange}` : queue,
      };
    }),
    topic_permissions: accounts.map(({ user, access }) => ({
      user,
      vhost: VHOST,
      exchange: EXCHANGE,
      write: anyOf(access.publish),
      read: anyOf(access.subscribe),
    })),
  };
}

/** Topic rules as a regular expression over routing keys: the plugin turns `/` into `.` and `+` into `*`. */
function anyOf(rules: readonly TopicRule[]): string {
  if (rules.length === 0) return NOTHING;
  const keys = rules.map(({ pattern, wildcard }) =>
    pattern
      .split('/')
      .map((level) => (level !== '+' ? level : wildcard ? `(\\*|${ID})` : ID))
      .join('\\.'),
  );
  return `^(${keys.join('|')})$`;
}

function configuration({ host, port, folder }: FilesWish): string {
  return `# Written by \`doorsill broker acl --for rabbitmq\` for RabbitMQ 4.x with its MQTT plugin.
# Changes made here are lost at its next run; a configuration of your own can take over what it needs.

# MQTT only. With definitions to load, RabbitMQ makes no guest account.
listeners.tcp = none
load_definitions = ${folder}/${DEFINITIONS}
anonymous_login_user = none
loopback_users = none

mqtt.listeners.tcp.default = ${host}:${port}
mqtt.vhost = ${VHOST}
mqtt.exchange = ${EXCHANGE}
# Every payload has the contract's limit; the rest is for topic and header.
mqtt.max_packet_size_authenticated = ${PAYLOAD_BYTES_MAX + TOPIC_BYTES_MAX + 16}
mqtt.prefetch = 20
mqtt.max_session_expiry_interval_seconds = 86400
connection_max = ${DEFAULT_LIMITS.connections}

# For a listener that others reach: TLS. Clients take \`mqtts://\` and the authority's certificate.
# mqtt.listeners.ssl.default = 8883
# ssl_options.versions.1 = tlsv1.3
# ssl_options.cacertfile = ${folder}/ca.pem
# ssl_options.certfile = ${folder}/broker.pem
# ssl_options.keyfile = ${folder}/broker.key
`;
}
