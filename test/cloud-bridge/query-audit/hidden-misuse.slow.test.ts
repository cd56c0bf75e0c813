// On eight seeds that the audit was not tuned on, the share of honest agencies among those proposed for review stays under the user's
// bound, and the audit finds a fair part of what an oracle with the generator's parameters finds. The figures are always printed.
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { auditQueries } from '../../../cloud-bridge/query-audit/audit.ts';
import { judgeHabits } from '../../../cloud-bridge/query-audit/hidden-misuse.ts';
import { parseAuditSettings } from '../../../cloud-bridge/query-audit/query-audit-settings.ts';
import { scoreFindings } from '../../../sim/query-export/score.ts';
import { HELD_OUT_SEEDS, writeExport } from '../../../sim/query-export/write.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';
import { type CountedAgency, countRows } from './support/export-counts.ts';
import { bestWithHindsight, type Ranked } from './support/hindsight.ts';
import { misuseLogRatios, usualQueries, wordlessRates } from './support/misuse-oracle.ts';

const folder = temporaryFolder('hidden-misuse');
afterAll(() => folder.dispose());
const BOUND = 0.2;
const AGENCIES = 4_000;
/** The share of the oracle's recall that the audit must reach: what it reaches, less a small margin. */
const REACHED = 0.7;
/** Monte Carlo draws for each kind of agency and number of officers. */
const ORACLE_DRAWS = 8_000;

/** Wilson's 95 % interval of a share. */
function interval(part: number, whole: number): string {
  if (whole === 0) return 'none';
  const z = 1.96;
  const middle = (part + z ** 2 / 2) / (whole + z ** 2);
  const half = (z / (whole + z ** 2)) * Math.sqrt((part * (whole - part)) / whole + z ** 2 / 4);
  return `${(part / whole).toFixed(3)} (${(middle - half).toFixed(3)} to ${(middle + half).toFixed(3)})`;
}

/** What the audit found in one export, and the agencies that it did not propose to revoke. */
interface Audited {
  found: number;
  right: number;
  wanted: number;
  agencies: (CountedAgency & { misuses: boolean })[];
}

async function audited(seed: number, rows: number): Promise<Audited> {
  const path = join(folder.path, 'export.csv');
  const labels = await writeExport({ seed, agencies: AGENCIES, rows, vocabulary: 'held-out' }, path);
  const report = await auditQueries(createReadStream(path), parseAuditSettings({ falseDiscoveries: BOUND }));
  const { review } = scoreFindings(report.findings, labels);
  console.log(`seed ${seed}, ${rows} searches: ${review.found} found, ${review.true} true, of ${review.wanted}`);
  const misusing = new Set(labels.misusing.map(({ agency }) => agency));
  const revoked = new Set(report.findings.flatMap(({ agency, verdict }) => (verdict === 'revoke' ? [agency] : [])));
  const agencies = (await countRows(createReadStream(path)))
    .filter(({ name }) => name !== '' && !revoked.has(name))
    .map((agency) => ({ ...agency, misuses: misusing.has(agency.name) }));
  return { found: review.found, right: review.true, wanted: review.wanted, agencies };
}

interface Figures {
  exports: Audited[];
  falseShare: number;
  recall: number;
  line: string;
}

async function figuresOf(rows: number): Promise<Figures> {
  const exports: Audited[] = [];
  for (const seed of HELD_OUT_SEEDS) exports.push(await audited(seed, rows));
  const sum = (what: 'found' | 'right' | 'wanted') => exports.reduce((total, one) => total + one[what], 0);
  expect(sum('wanted')).toBe(120);
  const shares = exports.map(({ found, right }) => (found === 0 ? 0 : (found - right) / found));
  const falseShare = shares.reduce((total, share) => total + share, 0) / shares.length;
  const line = `false ${falseShare.toFixed(3)} of ${BOUND} allowed, precision ${interval(sum('right'), sum('found'))}, recall ${interval(sum('right'), sum('wanted'))}`;
  console.log(line);
  return { exports, falseShare, recall: sum('right') / sum('wanted'), line };
}

describe('in eight held-out exports', () => {
  it('of 200,000 searches keeps false discoveries under the bound and finds a fair part of the hidden misuse', {
    timeout: 1_800_000,
  }, async (test) => {
    const rows = 200_000;
    const { exports, falseShare, recall, line } = await figuresOf(rows);
    const rates = await wordlessRates(20_000);
    const usual = usualQueries(rows, AGENCIES);
    const all = exports.flatMap(({ agencies }, at) => agencies.map((agency) => ({ ...agency, usual, export: at })));
    const ratios = misuseLogRatios(all, rates, ORACLE_DRAWS, 1);
    const byOracle = all.map((agency, at): Ranked => ({ ...agency, score: ratios[at] ?? 0 }));
    const byAudit = exports.flatMap(({ agencies }, at) => {
      const judged = judgeHabits(agencies) ?? [];
      return agencies.map((agency, which): Ranked => {
        const one = judged[which];
        const isCandidate = one && one.inPattern > one.predicted;
        return { ...agency, export: at, score: isCandidate ? 1 - one.honestChance : Number.NEGATIVE_INFINITY };
      });
    });
    const most = bestWithHindsight(byOracle, BOUND);
    const ranked = bestWithHindsight(byAudit, BOUND);
    const limit = `the oracle's recall with hindsight ${interval(most, 120)}; the audit's ranking with hindsight ${interval(ranked, 120)}`;
    console.log(limit);
    proved(test, `Audit, hidden misuse, eight held-out exports of ${rows} searches`, `${line}; ${limit}`);
    expect(falseShare).toBeLessThanOrEqual(BOUND);
    // Not 0.9: the README of query-audit gives the reason.
    expect(recall).toBeGreaterThanOrEqual((REACHED * most) / 120);
    expect(ranked).toBeGreaterThanOrEqual(REACHED * most);
  });

  // Without the oracle: with hundreds of searches for each agency, its draws match the counts too rarely to give a bound.
  it('of 1,000,000 searches keeps false discoveries under the bound', { timeout: 1_800_000 }, async (test) => {
    const { falseShare, recall, line } = await figuresOf(1_000_000);
    proved(test, 'Audit, hidden misuse, eight held-out exports of 1000000 searches', line);
    expect(falseShare).toBeLessThanOrEqual(BOUND);
    expect(recall).toBeGreaterThan(0.3);
  });
});
