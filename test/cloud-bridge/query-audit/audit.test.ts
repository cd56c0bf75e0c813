// An export becomes a report: broken rows are counted and audited as far as they can be read, misuse is found, and words that only sound
// like misuse are not.
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { FlaggedRow } from '../../../cloud-bridge/query-audit/agency-counts.ts';
import { type AuditReport, auditQueries } from '../../../cloud-bridge/query-audit/audit.ts';
import { parseAuditSettings } from '../../../cloud-bridge/query-audit/query-audit-settings.ts';
import { writeExport } from '../../../sim/query-export/query-export.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const folder = temporaryFolder('query-audit');
afterAll(() => folder.dispose());

async function* pieces(text: string | Uint8Array) {
  yield typeof text === 'string' ? new TextEncoder().encode(text) : text;
}

async function audit(
  text: string | Uint8Array,
  settings: object = {},
): Promise<{ report: AuditReport; flagged: FlaggedRow[] }> {
  const flagged: FlaggedRow[] = [];
  const report = await auditQueries(pieces(text), parseAuditSettings(settings), {
    flagged: (row) => void flagged.push(row),
  });
  return { report, flagged };
}

const HEADER = 'ID,Org Name,Total Networks Searched,Reason,Case #,Search Time\n';
const rows = (count: number, of: (at: number) => string) => Array.from({ length: count }, (_, at) => of(at)).join('');
/** Rows of many agencies without any misuse. */
const town = rows(
  2_000,
  (at) => `${at},Testbed ${at % 100} PD,${40 + (at % 30)},burglary ${at},26-${at},"07/01/2026, 1${at % 9}:00:00 AM"\n`,
);

describe('rows', () => {
  it('are flagged with line, rule, words and reason', async () => {
    const { flagged, report } = await audit(
      `\ufeff${HEADER.replace('\n', '\r\n')}1,A PD,5,"two\r\nlines",c,\r\n2,A PD,5,assist ICE,c,\r\n`,
    );
    expect(flagged).toEqual([
      {
        line: 4,
        agency: 'A PD',
        reason: 'assist ICE',
        caseNumber: 'c',
        matches: [expect.objectContaining({ rule: 'ice', severity: 'grave', matched: 'ice', why: expect.any(String) })],
      },
    ]);
    expect(report).toMatchObject({ rows: 2, agencies: 1, flagged: 1, byRule: { ice: 1 }, broken: { rows: 0 } });
  });

  it('that are broken are reported by line, counted, and flagged as far as they can be read', async () => {
    const { flagged, report } = await audit(
      `${HEADER}1,A PD,5,ICE hold\n2,"A PD,5,HSI,c,\n3,A PD,5,stolen, by ICE, per Lt,c,07/01/2026\n4,A PD,5,fine,c,\n5,,5,DHS,c,\n`,
    );
    expect(report.broken).toEqual({
      rows: 3,
      byFault: { width: 2, quotes: 1 },
      first: [
        { line: 2, fault: 'width' },
        { line: 3, fault: 'quotes' },
        { line: 4, fault: 'width' },
      ],
    });
    expect(flagged.map(({ line, matches }) => [line, matches[0]?.rule])).toEqual([
      [2, 'ice-hold'],
      [3, 'hsi'],
      [4, 'ice'],
      [6, 'dhs'],
    ]);
    expect(report).toMatchObject({ rows: 5, nameless: 1 });
  });

  it.each([
    ['nothing', '', 'empty'],
    ['no header', 'a,b\n1,2\n', 'Org Name'.toLowerCase()],
    ['bytes that are no text', new Uint8Array(70_000).fill(0xff), 'org name'],
    ['more agencies than are kept', `${HEADER}1,A,,x,,\n2,B,,x,,\n3,C,,x,,\n`, 'more than 2'],
  ])('are refused in a file of %s', async (_what, text, detail) => {
    await expect(audit(text, { agenciesMax: 2 })).rejects.toMatchObject({
      code: 'query_export_invalid',
      message: expect.stringContaining(detail),
    });
  });

  it('stop when the signal aborts', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(auditQueries(pieces(HEADER), parseAuditSettings({}), { signal })).rejects.toThrow('enough');
  });
});

it.each([
  [{ flaggedMin: 0 }, 'flaggedMin'],
  [{ scope: 'Area 51' }, 'scope'],
  [{ unknown: 1 }, 'unknown'],
])('refuses the setting %j', (input, detail) => {
  expect(() => parseAuditSettings(input)).toThrow(
    expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(detail) }),
  );
});

describe('verdicts', () => {
  it('propose to revoke an agency with openly stated misuse, in the auditor’s scope, and wholly where it is a large share', async () => {
    const some = rows(60, (at) => `x,Some PD,40,${at < 5 ? 'assist ICE' : 'burglary'},26-1,\n`);
    const much = rows(20, (at) => `x,Much PD,40,${at < 10 ? 'HSI' : 'burglary'},26-1,\n`);
    const { report } = await audit(HEADER + town + some + much, { scope: 'area-dp0' });
    expect(report.findings.map(({ agency, scope }) => [agency, scope])).toEqual([
      ['Much PD', null],
      ['Some PD', 'area-dp0'],
    ]);
    const [, found] = report.findings;
    expect(found?.reasons.join(' ')).toMatch(/^5 of 60 searches are flagged.* 5 x ice: /);
    expect(found?.samples).toHaveLength(5);
    expect(found?.chance).toBeLessThan(1e-6);
  });

  it('propose nothing for one or two searches, for what all agencies have, or for missing purposes', async () => {
    const two = rows(20, (at) => `x,Two PD,40,${at < 2 ? 'ICE' : 'burglary'},26-1,\n`);
    const blank = rows(40, () => 'x,Blank PD,40,,26-1,\n');
    const common = town.replaceAll(/burglary \d{1,2},/g, 'ICE,');
    const many = rows(2_000, (at) => `x,Large PD,40,${at % 400 === 0 ? 'ICE' : 'burglary'},26-1,\n`);
    expect((await audit(HEADER + town + two + blank)).report.findings).toEqual([]);
    // Among so many clean searches two flagged ones are no accident, but too few for a proposal unless a setting says so.
    const large = HEADER + town.repeat(10) + two;
    expect((await audit(large)).report.findings).toEqual([]);
    expect((await audit(large, { flaggedMin: 2 })).report.findings.map(({ agency }) => agency)).toEqual(['Two PD']);
    const accidents = (await audit(HEADER + common + many)).report;
    expect(accidents.background).toBe(0.003);
    expect(accidents.findings.map(({ agency }) => agency)).not.toContain('Large PD');
  });
});

it('finds nearly all open misuse in a synthetic export and revokes no honest agency', {
  tags: ['long'],
  timeout: 120_000,
}, async (test) => {
  // Another seed than in the story, and fewer searches of each agency.
  const path = join(folder.path, 'export.csv');
  const { open, hidden, searches } = await writeExport({ seed: 2027, agencies: 4_000, rows: 100_000 }, path);
  const report = await auditQueries(createReadStream(path), parseAuditSettings({}));
  const found = report.findings.map(({ agency }) => agency);
  const right = found.filter((agency) => open.includes(agency));
  proved(
    test,
    'Audit, words frozen before the rules: open misuse, to revoke',
    `${right.length} of ${open.length}; ${found.length - right.length} others`,
  );
  expect([open.length, hidden.length]).toEqual([32, 15]);
  expect(right).toEqual(found);
  // A typo in one of four texts can hide an agency that searched four times.
  expect(right.length).toBeGreaterThanOrEqual(29);
  expect(report.rows).toBe(searches);
});
