// Owns: README's lines for developers as programs: alone as they are printed, and as the body of a runner's test.
// Not here: running them (packed.test.ts, packed-playwright.slow.test.ts).
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../layout/source-tree.ts';
import { processesNaming } from '../../../support/command-line.ts';
import { type Ended, ended } from './checkout.ts';
import type { PackedProject } from './packed-project.ts';

/** The block of README's section for developers in this language. */
export function readmeClient(language: 'js' | 'ts'): string {
  const section = readFileSync(join(root, 'README.md'), 'utf8').split('\n## For developers\n')[1]?.split('\n## ')[0];
  const block = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(section ?? '')?.[1];
  if (block === undefined) throw new Error(`README has no ${language} block for developers`);
  return block;
}

/** The same lines as the body of one test of a runner whose `test` the line `importTest` brings. */
export function asTestOf(importTest: string): string {
  const lines = readmeClient('js').trimEnd().split('\n');
  const isImport = (line: string) => line.startsWith('import ');
  const body = lines.filter((line) => !isImport(line)).map((line) => `  ${line}`);
  return [importTest, ...lines.filter(isImport), "test('the door', async () => {", ...body, '});', ''].join('\n');
}

/** Runs a program in the project, on the machine's Node; `left` is what its doorbells left behind. */
export async function runClient(
  { machine, folder }: PackedProject,
  args: readonly string[],
): Promise<Ended & { left: string[] }> {
  const temporary = join(machine.folder, `temporary-${readdirSync(machine.folder).length}`);
  mkdirSync(temporary);
  const ran = await ended(machine.start(folder, machine.node, args, { TMPDIR: temporary }));
  const files = readdirSync(temporary).filter((name) => name.startsWith('doorsill'));
  return { ...ran, left: [...files, ...processesNaming(join(temporary, 'doorsill-client-'))] };
}
