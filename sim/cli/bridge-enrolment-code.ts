// Owns: the verb `bridge enrol`: as a bridge's operator, print a one-time code with which one device enrols.
// Not here: what a code permits (the bridge), using it (part-verbs.ts, device-verbs.ts).
import type { Command } from 'commander';
import { z } from 'zod';
import { exchangeJson } from '../../device/exports-without-firmware.ts';
import { adminBearer } from '../officer/registration.ts';
import { openContext } from './context.ts';
import { type BridgeOptions, openBridge, withBridgeOptions } from './running-testbed.ts';

const codeSchema = z.object({ code: z.string() });

export function addBridgeEnrol(bridge: Command): void {
  withBridgeOptions(bridge.command('enrol'))
    .description('print a one-time code with which one device enrols; it is good for an hour')
    .addHelpText(
      'after',
      `
Who has the code can enrol a device, so it goes to standard input or into a file of mode 0600, never into an argument.

Example:
  $ npx doorsill bridge enrol | npx doorsill device --data ./porch --enrol -`,
    )
    .action(async (options: BridgeOptions, command: Command) => {
      const { disk, output } = openContext(command);
      const { url, folder } = await openBridge(disk, options);
      const bearer = await adminBearer(disk, folder);
      const { code } = codeSchema.parse(
        await exchangeJson(`${url}/v1/enrolment-codes`, { method: 'POST', body: {}, bearer }),
      );
      output.result({ code }, code);
    });
}
