// Holds: a synthetic export is what its plan says, byte for byte; exactly 47 agencies misuse it; the held-out words are frozen.
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { auditQueries } from '../../cloud-bridge/query-audit/audit.ts';
import { CsvRows } from '../../cloud-bridge/query-audit/csv-rows.ts';
import { parseAuditSettings } from '../../cloud-bridge/query-audit/settings.ts';
import { sha256Hex } from '../../device/base/keys.ts';
import { SeededRandom } from '../../device/base/random.ts';
import { makeCast } from '../../sim/query-export/cast.ts';
import { parseLabels, scoreFindings } from '../../sim/query-export/score.ts';
import { writeExport } from '../../sim/query-export/write.ts';
import { root } from '../layout/source-tree.ts';
import { temporaryFolder } from '../support/command-line.ts';

const folder = temporaryFolder('query-export');
afterAll(() => folder.dispose());
const plan = { seed: 5, agencies: 200, rows: 3_000, vocabulary: 'training' } as const;
const at = (name: string) => join(folder.path, name);

it('has the held-out words as they were before the first rule', async () => {
  const text = await readFile(join(root, 'sim/query-export/vocabulary-held-out.ts'), 'utf8');
  expect(sha256Hex(text)).toBe('453e76d6ae6f03381e33c0903501ea4fc03741e82ddbd11c090893dbda2064c6');
});

it('writes the same bytes for the same seed, and others for another', async () => {
  for (const [name, seed] of [
    ['a', 5],
    ['b', 5],
    ['c', 6],
  ] as const)
    await writeExport({ ...plan, seed }, at(name));
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => readFile(at(name), 'utf8')));
  expect(a).toBe(b);
  expect(a).not.toBe(c);
});

it('has exactly 47 agencies that misuse it, whatever the number of all, each at least twice', () => {
  for (const [seed, count] of [
    [1, 100],
    [2, 4_000],
    [3, 9_000],
  ] as const) {
    const cast = makeCast(new SeededRandom(seed), count, 50 * count);
    expect(cast).toHaveLength(count);
    expect(new Set(cast.map(({ name }) => name)).size).toBe(count);
    const misusing = cast.filter(({ misuseShare }) => misuseShare > 0);
    expect(misusing).toHaveLength(47);
    expect(misusing.every(({ conduct }) => conduct.kind !== 'honest')).toBe(true);
  }
});

it('writes as many rows and misuses as its labels say, with the noise of real exports', {
  tags: ['long'],
}, async () => {
  const labels = await writeExport({ ...plan, rows: 40_000, isWide: true }, at('wide'));
  const rows = new CsvRows();
  const text = await readFile(at('wide'), 'utf8');
  const all = [...rows.push(text.replace(/^\ufeff/, '')), ...rows.end()];
  expect(text.startsWith('\ufeffID,Name,Org Name,')).toBe(true);
  expect(all).toHaveLength(labels.queries + 1);
  expect(all[0]?.cells).toHaveLength(15);
  const [row] = all.slice(1);
  expect(row?.cells[4]).toContain('\n');
  expect(all.some(({ fault }) => fault === 'quotes')).toBe(true);
  expect(all.some(({ cells, fault }) => fault === null && cells.length < 15)).toBe(true);
  const report = await auditQueries(createReadStream(at('wide')), parseAuditSettings({}));
  expect(report.rows).toBe(labels.queries);
  expect(report.byRule['immigration-offense']).toBeGreaterThan(0);
});

it('scores findings against labels, as they were written or are read again', () => {
  const labels = parseLabels('{"misusing":[{"agency":"A","how":"open"},{"agency":"B","how":"proxied"}]}');
  const found = (agency: string, verdict: 'revoke' | 'review') => ({ agency, verdict });
  const score = scoreFindings([found('A', 'revoke'), found('C', 'revoke'), found('D', 'review')], labels);
  expect(score.revoke).toMatchObject({ found: 2, true: 1, wanted: 1, precision: 0.5, recall: 1 });
  expect(score.review).toMatchObject({ found: 1, true: 0, wanted: 1, precision: 0, recall: 0 });
  expect(score.all).toMatchObject({ found: 3, true: 1, wanted: 2, recall: 0.5 });
  expect(scoreFindings([], labels).revoke).toMatchObject({ precision: 1, recall: 0 });
  expect(() => parseLabels('[]')).toThrow(expect.objectContaining({ code: 'usage' }));
});
