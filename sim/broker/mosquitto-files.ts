// mosquitto's access list, password file and configuration for our accounts. Pure.

import { TOPIC_BYTES_MAX } from '@doorsill/base/mqtt-topic';
import { PAYLOAD_BYTES_MAX } from '@doorsill/contract/topics';
import type { ListedAccount } from './account-list.ts';
import { DEFAULT_LIMITS } from './broker-limits.ts';

export interface FilesWish {
  host: string;
  port: number;
  /** Absolute path of the folder in which mosquitto finds the files. */
  folder: string;
  /** The system user who can read them. */
  systemUser: string;
  /** Maximum of concurrent connections; absent: that of the embedded broker. */
  connections?: number;
}

const ACL = 'mosquitto.acl';
const PASSWORDS = 'mosquitto.passwd';
/** The file that mosquitto is started with. */
export const CONFIGURATION = 'mosquitto.conf';
/** The pid file of a mosquitto that runs with our configuration. */
export const PID_FILE = 'mosquitto.pid';

/** The text of each file. The schemas of names and prefix exclude blanks and line ends. */
export function mosquittoFiles(accounts: readonly ListedAccount[], wish: FilesWish): Map<string, string> {
  const passwords = accounts.map(({ user, verifiers }) => `${user}:${verifiers.mosquitto}\n`);
  return new Map([
    [ACL, accessList(accounts)],
    [PASSWORDS, passwords.join('')],
    [CONFIGURATION, configuration(wish)],
  ]);
}

function accessList(accounts: readonly ListedAccount[]): string {
  const blocks = accounts.map(({ user, access }) => [
    '',
    `user ${user}`,
    ...access.publish.map(({ pattern }) => `topic write ${pattern}`),
    ...access.subscribe.map(({ pattern }) => `topic read ${pattern}`),
  ]);
  const head = [
    '# Written by `doorsill bridge broker acl`; changes made here are lost at its next run.',
    '# An account may do only what is listed here.',
  ];
  return `${[...head, ...blocks.flat()].join('\n')}\n`;
}

function configuration({ host, port, folder, systemUser, ...wish }: FilesWish): string {
  const limits = { ...DEFAULT_LIMITS, ...wish };
  return `# Written by \`doorsill bridge broker acl\` for mosquitto 2.x: mosquitto -c ${folder}/${CONFIGURATION}
# Changes made here are lost at its next run; copy what you need into a configuration of your own.

# Started as root, mosquitto switches to this user, who must be able to read the files below at each reload.
user ${systemUser}
pid_file ${folder}/${PID_FILE}
per_listener_settings true

# The contract's limit for payloads, plus topic and header.
max_packet_size ${PAYLOAD_BYTES_MAX + TOPIC_BYTES_MAX + 16}
max_inflight_messages 20
max_queued_messages 1000
max_queued_bytes 4194304
max_keepalive ${limits.keepaliveS}
memory_limit 268435456
# Publishers publish retained messages again, so nothing has to survive a restart.
persistence false
persistent_client_expiration 1d
# No $SYS topics: they show the traffic.
sys_interval 0

listener ${port} ${host}
max_connections ${limits.connections}
max_qos 1
allow_anonymous false
allow_zero_length_clientid false
password_file ${folder}/${PASSWORDS}
acl_file ${folder}/${ACL}

# For a listener that others reach: TLS. Clients use \`mqtts://\` and the authority's certificate.
# listener 8883
# tls_version tlsv1.3
# cafile ${folder}/ca.pem
# certfile ${folder}/broker.pem
# keyfile ${folder}/broker.key
# ... and the lines from max_connections to acl_file again: they apply to one listener.
`;
}
