// Owns: the command line: global options, every verb's place in the help, and how any failure ends. Not here: the verbs.
import { Command, CommanderError } from 'commander';
import { failure } from '../../device/index.ts';
import { addForget, addPrivacy, addRing } from './command-verbs.ts';
import { addDoctor } from './doctor.ts';
import { asFailure, reportFailure } from './output.ts';
import { addDeny, addGrant, addRevoke } from './owner-verbs.ts';
import { addPair } from './pair.ts';
import { addBridge, addBroker, addDevice, addRegistry } from './part-verbs.ts';
import { addRequest } from './request.ts';
import { addDemo, addStory, addUp } from './story-verbs.ts';
import { addVerify } from './verify.ts';
import { addWatch } from './watch.ts';

/** The whole command line, not run yet. */
export function makeProgram(): Command {
  const program = new Command('doorsill')
    .description(
      'A smart-doorbell edge firmware simulator: every frame stays on the device until its owner grants a part of it.',
    )
    .option('--json', 'print results and events as JSON lines')
    .option('--log <level>', 'log to stderr: debug, info, warn, error, silent (default: warn)')
    .showHelpAfterError(false)
    .configureOutput({ writeErr: () => {} })
    .exitOverride();
  program.commandsGroup('Everything on this machine:');
  for (const add of [addUp, addDemo, addStory]) add(program);
  program.commandsGroup('As the owner:');
  for (const add of [addGrant, addDeny, addRevoke, addWatch, addRing, addPrivacy, addForget, addPair]) add(program);
  program.commandsGroup('As an agency, or anyone:');
  for (const add of [addRequest, addVerify, addDoctor]) add(program);
  program.commandsGroup('Single parts, each a process of its own:');
  for (const add of [addDevice, addBridge, addRegistry, addBroker]) add(program);
  // Global options are understood before and after the verb.
  for (const command of program.commands) {
    command.option('--json', 'print results and events as JSON lines').option('--log <level>', 'log level on stderr');
    command.exitOverride().configureOutput({ writeErr: () => {} });
  }
  return program;
}

/** Runs the command line; sets the exit status, never throws. `argv` as process.argv. */
export async function main(argv: string[]): Promise<void> {
  const json = argv.includes('--json');
  // A closed pipe (`| head`) ends the output, not the work's correctness.
  process.stdout.on('error', () => process.exit(0));
  try {
    const program = makeProgram();
    if (argv.length <= 2) program.outputHelp();
    else await program.parseAsync(argv);
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return;
      reportFailure(failure('usage', { detail: thrown.message.replace(/^error: /, '') }), json);
      return;
    }
    reportFailure(asFailure(thrown), json);
  }
}
