import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type ReadOptions, readScenarios } from '../../../../../sim/scenario/language/read-scenarios.ts';
import type { Scenario } from '../../../../../sim/scenario/language/scenario.ts';

/** A folder with these files, removed after the test. */
export function folderWith(files: Record<string, string | Uint8Array>): string {
  const folder = mkdtempSync(join(tmpdir(), 'doorsill-scenarios-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** Writes `scenario.yaml` and other files, and reads the scenario as `doorsill test` does. */
export async function read(
  text: string | Uint8Array,
  others: Record<string, string | Uint8Array> = {},
  options: ReadOptions = {},
) {
  const folder = folderWith({ 'scenario.yaml': text, ...others });
  return readScenarios(join(folder, 'scenario.yaml'), options);
}

/** Reads a scenario that must have no fault. */
export async function readOne(text: string, others: Record<string, string | Uint8Array> = {}): Promise<Scenario> {
  const { scenarios, faults } = await read(text, others);
  const [scenario] = scenarios;
  if (!scenario || faults.length > 0) throw new Error(faults.map(({ message }) => message).join('\n'));
  return scenario;
}

/** Each fault as `code line:column message`, without the path. */
export async function faultsOf(
  text: string | Uint8Array,
  others: Record<string, string | Uint8Array> = {},
  options: ReadOptions = {},
): Promise<string[]> {
  const { faults } = await read(text, others, options);
  return faults.map(({ code, line, column, message, file }) => {
    const place = `${file}:${line}:${column}: `;
    const said = message.startsWith(place) ? message.slice(place.length) : `(without its place) ${message}`;
    return `${code} ${line}:${column} ${said}`;
  });
}
