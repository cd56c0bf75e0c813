// Writes and removes the files that make a doorbell a service of a board: unit, groups, rights on device nodes, hardware watchdog.
import { dirname, join } from 'node:path';
import { type Disk, systemCode } from '@doorsill/base/disk';
import { utf8 } from '@doorsill/contract/bytes';
import { failure } from '../terminal/errors.ts';
import { deviceUnit, HARDWARE_GROUPS, type UnitFacts } from './device-unit.ts';

/** The start of each file, by which ours are recognised. */
const HEADER = '# Written by `doorsill device install`';
/** The start of each file that the Debian package brings, by which a board with the package is recognised. */
const PACKAGE_HEADER = '# Of the Debian package doorsill-device';
const FILE_BYTES_MAX = 65_536;

/** The maximum of a Pi's watchdog (bcm2835_wdt). */
const WATCHDOG_S = 15;

export interface InstallSpec extends UnitFacts {
  /** Whether the board's watchdog restarts it when its kernel or systemd hangs. */
  hardwareWatchdog: boolean;
}

export type FileOutcome = 'installed' | 'replaced' | 'unchanged' | 'removed';

/** The path of a unit that a package brings; one of an install hides it (systemd.unit(5), Unit File Load Path). */
const packagedUnit = (name: string) => `/usr/lib/systemd/system/${name}.service`;

/** The paths of a service's files below the root of a system. */
function pathsOf(name: string) {
  return {
    unit: `/etc/systemd/system/${name}.service`,
    groups: `/etc/sysusers.d/${name}.conf`,
    rules: `/etc/udev/rules.d/70-${name}.rules`,
    watchdog: `/etc/systemd/system.conf.d/50-${name}-watchdog.conf`,
  };
}

/** The files' texts, by their paths below the root of the board's system. */
export function boardFiles(spec: InstallSpec): Map<string, string> {
  const paths = pathsOf(spec.name);
  const header = `${HEADER}, which replaces it; \`doorsill device uninstall\` removes it.\n`;
  return new Map([
    [paths.groups, `${header}${GROUPS}`],
    [paths.rules, `${header}${RULES}`],
    [paths.unit, `${header}${deviceUnit(spec)}`],
    ...(spec.hardwareWatchdog ? ([[paths.watchdog, `${header}${WATCHDOG}`]] as const) : []),
  ]);
}

/** The texts of the same service's files in a Debian package, by their paths below the root of a system. */
export function packagedFiles(spec: UnitFacts): Map<string, string> {
  const header = `${PACKAGE_HEADER}, which replaces it.\n`;
  return new Map([
    [`/usr/lib/sysusers.d/${spec.name}.conf`, `${header}${GROUPS}`],
    [`/usr/lib/udev/rules.d/70-${spec.name}.rules`, `${header}${RULES}`],
    [packagedUnit(spec.name), `${header}${deviceUnit(spec)}`],
  ]);
}

const GROUPS = HARDWARE_GROUPS.map((group) => `g ${group} -\n`).join('');

/** Rules for device nodes that Debian leaves to root, or to a group that only Raspberry Pi OS has. */
const RULES = `# Lines of GPIO: buttons, chime, lamps.
SUBSYSTEM=="gpio", KERNEL=="gpiochip*", GROUP="gpio", MODE="0660"
# Lamps that the kernel knows.
SUBSYSTEM=="leds", ACTION!="remove", RUN+="/bin/sh -c 'chgrp gpio /sys%p/brightness /sys%p/trigger && chmod g+w /sys%p/brightness /sys%p/trigger'"
# Cameras, their pipelines, encoders and the memory they share.
SUBSYSTEM=="video4linux", GROUP="video", MODE="0660"
SUBSYSTEM=="media", KERNEL=="media*", GROUP="video", MODE="0660"
SUBSYSTEM=="dma_heap", GROUP="video", MODE="0660"
# A Pi's firmware, which tells of heat and low voltage.
KERNEL=="vcio", GROUP="video", MODE="0660"
KERNEL=="vchiq", GROUP="video", MODE="0660"
# Buttons that are keys.
SUBSYSTEM=="input", KERNEL=="event*", GROUP="input", MODE="0660"
`;

/** systemd-system.conf(5), Hardware Watchdog. */
const WATCHDOG = `[Manager]
RuntimeWatchdogSec=${WATCHDOG_S}s
RebootWatchdogSec=2min
`;

/**
 * Writes the files below `root` and removes our files that are no longer wanted; repeating it changes nothing. Throws
 * `board_file_foreign`, before anything is written, where one of the paths holds a foreign file; `file_unusable` where it cannot write.
 */
export async function writeBoardFiles(disk: Disk, root: string, spec: InstallSpec): Promise<Map<string, FileOutcome>> {
  const before = await filesThere(disk, root, spec.name);
  for (const [path, text] of before) if (!text.startsWith(HEADER)) throw failure('board_file_foreign', { path });
  const done = new Map<string, FileOutcome>();
  const files = boardFiles(spec);
  for (const [path, text] of files) {
    const there = before.get(join(root, path));
    const isSame = there === text;
    if (!isSame) await put(disk, join(root, path), text);
    done.set(join(root, path), isSame ? 'unchanged' : there === undefined ? 'installed' : 'replaced');
  }
  const obsolete = [...before.keys()].filter((path) => !done.has(path));
  for (const path of obsolete) {
    await disk.remove(path).catch(unwritable(path));
    done.set(path, 'removed');
  }
  return done;
}

/** Removes the files of `name` that an install wrote; resolves with their paths. Foreign files stay. */
export async function removeBoardFiles(disk: Disk, root: string, name: string): Promise<string[]> {
  const ours = [...(await filesThere(disk, root, name))].filter(([, text]) => text.startsWith(HEADER));
  for (const [path] of ours) await disk.remove(path).catch(unwritable(path));
  return ours.map(([path]) => path);
}

/** Whose unit of `name` systemd loads: an install's, or else the Debian package's; null where neither brought one. */
export async function unitFrom(disk: Disk, root: string, name: string): Promise<'install' | 'package' | null> {
  const installed = await textAt(disk, join(root, pathsOf(name).unit));
  if (installed !== null) return installed.startsWith(HEADER) ? 'install' : null;
  return (await textAt(disk, join(root, packagedUnit(name))))?.startsWith(PACKAGE_HEADER) ? 'package' : null;
}

/** Throws `board_packaged` where the Debian package's unit of `name` is the one that systemd loads. */
export async function expectNotPackaged(disk: Disk, root: string, name: string): Promise<void> {
  if ((await unitFrom(disk, root, name)) === 'package') throw failure('board_packaged', { name });
}

async function filesThere(disk: Disk, root: string, name: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const below of Object.values(pathsOf(name))) {
    const path = join(root, below);
    const text = await textAt(disk, path);
    if (text !== null) found.set(path, text);
  }
  return found;
}

async function textAt(disk: Disk, path: string): Promise<string | null> {
  const bytes = await disk.readFile(path, FILE_BYTES_MAX).catch(unwritable(path));
  return bytes && new TextDecoder().decode(bytes);
}

async function put(disk: Disk, path: string, text: string): Promise<void> {
  await disk.makeFolder(dirname(path)).catch(unwritable(path));
  await disk.replaceFile(path, utf8(text)).catch(unwritable(path));
}

/** Turns a refusal of the operating system into advice. */
const unwritable = (path: string) => (thrown: unknown) => {
  const code = systemCode(thrown);
  if (code === null) throw thrown;
  throw failure('file_unusable', { detail: `${path}: ${code}.` }, thrown);
};
