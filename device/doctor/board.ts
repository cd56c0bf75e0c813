// Checks a board with a doorbell as a service, such as a Raspberry Pi: power and heat, root mount, camera overlay, rights on device nodes,
// the unit, and the name by which a phone finds it.
import { access, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { SystemPrograms } from '@doorsill/base/system-programs';
import { unitFrom } from '../board/board-files.ts';
import { deviceNodes, firmwareSettings, hasChip, rootMount } from '../board/board-signs.ts';
import { HARDWARE_GROUPS } from '../board/device-unit.ts';
import { serviceState } from '../board/system-service.ts';
import { type DeviceConfig, parseDeviceConfig } from '../config.ts';
import { readPower } from '../hardware/board-power.ts';
import { readSettings } from '../settings-file.ts';
import { printBytes } from '../terminal/format-units.ts';
import { type Diagnosis, look, note, ok, type Seams, wrong } from './diagnosis.ts';

/** Overlays of camera sensors, named like the kernel's drivers. */
const SENSORS = ['ov5647', 'ov64a40', 'imx219', 'imx290', 'imx296', 'imx477', 'imx519', 'imx708'];

/** Room for a Pi's kernel and initramfs, which take some 25 MB. */
const BOOT_BYTES_MIN = 32 * 1_048_576;

/** Checks a board; finds nothing on a machine that is not a Pi and has no doorbell as a service. `root`: the root of its system. */
export async function examineBoard(seams: Seams, folder: string, root: string): Promise<Diagnosis[]> {
  const name = basename(folder);
  const [unit, isPi] = await Promise.all([
    unitFrom(seams.disk, root, name).catch(() => null),
    readFile(join(root, '/proc/device-tree/model'), 'utf8').then(
      (model) => model.startsWith('Raspberry Pi'),
      () => false,
    ),
  ]);
  if (unit === null && !isPi) return [];
  const config = await configOf(seams, folder);
  const looks = [
    look('root', () => mounted(root)),
    look('boot', () => bootPartition(seams, root)),
    look('power', () => power(seams, root)),
    look('overlay', () => overlay(root, config)),
  ];
  if (unit !== null) {
    const again =
      unit === 'package'
        ? 'Install the package again, with `sudo apt install --reinstall ./FILE.deb`'
        : `Run \`sudo doorsill device install --name ${name}\` again`;
    looks.push(look('rights', () => rights(root, again)));
    if (await isBooted(root))
      looks.push(
        look('service', async () => service(name, again)),
        look('name', async () => nameOnNetwork(config)),
      );
  }
  return (await Promise.all(looks)).flat();
}

/** The settings, or null if they cannot be read, which device.ts reports. */
async function configOf({ disk }: Seams, folder: string): Promise<DeviceConfig | null> {
  const path = join(folder, 'device.json');
  try {
    const stored = await readSettings(disk, path);
    return stored ? parseDeviceConfig(stored, path) : null;
  } catch {
    return null;
  }
}

const isBooted = (root: string) =>
  access(join(root, '/run/systemd/system')).then(
    () => true,
    () => false,
  );

async function mounted(root: string): Promise<Diagnosis> {
  const kept = await rootMount(root);
  if (kept === 'kept') return ok('root', 'is mounted for writing');
  if (kept === 'in-memory') {
    return note(
      'root',
      'is in memory: files written there are lost at the next boot',
      'Put the doorbell’s folder on another disk, or turn the overlay file system off (`sudo raspi-config`, Performance).',
    );
  }
  return wrong(
    'root',
    'is mounted read-only',
    'If `dmesg | grep -i ext4` shows that the kernel did it, the card is failing: replace it. Else: `sudo mount -o remount,rw /`, and see /etc/fstab.',
  );
}

/** Whether the boot partition has room for a new kernel. */
async function bootPartition({ disk }: Seams, root: string): Promise<Diagnosis | Diagnosis[]> {
  const folder = join(root, '/boot/firmware');
  if ((await disk.list(folder)).length === 0) return [];
  const free = await disk.freeBytes(folder);
  if (free >= BOOT_BYTES_MIN) return ok('boot', `${printBytes(free)} free`);
  return wrong(
    'boot',
    `the boot partition has ${printBytes(free)} free: a kernel update would be cut off, and the board might not start again`,
    'Remove kernels that are no longer used: `sudo apt autoremove --purge`; see what else is in /boot/firmware.',
  );
}

async function power(seams: Seams, root: string): Promise<Diagnosis | Diagnosis[]> {
  const signs = await readPower({ ...seams, programs: new SystemPrograms(), sysfs: join(root, '/sys') });
  if (!signs) return [];
  const supply = 'Use the power supply made for this board, with a short cable and no other device on it.';
  if (signs.lowVoltage) return wrong('power', 'the voltage is too low now: pictures and the card may suffer', supply);
  if (signs.slowed) {
    return wrong(
      'power',
      'the processor is slowed down now, by heat or low voltage',
      `Add a cooler, shade or ventilation, or reduce the camera’s resolution and frame rate. ${supply}`,
    );
  }
  if (signs.lowVoltageBefore) return note('power', 'the voltage was too low since the boot', supply);
  if (signs.slowedBefore)
    return note('power', 'the processor was slowed down since the boot', 'Add a cooler, shade or ventilation.');
  return ok('power', 'enough, and cool');
}

/** Whether the firmware's settings fit the camera: https://www.raspberrypi.com/documentation/computers/camera_software.html. */
async function overlay(root: string, config: DeviceConfig | null): Promise<Diagnosis | Diagnosis[]> {
  const settings = await firmwareSettings(root);
  if (!settings) return [];
  const { file, lines, linesForAll } = settings;
  const named = linesForAll.flatMap((line) => /^dtoverlay=([a-z0-9]+)/.exec(line)?.[1] ?? []);
  const sensors = named.filter((overlayName) => SENSORS.includes(overlayName));
  const advice = `Correct ${file} and boot again: \`camera_auto_detect=1\` for a camera of Raspberry Pi’s own, else \`dtoverlay=\` with the name that its maker gives. Then check the ribbon cable.`;
  for (const sensor of sensors) {
    if (!(await hasChip(root, sensor)))
      return wrong('overlay', `${file} names the camera ${sensor}, which the kernel did not find`, advice);
  }
  if (!config?.camera.startsWith('rpicam:')) return [];
  const detects = lines.includes('camera_auto_detect=1');
  if (sensors.length === 0 && !detects)
    return wrong(
      'overlay',
      `${file} names no camera and turns detection off, but the doorbell’s camera is ${config.camera}`,
      advice,
    );
  if (lines.includes('start_x=1'))
    return wrong(
      'overlay',
      `${file} turns on the legacy camera system (start_x=1), with which ${config.camera} does not work`,
      advice,
    );
  return ok('overlay', sensors.length > 0 ? sensors.join(', ') : 'the camera is detected at boot');
}

/** Whether the service may use cameras, keys and GPIO lines: by group, since its user exists only while it runs. */
async function rights(root: string, again: string): Promise<Diagnosis> {
  const closed = (await deviceNodes(root)).filter(
    ({ group, isOpen }) => !isOpen || !HARDWARE_GROUPS.some((ours) => ours === group),
  );
  if (closed.length === 0) return ok('rights', 'the service may use cameras, keys and GPIO lines');
  const [first] = closed;
  return wrong(
    'rights',
    `the service may not use ${closed.map(({ path }) => path).join(', ')}: ${first?.path} belongs to the group ${first?.group}${first?.isOpen ? '' : ', which may not write it'}`,
    `${again}, and look in /etc/udev/rules.d for a later rule that names another group.`,
  );
}

function service(name: string, again: string): Diagnosis | Diagnosis[] {
  const found = serviceState(name);
  if (found === null)
    return wrong('service', `systemd does not know ${name}.service`, 'Run `sudo systemctl daemon-reload`.');
  if (found.load !== 'loaded')
    return wrong(
      'service',
      `systemd cannot load ${name}.service (${found.load})`,
      `${again}; \`systemd-analyze verify ${name}.service\` names the line.`,
    );
  if (found.state === 'failed')
    return wrong(
      'service',
      `${name}.service has failed (${found.result}) and is not restarted`,
      `\`journalctl -u ${name} -n 30\` says why; then \`sudo systemctl reset-failed ${name}\` and \`sudo systemctl start ${name}\`.`,
    );
  if (found.state === 'inactive')
    return note(
      'service',
      `${name}.service does not run`,
      `\`sudo systemctl start ${name}\`, once \`doorsill device setup\` or \`doorsill device init\` has written its settings.`,
    );
  if (!found.startsAtBoot)
    return note('service', `${name}.service does not start at boot`, `\`sudo systemctl enable ${name}\`.`);
  return ok('service', `${name}.service is ${found.state}, restarted ${found.restarts} times`);
}

/** Whether the board's name is announced, by which phones at home find its page (RFC 6762). */
function nameOnNetwork(config: DeviceConfig | null): Diagnosis | Diagnosis[] {
  // A doorbell that announces itself reports on that (device.ts).
  if (config?.console.listen !== 'home-network' || config.console.announce.enabled) return [];
  const found = serviceState('avahi-daemon');
  if (found?.state === 'active') return ok('name', 'is announced on the network');
  return wrong(
    'name',
    'nothing announces this board’s name on the network (mDNS), so a phone finds it only by its address',
    `Let the doorbell announce its name: \`"announce": {"enabled": true}\` under console in device.json, and restart it. Or ${
      found === null
        ? 'install avahi: `sudo apt install avahi-daemon`.'
        : 'start avahi: `sudo systemctl enable --now avahi-daemon`.'
    }`,
  );
}
