// The verb `device status`: the state of an installed doorbell by systemd and by its socket. Exit status 5 when it does not work.
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { checkServiceName } from '../board/device-unit.ts';
import { serviceState } from '../board/system-service.ts';
import { askHealth } from '../owner/pairing-client.ts';
import type { Health } from '../owner/pairing-wire.ts';
import { pairingSocketPath } from '../owner/private-socket.ts';
import { failure, isFailure } from '../terminal/errors.ts';
import { printBytes } from '../terminal/format-units.ts';
import { type Context, openContext } from './context.ts';
import { versionIn } from './own-version.ts';

const FAULT_EXIT = 5;

export function addDeviceStatus(device: Command): void {
  device
    .command('status')
    .description('show the state of an installed doorbell: service, version, camera, ring and link to owners')
    .option('--name <name>', 'name of the service', 'doorsill')
    .option('--data <dir>', 'its folder (default: that name under /var/lib)')
    .addHelpText('after', '\nExample:\n  $ sudo doorsill device status')
    .action(async ({ name, data }: { name: string; data?: string }, command: Command) => {
      const context = openContext(command);
      checkServiceName(name);
      const service = serviceState(name);
      if (!service) throw failure('board_service_missing', { name });
      const version = service.program === null ? null : versionIn(join(dirname(service.program), '../package.json'));
      const folder = resolve(data ?? `/var/lib/${name}`);
      const hasSettings = await context.disk.sizeOf(join(folder, 'device.json')).then(
        (bytes) => bytes !== null,
        () => true,
      );
      const health = await healthOf(context, folder);
      const isWell = service.state === 'active' && 'camera' in health && isHealthy(health);
      context.output.result(
        { name, well: isWell, service, version, ...('camera' in health ? { health } : { unanswered: health.why }) },
        [
          `${'service'.padEnd(9)} ${name}: ${service.state}${service.since ? ` since ${service.since}` : ''}, last end: ${service.result}`,
          `${'restarts'.padEnd(9)} ${service.restarts}; ${service.startsAtBoot ? 'starts' : 'does not start'} at boot`,
          `${'version'.padEnd(9)} ${version ?? 'unknown'}`,
          ...('camera' in health ? healthLines(health) : [`${'doorbell'.padEnd(9)} ${health.why}`]),
          '',
          isWell
            ? 'It works.'
            : hasSettings
              ? 'It has a fault: `doorsill doctor` with its folder names it and its cure.'
              : `It has no settings yet: write them with \`sudo doorsill device init --data ${folder}\`, then \`sudo systemctl start ${name}\`.`,
        ].join('\n'),
      );
      if (!isWell) process.exitCode = FAULT_EXIT;
    });
}

/** The running doorbell's health from its socket, or why there is none. */
async function healthOf(context: Context, folder: string): Promise<Health | { why: string }> {
  return askHealth(context, pairingSocketPath(folder)).catch((thrown: unknown) => {
    if (!isFailure(thrown)) throw thrown;
    return { why: `${thrown.message} Only root can ask it.` };
  });
}

/** Whether a running doorbell works: it films unless privacy is on, can store, and reaches its owners. */
export function isHealthy({ camera, privacy, storage, homeFault }: Health): boolean {
  const films = privacy || camera.state === 'recording' || camera.state === 'starting';
  return films && storage.state === 'ok' && homeFault === null;
}

function healthLines({ camera, privacy, ring, storage, homeFault, area, owners }: Health): string[] {
  const filled = `${printBytes(ring.bytes)} of ${printBytes(ring.bytesMax)} in ${ring.kind === 'file' ? 'a file' : 'memory'}`;
  return [
    `${'camera'.padEnd(9)} ${camera.source}: ${privacy ? 'privacy on' : camera.state}${camera.detail ? ` (${camera.detail})` : ''}`,
    `${'ring'.padEnd(9)} ${filled}, storage ${storage.detail ?? storage.state}`,
    `${'owners'.padEnd(9)} ${owners} paired; their broker is ${homeFault === null ? 'reached' : `not reached: ${homeFault}`}`,
    `${'requests'.padEnd(9)} ${area === 'none' ? 'enrolled with no bridge' : `their broker is ${area}`}`,
  ];
}
