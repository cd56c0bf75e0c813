// Owns: the verb `pair`: make this machine's owner key known to a device, over the socket only its user can open.
// Not here: the pairing itself (device/owner).
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  failure,
  listHomes,
  loadOrCreateOwnerKey,
  pairingSocketPath,
  pairWithDevice,
  storeHome,
} from '../../device/index.ts';
import { townPaths } from '../supervisor/town-file.ts';
import { dataFolder, expectRunning, type OwnerOptions, openContext, ownerFolder, withOwnerOptions } from './context.ts';

export function addPair(program: Command): void {
  withOwnerOptions(program.command('pair'))
    .description("pair this machine's owner with a device on this machine")
    .option('--socket <path>', "the device's pairing socket, as it prints it (default: that of the town in DATA)")
    .option('--name <name>', 'how the device should call this owner', 'owner')
    .option('--list', 'list the paired devices')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx doorsill pair --socket ./porch/run/pairing.sock --owner ./me\n  $ npx doorsill pair --list',
    )
    .action(async (options: OwnerOptions & { socket?: string; name: string; list?: boolean }, command: Command) => {
      const context = openContext(command);
      if (options.name.length < 1 || options.name.length > 60)
        throw failure('usage', { detail: '--name takes 1 to 60 letters' });
      const folder = ownerFolder(options);
      if (options.list) {
        const homes = await listHomes(context.disk, folder);
        const lines = homes.map((home) => `${home.device}  ${home.name}  ${home.account.url}`);
        context.output.result(
          { homes: homes.map(({ account: _, ...home }) => home) },
          lines.join('\n') || 'No paired device.',
        );
        return;
      }
      const socket = options.socket ?? pairingSocketPath(townPaths(dataFolder(options.data)).doorbell);
      if (!options.socket) await expectRunning(context.disk, dataFolder(options.data));
      const key = await loadOrCreateOwnerKey(context.disk, context.random, join(folder, 'owner.key'));
      const home = await pairWithDevice(context, socket, key, options.name);
      await storeHome(context.disk, folder, home);
      if (!home.trust) context.output.progress('The device is not enrolled with a bridge yet; pair again after it is.');
      context.output.result({ device: home.device, name: home.name }, `Paired with ${home.name} (${home.device}).`);
    });
}
