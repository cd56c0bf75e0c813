// The files of one machine that serves others: registry, vault, bridge and broker as systemd units, PostgreSQL, HAProxy in front.

import { UNIT_HARDENING } from '@doorsill/device/board/unit-hardening';
import { partArguments } from './part-arguments.ts';

export interface LayoutWish {
  /** The domain whose names `bridge.`, `registry.`, `vault.` and `broker.` resolve to this machine. */
  domain: string;
  /** Absolute paths of node and of the command line that it runs. */
  node: string;
  program: string;
}

export const PORTS = { bridge: 8700, registry: 8701, vault: 8702 } as const;
const WHAT = {
  registry: 'which agencies may ask',
  vault: 'evidence for the agencies it was granted to',
  bridge: 'publishes requests, stores granted clips',
  broker: 'the area broker, which brings requests to doorbells',
} as const;
type Part = keyof typeof WHAT;

/** The files by path, in reading order. None contains a secret. */
export function systemdLayout({ domain, node, program }: LayoutWish): Map<string, string> {
  const unit = (part: Part, options: string) =>
    serviceUnit(part, `${node} ${program} ${partArguments(part).join(' ')} ${options}`, { isAlone: true });
  const tls = '--tls-cert /etc/doorsill/broker.crt --tls-key /etc/doorsill/broker.key';
  return new Map([
    ['STEPS.md', steps(domain)],
    ['sysusers.d/doorsill.conf', USERS],
    [
      'systemd/doorsill-registry.service',
      unit('registry', `--data /var/lib/doorsill-registry --port ${PORTS.registry} --json`),
    ],
    ['systemd/doorsill-vault.service', unit('vault', `--data /var/lib/doorsill-vault --port ${PORTS.vault} --json`)],
    ['systemd/doorsill-broker.service', unit('broker', `--data /var/lib/doorsill-broker --host 0.0.0.0 ${tls} --json`)],
    [
      'systemd/doorsill-bridge.service',
      unit('bridge', `--data /var/lib/doorsill-bridge --port ${PORTS.bridge} --json`),
    ],
    ['settings/registry.json', printed({ ...common('registry') })],
    ['settings/vault.json', printed({ ...common('vault'), publicUrl: `https://vault.${domain}` })],
    [
      'settings/bridge.json',
      printed({
        ...common('bridge'),
        publicUrl: `https://bridge.${domain}`,
        registry: { url: `http://127.0.0.1:${PORTS.registry}`, key: '' },
        vault: { url: `http://127.0.0.1:${PORTS.vault}`, key: '' },
        area: { url: `mqtts://broker.${domain}:8883`, accounts: '/var/lib/doorsill-broker/accounts' },
      }),
    ],
    ['haproxy/haproxy.cfg', haproxy(domain)],
  ]);
}

export const printed = (settings: object) => `${JSON.stringify(settings, null, 2)}\n`;

/** PostgreSQL identifies the part over its socket by the user it runs as, so there is no password. */
function common(part: 'registry' | 'vault' | 'bridge') {
  const database = `postgres://doorsill-${part}@localhost/doorsill_${part}?host=/var/run/postgresql`;
  return { database, http: { proxies: ['127.0.0.1'] } };
}

export const USERS = `# Users of the parts. Registry and vault have their own, so that a captured bridge cannot read their keys. Bridge and broker share one, because
# the bridge makes the broker's accounts.
u doorsill-registry - "doorsill: registry" /var/lib/doorsill-registry
u doorsill-vault    - "doorsill: vault"    /var/lib/doorsill-vault
u doorsill-bridge   - "doorsill: bridge and broker" /var/lib/doorsill-bridge
`;

/** The end of each unit, which restricts the part to its own work. */
export const HARDENING = `StateDirectoryMode=0700
UMask=0077
# A crash dump would contain facts about homes.
LimitCORE=0
# Each connection and each clip under way is a descriptor.
LimitNOFILE=65536

${UNIT_HARDENING}
ProtectHome=yes
PrivateDevices=yes

[Install]
WantedBy=multi-user.target
`;

/** A part's unit. `isAlone`: its database and the other parts are on the same machine. */
export function serviceUnit(part: Part, command: string, { isAlone }: { isAlone: boolean }): string {
  const isBroker = part === 'broker';
  const after = ['network-online.target', ...(isBroker || !isAlone ? [] : ['postgresql.service'])];
  const more =
    part === 'bridge' && isAlone
      ? ['doorsill-registry.service', 'doorsill-vault.service', 'doorsill-broker.service']
      : [];
  return `# Written by \`doorsill bridge deploy systemd\`. Make your own changes with \`systemctl edit doorsill-${part}\`.
[Unit]
Description=doorsill ${part}: ${WHAT[part]}
Wants=network-online.target
After=${[...after, ...more].join(' ')}

[Service]
Type=exec
ExecStart=${command}
Restart=always
RestartSec=5
# Lets running calls end.
TimeoutStopSec=60

User=doorsill-${isBroker ? 'bridge' : part}
StateDirectory=doorsill-${part}${part === 'bridge' ? ' doorsill-broker' : ''}
${HARDENING}`;
}

