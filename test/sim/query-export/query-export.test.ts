// A synthetic export follows from its plan, byte for byte, and has the noise of real ones.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { CsvRows } from '../../../cloud-bridge/persistence/csv-rows.ts';
import { writeExport } from '../../../sim/query-export/query-export.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('query-export');
afterAll(() => folder.dispose());
const at = (name: string) => join(folder.path, name);
const plan = { seed: 5, agencies: 200, rows: 3_000 };

it('writes the same bytes for the same seed, and others for another', async () => {
  await writeExport(plan, at('a'));
  await writeExport(plan, at('b'));
  await writeExport({ ...plan, seed: 6 }, at('c'));
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => readFile(at(name), 'utf8')));
  expect(a).toBe(b);
  expect(a).not.toBe(c);
});

it('has exactly 47 agencies that misuse it, and rows that are broken or hold several lines', async () => {
  const { searches, open, hidden } = await writeExport({ ...plan, rows: 40_000 }, at('noise'));
  expect(new Set([...open, ...hidden]).size).toBe(47);
  const text = await readFile(at('noise'), 'utf8');
  const rows = new CsvRows();
  const all = [...rows.push(text.replace(/^\ufeff/, '')), ...rows.end()];
  expect(all).toHaveLength(searches + 1);
  expect(all[1]?.cells[4]).toContain('\n');
  expect(all.some(({ fault }) => fault === 'quotes')).toBe(true);
  expect(all.some(({ cells, fault }) => fault === null && cells.length < 13)).toBe(true);
});
