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
      'prove the claims of doorsill on this machine, in a minute or two, and write a page; status 0 if no claim is false',
    )
    .option('--out <file>', 'the page', 'doorsill-proof.html')
    .option('--no-namespace', 'give the doorbell no network namespace, even as root: its sockets are polled instead')
    .addHelpText(
      'after',
      `
It runs a testbed of real processes in a temporary folder, scenarios of scenarios/, and in the project's checkout up to 200 seeds of
\`npm run simulate\`. The claims: nothing leaves before a grant, exactly the granted clip leaves after it, a revocation wins, a clip is verified
offline, and random faults change none of this. The page lists for each claim what was done and seen, and what that shows and does not show.
It has no script and loads nothing.

As root, with iproute2 and tcpdump, the doorbell gets its own network namespace, and every packet of it is captured. Otherwise its sockets are
polled, and a short connection could be missed; the page says so.

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
        output.progress('Its processes, its folder and its network are being removed; then it ends.'),
      );
      const proof = await runProof(
        {
          tool: `doorsill ${ownVersion()}`,
          wantsNamespace: options.namespace,
          ended: (claim) => printClaim(claim, context),
        },
        deps,
        signal,
      );
      await writePage(file, proofHtml(proof));
      const { shown, false: wrong, 'left out': without } = countVerdicts(proof.claims);
      const { durationMs } = proof;
      output.result(
        { event: 'proved', shown, false: wrong, leftOut: without, durationMs, file },
        `\n${verdictText(proof.claims)}, in ${lengthText(durationMs)}. What each claim shows, and what it does not: ${options.out}`,
      );
      if (wrong > 0) process.exitCode = 1;
      process.stdin.destroy();
    });
}

/** Prints a claim with its failed checks, or why it was left out. */
function printClaim(claim: Claim, { output }: Context): void {
  const { verdict, title, checks, why } = claim;
  const wrong = checks.filter(({ holds }) => !holds).map(({ what, seen }) => `            failed: ${what} (${seen})`);
  const lines = [`  ${verdict === 'false' ? 'FALSE' : verdict}`.padEnd(12) + title, ...wrong];
  if (why !== undefined) lines.push(`            ${why}`);
  output.result({ event: 'claim', ...claim }, lines.join('\n'));
}
