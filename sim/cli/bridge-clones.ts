// Owns: the verb `bridge clones`: as a bridge's operator, see of which devices there seem to be two. Not here: what shows that (the bridge).

import { exchangeJson } from '@doorsill/contract/json-client';
import { openContext } from '@doorsill/device/cli/context';
import { printMoment } from '@doorsill/device/terminal/format-units';
import type { Command } from 'commander';
import { z } from 'zod';
import { failure, isErrorCode } from '../errors.ts';
import { adminBearer } from '../officer/registration.ts';
import { type BridgeOptions, openBridge, withBridgeOptions } from './running-testbed.ts';

const listSchema = z.object({
  signs: z.array(z.object({ device: z.string(), code: z.string(), firstS: z.int(), lastS: z.int(), times: z.int() })),
  next: z.string().nullable(),
});

export function addBridgeClones(bridge: Command): void {
  withBridgeOptions(bridge.command('clones'))
    .description(
      'devices of which there seem to be two, such as a copied card or a backup that runs beside its original',
    )
    .addHelpText(
      'after',
      `
Told of by what devices sign to this bridge, so a copy that grants nothing is not seen here; doorbells themselves say when two
log in with one account. Nothing is refused because of it. A sign stays: when it was last seen says whether it is over.

Example:
  $ doorsill bridge clones`,
    )
    .action(async (options: BridgeOptions, command: Command) => {
      const { disk, output } = openContext(command);
      const { url, folder } = await openBridge(disk, options);
      const bearer = await adminBearer(disk, folder);
      const signs: z.infer<typeof listSchema>['signs'] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query = cursor === '' ? '' : `?cursor=${cursor}`;
        const page = listSchema.parse(await exchangeJson(`${url}/v1/clone-signs${query}`, { method: 'GET', bearer }));
        signs.push(...page.signs);
        cursor = page.next;
      }
      output.result({ signs }, signs.length === 0 ? 'No device was seen twice.' : signs.map(lineOf).join('\n'));
    });
}

function lineOf({ device, code, firstS, lastS, times }: z.infer<typeof listSchema>['signs'][number]): string {
  const [first, last] = [firstS, lastS].map((s) => printMoment(s * 1_000_000));
  const what = isErrorCode(code) ? failure(code, { device }) : null;
  const seen = `seen ${times === 1 ? 'once' : `${times} times`}, first ${first}, last ${last}`;
  return what ? `${what.message} (${code}; ${seen})\n    ${what.advice}` : `${device}: ${code}; ${seen}`;
}
