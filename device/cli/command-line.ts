// A command line of verbs: global options, the order of the help, corrections of misspelt verbs, and the exit status of failures.
import { existsSync } from 'node:fs';
import { url } from 'node:inspector';
import { isDamage } from '@doorsill/base/damaged-program';
import { nearestWord } from '@doorsill/base/schema-fault';
import { type Command, CommanderError, Help, type Option } from 'commander';
import { failure } from '../terminal/errors.ts';
import { asFailure, reportFailure } from '../terminal/output.ts';
import { asCalled } from '../terminal/shell-words.ts';
import { COLUMN_LEAST, helpWidth, wrapHelp } from '../terminal/wrap-help.ts';
import { keepLoopbackDirect } from './direct-loopback.ts';
import { ownVersion } from './own-version.ts';
import { Program, type Surroundings } from './surroundings.ts';

/**
 * Keeps SIGUSR1 from opening the inspector, as it does in every Node process without a listener for it. Throws `inspector_open` when
 * the inspector is open already, by --inspect or an earlier signal.
 */
function refuseInspector(): void {
  process.on('SIGUSR1', () => undefined);
  const open = url();
  if (open !== undefined) throw failure('inspector_open', { url: open });
}

type Load = () => Promise<(parent: Command) => void>;

/** A verb of a command line. */
export interface Verb {
  /** Its purpose, on one line of the help. */
  about: string;
  load: Load;
  /** Its sub-verbs that have their own module. */
  under?: Record<string, Load>;
}

/** A command with its verbs. */
export interface CommandLine {
  name: string;
  /** The help's first sentence. */
  about: string;
  /** The verbs by their heading in the help. A verb's module is loaded only when the verb is needed (see `makeProgram`). */
  verbs: Readonly<Record<string, Readonly<Record<string, Verb>>>>;
  /**
   * Other words that people try for a verb, such as its former names, which no spelling correction would find. A sub-verb, option or story
   * that was removed stands under its full name, with a sentence that says what replaces it.
   */
  tried: Readonly<Record<string, string>>;
  /** The examples at the end of the help. */
  toBegin: string;
  around: Surroundings;
}

const EXITS = `Exit status: 0 success, 1 a test failed, 2 wrong usage, 3 refused,
4 not reachable, 5 this machine, 6 unusable input, 130 ended by Ctrl-C.`;

/** An option's description for the help: with its default, unless the text names it already or it is an empty list. */
function describeOption({ description, argChoices, defaultValue }: Option): string {
  const facts = [
    ...(argChoices ? [`choices: ${argChoices.join(', ')}`] : []),
    ...(typeof defaultValue === 'string' && !description.includes('(default: ') ? [`default: ${defaultValue}`] : []),
  ];
  return facts.length === 0 ? description : `${description} (${facts.join('; ')})`;
}

/**
 * Builds the command line without running it. With `words`, loads only the verb that they begin with; if they begin with none, all verbs
 * are added by name alone.
 */
