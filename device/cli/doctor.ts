// The verb `doctor`: prints the doctor's findings and exits with status 5 when there is a fault.
import { SystemDisk } from '@doorsill/base/disk';
import { ownerForRoot } from '@doorsill/base/private-paths';
import type { Command } from 'commander';
import { examine } from '../doctor/examine.ts';
import { dataFolder, openContext } from './context.ts';

const FAULT_EXIT = 5;
const MARKS = { ok: 'ok   ', note: 'note ', fault: 'FAULT' } as const;

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('find the faults of this machine, a testbed or a doorbell, and say how to mend them')
    .option('--data <dir>', 'data folder of a testbed or of one doorbell (default: .doorsill)')
    .addHelpText('after', '\nExamples:\n  $ doorsill doctor\n  $ doorsill doctor --data ./porch --json')
    .action(async (options: { data?: string }, command: Command) => {
      const context = openContext(command);
      const folder = dataFolder(options.data);
      const { around } = context;
      const disk = new SystemDisk('own', ownerForRoot(folder));
      const findings = await examine({ ...context, disk, cameras: await around.cameras() }, folder, around.examine);
      const faults = findings.filter((finding) => finding.level === 'fault').length;
      const lines = findings.map(
        ({ what, level, detail, advice }) =>
          `${MARKS[level]}  ${what.padEnd(10)} ${detail}${advice ? `\n                  ${advice}` : ''}`,
      );
      const verdict = faults === 0 ? 'No faults.' : `${faults} fault${faults === 1 ? '' : 's'}.`;
      context.output.result({ findings, faults }, [...lines, '', verdict].join('\n'));
      if (faults > 0) process.exitCode = FAULT_EXIT;
    });
}
