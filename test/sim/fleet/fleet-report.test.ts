import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { drawCurves, panelsOf } from '../../../sim/fleet/fleet-curves.ts';
import { fleetReportHtml, lossesOf } from '../../../sim/fleet/fleet-report.ts';
import { sampleLines, sampleReport } from './support/sample-run.ts';

const style = { script: '', style: '.built { color: red }' };

describe('the page of a fleet', () => {
  it('says in its title whether anything was lost, and what', () => {
    expect(fleetReportHtml(sampleReport(), style)).toContain('<h1>20 doorbells, nothing lost</h1>');
    const { summary } = sampleReport();
    const some = fleetReportHtml({ ...sampleReport(), summary: { ...summary, grants: 12, clipsFailed: 3 } }, style);
    expect(some).toContain('<h1>20 doorbells, 3 of 12 granted clips failed</h1>');
    expect(some).toContain('look-failed');
    expect(fleetReportHtml(sampleReport(), style)).not.toContain('look-failed');
    expect(lossesOf({ ...summary, segmentsLost: 1, failed: 2, died: 1, unbelieved: 3 })).toEqual([
      '1 second of footage was lost',
      '2 doorbells could not run',
      '1 process died',
      '3 messages did not verify',
    ]);
  });

  it('names the seed, the command that runs it again, the profile, and the meaning of each code', () => {
    const page = fleetReportHtml(sampleReport({ lost: true }), style);
    expect(page).toContain('<span>seed 7</span>');
    expect(page).toContain('--report fleet.html --seed 7</code>');
    expect(page).toContain('&quot;startHour&quot;: 12');
    expect(page).toMatch(/5 ×<\/span><code>unreachable<\/code><\/dt><dd>[^<]*…/);
  });

  it('has no script and loads nothing: its content security policy allows only its style', () => {
    const page = fleetReportHtml(sampleReport({ lost: true }), style);
    const inside = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
    const hash = createHash('sha256').update(inside).digest('base64');
    expect(page).toContain(
      `content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'"`,
    );
    expect(page).not.toMatch(/<script|\sstyle=|\son[a-z]+=|https?:\/\/|<link|<img|url\(/);
  });

  it('shows text from outside as text, wherever it comes from', () => {
    const evil = '<script>alert(1)</script>" onload="x';
    const report = sampleReport();
    const page = fleetReportHtml(
      {
        ...report,
        ...{ tool: evil, machine: evil, startedAt: evil, shard: evil, command: evil },
        profile: { ...report.profile, $schema: evil },
        summary: { ...report.summary, codes: { [evil]: 1 } },
      },
      style,
    );
    expect(page).not.toContain('<script');
    expect(page.match(/&lt;script&gt;alert\(1\)&lt;\/script&gt;/g)?.length).toBeGreaterThanOrEqual(5);
  });

  it('prints no mark of its curves twice where a half would read as a whole', () => {
    // Nothing was asked yet: the scale of requests and clips ends at one.
    const marks = drawCurves(sampleLines(20)).match(/class="mark"[^>]*>1<\/text>/g);
    expect(marks).toHaveLength(2);
  });

  it('has no curves for a run of a single line', () => {
    const page = fleetReportHtml({ ...sampleReport(), points: sampleLines(1) }, style);
    expect(page).not.toContain('<svg class="curves"');
    expect(page).toContain('Results');
  });
});

describe('the curves of a fleet', () => {
  it('leave out faults while there are none', () => {
    const names = (lost: boolean) =>
      panelsOf(sampleLines(60, { lost })).map(({ title, series }) => [title, ...series.map(({ name }) => name)]);
    expect(names(false)[0]).toEqual(['Doorbells', 'up']);
    expect(names(true)[0]).toEqual(['Doorbells', 'up', 'failed']);
    expect(names(false).map(([title]) => title)).not.toContain('Footage lost');
    const losing = sampleLines(60).map((line) => ({ ...line, segmentsLost: 1 }));
    expect(panelsOf(losing).map(({ title }) => title)).toContain('Footage lost');
  });

  it('mark when the agency asked, when all ran, and when a process died', () => {
    const drawn = drawCurves(sampleLines(120, { lost: true }));
    expect(drawn.match(/class="instant asked"/g)).toHaveLength(4);
    expect(drawn.match(/class="instant all-up"/g)).toHaveLength(1);
    expect(drawn.match(/class="instant died"/g)).toHaveLength(1);
    expect(drawn.match(/>asked</g)).toHaveLength(1);
  });

  it('have gaps where nothing was measured, and stay inside their panels', () => {
    const lines = sampleLines(60).map((line, at) => (at > 20 && at < 30 ? { ...line, latenessP99Ms: null } : line));
    const drawn = drawCurves(lines);
    const paths = [...drawn.matchAll(/<path class="curve ring" d="([^"]+)"/g)].map(([, path]) => path ?? '');
    // Among the curves in this colour, the one of latency has a gap.
    expect(paths.map((path) => path.split('M').length - 1)).toEqual([1, 2, 1]);
    for (const [, x, y] of drawn.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)) {
      expect(Number(x) >= 0 && Number(x) <= 1_000, `x ${x}`).toBe(true);
      expect(Number(y) >= 0 && Number(y) <= 84, `y ${y}`).toBe(true);
    }
    expect(drawn).not.toMatch(/NaN|undefined|Infinity/);
  });
});
