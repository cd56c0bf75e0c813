// A synthetic export follows from its plan, byte for byte; exactly 47 agencies misuse it; habits are correlated as in real ones; the held-out
// vocabulary and the generator are frozen.
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CsvRows } from '../../../cloud-bridge/persistence/csv-rows.ts';
import { auditQueries } from '../../../cloud-bridge/query-audit/audit.ts';
import { parseAuditSettings } from '../../../cloud-bridge/query-audit/query-audit-settings.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { type CastAgency, makeCast } from '../../../sim/query-export/cast.ts';
import type { Habits } from '../../../sim/query-export/habits.ts';
import { parseLabels, scoreFindings } from '../../../sim/query-export/score.ts';
import { HELD_OUT_SEEDS, writeExport } from '../../../sim/query-export/write.ts';
import { root } from '../../layout/source-tree.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('query-export');
afterAll(() => folder.dispose());
const plan = { seed: 5, agencies: 200, rows: 3_000, vocabulary: 'training' } as const;
const at = (name: string) => join(folder.path, name);

it('has the held-out vocabulary from before the first rule', async () => {
  const text = await readFile(join(root, 'sim/query-export/vocabulary-held-out.ts'), 'utf8');
  expect(sha256Hex(text)).toBe('453e76d6ae6f03381e33c0903501ea4fc03741e82ddbd11c090893dbda2064c6');
});

it('has the generator from before the detector of hidden misuse', async () => {
  const texts = await Promise.all(
    ['cast', 'habits', 'noise', 'rows'].map((name) => readFile(join(root, `sim/query-export/${name}.ts`), 'utf8')),
  );
  // Their imports may change.
  const own = texts.join('').replace(/^import [^;]*;\n|^\n/gm, '');
  expect(sha256Hex(own)).toBe('eb640150366c112783c0bcff6120e7da3ef56a4f95921e4672d8d02fedfe2ae7');
  expect(HELD_OUT_SEEDS).toEqual([9_101, 9_102, 9_103, 9_104, 9_105, 9_106, 9_107, 9_108]);
});

describe('habits', () => {
  const cast = makeCast(new SeededRandom(7), 4_000, 200_000);
  const honest = cast.filter(({ conduct }) => conduct.kind === 'honest');
  const pairs = [
    ['wide', 'wordless'],
    ['wordless', 'noCase'],
    ['noCase', 'wide'],
    ['night', 'noCase'],
  ] as const;

  it.each(pairs)('of honest agencies are correlated: %s and %s', (one, other) => {
    const means = (what: keyof Habits) =>
      honest.map(({ officers }) => mean(officers.map(([habits, weight]) => [habits[what], weight])));
    expect(correlation(means(one), means(other))).toBeGreaterThan(0.05);
  });

  it.each(pairs)('of officers of one honest agency are correlated: %s and %s', (one, other) => {
    const within = (what: keyof Habits) =>
      honest.flatMap(({ officers }) => {
        const middle = mean(officers.map(([habits]) => [habits[what], 1]));
        return officers.map(([habits]) => habits[what] - middle);
      });
    expect(correlation(within(one), within(other))).toBeGreaterThan(0.05);
  });

  it('of hidden misuse are mixed into honest work at several rates, in agencies small and large', () => {
    const hidden = Array.from({ length: 8 }, (_, at) => makeCast(new SeededRandom(at), 4_000, 200_000)).flatMap(
      (agencies) => agencies.filter(({ conduct }) => conduct.kind === 'proxied'),
    );
    expect(hidden).toHaveLength(120);
    expect(hidden.every(({ queries, misuseShare }) => Math.round(queries * misuseShare) >= 8)).toBe(true);
    const shareWith = (is: (agency: CastAgency) => boolean) => hidden.filter(is).length / hidden.length;
    expect(shareWith(({ misuseShare }) => misuseShare < 0.25)).toBeGreaterThan(0.15);
    expect(shareWith(({ misuseShare }) => misuseShare > 0.6)).toBeGreaterThan(0.15);
    expect(shareWith(({ queries }) => queries < 40)).toBeGreaterThan(0.2);
    expect(shareWith(({ queries }) => queries > 100)).toBeGreaterThan(0.15);
  });
});

/** The mean of values with weights. */
function mean(values: readonly (readonly [number, number])[]): number {
  const weights = values.reduce((sum, [, weight]) => sum + weight, 0);
  return values.reduce((sum, [value, weight]) => sum + value * weight, 0) / weights;
}

function correlation(ones: readonly number[], others: readonly number[]): number {
  const centred = (values: readonly number[]) => {
    const middle = mean(values.map((value) => [value, 1]));
    return values.map((value) => value - middle);
  };
  const [a, b] = [centred(ones), centred(others)];
  const product = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, at) => sum + value * (y[at] ?? 0), 0);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}

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