export async function makeProgram(line: CommandLine, words?: readonly string[]): Promise<Command> {
  const program: Command = new Program(line.name, line.around)
    .description(line.about)
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
      // At the top a verb's line has no room for its arguments.
      subcommandTerm: (verb) => (verb.parent === program ? verb.name() : new Help().subcommandTerm(verb)),
      // Without `help`, which the text below explains.
      visibleCommands: ({ commands }) => [...commands],
      minWidthToWrap: COLUMN_LEAST,
    })
    .addHelpText('after', `${line.toBegin}\n\nEach verb explains itself: ${line.name} VERB --help.\n${EXITS}`)
    // So an option after `device backup` belongs to the inner verb.
    .enablePositionalOptions()
    .exitOverride();
  const names = Object.values(line.verbs).flatMap((verbs) => Object.keys(verbs));
  const [called = '', next] = words ? verbsIn(words) : [];
  for (const [heading, verbs] of Object.entries(line.verbs)) {
    program.commandsGroup(heading);
    for (const [name, verb] of Object.entries(verbs)) {
      if (!words || name === called) await addVerb(program, name, verb, next);
      else if (!names.includes(called)) program.command(name);
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

/** Adds a verb and the sub-verb `next`, or all its sub-verbs if `next` is none of them. */
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

/** The words without the global options, so that they begin with the verbs. */
function verbsIn(words: readonly string[]): string[] {
  return words.filter(
    (word, at) => word !== '--json' && !/^--log(=|$)/.test(word) && (at === 0 || words[at - 1] !== '--log'),
  );
}

/** The innermost verb that the words name, its full name, and the words after it. */
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
 * Refuses an unknown verb and a misspelt sub-verb. Commander would take the latter for an argument of the verb, such as the source of
 * `camera`; so a word counts as misspelt if it resembles a sub-verb and does not name an existing file. Throws `usage`.
 */
export function refuseMisspelt({ tried }: CommandLine, program: Command, words: readonly string[]): void {
  const { verb, called, rest } = innermost(program, words);
  // Only the first word can be a verb; a later one is a value.
  for (const each of rest.filter((one, at) => at === 0 || one.startsWith('--'))) {
    const full = `${called} ${each.replace(/=.*/, '')}`;
    if (Object.hasOwn(tried, full))
      throw failure('usage', { detail: `there is no "${full}" any more: ${tried[full]}` });
  }
  const [word = '-'] = rest;
  if (word.startsWith('-') || word === 'help') return;
  const meant = nearestWord(word, namesUnder(verb));
  if (verb === program) {
    const instead = Object.hasOwn(tried, word) ? tried[word] : meant;
    throw failure('usage', { detail: `there is no verb "${word}"${instead ? ` (did you mean "${instead}"?)` : ''}` });
  }
  if (meant === null || existsSync(word)) return;
  throw failure('usage', { detail: `there is no "${called} ${word}" (did you mean "${called} ${meant}"?)` });
}

function namesUnder({ commands }: Command): string[] {
  return commands.map((command) => command.name());
}

/**
 * The fault of the arguments, on one line. For `help` with an unknown verb, and for a verb that needs a sub-verb, commander prints help
 * and gives no message.
 */
async function usageDetail(line: CommandLine, thrown: CommanderError, words: readonly string[]): Promise<string> {
  const { verb, called, rest } = innermost(await makeProgram(line, words), words);
  const choices = `say what to do: ${namesUnder(verb)
    .map((name) => `${called} ${name}`)
    .join(', ')}`;
  if (thrown.code === 'commander.help') return words.includes('help') ? `there is no verb "${words.at(-1)}"` : choices;
  const isWord = ['commander.unknownCommand', 'commander.excessArguments'].includes(thrown.code);
  const word = rest.find((one) => !one.startsWith('-'));
  if (isWord && word !== undefined && verb.commands.length > 0) return `there is no "${called} ${word}"; ${choices}`;
  return thrown.message.replace(/^error: /, '').replaceAll(/\s+/g, ' ');
}

/** Rewrites `help VERB` to `VERB --help`, which works for sub-verbs, too. */
function withoutHelp(words: string[]): string[] {
  const [first, ...rest] = verbsIn(words);
  return first === 'help' && rest.length > 0 ? [...rest, '--help'] : words;
}

/** Runs the command line; sets the exit status. `argv` as process.argv. Throws only where a module is damaged, which the launcher reports. */
export async function runCommandLine(line: CommandLine, argv: string[]): Promise<void> {
  keepLoopbackDirect(process.env);
  const json = argv.includes('--json');
  const words = withoutHelp(argv.slice(2));
  // A closed pipe (`| head`) is not an error.
  process.stdout.on('error', () => process.exit(0));
  try {
    // Called before any key is read.
    refuseInspector();
    const program = await makeProgram(line, words);
    refuseMisspelt(line, program, words);
    if (words.length === 0) program.outputHelp();
    else await program.parseAsync(words, { from: 'user' });
  } catch (thrown) {
    if (isDamage(thrown)) throw thrown;
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return;
      reportFailure(failure('usage', { detail: await usageDetail(line, thrown, words) }), json);
      return;
    }
    reportFailure(asFailure(thrown), json);
  }
}
