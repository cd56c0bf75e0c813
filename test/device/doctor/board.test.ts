// @module-tag setpriv
// Plants the faults of a Pi, one at a time, in a copy of a Pi's system below a folder, and expects the doctor to find that fault alone.
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { packagedFiles, writeBoardFiles } from '../../../device/board/board-files.ts';
import { CAMERA_KINDS } from '../../../device/camera/sources.ts';
import { examineBoard } from '../../../device/doctor/board.ts';
import type { Diagnosis } from '../../../device/doctor/diagnosis.ts';
import { SAY, temporaryFolder } from '../../support/command-line.ts';

const disk = new SystemDisk();
const seams = { cameras: CAMERA_KINDS, clock: new SystemClock(), random: new SystemRandom(), disk, log: silentLog() };
const PATH = process.env['PATH'] ?? '';
let folder: ReturnType<typeof temporaryFolder>;
const at = (path: string) => join(folder.path, path);

function put(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
}

function program(name: string, says: string): void {
  put(`/bin/${name}`, `#!/bin/sh\n${SAY} <<'END'\n${says}\nEND\n`);
  chmodSync(at(`/bin/${name}`), 0o755);
}

/** A systemctl with these answers about the doorbell and avahi. */
function systemctl(changes: Record<string, string> = {}, avahi = 'active'): void {
  const porch = {
    LoadState: 'loaded',
    ActiveState: 'active',
    Result: 'success',
    NRestarts: '0',
    UnitFileState: 'enabled',
  };
  const print = (facts: object) =>
    Object.entries(facts)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n');
  put(
    '/bin/systemctl',
    `#!/bin/sh\ncase "$2" in\navahi*) echo LoadState=loaded; echo ActiveState=${avahi};;\n*) ${SAY} <<'END'\n${print({ ...porch, ...changes })}\nEND\nesac\n`,
  );
  chmodSync(at('/bin/systemctl'), 0o755);
}

const DEVICE = {
  camera: 'rpicam:',
  console: { listen: 'home-network' },
  home: { url: 'mqtt://127.0.0.1:1883', user: 'porch', password: 'a-long-password' },
};
const CONFIG = '/boot/firmware/config.txt';

/** A Pi without a fault. */
beforeEach(async () => {
  folder = temporaryFolder('pi');
  process.env['PATH'] = `${at('/bin')}:${PATH}`;
  put('/proc/device-tree/model', 'Raspberry Pi 4 Model B Rev 1.5\0');
  put('/proc/mounts', 'rootfs / rootfs rw 0 0\n/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n');
  put('/etc/group', `root:x:0:\nvideo:x:${process.getgid?.()}:\n`);
  put('/dev/video0', '');
  chmodSync(at('/dev/video0'), 0o660);
  put('/dev/input/event0', '');
  chmodSync(at('/dev/input/event0'), 0o660);
  put(CONFIG, '# For more options see the documentation\ncamera_auto_detect=1\n[pi5]\ndtoverlay=imx519\n[all]\n');
  put('/run/systemd/system/.keep', '');
  put('/var/lib/porch/device.json', JSON.stringify(DEVICE));
  program('vcgencmd', 'throttled=0x0');
  systemctl();
  await writeBoardFiles(disk, folder.path, {
    node: '/usr/bin/node',
    program: '/opt/doorsill/sim/cli/doorsill.mjs',
    name: 'porch',
    hardwareWatchdog: false,
  });
});

afterEach(() => {
  process.env['PATH'] = PATH;
  folder.dispose();
});

const examine = () => examineBoard(seams, at('/var/lib/porch'), folder.path);
const faultsOf = (findings: Diagnosis[]) => findings.filter(({ level }) => level === 'fault');

interface Planted {
  plant(): void;
  what: string;
  says: RegExp;
  advises: RegExp;
}

