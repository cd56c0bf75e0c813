// Each command that a text names exists, with its options, and each option is used by a test or a document.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { makeProgram } from '../../../device/cli/command-line.ts';
import { DOORSILL_DEVICE } from '../../../device/cli/main.ts';
import { inOwnWords } from '../../../device/terminal/shell-words.ts';
import { DOORSILL } from '../../../sim/cli/main.ts';
import { projectFiles, root } from '../../layout/source-tree.ts';

const program = await makeProgram(DOORSILL);
const board = await makeProgram(DOORSILL_DEVICE);
const files = projectFiles().filter((path) => /\.(md|ya?ml|ts|tsx|mjs)$/.test(path) && path !== 'CHANGELOG.md');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Commands that a text names, by the program and the words behind it: in backticks, or after a prompt. */
function commandsIn(text: string): { of: Command; line: string }[] {
  const named = text.matchAll(/(?:\\?`|^\W*\$ )(?:sudo )?(?:npx |node \S*\/)?doorsill(-device)?(?:\.mjs)? ([^`\n]*)/gm);
  return [...named].map(([, isBoards, words = '']) => ({
    of: isBoards ? board : program,
    line: words.replace(/\\?`.*$| *[#|&].*$/, ''),
  }));
}

/** What is wrong with a named command; null where it is one. */
function faultOf(of: Command, words: readonly string[]): string | null {
  let command = of;
  const options = new Set<string>();
  let at = 0;
  for (;;) {
    for (const { long } of command.options) if (long) options.add(long);
    const word = words[at] ?? '';
    const under = command.commands.find((one) => one.name() === word);
    if (word === 'help') return null;
    if (under) command = under;
    else if (/^[a-z][a-z-]+$/.test(word) && command.registeredArguments.length === 0 && command.commands.length > 0)
      return `there is no ${words.slice(0, at + 1).join(' ')}`;
    else break;
    at += 1;
  }
  if (command === of) return words[0]?.startsWith('-') || words[0] === 'help' ? null : `there is no ${words[0]}`;
  const strange = words.slice(at).flatMap((word) => /^(--[a-z][a-z0-9-]+)(=|$)/.exec(word)?.[1] ?? []);
  const unknown = strange.find((option) => option !== '--help' && !options.has(option));
  return unknown === undefined ? null : `${command.name()} has no ${unknown}`;
}

it('has every command that a document, a help text or a message names, with its options', () => {
  const named = files
    .filter((path) => !path.startsWith('test/'))
    .flatMap((path) => commandsIn(read(path)).map(({ of, line }) => ({ path, of, line, words: line.split(/\s+/) })))
    // A verb in capitals is none, and a label with what is known at run time is no command.
    .filter(({ line, words }) => /^[a-z-]/.test(words[0] ?? '') && !/[$\\]/.test(line));
  expect(named.length).toBeGreaterThan(300);
  const faults = named.flatMap(({ path, of, line, words }) => {
    const fault = faultOf(of, words);
    return fault === null ? [] : [`${path}: ${line}: ${fault}`];
  });
  expect(faults).toEqual([]);
});

it('has no option that neither a test nor a document uses', () => {
  const used = new Set(
    files
      .filter((path) => path.startsWith('test/') || path.endsWith('.md') || path.startsWith('docs/'))
      // The generated list has every option.
      .filter((path) => !path.endsWith('/documented-words.test.ts') && path !== 'docs/cli.md')
      .flatMap((path) => read(path).match(/--[a-z][a-z0-9-]*/g) ?? []),
  );
  const unused: string[] = [];
  const look = (command: Command, name: string) => {
    for (const { long } of command.options) if (long && !used.has(long)) unused.push(`${name} ${long}`);
    for (const under of command.commands) look(under, `${name} ${under.name()}`.trim());
  };
  look(program, '');
  expect(unused).toEqual([]);
});

it('has 28 verbs at the top', () => {
  expect(program.commands).toHaveLength(28);
});

it('has on a board what `doorsill` has under `device`, and what owners type, with the same options', () => {
  const optionsOf = (command?: Command) => command?.options.map(({ long }) => long).sort();
  const device = program.commands.find((command) => command.name() === 'device');
  for (const own of board.commands) {
    const name = own.name();
    const same =
      name === 'run' ? device : [...(device?.commands ?? []), ...program.commands].find((one) => one.name() === name);
    const made = ['--fault', '--control'];
    expect([name, optionsOf(own)]).toEqual([name, optionsOf(same)?.filter((option) => !made.includes(option ?? ''))]);
  }
  expect(board.commands.length).toBeGreaterThan(18);
});

it('translates commands in texts to those of a board, where a board has them', () => {
  const said = (text: string) => inOwnWords(text, '/opt/doorsill/current/device/cli/doorsill-device.mjs');
  for (const own of board.commands) {
    const name = own.name();
    const isDevices = program.commands.every((command) => command.name() !== name);
    const text = name === 'run' ? 'doorsill device --data x' : `doorsill ${isDevices ? 'device ' : ''}${name}`;
    expect(said(`Try \`${text}\`.`)).toBe(`Try \`doorsill-device ${name === 'run' ? 'run --data x' : name}\`.`);
  }
  expect(said('`device init` writes one; `doorsill up` and `doorsill bridge broker` do not.')).toBe(
    '`init` writes one; `doorsill up` and `doorsill bridge broker` do not.',
  );
  expect(said('See `doorsill help`.')).toBe('See `doorsill-device help`.');
  expect(said('node /opt/doorsill-device.mjs device --data x')).toBe('node /opt/doorsill-device.mjs run --data x');
  expect(inOwnWords('doorsill device init', '/opt/doorsill/sim/cli/doorsill.mjs')).toBe('doorsill device init');
});
