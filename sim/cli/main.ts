// Owns: the command line: global options, the verbs' order in the help, and the exit on failure. Not here: the verbs.

import { existsSync } from 'node:fs';
import { url } from 'node:inspector';
import { nearestWord } from '@doorsill/base/schema-fault';
import { Command, CommanderError, Help, type Option } from 'commander';
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

type Load = () => Promise<(parent: Command) => void>;

interface Verb {
  /** What it is for, on one line of the help. */
  about: string;
  load: Load;
  /** The verbs under it that have a module of their own. */
  under?: Record<string, Load>;
}

/** Every verb under its heading in the help. A verb's module is loaded when the words name it, or may name it. */
const VERBS: Record<string, Record<string, Verb>> = {
  'Everything on this machine:': {
    up: {
      about: 'doorbells and all they talk to; add, list, remove doorbells',
      load: async () => (await import('./story-verbs.ts')).addUp,
      under: {
        add: async () => (await import('./doorbell.ts')).addUpAdd,
        list: async () => (await import('./doorbell.ts')).addUpList,
        remove: async () => (await import('./doorbell.ts')).addUpRemove,
      },
    },
    demo: {
      about: 'the whole story unattended, until the clip is in the vault',
      load: async () => (await import('./story-verbs.ts')).addDemo,
    },
    replay: {
      about: 'footage through a doorbell: what it notices, and whether right',
      load: async () => (await import('./replay.ts')).addReplay,
      under: { truth: async () => (await import('./truth.ts')).addTruth },
    },
    test: {
      about: 'run scenarios: stories of doorbells, owners and agencies',
      load: async () => (await import('./test.ts')).addTest,
    },
    record: {
      about: 'a live camera, as a scenario that replays alike',
      load: async () => (await import('./record.ts')).addRecord,
    },
    camera: {
      about: 'a camera for any software, which misbehaves on command',
      load: async () => (await import('./camera.ts')).addCamera,
    },
    proxy: {
      about: 'a link in front of any part, late, slow or gone as you say',
      load: async () => (await import('./proxy.ts')).addProxy,
    },
    fleet: {
      about: 'many doorbells on few processors; load a bridge as agencies do',
      load: async () => (await import('./fleet.ts')).addFleet,
      under: { load: async () => (await import('./load.ts')).addLoad },
    },
    prove: {
      about: 'show here, in a minute or two, what doorsill claims',
      load: async () => (await import('./prove.ts')).addProve,
    },
    story: {
      about: 'a demonstration on its own, which leaves nothing behind',
      load: async () => (await import('./story-verbs.ts')).addStory,
    },
    doctor: {
      about: 'what is wrong with this machine or a doorbell, and its cure',
      load: async () => (await import('./doctor.ts')).addDoctor,
    },
  },
  'As the owner:': {
    ring: {
      about: 'press the button, by a signed command',
      load: async () => (await import('./doorbell-command-verbs.ts')).addRing,
    },
    pair: {
      about: "pair this machine's owner with a device on this machine",
      load: async () => (await import('./pair.ts')).addPair,
    },
    watch: {
      about: 'show what the device says, until Ctrl-C',
      load: async () => (await import('./watch.ts')).addWatch,
    },
    grant: {
      about: 'let one clip go to who asked; list the open requests',
      load: async () => (await import('./consent-verbs.ts')).addGrant,
    },
    deny: {
      about: 'say no; it stays on the device, nobody else learns of it',
      load: async () => (await import('./consent-verbs.ts')).addDeny,
    },
    revoke: {
      about: 'take a grant back: sending stops, what was sent is deleted',
      load: async () => (await import('./consent-verbs.ts')).addRevoke,
    },
    left: {
      about: 'what has ever left a doorbell, to whom; proof of a clip',
      load: async () => (await import('./left.ts')).addLeft,
      under: { proof: async () => (await import('./proof.ts')).addProof },
    },
    privacy: {
      about: 'stop the camera at its source, or start it again',
      load: async () => (await import('./doorbell-command-verbs.ts')).addPrivacy,
    },
    forget: {
      about: 'destroy footage and past events on the device, for good',
      load: async () => (await import('./doorbell-command-verbs.ts')).addForget,
    },
    settings: {
      about: 'what owners may change of a doorbell; who else may look',
      load: async () => (await import('./settings.ts')).addSettings,
      under: {
        viewer: async () => (await import('./viewer.ts')).addViewer,
        'trust-clock': async () => (await import('./doorbell-command-verbs.ts')).addTrustClock,
      },
    },
    'search-party': {
      about: 'look for lost pets on the device; or have yours looked for',
      load: async () => (await import('./search-party.ts')).addSearchParty,
    },
  },
  "As an agency, a bridge's operator, or anyone:": {
    agency: {
      about: 'an agency: apply, request footage, evidence, a webhook',
      load: async () => (await import('./agency.ts')).addAgency,
      under: {
        request: async () => (await import('./request.ts')).addRequest,
        evidence: async () => (await import('./evidence.ts')).addEvidence,
        webhook: async () => (await import('./webhook.ts')).addWebhook,
      },
    },
    bridge: {
      about: 'a bridge, what its operator does, and the parts around it',
      load: async () => (await import('./part-verbs.ts')).addBridge,
      under: {
        moderate: async () => (await import('./moderate.ts')).addModerate,
        moderators: async () => (await import('./moderators.ts')).addModerators,
        partner: async () => (await import('./partner.ts')).addPartnerVerbs,
        dispute: async () => (await import('./dispute-manifest.ts')).addDispute,
        registry: async () => (await import('./part-verbs.ts')).addRegistry,
        broker: async () => (await import('./part-verbs.ts')).addBroker,
        deploy: async () => (await import('./deploy.ts')).addDeploy,
      },
    },
    vault: {
      about: 'the vault, which keeps what a bridge hands over',
      load: async () => (await import('./part-verbs.ts')).addVault,
    },
    audit: {
      about: "how agencies search, who was shown clips; watch a bridge's log",
      load: async () => (await import('./query-audit-verbs.ts')).addAudit,
      under: { witness: async () => (await import('./witness.ts')).addWitness },
    },
    verify: {
      about: 'check a clip or a ledger, offline',
      load: async () => (await import('./verify.ts')).addVerify,
    },
  },
  'A doorbell of a board:': {
    device: {
      about: 'one doorbell; b rings on a terminal',
      load: async () => (await import('./part-verbs.ts')).addDevice,
    },
  },
};

