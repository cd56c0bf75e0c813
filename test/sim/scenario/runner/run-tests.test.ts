import { expect, it } from 'vitest';
import type { TestReport } from '../../../../sim/report/run-report.ts';
import { together } from '../../../../sim/scenario/runner/run-tests.ts';

const attempt = (status: TestReport['status']): TestReport => ({
  ...{ name: 'a story', status, durationMs: 10, attempts: 1, rerun: 'again', notes: ['seen'] },
  failures: status === 'failed' ? [{ what: 'it rang' }] : [],
});

it('reports a scenario that fails only sometimes as flaky, and how often', () => {
  expect(together([attempt('passed'), attempt('failed'), attempt('passed')])).toMatchObject({
    ...{ status: 'flaky', attempts: 3, durationMs: 30 },
    failures: [{ what: 'it rang' }],
    notes: ['seen', '1 of 3 attempts failed.'],
  });
});

it('reports one that always passes as passed, and one that never does as failed', () => {
  expect(together([attempt('passed'), attempt('passed')])).toMatchObject({
    status: 'passed',
    attempts: 2,
    notes: ['seen'],
  });
  expect(together([attempt('failed'), attempt('failed')])).toMatchObject({ status: 'failed', notes: ['seen'] });
});
