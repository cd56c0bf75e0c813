import { expect, it } from 'vitest';
import { reportText } from '../../../sim/report/report-text.ts';
import { makeRunReport, type TestReport } from '../../../sim/report/run-report.ts';
import { passedTest, sampleReport } from './support/sample-report.ts';

const RUN = {
  tool: 'doorsill 1.0.0',
  command: 'doorsill test',
  seed: 1,
  startedAt: '2026-11-27T14:31:20Z',
  durationMs: 125_400,
};
const textOf = (...tests: TestReport[]) => reportText(makeRunReport({ ...RUN, tests }));

it('shows each failure, its place, the actual value and the rerun command; then one line of totals', async () => {
  expect(reportText(await sampleReport())).toBe(
    [
      'failed: Every visitor is seen, by day and by night (camera=porch-night.mp4, sensitivity=medium)',
      '  at scenarios/visitors.yaml:12',
      '  - recall is 0.67, and at least 1 was expected: one of three visits was missed (scenarios/visitors.yaml:19:5)',
      '    diff:',
      '    |   { "type": "ring", "atS": 2.6 }',
      '    | - { "type": "motion-start", "atS": 16.2 }',
      '    | - { "type": "motion-end", "atS": 20.9 }',
      '    | + { "type": "motion-start", "atS": 9.1 }',
      '    | + { "type": "motion-end", "atS": 10.3 }',
      '    advice: Look at the picture at 16.2 s; `doorsill replay --tune` says which sensitivity finds it.',
      '  note: H.264, 640x360 at 15 fps; 360 pictures',
      '  files: runs/visitors-2',
      '  again: doorsill test scenarios/visitors.yaml --filter "camera=porch-night.mp4" --seed 7',
      '',
      'flaky: A visitor rings while the link is slow (3 attempts): no event "granted" came within 2 s',
      '  again: doorsill test scenarios/exact-window.yaml --seed 7',
      '',
      '9 passed, 1 failed, 1 skipped, 1 flaky in 43.1 s',
    ].join('\n'),
  );
});

it('names a failed test’s folder as the reader finds it', async () => {
  expect(reportText(await sampleReport(), 'test-results')).toContain('\n  files: test-results/runs/visitors-2\n');
});

it('shows only the totals when all passed', () => {
  expect(textOf(passedTest(), passedTest())).toBe('2 passed, 0 failed in 2 min 5 s');
});

it('shows expected and actual if there is no diff, and truncates long texts', () => {
  const actual = Array.from({ length: 100 }, (_, at) => `line ${at}`).join('\n');
  const text = textOf(passedTest({ status: 'failed', failures: [{ what: 'w', expected: 'one', actual }] }));
  expect(text).toContain('    expected: one\n    actual:\n    | line 0\n');
  expect(text).toContain('    | line 39\n    | … 60 more lines\n');
});

it('lets no untrusted text repaint the terminal, begin a line or command a CI job', () => {
  const hostile = 'x\n::set-output name=a::b\r##[command]rm\u001b[2J\u009b31m\u202e\u2028::error::y\ud800';
  const text = textOf(
    passedTest({
      name: hostile,
      file: hostile,
      rerun: hostile,
      status: 'failed',
      folder: 'a\n::b',
      notes: [hostile],
      variant: { [hostile]: hostile },
      failures: [
        { what: hostile, advice: hostile, at: { file: hostile }, expected: hostile, actual: hostile, diff: hostile },
      ],
    }),
    passedTest({ name: hostile, rerun: hostile, status: 'flaky', failures: [{ what: hostile }] }),
  );
  expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}\u2028]/u);
  expect(text.split('\n').filter((line) => /^\s*::|##\[/.test(line))).toEqual([]);
  expect(text).toContain('    | ::set-output name=a::b');
});
