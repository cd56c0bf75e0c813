// The verb `audit witness`.

import { resolve } from 'node:path';
import { lockFolder } from '@doorsill/base/folder-lock';
import { openContext } from '@doorsill/device/cli/context';
import { stopSignal } from '@doorsill/device/terminal/stop-signal';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { namedKey } from './named-key.ts';

interface WitnessOptions {
  data: string;
  bridge: string;
  bridgeKey?: string;
  every: string;
  once?: boolean;
}

export function addWitness(audit: Command): void {
  audit
    .command('witness')
    .description("watch a bridge's log of custody from outside, and cosign it as long as it only grows")
    .requiredOption(
      '--data <dir>',
      "the witness's folder: its key, the pinned bridge's key, the newest head of the log",
    )
    .requiredOption('--bridge <url>', "the bridge's address")
    .option(
      '--bridge-key <key>',
      "the bridge's public key, or a file with it (default: trust and keep the key of its first answer)",
    )
    .option('--every <s>', 'seconds between checks', '60')
    .option('--once', 'check once and exit')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill audit witness --data ./witness --bridge http://127.0.0.1:8700
  $ doorsill audit witness --data ./witness --bridge http://127.0.0.1:8700 --once --json

The witness ends with custody_rollback or custody_fork when the log was rewritten. The bridge serves the witness's cosignatures once bridge.json
contains the witness's public key, which is in witness.pub: {"custody": {"witnesses": ["..."]}}.`,
    )
    .action(async (options: WitnessOptions, command: Command) => {
      const context = openContext(command);
      const everyS = Number(options.every);
      if (!/^\d{1,6}$/.test(options.every) || everyS < 1)
        throw failure('usage', { detail: '--every takes whole seconds' });
      if (!/^https?:\/\/[^\s@]{1,200}$/.test(options.bridge))
        throw failure('usage', { detail: '--bridge takes an address' });
      const bridgeKey = options.bridgeKey === undefined ? undefined : await namedKey(context, options.bridgeKey);
      const folder = resolve(options.data);
      const { Witness } = await import('@doorsill/cloud-bridge');
      const witness = new Witness({
        ...context,
        folder,
        bridgeUrl: options.bridge,
        ...(bridgeKey === undefined ? {} : { bridgeKey }),
      });
      const lock = lockFolder(folder);
      if ('heldBy' in lock) throw failure('data_folder_locked', { folder, pid: lock.heldBy });
      const { output } = context;
      const seen = (look: Awaited<ReturnType<typeof witness.look>>) =>
        output.result(
          { event: 'seen', ...look },
          `${look.size} leaves, root ${look.root}${look.served === true ? '' : ` (not served: ${look.served})`}`,
        );
      try {
        await witness.start();
        if (options.once) return seen(await witness.look());
        const facts = { event: 'ready', pid: process.pid, key: witness.publicKey };
        output.result(facts, `The witness ${witness.publicKey} watches ${options.bridge}.\nCtrl-C ends it.`);
        await witness.watch(everyS * 1000, stopSignal(), {
          seen,
          trouble: (why) =>
            output.result({ event: 'trouble', code: why.code, detail: why.message }, `${why.message} [${why.code}]`),
        });
      } finally {
        lock.release();
        process.stdin.destroy();
      }
    });
}
