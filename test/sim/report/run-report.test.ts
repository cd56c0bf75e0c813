import { expect, it } from 'vitest';
import { isFailure } from '../../../sim/errors.ts';
import { makeRunReport, parseRunReport, REPORT_LIMITS, type RunReport } from '../../../sim/report/run-report.ts';
import { passedTest, START_US, sampleReport } from './support/sample-report.ts';

const RUN = {
  tool: 'doorsill 1.0.0',
  command: 'doorsill test',
  seed: 1,
  startedAt: '2026-11-27T14:31:20.000Z',
  durationMs: 5,
};
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const refusal = (value: unknown) => {
  try {
    parseRunReport(typeof value === 'string' ? new TextEncoder().encode(value) : bytes(value), 'report.json');
    return 'read';
  } catch (thrown) {
    return isFailure(thrown) ? `${thrown.code}: ${thrown.message}` : String(thrown);
  }
};

it('is read back as it was made, pictures and all', async () => {
  const report = await sampleReport();
  expect(report.totals).toEqual({ passed: 9, failed: 1, skipped: 1, flaky: 1, interrupted: 0 });
  expect(parseRunReport(bytes(report), 'report.json')).toEqual(report);
});

it('is refused with the position of the error', async () => {
  const report = makeRunReport({ ...RUN, tests: [passedTest()] });
  const withTest = (named: object): unknown => ({ ...report, tests: [{ ...report.tests[0], ...named }] });
  expect(refusal('{')).toMatch(/^report_unreadable: report\.json is not a report .*it is not JSON/);
  expect(refusal({ ...report, format: 'doorsill-report-2' })).toMatch(/format: /);
  expect(refusal({ ...report, totals: { ...report.totals, failed: 1 } })).toMatch(/totals/);
  expect(refusal(withTest({ status: 'green' }))).toMatch(/tests\[0\]\.status: /);
  expect(refusal(withTest({ surprise: 1 }))).toMatch(/surprise/);
  expect(refusal(withTest({ name: 'x'.repeat(REPORT_LIMITS.nameLetters + 1) }))).toMatch(/tests\[0\]\.name: /);
});

it('refuses a path that leaves its folder', () => {
  const folder = (path: string) =>
    refusal({
      ...makeRunReport({ ...RUN, tests: [passedTest({ folder: 'a' })] }),
      tests: [passedTest({ folder: path })],
    });
  for (const path of ['../up', 'a/../../up', '/etc', 'a/..', '..', '.', './a', 'a\\b', ''])
    expect(folder(path), path).toMatch(/folder: /);
  for (const path of ['a', 'a/b.jpg', 'a..b/c', '.hidden/x', 'runs/…/x']) expect(folder(path), path).toBe('read');
});

it('refuses a picture that is not a JPEG', () => {
  const still = (jpegBase64: string) =>
    refusal({
      ...makeRunReport({ ...RUN, tests: [passedTest()] }),
      tests: [
        passedTest({
          timeline: {
            startUs: START_US,
            endUs: START_US,
            steps: [],
            cameras: [
              {
                name: 'front',
                recorded: [],
                events: [],
                truth: [],
                stills: [{ atUs: START_US, caption: '', jpegBase64 }],
              },
            ],
          },
        }),
      ],
    });
  expect(still('/9j/AAAA')).toBe('read');
  expect(still('iVBORw0KGgo=')).toMatch(/jpegBase64/);
  expect(still('/9j/" onerror="x')).toMatch(/jpegBase64/);
});

it('shortens texts over its limits, says by how much, and splits no surrogate pair', () => {
  const { textLetters, nameLetters } = REPORT_LIMITS;
  const report: RunReport = makeRunReport({
    ...RUN,
    tests: [
      passedTest({
        name: `${'x'.repeat(nameLetters - 61)}${'🔔'.repeat(200)}`,
        status: 'failed',
        failures: [{ what: 'w', actual: 'y'.repeat(textLetters * 2) }],
      }),
    ],
  });
  const [test] = report.tests;
  expect(test?.name).toMatch(/^x+ … and 400 more letters$/);
  expect(test?.failures[0]?.actual?.length).toBeLessThanOrEqual(textLetters);
  expect(test?.failures[0]?.actual).toMatch(/ … and \d+ more letters$/);
});

it('shortens a timeline’s steps, marks and pictures, too', () => {
  const long = 'z'.repeat(REPORT_LIMITS.lineLetters + 1);
  const span = { startUs: START_US, endUs: START_US };
  const { tests } = makeRunReport({
    ...RUN,
    tests: [
      passedTest({
        variant: { camera: long },
        timeline: {
          ...span,
          steps: [{ atUs: START_US, text: long, outcome: 'failed', detail: long }],
          cameras: [
            {
              ...{ name: 'front', recorded: [] },
              events: [{ ...span, type: 'ring', label: long }],
              truth: [{ ...span, event: 'ring', label: long, verdict: 'missed' }],
              stills: [{ atUs: START_US, caption: long, file: 'a.jpg' }],
            },
          ],
        },
      }),
    ],
  });
  const shown = JSON.stringify(tests);
  expect(shown.match(/more letters/g)).toHaveLength(6);
  expect(shown).not.toContain(long);
});
