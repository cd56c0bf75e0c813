// Owns: the verb `prove`: its arguments, what it prints, its page, its exit status. Not here: the claims (prove/).
import { resolve } from 'node:path';
import { SystemPrograms } from '@doorsill/base/system-programs';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { ownVersion } from '@doorsill/device/cli/own-version';
import { stopSignal } from '@doorsill/device/terminal/stop-signal';
import type { Command } from 'commander';
import { type Claim, countVerdicts, verdictText } from '../prove/claim.ts';
import { proofHtml } from '../prove/proof-page.ts';
import { runProof } from '../prove/run-proof.ts';
import { lengthText } from '../report/report-words.ts';
import { expectPageWritable, writePage } from '../report/write-reports.ts';

interface ProveOptions {
  out: string;
  namespace: boolean;
}

export function addProve(program: Command): void {
  program
    .command('prove')
    .description(
      'show on this machine, in a minute or two, what doorsill claims; write a page of it; status 0 if no claim is false',
    )
    .option('--out <file>', 'the page', 'doorsill-proof.html')
    .option(
      '--no-namespace',
      'give the doorbell no network of its own, even as root: its sockets are looked at instead',
    )
    .addHelpText(
      'after',
      `
It runs a testbed of real processes in a throwaway folder, stories of scenarios/, and in the project's checkout up to 200 towns of \`npm run simulate\`: nothing
leaves before a grant, exactly the granted leaves after it, a revocation wins, a clip is verified offline, and random faults change none of it.
The page says of each what was done, what was seen, what that shows, and what it does not show. It has no script and loads nothing.

As root, with iproute2 and tcpdump, the doorbell gets a network of its own, every packet of which is captured. Otherwise its sockets are
looked at, and a connection that is over too soon could be missed; the page says so.

Examples:
  $ doorsill prove
  $ doorsill prove --out proof.html
  $ sudo doorsill prove --json

Exit status: 0 no claim is false, 1 one is, 2 wrong usage, 5 this machine.`,
    )
    .action(async (options: ProveOptions, command: Command) => {
      const context = openContext(command);
      const { output, logLevel } = context;
      const file = resolve(options.out);
      await expectPageWritable('--out', file);
      const deps = { ...context, programs: new SystemPrograms(), logLevel };
      const signal = stopSignal(() =>
        output.progress('Its processes, its folder and its network are being taken away; then it ends.'),
      );
      const proof = await runProof(
        {
          tool: `doorsill ${ownVersion()}`,
          wantsNamespace: options.namespace,
          ended: (claim) => sayClaim(claim, context),
        },
        deps,
        signal,
      );
      await writePage(file, proofHtml(proof));
      const { shown, false: wrong, 'left out': without } = countVerdicts(proof.claims);
      const { durationMs } = proof;
      output.result(
        { event: 'proved', shown, false: wrong, leftOut: without, durationMs, file },
        `\n${verdictText(proof.claims)}, in ${lengthText(durationMs)}. What each line shows, and what it does not: ${options.out}`,
      );
      if (wrong > 0) process.exitCode = 1;
      process.stdin.destroy();
    });
}

/** One line of a claim; what does not hold, or why it was left out, under it. */
function sayClaim(claim: Claim, { output }: Context): void {
  const { verdict, title, checks, why } = claim;
  const wrong = checks.filter(({ holds }) => !holds).map(({ what, seen }) => `            not so: ${what} (${seen})`);
  const lines = [`  ${verdict === 'false' ? 'FALSE' : verdict}`.padEnd(12) + title, ...wrong];
  if (why !== undefined) lines.push(`            ${why}`);
  output.result({ event: 'claim', ...claim }, lines.join('\n'));
}