const NAMES = Object.values(VERBS).flatMap((verbs) => Object.keys(verbs));

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
  $ doorsill up                              a doorbell and all it talks to
  $ doorsill replay 'synthetic?seconds=20'   what it notices of a porch
  $ doorsill doctor                          what is wrong here, if anything

Each verb explains itself: doorsill VERB --help. Exit status: 0 it is as it should be, 1 what was tested is not, 2 wrong usage,
3 refused, 4 not reachable, 5 this machine, 6 unusable input, 130 ended by Ctrl-C.`;

/**
 * Builds the command line; does not run it. With `words`, only what they may call: the verb that they begin with, or all verbs by name
 * alone when that is none.
 */
export async function makeProgram(words?: readonly string[]): Promise<Command> {
  const program: Command = new Command('doorsill')
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
    .configureHelp({
      optionDescription: describeOption,
      // All of a line at the top is for what the verb does.
      subcommandTerm: (verb) => (verb.parent === program ? verb.name() : new Help().subcommandTerm(verb)),
      // All but `help`, which is said below.
      visibleCommands: ({ commands }) => [...commands],
      minWidthToWrap: COLUMN_LEAST,
    })
    .addHelpText('after', WHERE_TO_BEGIN)
    // An option after `device backup` then belongs to the inner verb.
    .enablePositionalOptions()
    .exitOverride();
  const [called = '', next] = words ? verbsIn(words) : [];
  for (const [heading, verbs] of Object.entries(VERBS)) {
    program.commandsGroup(heading);
    for (const [name, verb] of Object.entries(verbs)) {
      if (!words || name === called) await addVerb(program, name, verb, next);
      else if (!NAMES.includes(called)) program.command(name);
      program.commands.find((command) => command.name() === name)?.summary(verb.about);
    }
  }
  // Global options are understood before and after the verb.
  for (const command of allUnder(program)) {
    command.option('--json', 'print results and events as JSON lines').option('--log <level>', 'log level on stderr');
    command.exitOverride().configureOutput({ writeErr: () => {} });
  }
  return program;
}

/** Adds a verb and, of the verbs under it, the one that is the next word; all of them where that may be any. */
async function addVerb(program: Command, name: string, { load, under = {} }: Verb, next = ''): Promise<void> {
  const called = Object.hasOwn(under, next) ? under[next] : undefined;
  if (called) return (await called())(program.command(name));
  (await load())(program);
  const group = commandCalled(program, name);
  if (!group || commandCalled(group, next)) return;
  for (const each of Object.values(under)) (await each())(group);
}

function commandCalled({ commands }: Command, name: string): Command | undefined {
  return commands.find((command) => command.name() === name);
}

function allUnder({ commands }: Command): Command[] {
  return commands.flatMap((command) => [command, ...allUnder(command)]);
}

/** The words without the global options: verbs come first in them. */
function verbsIn(words: readonly string[]): string[] {
  return words.filter(
    (word, at) => word !== '--json' && !/^--log(=|$)/.test(word) && (at === 0 || words[at - 1] !== '--log'),
  );
}

/** Words that people try for a verb, its former names among them, and that are too far from its name to be taken for a slip. */
const TRIED: Readonly<Record<string, string>> = {
  scenario: 'test',
  scenarios: 'test',
  start: 'up',
  run: 'up',
  fault: 'camera fault" or "device fault',
  faults: 'camera faults" or "device faults',
  load: 'fleet load',
  doorbell: 'up add", "up list" or "up remove',
  truth: 'replay truth',
  proof: 'left proof',
  'trust-clock': 'settings trust-clock',
  viewer: 'settings viewer',
  request: 'agency request',
  evidence: 'agency evidence',
  webhook: 'agency webhook',
  moderate: 'bridge moderate',
  moderators: 'bridge moderators',
  partner: 'bridge partner',
  dispute: 'bridge dispute',
  registry: 'bridge registry',
  broker: 'bridge broker',
  deploy: 'bridge deploy',
  witness: 'audit witness',
};

/** The innermost verb that the words name, its names, and the words behind it. */
function innermost(program: Command, words: readonly string[]): { verb: Command; called: string; rest: string[] } {
  const rest = verbsIn(words);
  const names: string[] = [];
  let verb = program;
  for (let under = commandCalled(verb, rest[0] ?? ''); under; under = commandCalled(verb, rest[0] ?? '')) {
    names.push(...rest.splice(0, 1));
    verb = under;
  }
  return { verb, called: names.join(' '), rest };
}

/**
 * Refuses a word that is no verb, and one right behind a verb that is nearly one of the verbs under it: commander takes that for an
 * argument of the verb itself, such as the source of `camera`. One that is the name of a file is that file. Throws `usage`.
 */
export function refuseMisspelt(program: Command, words: readonly string[]): void {
  const { verb, called, rest } = innermost(program, words);
  const [word = '-'] = rest;
  if (word.startsWith('-') || word === 'help') return;
  const meant = nearestWord(word, namesUnder(verb));
  if (verb === program) {
    const tried = Object.hasOwn(TRIED, word) ? TRIED[word] : meant;
    throw failure('usage', { detail: `there is no verb "${word}"${tried ? ` (did you mean "${tried}"?)` : ''}` });
  }
  if (meant === null || existsSync(word)) return;
  throw failure('usage', { detail: `there is no "${called} ${word}" (did you mean "${called} ${meant}"?)` });
}

function namesUnder({ commands }: Command): string[] {
  return commands.map((command) => command.name());
}

/**
 * What was wrong with the arguments, on one line. For `help` with an unknown verb, and for a verb that only has verbs under it,
 * commander prints help and gives no message.
 */
async function usageDetail(thrown: CommanderError, words: readonly string[]): Promise<string> {
  const { verb, called, rest } = innermost(await makeProgram(words), words);
  const choices = `say what to do: ${namesUnder(verb)
    .map((name) => `${called} ${name}`)
    .join(', ')}`;
  if (thrown.code === 'commander.help') return words.includes('help') ? `there is no verb "${words.at(-1)}"` : choices;
  const isWord = ['commander.unknownCommand', 'commander.excessArguments'].includes(thrown.code);
  const word = rest.find((one) => !one.startsWith('-'));
  if (isWord && word !== undefined && verb.commands.length > 0) return `there is no "${called} ${word}"; ${choices}`;
  return thrown.message.replace(/^error: /, '').replaceAll(/\s+/g, ' ');
}

/** `help VERB` as `VERB --help`, which knows the verbs under a verb, too. */
function withoutHelp(words: string[]): string[] {
  const [first, ...rest] = verbsIn(words);
  return first === 'help' && rest.length > 0 ? [...rest, '--help'] : words;
}

/** Runs the command line; sets the exit status, never throws. `argv` as process.argv. */
export async function main(argv: string[]): Promise<void> {
  const json = argv.includes('--json');
  const words = withoutHelp(argv.slice(2));
  // A closed pipe (`| head`) is no error.
  process.stdout.on('error', () => process.exit(0));
  try {
    // Called before any key is read.
    refuseInspector();
    const program = await makeProgram(words);
    refuseMisspelt(program, words);
    if (words.length === 0) program.outputHelp();
    else await program.parseAsync(words, { from: 'user' });
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return;
      reportFailure(failure('usage', { detail: await usageDetail(thrown, words) }), json);
      return;
    }
    reportFailure(asFailure(thrown), json);
  }
}
