// Installs a doorbell on the emulated board by the commands of docs/raspberry-pi.md, which check-pi.mjs reads.
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { doorsill, ensure, isContainer, ran, run, shell, until } from './pi-board.mjs';

const MODULES = '/opt/doorsill/node_modules';

export function compilesNothing() {
  symlinkSync(`${MODULES}/@doorsill/device/cli/doorsill-device.mjs`, '/usr/local/bin/doorsill-device');
  for (const name of ['better-sqlite3', 'better-sqlite3-v12', 'aedes', 'doorsill'])
    ensure(!existsSync(`${MODULES}/${name}`), `${name} is there, which no board needs`);
  const node = ran('node', run('node', ['--version'])).trim();
  const version = ran('doorsill-device --version', doorsill('--version')).trim();
  return `doorsill-device ${version} on node ${node}, ${process.arch}, without database driver, broker and simulator`;
}

/** The camera of the kernel's test driver; null where there is none. */
export function testCamera() {
  if (isContainer) return null;
  run('modprobe', ['vivid', 'n_devs=1', 'node_types=0x1']);
  return existsSync('/dev/video0') ? '/dev/video0?size=640x360&rate=5' : null;
}

/** What a board without a camera films: moving pictures in a file, which every user can read. */
export function recordedCamera() {
  const file = '/opt/doorsill-door.mp4';
  const pictures = 'testsrc2=size=640x360:rate=15:duration=20,format=yuv420p';
  ran('ffmpeg', run('ffmpeg', ['-loglevel', 'error', '-y', '-f', 'lavfi', '-i', pictures, file]));
  return `file:${file}`;
}

/**
 * A command of the page as it is run here: as root already, no packages from a network, a camera that is there. The programs are there by npm,
 * so the service is installed as without the package.
 */
function here(command, camera) {
  if (/^sudo apt-get install .*\/doorsill-device_/.test(command)) return 'doorsill-device install';
  if (/^sudo (apt-get|npm) install/.test(command)) return null;
  return command.replaceAll(/\bsudo /g, '').replace(/--camera \S+/, `--camera '${camera}'`);
}

export async function documented(commands, camera) {
  mkdirSync('/root/porch', { recursive: true });
  const done = [];
  for (const command of commands) {
    const line = here(command, camera);
    if (line === null) continue;
    // A slow board's doorbell has started before it has reached its broker.
    if (line === 'doorsill-device status') await until(line, () => shell(line).status === 0);
    else ran(command, shell(`cd /root/porch && ${line}`));
    done.push(command);
  }
  ensure(done.length >= 6, `docs/raspberry-pi.md has ${done.length} commands to run`);
  return `${done.length} commands of ${commands.length}, with \`install\` instead of the package`;
}

/** What an install wrote. */
export const installFiles = () =>
  ['/etc/systemd/system', '/etc/sysusers.d', '/etc/udev/rules.d', '/etc/systemd/system.conf.d'].flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name.includes('doorsill')) : [],
  );
