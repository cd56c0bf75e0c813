// The systemd unit of a doorbell on a real board: its rights, and how it is watched.
import { failure } from '../terminal/errors.ts';
import { CODE_CREDENTIAL } from '../terminal/secret-input.ts';
import { RELEASED_LAUNCHER, runWords } from './launcher-path.ts';
import { UNIT_HARDENING } from './unit-hardening.ts';

export interface UnitFacts {
  /** Absolute paths of the node program and of the command line it runs. */
  node: string;
  program: string;
  /** Name of the service and of the device's folder under /var/lib. */
  name: string;
}

/** The path of a board's command in the Debian package. */
export const PACKAGED_LAUNCHER = `/usr/lib/doorsill-device/${RELEASED_LAUNCHER}`;

/** Groups that own cameras, sound cards, buttons, GPIO lines and encoders. An install creates missing ones. */
export const HARDWARE_GROUPS = ['video', 'audio', 'input', 'gpio', 'render'] as const;

/** Device nodes by the names of /proc/devices: cameras and encoders, sound cards, buttons, GPIO lines, a Pi's camera. */
const DEVICES = ['video4linux', 'media', 'alsa', 'input', 'gpiochip', 'vchiq', 'vcio', 'dma_heap'];

/** After this many restarts within this time the unit stays down: restarting does not mend the fault. */
const RESTARTS = { many: 5, withinS: 300 };

/** Maximum rate of journal lines: more would come from a repeating fault and wear out the card. */
const LOG_LINES = { many: 1_000, withinS: 600 };

/** Throws `usage` for a name that a service cannot have. */
export function checkServiceName(name: string): void {
  if (/^[a-z][a-z0-9-]{0,30}$/.test(name)) return;
  throw failure('usage', { detail: '--name takes small letters, digits and hyphens' });
}

/** The name of the unit's enrolment code in systemd's credential stores (systemd.exec(5), LoadCredential=). */
export function credentialFile(name: string): string {
  return `${name}.${CODE_CREDENTIAL}`;
}

/** The unit's text, without the header of all installed files. */
export function deviceUnit({ node, program, name }: UnitFacts): string {
  const folder = `/var/lib/${name}`;
  // A release's programs are started through a link that updates switch. Before a start, the last healthy version rolls back an
  // interrupted update, as root; a failure of that does not prevent the start.
  const inRelease = `/current/${RELEASED_LAUNCHER}`;
  const programs = program.endsWith(inRelease) ? program.slice(0, -inRelease.length) : null;
  const settle =
    programs === null
      ? ''
      : `ExecStartPre=-+${node} ${programs}/keeper/${RELEASED_LAUNCHER} update --settle --programs ${programs}\n`;
  // A package enables its unit before its settings are there; a start without them is left out, and is no failure.
  const isPackaged = program === PACKAGED_LAUNCHER;
  const documentation = isPackaged
    ? 'man:doorsill-device(1)'
    : `file:${program.replace(/(sim\/)?cli\/[^/]+$/, 'README.md')}`;
  return `# Put changes of your own into /etc/systemd/system/${name}.service.d/override.conf (\`systemctl edit ${name}\`).
[Unit]
Description=doorsill, a doorbell that keeps its footage
Documentation=${documentation}
${isPackaged ? `ConditionPathExists=${folder}/device.json\n` : ''}# Neither the network nor the time is waited for: it films from the first moment, and grants nothing until it knows the time.
StartLimitIntervalSec=${RESTARTS.withinS}
StartLimitBurst=${RESTARTS.many}

[Service]
Type=notify
NotifyAccess=all
# One heap of the C library: its default keeps many, which hold free memory.
Environment=MALLOC_ARENA_MAX=1
${settle}ExecStart=${node} --max-semi-space-size=4 ${program} ${runWords(program).join(' ')} --data ${folder}
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
SupplementaryGroups=${HARDWARE_GROUPS.join(' ')}
LogRateLimitIntervalSec=${LOG_LINES.withinS}
LogRateLimitBurst=${LOG_LINES.many}

# A crash dump would hold footage in the clear.
LimitCORE=0
MemoryMax=600M
MemorySwapMax=0
# Of too little memory ffmpeg ends, which is started anew; the doorbell itself goes on.
OOMPolicy=continue
TasksMax=256

${UNIT_HARDENING}
ProtectHome=read-only
# Lamps of the kernel's; all else of /sys is read-only.
ReadWritePaths=-/sys/class/leds -/sys/devices/platform/leds
# The kernel tells over it which addresses the board has, and the doorbell's own server answers to those alone.
RestrictAddressFamilies=AF_NETLINK
PrivateIPC=yes
# setpriv(1), which ends the programs behind buttons and shutter with the device, sets its own capabilities: to none.
SystemCallFilter=capset

DevicePolicy=closed
${DEVICES.map((device) => `DeviceAllow=char-${device} rw`).join('\n')}

[Install]
WantedBy=multi-user.target
`;
}
