// The verb `agency webhook`. The webhook's secret is a file beside the agency's key.

import { join } from 'node:path';
import type { AgencyAction } from '@doorsill/contract/agency-calls';
import { toBase64url, utf8 } from '@doorsill/contract/bytes';
import { openContext } from '@doorsill/device/cli/context';
import { printMoment } from '@doorsill/device/terminal/format-units';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { loadAgencyKey, signAgencyCall } from '../officer/agency-client.ts';
import { call } from '../officer/service-client.ts';
import type { WebhookEvent } from '../officer/service-operations.ts';
import { openTestbed, type TestbedOptions, withTestbedOptions } from './running-testbed.ts';

const SECRET_NAME = 'webhook.secret';

export function addWebhook(agency: Command): void {
  withTestbedOptions(agency.command('webhook [set|remove] [url]'))
    .description('as the testbed’s agency: show, set or remove the address that is notified of its requests and clips')
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
    .action(async (verb: string | undefined, url: string | undefined, options: TestbedOptions, command: Command) => {
      const context = openContext(command);
      if (verb !== undefined && verb !== 'set' && verb !== 'remove')
        throw failure('usage', { detail: `agency webhook takes set or remove, not "${verb}"` });
      if ((verb === 'set') !== (url !== undefined))
        throw failure('usage', { detail: 'set takes an address, and nothing else does' });
      const { bridge, agency: folder } = await openTestbed(context.disk, options);
      const key = await loadAgencyKey(context, folder);
      const as = (action: AgencyAction) => ({
        url: bridge.url,
        bearer: signAgencyCall(context, key, bridge.id, action),
      });
      const secretFile = join(folder, SECRET_NAME);
      if (url !== undefined) {
        const secret = toBase64url(context.random.bytes(32));
        await call(as({ action: 'set-webhook', url, secret }), 'setWebhook');
        await context.disk.replaceFile(secretFile, utf8(`${secret}\n`));
        context.output.result({ url, secretFile }, `The agency is notified at ${url}. The secret is in ${secretFile}.`);
      } else if (verb === 'remove') {
        await call(as({ action: 'remove-webhook' }), 'removeWebhook');
        await context.disk.remove(secretFile);
        context.output.result({ url: null }, 'The agency is no longer notified.');
      } else {
        const webhook = await call(as({ action: 'see-webhook' }), 'readWebhook');
        const { events } = await call(as({ action: 'see-webhook' }), 'listWebhookEvents');
        const lines = [`The agency is notified at ${webhook.url}.`, ...events.map(eventLine)];
        context.output.result({ ...webhook, events }, lines.join('\n'));
      }
    });
}

function eventLine({ event, type, state, madeS, attempts, detail }: WebhookEvent): string {
  return `  ${printMoment(madeS * 1_000_000)}  ${type.padEnd(17)}  ${state.padEnd(9)}  ${attempts}x  ${detail}  ${event}`;
}
