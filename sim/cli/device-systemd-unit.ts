// Owns: the systemd unit of a doorbell on a real board: what it may see and do, and how it is watched.
// Not here: writing it (device-verbs.ts), talking with the service manager while it runs (service-manager.ts).
import { CODE_CREDENTIAL } from '../terminal/secret-input.ts';

export interface UnitFacts {
  /** Absolute paths of the node program and of the command line it runs. */
  node: string;
  program: string;
  /** The device's folder is this name under /var/lib. */
  name: string;
  /** Groups of this machine that own its cameras, sound cards, buttons and lines. */
  groups: readonly string[];
}

/** Groups that give a user access to the hardware, on distributions that have them. */
export const HARDWARE_GROUPS = ['video', 'audio', 'input', 'gpio', 'render'] as const;

/** Device nodes by the names of /proc/devices: cameras and encoders, sound cards, buttons, GPIO lines, a Pi's camera. */
const DEVICES = ['video4linux', 'media', 'alsa', 'input', 'gpiochip', 'vchiq', 'vcio', 'dma_heap'];

/** After so many restarts in this time the unit stays down: a restart does not fix the fault. */
const RESTARTS = { many: 5, withinS: 300 };

/** The name of the unit's enrolment code in systemd's credential stores (systemd.exec(5), LoadCredential=). */
export function credentialFile(name: string): string {
  return `${name}.${CODE_CREDENTIAL}`;
}

/** The whole unit file. */
export function deviceUnit({ node, program, name, groups }: UnitFacts): string {
  const folder = `/var/lib/${name}`;
  return `# Written by \`doorsill device install\`, which replaces it. Put changes of your own into
# /etc/systemd/system/${name}.service.d/override.conf (\`systemctl edit ${name}\`).
[Unit]
Description=doorsill, a doorbell that keeps its footage
Documentation=file:${program.replace(/sim\/cli\/[^/]+$/, 'README.md')}
Wants=network-online.target time-sync.target
After=network-online.target time-sync.target
StartLimitIntervalSec=${RESTARTS.withinS}
StartLimitBurst=${RESTARTS.many}

[Service]
Type=notify
NotifyAccess=all
# One heap of the C library: its default keeps many, which hold free memory.
Environment=MALLOC_ARENA_MAX=1
ExecStart=${node} --max-semi-space-size=4 ${program} device --data ${folder}
Restart=always
RestartSec=5
TimeoutStartSec=240
WatchdogSec=60
TimeoutStopSec=30
KillMode=mixed

DynamicUser=yes
StateDirectory=${name}
StateDirectoryMode=0700
UMask=0077
# One-time enrolment code from \`doorsill device enrol\`, if there is one: in no command line and no environment.
LoadCredential=${CODE_CREDENTIAL}:${credentialFile(name)}
${groups.length === 0 ? '' : `SupplementaryGroups=${groups.join(' ')}\n`}
# A crash dump would hold footage in the clear.
LimitCORE=0
MemoryMax=600M
MemorySwapMax=0
TasksMax=256

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateIPC=yes
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
# setpriv(1), which ends the programs behind buttons and shutter with the device, sets its own capabilities: to none.
SystemCallFilter=capset
SystemCallErrorNumber=EPERM

DevicePolicy=closed
${DEVICES.map((device) => `DeviceAllow=char-${device} rw`).join('\n')}

[Install]
WantedBy=multi-user.target
`;
}
