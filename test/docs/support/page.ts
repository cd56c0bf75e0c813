// Reads a document as what its reader does: files to save, commands to type, output that is shown.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../layout/source-tree.ts';

/** One command, and the lines that the page shows as its output; none: the page shows nothing. */
export interface Command {
  line: string;
  shown: string[];
}

/** What a reader does next: saves a file, or types the commands of one block into one shell. */
export type Deed = { save: string; text: string } | { type: Command[] };

export interface Section {
  title: string;
  deeds: Deed[];
}

/** The page's sections in order. Throws on a block that a reader would not know what to do with. */
export function readPage(name: string): Section[] {
  const [, ...sections] = readFileSync(join(root, name), 'utf8').split('\n## ');
  return sections.map((text) => ({ title: text.slice(0, text.indexOf('\n')), deeds: deedsOf(text) }));
}

function deedsOf(text: string): Deed[] {
  const blocks = text.matchAll(/(?:Save this as `([^`]+)`:\n\n)?```(\w+)\n([\s\S]*?)```/g);
  return [...blocks].map(([, save, language, body = '']) => {
    if (save !== undefined) return { save, text: body };
    if (language !== 'console') throw new Error(`a block of ${language} that is not to be saved: ${body}`);
    return { type: commandsOf(body) };
  });
}

function commandsOf(body: string): Command[] {
  const commands: Command[] = [];
  for (const line of body.trimEnd().split('\n')) {
    if (line.startsWith('$ ')) commands.push({ line: line.slice(2), shown: [] });
    else if (commands.length === 0) throw new Error(`output of no command: ${line}`);
    else commands.at(-1)?.shown.push(line);
  }
  return commands;
}

/** The first block of a language below a heading, such as `## Install it`. Throws where there is none. */
export function blockIn(name: string, heading: string, language: string): string {
  const section = readFileSync(join(root, name), 'utf8')
    .split(`\n${heading}\n`)[1]
    ?.split(/\n##+ /)[0];
  const block = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(section ?? '')?.[1];
  if (block === undefined) throw new Error(`${name} has no ${language} block below "${heading}"`);
  return block;
}

/** The lines of such a block of commands as they are typed: without prompts and remarks. */
export const linesIn = (name: string, heading: string): string[] =>
  commandsOf(blockIn(name, heading, 'console')).map(({ line }) => line.replace(/ {2,}# .*$/, ''));

/** The lines shown as a pattern of the whole output: `...` alone is any number of lines, within a line any text. */
export function patternOf(shown: readonly string[]): RegExp {
  const literal = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const lines = shown.map((line) =>
    line === '...' ? '(?:.*\\n)*?' : `${line.split('...').map(literal).join('.*')}\\n`,
  );
  return new RegExp(`^${lines.join('')}$`);
}
