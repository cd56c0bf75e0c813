// Owns: the command line: global options, the verbs' order in the help, and the exit on failure. Not here: the verbs.

import { existsSync } from 'node:fs';
import { url } from 'node:inspector';
import { nearestWord } from '@doorsill/base/schema-fault';
import { Command, CommanderError, type Option } from 'commander';
import { failure } from '../errors.ts';
import { asFailure, reportFailure } from '../terminal/output.ts';
import { asCalled } from '../terminal/shell-words.ts';
import { COLUMN_LEAST, helpWidth, wrapHelp } from '../terminal/wrap-help.ts';
import { ownVersion } from './own-version.ts';

/**
 * From here on SIGUSR1 no longer opens the inspector, as it does in every Node process without a listener for it. Throws
 * `inspector_open` when it is open already: by --inspect, or by an earlier signal.
 */
function refuseInspector(): void {
  // There is no such signal on Windows.
  if (process.platform !== 'win32') process.on('SIGUSR1', () => undefined);
  const open = url();
  if (open !== undefined) throw failure('inspector_open', { url: open });
}

type AddVerb = (program: Command) => void;

/** Every verb under its heading in the help. A verb's module is loaded when the verb is used, or all are listed. */
const VERBS: Record<string, Record<string, () => Promise<AddVerb>>> = {
  'Everything on this machine:': {
    up: async () => (await import('./story-verbs.ts')).addUp,
    demo: async () => (await import('./story-verbs.ts')).addDemo,
    replay: async () => (await import('./replay.ts')).addReplay,
    test: async () => (await import('./test.ts')).addTest,
    prove: async () => (await import('./prove.ts')).addProve,
    record: async () => (await import('./record.ts')).addRecord,
    camera: async () => (await import('./camera.ts')).addCamera,
    fleet: async () => (await import('./fleet.ts')).addFleet,
    load: async () => (await import('./load.ts')).addLoad,
    doorbell: async () => (await import('./doorbell.ts')).addDoorbellVerbs,
    story: async () => (await import('./story-verbs.ts')).addStory,
    truth: async () => (await import('./truth.ts')).addTruth,
    proxy: async () => (await import('./proxy.ts')).addProxy,
  },
  'As the owner:': {
    grant: async () => (await import('./consent-verbs.ts')).addGrant,
    deny: async () => (await import('./consent-verbs.ts')).addDeny,
    revoke: async () => (await import('./consent-verbs.ts')).addRevoke,
    left: async () => (await import('./left.ts')).addLeft,
    proof: async () => (await import('./proof.ts')).addProof,
    watch: async () => (await import('./watch.ts')).addWatch,
    pair: async () => (await import('./pair.ts')).addPair,
    settings: async () => (await import('./settings.ts')).addSettings,
    viewer: async () => (await import('./viewer.ts')).addViewer,
    ring: async () => (await import('./doorbell-command-verbs.ts')).addRing,
    privacy: async () => (await import('./doorbell-command-verbs.ts')).addPrivacy,
    forget: async () => (await import('./doorbell-command-verbs.ts')).addForget,
    'trust-clock': async () => (await import('./doorbell-command-verbs.ts')).addTrustClock,
    'search-party': async () => (await import('./search-party.ts')).addSearchParty,
  },
  'As an agency, or anyone:': {
    agency: async () => (await import('./agency.ts')).addAgency,
    request: async () => (await import('./request.ts')).addRequest,
    evidence: async () => (await import('./evidence.ts')).addEvidence,
    webhook: async () => (await import('./webhook.ts')).addWebhook,
    moderate: async () => (await import('./moderate.ts')).addModerate,
    moderators: async () => (await import('./moderators.ts')).addModerators,
    partner: async () => (await import('./partner.ts')).addPartnerVerbs,
    dispute: async () => (await import('./dispute-manifest.ts')).addDispute,
    verify: async () => (await import('./verify.ts')).addVerify,
    audit: async () => (await import('./query-audit-verbs.ts')).addAudit,
    doctor: async () => (await import('./doctor.ts')).addDoctor,
  },
  'Single parts, each a process of its own:': {
    device: async () => (await import('./part-verbs.ts')).addDevice,
    bridge: async () => (await import('./part-verbs.ts')).addBridge,
    registry: async () => (await import('./part-verbs.ts')).addRegistry,
    vault: async () => (await import('./part-verbs.ts')).addVault,
    broker: async () => (await import('./part-verbs.ts')).addBroker,
    witness: async () => (await import('./witness.ts')).addWitness,
    deploy: async () => (await import('./deploy.ts')).addDeploy,
  },
};

/** An option as the help tells it: with its default, unless its words name that already or it is an empty list. */
function describeOption({ description, argChoices, defaultValue }: Option): string {
  const facts = [
    ...(argChoices ? [`choices: ${argChoices.join(', ')}`] : []),
    ...(typeof defaultValue === 'string' && !description.includes('(default: ') ? [`default: ${defaultValue}`] : []),
  ];
  return facts.length === 0 ? description : `${description} (${facts.join('; ')})`;
}

const WHERE_TO_BEGIN = `
To begin:
  $ doorsill up                              a doorbell, and all that it talks to; it prints what to do next
  $ doorsill replay 'synthetic?seconds=20'   what a doorbell notices in footage, here in a drawn porch
  $ doorsill doctor                          what is wrong with this machine, if anything is

Each verb explains itself: doorsill VERB --help. Exit status: 0 it is as it should be, 1 what was tested is not, 2 wrong usage,
3 refused, 4 not reachable, 5 this machine, 6 unusable input, 130 ended by Ctrl-C.`;

