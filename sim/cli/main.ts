// Owns: the command line: global options, every verb's place in the help, and how any failure ends. Not here: the verbs.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { failure } from '../../device/index.ts';
import { addAgency } from './agency.ts';
import { addAudit } from './audit-verbs.ts';
import { addForget, addPrivacy, addRing, addTrustClock } from './command-verbs.ts';
import { addDispute } from './dispute.ts';
import { addDoctor } from './doctor.ts';
import { addEvidence } from './evidence.ts';
import { refuseInspector } from './inspector.ts';
import { addModerate } from './moderate.ts';
import { addModerators } from './moderators.ts';
import { asFailure, reportFailure } from './output.ts';
import { addDeny, addGrant, addRevoke } from './owner-verbs.ts';
import { addPair } from './pair.ts';
import { addBridge, addBroker, addDevice, addRegistry, addVault } from './part-verbs.ts';
import { addPartnerVerbs } from './partner.ts';
import { addProof } from './proof.ts';
import { addRequest } from './request.ts';
import { addSearchParty } from './search-party.ts';
import { addDemo, addStory, addUp } from './story-verbs.ts';
import { addVerify } from './verify.ts';
import { addWatch } from './watch.ts';
import { addWebhook } from './webhook.ts';
import { addWitness } from './witness.ts';

/** The whole command line, not run yet. */
export function makeProgram(): Command {
  const program = new Command('doorsill')
    .description(
      'A smart-doorbell edge firmware simulator: every frame stays on the device until its owner grants a part of it.',
    )
    .version(ownVersion(), '-V, --version', 'print the version')
    .option('--json', 'print results and events as JSON lines')
    .option('--log <level>', 'log to stderr: debug, info, warn, error, silent (default: warn)')
    .showHelpAfterError(false)
    .configureOutput({ writeErr: () => {} })
    // So that an option after `device backup` is the inner verb's.
    .enablePositionalOptions()
    .exitOverride();
  program.commandsGroup('Everything on this machine:');
  for (const add of [addUp, addDemo, addStory]) add(program);
  program.commandsGroup('As the owner:');
  for (const add of [addGrant, addDeny, addRevoke, addProof, addWatch, addPair]) add(program);
  for (const add of [addRing, addPrivacy, addForget, addTrustClock, addSearchParty]) add(program);
  program.commandsGroup('As an agency, or anyone:');
  for (const add of [addAgency, addRequest, addEvidence, addWebhook]) add(program);
  for (const add of [addModerate, addModerators, addPartnerVerbs, addDispute, addVerify, addAudit, addDoctor])
    add(program);
  program.commandsGroup('Single parts, each a process of its own:');
  for (const add of [addDevice, addBridge, addRegistry, addVault, addBroker, addWitness]) add(program);
  // Global options are understood before and after the verb.
  for (const command of program.commands.flatMap((verb) => [verb, ...verb.commands])) {
    command.option('--json', 'print results and events as JSON lines').option('--log <level>', 'log level on stderr');
    command.exitOverride().configureOutput({ writeErr: () => {} });
  }
  return program;
}

/** What was wrong with the words, on one line. Commander answers `help` about an unknown verb with its help, not with a message. */
function usageDetail(thrown: CommanderError, argv: string[]): string {
  if (thrown.code === 'commander.help') return `there is no verb "${argv.at(-1)}"`;
  return thrown.message.replace(/^error: /, '').replaceAll(/\s+/g, ' ');
}

/** The version in package.json, which lies above this file both as source and as built. */
function ownVersion(): string {
  const require = createRequire(import.meta.url);
  const found = ['../../package.json', '../../../package.json']
    .map((path) => new URL(path, import.meta.url))
    .find(existsSync);
  const parsed: unknown = found ? require(fileURLToPath(found)) : null;
  const named = typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : null;
  return typeof named === 'string' ? named : 'unknown';
}

/** Runs the command line; sets the exit status, never throws. `argv` as process.argv. */
export async function main(argv: string[]): Promise<void> {
  const json = argv.includes('--json');
  // A closed pipe (`| head`) ends the output, not the work's correctness.
  process.stdout.on('error', () => process.exit(0));
  try {
    // Before any key is read.
    refuseInspector();
    const program = makeProgram();
    if (argv.length <= 2) program.outputHelp();
    else await program.parseAsync(argv);
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return;
      reportFailure(failure('usage', { detail: usageDetail(thrown, argv) }), json);
      return;
    }
    reportFailure(asFailure(thrown), json);
  }
}
