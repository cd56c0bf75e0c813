// Owns: the verb `bridge dispute`: a bridge's operator has one clip's full manifest opened, with a stated reason, and saves it as a file.
// Not here: what may be opened (the bridge), checking it (verify.ts).

import { resolve } from 'node:path';
import { exchangeJson } from '@doorsill/contract/json-client';
import { openContext } from '@doorsill/device/cli/context';
import { expectOutputFree, writePrivateFile } from '@doorsill/device/terminal/private-output';
import type { Command } from 'commander';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { adminBearer } from '../officer/registration.ts';
import { type BridgeOptions, openBridge, withBridgeOptions } from './running-testbed.ts';

interface DisputeOptions extends BridgeOptions {
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

export function addDispute(bridge: Command): void {
  withBridgeOptions(bridge.command('dispute <clip>'))
    .description('as a bridge’s operator: open the full manifest of a clip, which names the home, for a reason')
    .option('--reason <text>', 'why (required); the opening and its reason are told in the bridge’s log of custody')
    .option('--out <file>', 'where to write it (default: CLIP.opened.json)')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill bridge dispute clip-77ab... --reason "court order 2026-311"
  $ doorsill verify clip.mp4 manifest.jws --opened clip-77ab....opened.json`,
    )
    .action(async (clip: string, options: DisputeOptions, command: Command) => {
      const context = openContext(command);
      const { reason } = options;
      if (reason === undefined) throw failure('usage', { detail: 'say why with --reason' });
      const path = resolve(options.out ?? `${clip}.opened.json`);
      // Before it is opened, which the log tells for ever.
      await expectOutputFree(path);
      const bridge = await openBridge(context.disk, options);
      const bearer = await adminBearer(context.disk, bridge.folder);
      const body = { clip, reason };
      const answer = await exchangeJson(`${bridge.url}/v1/disputes`, { method: 'POST', bearer, body });
      const opened = openedSchema.parse(answer);
      const { manifest, certificate } = opened;
      await writePrivateFile(path, [`${JSON.stringify({ manifest, certificate }, null, 2)}\n`]);
      context.output.result(
        { clip, grant: opened.grant, leaf: opened.leaf, opened: path },
        `Opened ${path}; leaf ${opened.leaf} of the bridge's log says so. Check it with verify CLIP STATEMENT --opened.`,
      );
    });
}
