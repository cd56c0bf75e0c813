// The lines of README and docs/developer.md as programs: alone as they are printed, and as the body of a runner's test.
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { blockIn } from '../../../docs/support/page.ts';
import { processesNaming } from '../../../support/command-line.ts';
import { type Ended, ended } from './checkout.ts';
import type { PackedProject } from './packed-project.ts';

/** README's ten lines for developers. */
export const readmeClient = (): string => blockIn('README.md', '### You build software for doorbells', 'js');

/** The example of docs/developer.md in this language. */
export const developerClient = (language: 'js' | 'ts'): string =>
  blockIn('docs/developer.md', '## A doorbell in a test', language);

/** README's lines as the body of one test of a runner whose `test` the line `importTest` brings. */
export function asTestOf(importTest: string): string {
  const lines = readmeClient().trimEnd().split('\n');
  const isImport = (line: string) => line.startsWith('import ');
  const body = lines.filter((line) => !isImport(line)).map((line) => `  ${line}`);
  return [importTest, ...lines.filter(isImport), "test('the door', async () => {", ...body, '});', ''].join('\n');
}

/** Runs a program in the project, on the machine's Node; `left` is what its doorbells left behind. */
export async function runClient(
  { machine, folder }: PackedProject,
  args: readonly string[],
): Promise<Ended & { left: string[] }> {
  const temporary = join(machine.folder, `t${readdirSync(machine.folder).length}`);
  mkdirSync(temporary);
  const ran = await ended(machine.start(folder, machine.node, args, { TMPDIR: temporary }));
  const files = readdirSync(temporary).filter((name) => name.startsWith('doorsill'));
  return { ...ran, left: [...files, ...processesNaming(join(temporary, 'doorsill-client-'))] };
}
