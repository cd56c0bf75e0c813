// Owns: the verb `bridge broker home-assistant`: the account by which Home Assistant logs in at the embedded broker.
// Not here: what that account may do (device/contract/topic-access.ts), what Home Assistant is told (device/home-link).

import { join, resolve } from 'node:path';
import { issueAccount } from '@doorsill/base/mqtt-account-files';
import { idSchema } from '@doorsill/contract/ids';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { type Context, openContext } from './context.ts';

interface HomeAssistantOptions {
  data: string;
  device: string[];
}

/** A user name and the password that nobody can read again. */
interface Login {
  user: string;
  password: string;
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

/** Makes the account of these doorbells, or gives it a new password. */
export function issueHomeAssistant(context: Context, accounts: string, devices: readonly string[]): Promise<Login> {
  const wish = { role: 'home-assistant', id: 'home-assistant', homes: devices };
  return issueAccount(context.disk, context.random, accounts, wish);
}

export function loginLines({ user, password }: Login): string[] {
  return ['Home Assistant logs in at this broker as', '', `    user      ${user}`, `    password  ${password}`];
}
