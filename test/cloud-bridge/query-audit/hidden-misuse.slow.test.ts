// Holds: on eight seeds that nobody looked at while the audit was tuned, at most the share that the user allows of those
// proposed for a look are honest. The figures, with intervals, are printed whatever they are.
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { auditQueries } from '../../../cloud-bridge/query-audit/audit.ts';
import { parseAuditSettings } from '../../../cloud-bridge/query-audit/settings.ts';
import { scoreFindings } from '../../../sim/query-export/score.ts';
import { HELD_OUT_SEEDS, writeExport } from '../../../sim/query-export/write.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const folder = temporaryFolder('hidden-misuse');
afterAll(() => folder.dispose());
const BOUND = 0.2;

/** Wilson's 95 % interval of a share. */
function interval(part: number, whole: number): string {
  if (whole === 0) return 'none';
  const z = 1.96;
  const middle = (part + z ** 2 / 2) / (whole + z ** 2);
  const half = (z / (whole + z ** 2)) * Math.sqrt((part * (whole - part)) / whole + z ** 2 / 4);
  return `${(part / whole).toFixed(3)} (${(middle - half).toFixed(3)} to ${(middle + half).toFixed(3)})`;
}

it.for([200_000, 1_000_000])(
  'keeps false discoveries under the bound in eight held-out exports of %i searches',
  { timeout: 1_800_000 },
  async (rows, test) => {
    const figures: { found: number; right: number; wanted: number }[] = [];
    for (const seed of HELD_OUT_SEEDS) {
      const path = join(folder.path, 'export.csv');
      const labels = await writeExport({ seed, agencies: 4_000, rows, vocabulary: 'held-out' }, path);
      const report = await auditQueries(createReadStream(path), parseAuditSettings({ falseDiscoveries: BOUND }));
      const { review } = scoreFindings(report.findings, labels);
      figures.push({ found: review.found, right: review.true, wanted: review.wanted });
      console.log(`seed ${seed}, ${rows} searches: ${review.found} found, ${review.true} true, of ${review.wanted}`);
    }
    const sum = (what: keyof (typeof figures)[number]) => figures.reduce((total, one) => total + one[what], 0);
    const shares = figures.map(({ found, right }) => (found === 0 ? 0 : (found - right) / found));
    const falseShare = shares.reduce((total, share) => total + share, 0) / shares.length;
    const line = `false ${falseShare.toFixed(3)} of ${BOUND} allowed, precision ${interval(sum('right'), sum('found'))}, recall ${interval(sum('right'), sum('wanted'))}`;
    console.log(line);
    proved(test, `Audit, hidden misuse, eight held-out exports of ${rows} searches`, line);
    expect(sum('wanted')).toBe(120);
    expect(sum('right')).toBeGreaterThan(0);
    expect(falseShare).toBeLessThanOrEqual(BOUND);
  },
);
