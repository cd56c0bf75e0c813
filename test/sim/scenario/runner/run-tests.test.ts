import { expect, it } from 'vitest';
import type { TestReport } from '../../../../sim/report/run-report.ts';
import { together } from '../../../../sim/scenario/runner/run-tests.ts';

const attempt = (status: TestReport['status']): TestReport => ({
  ...{ name: 'a story', status, durationMs: 10, attempts: 1, rerun: 'again', notes: ['seen'] },
  failures: status === 'failed' ? [{ what: 'it rang' }] : [],
});

it('takes a story that fails only sometimes for flaky, and says how often', () => {
  expect(together([attempt('passed'), attempt('failed'), attempt('passed')])).toMatchObject({
    ...{ status: 'flaky', attempts: 3, durationMs: 30 },
    failures: [{ what: 'it rang' }],
    notes: ['seen', '1 of 3 attempts failed.'],
  });
});

it('takes one that always holds, or never does, for what it is', () => {
  expect(together([attempt('passed'), attempt('passed')])).toMatchObject({
    status: 'passed',
    attempts: 2,
    notes: ['seen'],
  });
  expect(together([attempt('failed'), attempt('failed')])).toMatchObject({ status: 'failed', notes: ['seen'] });
});
