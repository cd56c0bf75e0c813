// A million searches take at most 60 s of processor time and 300 MB of memory; and on more seeds of the held-out words no honest agency is
// revoked.
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { auditQueries } from '../../../cloud-bridge/query-audit/audit.ts';
import { parseAuditSettings } from '../../../cloud-bridge/query-audit/query-audit-settings.ts';
import { writeExport } from '../../../sim/query-export/query-export.ts';
import { root } from '../../layout/source-tree.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const folder = temporaryFolder('query-audit-slow');
afterAll(() => folder.dispose());

/** Audits the file named in the environment and prints what that took. */
const PROGRAM = `
import { createReadStream } from 'node:fs';
import { auditQueries, parseAuditSettings } from ${JSON.stringify(join(root, 'cloud-bridge/dist/index.js'))};
const report = await auditQueries(createReadStream(process.env.FILE, { highWaterMark: 131072 }), parseAuditSettings({}));
const { user, system } = process.cpuUsage();
const { maxRSS } = process.resourceUsage();
console.log(JSON.stringify({ rows: report.rows, seconds: (user + system) / 1e6, mb: maxRSS / 1000 }));`;

async function cost(path: string): Promise<{ rows: number; seconds: number; mb: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    env: { ...process.env, FILE: path },
  });
  return JSON.parse(stdout);
}

it('reads a million searches within 60 s of processor time and 300 MB', async (test) => {
  const path = join(folder.path, 'million.csv');
  const { searches } = await writeExport({ agencies: 4_000, seed: 31, rows: 1_000_000 }, path);
  const { rows, seconds, mb } = await cost(path);
  proved(test, 'Audit of a million searches', `${seconds.toFixed(1)} s of processor time, ${mb.toFixed(0)} MB`);
  expect(rows).toBe(searches);
  expect(rows).toBeGreaterThan(990_000);
  expect(seconds).toBeLessThanOrEqual(60);
  expect(mb).toBeLessThanOrEqual(300);
}, 600_000);

describe.each([41, 42, 43, 44, 45])('an export of seed %i', (seed) => {
  it.each([100_000, 600_000])(
    'revoke no honest agency in %i searches',
    async (rows) => {
      const path = join(folder.path, `${seed}-${rows}.csv`);
      const { open } = await writeExport({ agencies: 4_000, seed, rows }, path);
      const report = await auditQueries(createReadStream(path), parseAuditSettings({}));
      const found = report.findings.map(({ agency }) => agency);
      expect(found.filter((agency) => !open.includes(agency))).toEqual([]);
      // A typo in one of four texts can hide an agency that searched four times.
      expect(found.length).toBeGreaterThanOrEqual(29);
    },
    300_000,
  );
});