const FAULTS: Record<string, Planted> = {
  'a camera that belongs to a group the service is not in': {
    plant: () => put('/etc/group', `staff:x:${process.getgid?.()}:\n`),
    what: 'rights',
    says: /\/dev\/video0.*group staff/,
    advises: /device install/,
  },
  'a key that its group may not read': {
    plant: () => chmodSync(at('/dev/input/event0'), 0o600),
    what: 'rights',
    says: /\/dev\/input\/event0.*may not write/,
    advises: /udev/,
  },
  'too little voltage': {
    plant: () => program('vcgencmd', 'throttled=0x50001'),
    what: 'power',
    says: /voltage is too low now/,
    advises: /power supply/,
  },
  'too little voltage, by the kernel’s sensor': {
    plant: () => {
      rmSync(at('/bin/vcgencmd'));
      put('/sys/class/hwmon/hwmon2/name', 'rpi_volt\n');
      put('/sys/class/hwmon/hwmon2/in0_lcrit_alarm', '1\n');
    },
    what: 'power',
    says: /voltage is too low now/,
    advises: /power supply/,
  },
  'a processor that heat slows down': {
    plant: () => program('vcgencmd', 'throttled=0x80008'),
    what: 'power',
    says: /slowed down now/,
    advises: /cooler/,
  },
  'a root that is read-only': {
    plant: () => put('/proc/mounts', '/dev/mmcblk0p2 / ext4 ro,noatime 0 0\n'),
    what: 'root',
    says: /read-only/,
    advises: /remount,rw/,
  },
  'the overlay of another camera': {
    plant: () => {
      put(CONFIG, 'dtoverlay=imx708,cam0\n');
      put('/sys/bus/i2c/drivers/imx708/bind', '');
    },
    what: 'overlay',
    says: /names the camera imx708, which the kernel did not find/,
    advises: /ribbon cable/,
  },
  'no overlay for the camera': {
    plant: () => put(CONFIG, 'camera_auto_detect=0\n'),
    what: 'overlay',
    says: /names no camera/,
    advises: /camera_auto_detect=1/,
  },
  'the legacy camera system': {
    plant: () => put(CONFIG, 'camera_auto_detect=1\nstart_x=1\n'),
    what: 'overlay',
    says: /start_x=1/,
    advises: /camera_auto_detect=1/,
  },
  'a name that nothing announces': {
    plant: () => systemctl({}, 'inactive'),
    what: 'name',
    says: /mDNS/,
    advises: /"announce": \{"enabled": true\}.*enable --now avahi-daemon/,
  },
  'a unit that systemd cannot load': {
    plant: () => systemctl({ LoadState: 'bad-setting' }),
    what: 'service',
    says: /cannot load porch\.service \(bad-setting\)/,
    advises: /device install --name porch/,
  },
  'a unit that has failed': {
    plant: () => systemctl({ ActiveState: 'failed', Result: 'start-limit-hit' }),
    what: 'service',
    says: /has failed \(start-limit-hit\)/,
    advises: /reset-failed porch/,
  },
  'a unit that systemd has not read': {
    plant: () => systemctl({ LoadState: 'not-found' }),
    what: 'service',
    says: /does not know/,
    advises: /daemon-reload/,
  },
};

describe('the doctor of a board', () => {
  it('finds no fault on a Pi without one', async () => {
    const findings = await examine();
    expect(faultsOf(findings)).toEqual([]);
    expect(findings.map(({ what }) => what).sort()).toEqual([
      'boot',
      'name',
      'overlay',
      'power',
      'rights',
      'root',
      'service',
    ]);
  });

  it('finds a full boot partition, which a new kernel would leave half written', async () => {
    const full = Object.assign(Object.create(disk), { freeBytes: async () => 3_000_000 });
    const faults = faultsOf(await examineBoard({ ...seams, disk: full }, at('/var/lib/porch'), folder.path));
    expect(faults).toMatchObject([
      { what: 'boot', detail: expect.stringContaining('3.0 MB free'), advice: expect.stringContaining('autoremove') },
    ]);
  });

  it('needs no avahi for a doorbell that announces itself', async () => {
    systemctl({}, 'inactive');
    const console = { listen: 'home-network', announce: { enabled: true } };
    put('/var/lib/porch/device.json', JSON.stringify({ ...DEVICE, console }));
    expect((await examine()).filter(({ what }) => what === 'name')).toEqual([]);
  });

  it.each(Object.entries(FAULTS))('finds %s, and that alone', async (_name, { plant, what, says, advises }) => {
    plant();
    const faults = faultsOf(await examine());
    expect(faults.map((fault) => fault.what)).toEqual([what]);
    expect(faults[0]?.detail).toMatch(says);
    expect(faults[0]?.advice).toMatch(advises);
  });

  it('accepts the overlay of the present camera', async () => {
    put(CONFIG, 'dtoverlay=imx708\n');
    mkdirSync(at('/sys/bus/i2c/drivers/imx708'), { recursive: true });
    symlinkSync('../10-001a', at('/sys/bus/i2c/drivers/imx708/10-001a'));
    expect(faultsOf(await examine())).toEqual([]);
  });

  it('notes past undervoltage, a root in memory, and a service that is not started at boot', async () => {
    program('vcgencmd', 'throttled=0x50000');
    put('/proc/mounts', 'overlay / overlay rw,lowerdir=/lower 0 0\n');
    systemctl({ UnitFileState: 'disabled' });
    const notes = (await examine()).filter(({ level }) => level === 'note');
    expect(notes.map(({ what }) => what).sort()).toEqual(['power', 'root', 'service']);
  });

  it('notes a service that does not run', async () => {
    systemctl({ ActiveState: 'inactive' });
    const [found] = (await examine()).filter(({ what }) => what === 'service');
    expect(found).toMatchObject({ level: 'note', advice: expect.stringContaining('systemctl start porch') });
  });

  it('sends the owner of a Debian package to apt', async () => {
    rmSync(at('/etc/systemd/system/porch.service'));
    const unit = '/usr/lib/systemd/system/porch.service';
    const facts = { node: '/usr/bin/node', program: '/usr/lib/doorsill-device/doorsill-device.mjs', name: 'porch' };
    put(unit, packagedFiles(facts).get(unit) ?? '');
    systemctl({ LoadState: 'bad-setting' });
    expect(faultsOf(await examine())).toMatchObject([
      { what: 'service', advice: expect.stringContaining('apt install --reinstall') },
    ]);
  });

  it('examines no board where there is none', async () => {
    rmSync(at('/proc/device-tree/model'));
    rmSync(at('/etc/systemd/system/porch.service'));
    expect(await examine()).toEqual([]);
  });
});
