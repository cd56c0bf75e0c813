// Owns: the verb `agency webhook`: the address that is notified of the agency's requests and clips. Not here: delivery (the bridge).

import { type Context, dataFolder, openContext } from '@doorsill/device/cli/context';
import { printMoment } from '@doorsill/device/terminal/format-units';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { loadAgencyKey } from '../officer/agency-client.ts';
import { removeWebhook, seeWebhook, setWebhook, type ToldEvent, type WebhookPlace } from '../officer/webhook-calls.ts';
import { readTestbedFile, testbedPaths } from '../testbed/testbed-folder.ts';
import { expectRunning } from '../testbed/testbed-surroundings.ts';

export function addWebhook(agency: Command): void {
  agency
    .command('webhook [set|remove] [url]')
    .description('as the testbed’s agency: see, set or remove where it is told of its requests and clips')
    .option('--data <dir>', 'data folder of a running `doorsill up` (default: .doorsill)')
    .addHelpText(
      'after',
      `
Each event is a POST with the headers x-doorsill-event, x-doorsill-timestamp and x-doorsill-signature: \`sha256=\` and the
HMAC-SHA256 of the timestamp, a dot and the body, under the secret in the file that \`set\` names. A testbed takes http:// addresses
on this machine, too.

Examples:
  $ doorsill agency webhook
  $ doorsill agency webhook set http://127.0.0.1:9000/hook
  $ doorsill agency webhook remove`,
    )
    .action(async (verb: string | undefined, url: string | undefined, options: { data?: string }, command: Command) => {
      const context = openContext(command);
      if (verb !== undefined && verb !== 'set' && verb !== 'remove')
        throw failure('usage', { detail: `agency webhook takes set or remove, not "${verb}"` });
      if ((verb === 'set') !== (url !== undefined))
        throw failure('usage', { detail: 'set, and set alone, takes an address' });
      const place = await openPlace(context, dataFolder(options.data));
      if (url !== undefined) {
        const { secretFile } = await setWebhook(context, place, url);
        context.output.result({ url, secretFile }, `The agency is told at ${url}. The secret is in ${secretFile}.`);
      } else if (verb === 'remove') {
        await removeWebhook(context, place);
        context.output.result({ url: null }, 'The agency is not told any more.');
      } else {
        const seen = await seeWebhook(context, place);
        context.output.result(seen, [`The agency is told at ${seen.url}.`, ...seen.events.map(eventLine)].join('\n'));
      }
    });
}

async function openPlace(context: Context, folder: string): Promise<WebhookPlace> {
  const testbed = await readTestbedFile(context.disk, folder);
  if (!testbed?.bridge) throw failure('not_running', { folder });
  await expectRunning(context.disk, folder);
  const agency = testbedPaths(folder).agency;
  return { bridge: testbed.bridge, key: await loadAgencyKey(context, agency), folder: agency };
}

function eventLine({ event, type, state, madeS, attempts, detail }: ToldEvent): string {
  return `  ${printMoment(madeS * 1_000_000)}  ${type.padEnd(17)}  ${state.padEnd(9)}  ${attempts}x  ${detail}  ${event}`;
}