/** The head of HAProxy's configuration in front of the services that `front` names. It ends in the section `defaults`, which may be continued. */
export function haproxyHead(front: string, domain: string): string {
  return `# HAProxy in front of ${front}. /etc/haproxy/doorsill.pem has a certificate for bridge., registry. and
# vault.${domain}, then its key, readable only by the user who starts HAProxy.
global
    user haproxy
    group haproxy
    # Statistics, for root on this machine only.
    stats socket /run/haproxy/admin.sock mode 600 level admin
    ssl-default-bind-options ssl-min-ver TLSv1.2

defaults
    mode http
    timeout connect 5s
    timeout http-request 10s
    # A check waits for database and bucket, which may be slow without being down.
    timeout check 10s
    # Uploads over slow lines and slow readers of downloads cause pauses.
    timeout client 120s
    timeout server 120s
`;
}

function haproxy(domain: string): string {
  const parts = Object.entries(PORTS);
  const routes = parts.map(
    ([part]) => `    use_backend ${part} if { req.hdr(host),field(1,:),lower -m str ${part}.${domain} }`,
  );
  const backends = parts.map(([part, port]) => {
    // Only the bridge has a readiness check; the others are checked by their OpenAPI document.
    const ask = part === 'bridge' ? '/readyz' : '/openapi.json';
    return `backend ${part}
    option httpchk GET ${ask}
    http-check expect status 200
    server ${part} 127.0.0.1:${port} check inter 5s
`;
  });
  return `${haproxyHead('bridge, registry and vault', domain)}
frontend doorsill
    bind :443 ssl crt /etc/haproxy/doorsill.pem alpn h2,http/1.1
    # Each part accepts the caller's address from this machine (http.proxies) and limits calls by it, so a caller must not set it.
    http-request del-header x-forwarded-for
    option forwardfor
    # Other host names get status 421.
${routes.join('\n')}
    default_backend elsewhere

backend elsewhere
    http-request return status 421

${backends.join('\n')}`;
}

function steps(domain: string): string {
  return `# doorsill on one machine, for ${domain}

Written by \`doorsill bridge deploy systemd\`. No file here contains a secret. As root on Debian, in this folder:

1. Names \`bridge\`, \`registry\`, \`vault\` and \`broker\` under ${domain} lead to this machine; ports 443 and 8883 are open.
2. Programs: \`apt-get install haproxy postgresql\`, and doorsill with its node outside of home folders, such as under /opt.
3. Users: \`cp sysusers.d/doorsill.conf /etc/sysusers.d/ && systemd-sysusers\`
4. One database for each part, without a password: PostgreSQL identifies the user over its socket.

       for part in registry vault bridge; do
         runuser -u postgres -- createuser doorsill-$part
         runuser -u postgres -- createdb --owner doorsill-$part --encoding UTF8 --template template0 doorsill_$part
       done

5. Settings: \`for part in registry vault bridge; do install -D -o doorsill-$part -m 0600 settings/$part.json /var/lib/doorsill-$part/$part.json; done\`
   and \`chown doorsill-$part: /var/lib/doorsill-$part\` for each of them.
6. Certificates: /etc/doorsill/broker.crt and broker.key (0640, group doorsill-bridge) for broker.${domain}; /etc/haproxy/doorsill.pem (0600)
   for the three others. For your own authority, put its certificate into \`area.tls.ca\` of bridge.json: doorbells get it when they enrol.
7. Units: \`cp systemd/*.service /etc/systemd/system/ && systemctl daemon-reload\`, then
   \`systemctl enable --now doorsill-registry doorsill-vault doorsill-broker\`.
8. Keys. Registry and vault make theirs at the first start. Put each \`key\` into /var/lib/doorsill-bridge/bridge.json, where both are empty;
   until then the bridge refuses to start:

       journalctl -u doorsill-registry -u doorsill-vault -o cat | grep '"key"'

9. \`systemctl enable --now doorsill-bridge\`, then \`cp haproxy/haproxy.cfg /etc/haproxy/ && systemctl restart haproxy\`.
10. \`curl https://bridge.${domain}/readyz\` says \`ready\`. Let the vault pin the bridge, whose id and key are in its first line in the journal:
    \`POST /v1/bridges\` at the vault with the admin token in /var/lib/doorsill-vault/admin.token.

What to back up, what to watch, and how to move a bridge when this machine fails: docs/operate.md. Evidence is in /var/lib/doorsill-vault/blobs;
for a bucket add \`s3\` to vault.json before the first clip (cloud-bridge/vault/README.md), with its secret in a file of mode 0600 that only doorsill-vault can read.
`;
}