/** Builds the command line with every verb, or only the verb `only`; does not run it. */
export async function makeProgram(only?: string): Promise<Command> {
  const program = new Command('doorsill')
    .description(
      'A smart-doorbell edge firmware simulator: every frame stays on the device until its owner grants a part of it.',
    )
    .version(ownVersion(), '-V, --version', 'print the version')
    .option('--json', 'print results and events as JSON lines')
    .option('--log <level>', 'log to stderr: debug, info, warn, error, silent (default: warn)')
    .showHelpAfterError(false)
    .configureOutput({
      writeErr: () => {},
      writeOut: (text) => void process.stdout.write(wrapHelp(asCalled(text), helpWidth(process.stdout))),
      getOutHelpWidth: () => helpWidth(process.stdout),
    })
    .configureHelp({ optionDescription: describeOption, minWidthToWrap: COLUMN_LEAST })
    .addHelpText('after', WHERE_TO_BEGIN)
    // An option after `device backup` then belongs to the inner verb.
    .enablePositionalOptions()
    .exitOverride();
  for (const [heading, verbs] of Object.entries(VERBS)) {
    program.commandsGroup(heading);
    for (const [name, load] of Object.entries(verbs)) if (only === undefined || only === name) (await load())(program);
  }
  // Global options are understood before and after the verb.
  for (const command of program.commands.flatMap((verb) => [verb, ...verb.commands])) {
    command.option('--json', 'print results and events as JSON lines').option('--log <level>', 'log level on stderr');
    command.exitOverride().configureOutput({ writeErr: () => {} });
  }
  return program;
}

/** Where the verb stands in these arguments; -1 where there is none. */
function verbAt(words: readonly string[]): number {
  return words.findIndex((word, index) => !word.startsWith('-') && words[index - 1] !== '--log');
}

/** Words that people try for a verb, and that are too far from its name to be taken for a slip. */
const TRIED: Readonly<Record<string, string>> = {
  scenario: 'test',
  scenarios: 'test',
  start: 'up',
  run: 'up',
  fault: 'camera fault" or "device fault',
  faults: 'camera faults" or "device faults',
};

/** The verb in these arguments; undefined when there is none or it is unknown: all verbs are then loaded. */
function verbOf(words: readonly string[]): string | undefined {
  const at = verbAt(words);
  return Object.values(VERBS)
    .flatMap((verbs) => Object.keys(verbs))
    .find((name) => name === words[at]);
}

/**
 * Refuses a word right behind a verb that is nearly one of the verbs under it: commander takes it for an argument of the verb itself, such
 * as the source of `camera`. One that is the name of a file is that file. Throws `usage`.
 */
export function refuseMisspelt(program: Command, words: readonly string[]): void {
  const at = verbAt(words);
  const [verb, word = '-'] = at < 0 ? [] : words.slice(at, at + 2);
  const under = program.commands.find((one) => one.name() === verb)?.commands.map((one) => one.name()) ?? [];
  if (word.startsWith('-') || [...under, 'help'].includes(word) || existsSync(word)) return;
  const meant = nearestWord(word, under);
  if (meant === null) return;
  throw failure('usage', { detail: `there is no "${verb} ${word}" (did you mean "${verb} ${meant}"?)` });
}

/**
 * What was wrong with the arguments, on one line. For `help` with an unknown verb, and for a verb that only has verbs under it,
 * commander prints help and gives no message.
 */
async function usageDetail(thrown: CommanderError, words: readonly string[]): Promise<string> {
  if (thrown.code === 'commander.help') {
    const verb = words.includes('help') ? undefined : verbOf(words);
    const [group] = verb === undefined ? [] : (await makeProgram(verb)).commands;
    if (!group) return `there is no verb "${words.at(-1)}"`;
    return `say what to do: ${group.commands.map((under) => `${verb} ${under.name()}`).join(', ')}`;
  }
  const verb = verbOf(words);
  const tried = words[verbAt(words)] ?? '';
  if (thrown.code === 'commander.unknownCommand' && Object.hasOwn(TRIED, tried))
    return `there is no verb "${tried}" (did you mean "${TRIED[tried]}"?)`;
  if (verb !== undefined && ['commander.unknownCommand', 'commander.excessArguments'].includes(thrown.code)) {
    const [group] = (await makeProgram(verb)).commands;
    const under = group?.commands.map((one) => one.name()) ?? [];
    const word = words.slice(words.indexOf(verb) + 1).find((one) => !one.startsWith('-')) ?? '';
    if (under.length > 0 && !under.includes(word))
      return `there is no "${verb} ${word}"; say what to do: ${under.map((name) => `${verb} ${name}`).join(', ')}`;
  }
  return thrown.message.replace(/^error: /, '').replaceAll(/\s+/g, ' ');
}

/** Runs the command line; sets the exit status, never throws. `argv` as process.argv. */
export async function main(argv: string[]): Promise<void> {
  const json = argv.includes('--json');
  // A closed pipe (`| head`) is no error.
  process.stdout.on('error', () => process.exit(0));
  try {
    // Called before any key is read.
    refuseInspector();
    const words = argv.slice(2);
    const program = await makeProgram(verbOf(words));
    refuseMisspelt(program, words);
    if (words.length === 0) program.outputHelp();
    else await program.parseAsync(argv);
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return;
      reportFailure(failure('usage', { detail: await usageDetail(thrown, argv.slice(2)) }), json);
      return;
    }
    reportFailure(asFailure(thrown), json);
  }
}
