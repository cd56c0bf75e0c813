// Owns: the verb `bridge broker home-assistant`: the account by which Home Assistant logs in at the embedded broker.
// Not here: what that account may do (device/contract/topic-access.ts), what Home Assistant is told (device/home-link).

import { join, resolve } from 'node:path';
import { idSchema } from '@doorsill/contract/ids';
import { openContext } from '@doorsill/device/cli/context';
import { issueHomeAssistant, loginLines } from '@doorsill/device/cli/device-init';
import type { Command } from 'commander';
import { failure } from '../errors.ts';

interface HomeAssistantOptions {
  data: string;
  device: string[];
}

const DEVICES_MAX = 64;

export function addBrokerHomeAssistant(broker: Command): void {
  broker
    .command('home-assistant')
    .description('make an account for Home Assistant, which sees these doorbells and none of their requests')
    .requiredOption('--data <dir>', "the broker's folder, with accounts/ in it")
    .requiredOption('--device <id...>', 'the doorbells, as `device` and `pair --list` print them')
    .addHelpText(
      'after',
      '\nExample:\n  $ doorsill bridge broker home-assistant --data ./broker --device device-5c80...',
    )
    .action(async (options: HomeAssistantOptions, command: Command) => {
      const context = openContext(command);
      const devices = [...new Set(options.device)].sort();
      const isUsable = devices.length <= DEVICES_MAX && devices.every((id) => idSchema.safeParse(id).success);
      if (!isUsable) throw failure('usage', { detail: `--device takes up to ${DEVICES_MAX} ids of doorbells` });
      const login = await issueHomeAssistant(context, join(resolve(options.data), 'accounts'), devices);
      context.output.result({ outcome: 'issued', devices, ...login }, loginLines(login).join('\n'));
    });
}
