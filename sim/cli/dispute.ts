// Owns: the verb `dispute`: a bridge's operator has the full manifest of one clip opened, for a reason, and keeps it as a file.
// Not here: what may be opened (the bridge), checking it (verify.ts).
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { exchangeJson, failure, utf8 } from '../../device/client.ts';
import { adminBearer } from '../officer/registration.ts';
import { readTownFile, townPaths } from '../supervisor/town-file.ts';
import { type Context, dataFolder, expectRunning, openContext } from './context.ts';

interface DisputeOptions {
  data?: string;
  url?: string;
  bridgeData?: string;
  reason?: string;
  out?: string;
}

const openedSchema = z.object({
  clip: z.string(),
  grant: z.string(),
  leaf: z.int(),
  manifest: z.string(),
  certificate: z.string().optional(),
});

export function addDispute(program: Command): void {
  program
    .command('dispute <clip>')
    .description('as a bridge’s operator: open the full manifest of a clip, which names the home, for a reason')
    .option('--reason <text>', 'why (required); the opening and its reason are told in the bridge’s log of custody')
    .option('--out <file>', 'where to write it (default: CLIP.opened.json)')
    .option('--data <dir>', 'data folder of a running `doorsill up` (default: .doorsill)')
    .option('--url <url>', 'a bridge that is no town’s; with --bridge-data')
    .option('--bridge-data <dir>', 'that bridge’s folder, for its admin token')
    .addHelpText(
      'after',
      `
Examples:
  $ npx doorsill dispute clip-77ab... --reason "court order 2026-311"
  $ npx doorsill verify clip.mp4 manifest.jws --opened clip-77ab....opened.json`,
    )
    .action(async (clip: string, options: DisputeOptions, command: Command) => {
      const context = openContext(command);
      const { reason } = options;
      if (reason === undefined) throw failure('usage', { detail: 'say why with --reason' });
      const bridge = await bridgeOf(context, options);
      const bearer = await adminBearer(context.disk, bridge.folder);
      const body = { clip, reason };
      const answer = await exchangeJson(`${bridge.url}/v1/disputes`, { method: 'POST', bearer, body });
      const opened = openedSchema.parse(answer);
      const path = resolve(options.out ?? `${clip}.opened.json`);
      const { manifest, certificate } = opened;
      await context.disk.replaceFile(path, utf8(`${JSON.stringify({ manifest, certificate }, null, 2)}\n`));
      context.output.result(
        { clip, grant: opened.grant, leaf: opened.leaf, opened: path },
        `Opened ${path}; leaf ${opened.leaf} of the bridge's log says so. Check it with verify CLIP STATEMENT --opened.`,
      );
    });
}

async function bridgeOf(
  { disk }: Context,
  { url, bridgeData, data }: DisputeOptions,
): Promise<{ url: string; folder: string }> {
  if ((url === undefined) !== (bridgeData === undefined))
    throw failure('usage', { detail: '--url and --bridge-data go together' });
  if (url !== undefined && bridgeData !== undefined)
    return { url: url.replace(/\/+$/, ''), folder: resolve(bridgeData) };
  const folder = dataFolder(data);
  const town = await readTownFile(disk, folder);
  if (!town?.bridge) throw failure('not_running', { folder });
  await expectRunning(disk, folder);
  return { url: town.bridge.url, folder: townPaths(folder).bridge };
}
