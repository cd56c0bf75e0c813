// Owns: the verb `verify`: a clip with its manifest, or a device's ledger, checked offline. Not here: the checks.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { failure, verifyClip } from '../../device/index.ts';
import { openContext } from './context.ts';
import { printBytes } from './moments.ts';
import { oneLine, showWindow } from './owner-notice.ts';

const TOKEN_BYTES_MAX = 65_536;

export function addVerify(program: Command): void {
  program
    .command('verify <clip> <manifest>')
    .description('check, offline, that a clip is the granted one: hash, window, disclosure, signatures')
    .option('--device <id>', 'the device it must come from')
    .option('--receipt <file>', "the bridge's receipt to check with it")
    .option('--bridge-key <key>', 'the key that must have signed the receipt')
    .addHelpText('after', '\nExample:\n  $ npx doorsill verify clip.mp4 manifest.jws')
    .action(
      async (
        clip: string,
        manifest: string,
        options: { device?: string; receipt?: string; bridgeKey?: string },
        command: Command,
      ) => {
        const context = openContext(command);
        const readToken = async (path: string) => {
          const bytes = await context.disk.readFile(resolve(path), TOKEN_BYTES_MAX);
          if (!bytes) throw failure('usage', { detail: `there is no file ${path}` });
          return new TextDecoder().decode(bytes).trim();
        };
        const found = await stat(clip).catch(() => null);
        if (!found?.isFile()) throw failure('usage', { detail: `there is no file ${clip}` });
        const verified = await verifyClip(createReadStream(clip), await readToken(manifest), {
          ...(options.device ? { device: options.device } : {}),
          ...(options.bridgeKey ? { bridgeKey: options.bridgeKey } : {}),
          ...(options.receipt ? { receipt: await readToken(options.receipt) } : {}),
        });
        const facts = verified.manifest;
        const disclosed = Object.entries(facts.disclosed).map(([key, value]) => `${key} (${oneLine(String(value))})`);
        context.output.result(
          { ok: true, manifest: facts, receipt: verified.receipt },
          [
            'Verified: this is the clip that its owner granted.',
            `  device     ${facts.device}`,
            `  window     ${showWindow(facts.window)}`,
            `  frames     ${facts.frames} in ${printBytes(facts.clipBytes)}, ${facts.method}`,
            ...facts.gaps.map((gap) => `  gap        ${showWindow(gap)}`),
            `  disclosed  ${disclosed.join(', ') || 'nothing'}`,
            ...(options.device ? [] : ['  Whose device that is, you must know from elsewhere (--device).']),
          ].join('\n'),
        );
      },
    );
}
