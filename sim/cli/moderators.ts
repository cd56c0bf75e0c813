// Owns: the verb `bridge moderators`: the people who may decide on waiting requests in this machine's testbed. Not here: deciding (moderate.ts).

import { idSchema } from '@doorsill/contract/ids';
import { exchangeJson, type JsonRequest } from '@doorsill/contract/json-client';
import { dataFolder, openContext } from '@doorsill/device/cli/context';
import type { Command } from 'commander';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { adminBearer } from '../officer/registration.ts';
import { readTestbedFile, testbedPaths } from '../testbed/testbed-folder.ts';
import { expectRunning } from '../testbed/testbed-surroundings.ts';

interface ModeratorsOptions {
  data?: string;
  name?: string;
}

const moderatorSchema = z.object({ moderator: z.string(), name: z.string() });
const listSchema = z.object({ moderators: z.array(moderatorSchema) });
const addedSchema = moderatorSchema.extend({ token: z.string() });

export function addModerators(bridge: Command): void {
  bridge
    .command('moderators [add|remove] [id]')
    .description('as the bridge’s admin: list, enter or remove those who decide on requests that wait')
    .option('--data <dir>', 'data folder of a running `doorsill up` (default: .doorsill)')
    .option('--name <name>', 'with add: who it is (default: the id)')
    .addHelpText(
      'after',
      `
\`add\` prints the moderator's token, once. With it in a file, \`doorsill bridge moderate --token-file FILE\` decides in that name.

Examples:
  $ doorsill bridge moderators
  $ doorsill bridge moderators add kim --name "Kim Doe" > kim.token
  $ doorsill bridge moderators remove kim`,
    )
    .action(async (verb: string | undefined, id: string | undefined, options: ModeratorsOptions, command: Command) => {
      const context = openContext(command);
      if (verb !== undefined && verb !== 'add' && verb !== 'remove')
        throw failure('usage', { detail: `bridge moderators takes add or remove, not "${verb}"` });
      if (verb !== undefined && !idSchema.safeParse(id).success)
        throw failure('usage', {
          detail: `bridge moderators ${verb} takes an id: lower-case letters, digits, hyphens`,
        });
      const { disk, output } = context;
      const folder = dataFolder(options.data);
      const testbed = await readTestbedFile(disk, folder);
      if (!testbed?.bridge) throw failure('not_running', { folder });
      await expectRunning(disk, folder);
      const bearer = await adminBearer(disk, testbedPaths(folder).bridge);
      const base = `${testbed.bridge.url}/v1/moderators`;
      const ask = (request: Omit<JsonRequest, 'bearer'>, path = '') =>
        exchangeJson(base + path, { ...request, bearer });
      if (verb === 'add') {
        const body = { moderator: id, name: options.name ?? id };
        const added = addedSchema.parse(await ask({ method: 'POST', body }));
        // The token alone on standard output, so that it can go into a file.
        output.progress(`${added.moderator} may decide on requests; this is shown once:`);
        output.result(added, added.token);
      } else if (verb === 'remove') {
        await ask({ method: 'DELETE' }, `/${id}`);
        output.result({ moderator: id, removed: true }, `${id} cannot decide any more.`);
      } else {
        const { moderators } = listSchema.parse(await ask({ method: 'GET' }));
        const lines = moderators.map(({ moderator, name }) => `${moderator}  ${name}`);
        output.result({ moderators }, lines.length === 0 ? 'No moderators but the admin.' : lines.join('\n'));
      }
    });
}
