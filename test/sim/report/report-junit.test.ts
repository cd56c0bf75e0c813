import fc from 'fast-check';
import { parse, type TestSuites } from 'junit2json';
import { expect, it } from 'vitest';
import { reportJunit } from '../../../sim/report/report-junit.ts';
import { makeRunReport, type TestReport } from '../../../sim/report/run-report.ts';
import { passedTest, sampleReport } from './support/sample-report.ts';

const RUN = {
  tool: 'doorsill 1.0.0',
  command: 'doorsill test "a & b"',
  seed: 7,
  startedAt: '2026-11-27T15:31:20+01:00',
  durationMs: 1500,
};

/** The document as an independent parser reads it. */
async function readBack(tests: TestReport[]): Promise<{ suites: TestSuites; xml: string }> {
  const xml = reportJunit(makeRunReport({ ...RUN, tests }));
  const read = await parse(xml);
  if (!read || !('testsuite' in read)) throw new Error('is no <testsuites>');
  return { suites: read, xml };
}

it('is read by a JUnit parser: a suite for each file, a case for each test, counts and times', async () => {
  const report = await sampleReport();
  const read = await parse(reportJunit(report));
  expect(read).toMatchObject({ name: 'doorsill 1.0.0', tests: 12, failures: 1, errors: 0, time: 43.12 });
  const suites = read && 'testsuite' in read ? (read.testsuite ?? []) : [];
  expect(suites).toHaveLength(12);
  const failed = suites.find(({ name }) => name === 'scenarios/visitors.yaml');
  expect(failed).toMatchObject({ tests: 1, failures: 1, skipped: 0, timestamp: '2026-11-27T14:31:20' });
  expect(failed?.testcase?.[0]).toMatchObject({
    name: 'Every visitor is seen, by day and by night (camera=porch-night.mp4, sensitivity=medium)',
    classname: 'scenarios.visitors',
    time: 4.31,
    failure: [{ type: 'expectation', message: report.tests[1]?.failures[0]?.what }],
  });
  const [details] = failed?.testcase?.[0]?.failure ?? [];
  expect(details?.inner).toContain('at scenarios/visitors.yaml:19:5\nexpected: motion from 16.2 s');
  expect(details?.inner).toContain('+ { "type": "motion-end", "atS": 10.3 }');
  expect(failed?.testcase?.[0]?.['system-out']?.[0]).toMatch(
    /files: runs\/visitors-2\nagain: doorsill test .* --seed 7$/,
  );
});

it('distinguishes failed, interrupted, skipped and flaky as CI systems do', async () => {
  const failures = [{ what: 'one' }, { what: 'two' }];
  const { suites, xml } = await readBack([
    passedTest({ name: 'f', status: 'failed', failures }),
    passedTest({ name: 'i', status: 'interrupted' }),
    passedTest({ name: 's', status: 'skipped', notes: ['no camera'] }),
    passedTest({ name: 'y', status: 'flaky', attempts: 3, failures }),
    passedTest({ name: 'p' }),
  ]);
  expect(suites.testsuite?.[0]).toMatchObject({ tests: 5, failures: 1, errors: 1, skipped: 1 });
  const [f, i, s, y, p] = suites.testsuite?.[0]?.testcase ?? [];
  expect(f?.failure).toEqual([{ message: 'one (and 1 more)', type: 'expectation', inner: 'one\n\ntwo' }]);
  expect(i?.error).toMatchObject([{ message: 'The test was interrupted.' }]);
  expect(s?.skipped).toEqual([{ message: 'no camera' }]);
  expect([y?.failure, y?.error, p?.failure, p?.error]).toEqual([undefined, undefined, undefined, undefined]);
  expect(xml).toContain(
    '<flakyFailure message="one (and 1 more)" type="expectation"><stackTrace>one\n\ntwo</stackTrace></flakyFailure>',
  );
  expect(y?.['system-out']).toEqual([expect.stringContaining('attempts: 3')]);
});

it('is valid XML for any test name, and keeps every letter that XML allows', async () => {
  // The unit `binary` makes the same letters, but first a table of all of them, which takes a second.
  const letter = fc.nat({ max: 0x10ffff }).filter((code) => code < 0xd800 || code > 0xdfff);
  const unit = letter.map((code) => String.fromCodePoint(code));
  const text = fc.string({ unit, minLength: 1, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(text, text, async (name, what) => {
      // A letter first: the parser turns texts like numbers into numbers.
      const { suites } = await readBack([
        passedTest({ name: `n${name}`, status: 'failed', failures: [{ what: `w${what}` }] }),
      ]);
      const [test] = suites.testsuite?.[0]?.testcase ?? [];
      const held = (said: string) => said.replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '');
      expect([test?.name, test?.failure?.[0]?.message]).toEqual([held(`n${name}`), held(`w${what}`)]);
    }),
    { numRuns: 300 },
  );
});

it('keeps line ends and tabs in names, which XML normalizes unless they are references', () => {
  const xml = reportJunit(makeRunReport({ ...RUN, tests: [passedTest({ name: 'a\nb\tc\rd' })] }));
  expect(xml).toContain('name="a&#10;b&#9;c&#13;d"');
});

it('lets no name inject elements or properties', async () => {
  const hostile = '"/><testcase name="x"/></testsuite>]]><!--&lol;\u0000\u001b[31m\ud800';
  const { suites, xml } = await readBack([passedTest({ name: hostile, file: hostile, notes: [hostile] })]);
  expect(suites.testsuite).toHaveLength(1);
  expect(suites.testsuite?.[0]?.testcase).toHaveLength(1);
  expect(suites.testsuite?.[0]?.testcase?.[0]?.name).toBe('"/><testcase name="x"/></testsuite>]]><!--&lol;[31m');
  expect(xml).not.toMatch(/(?!\n)\p{Cc}/u);
  expect(suites.testsuite?.[0]?.properties).toEqual([
    { name: 'command', value: 'doorsill test "a & b"' },
    { name: 'seed', value: 7 },
  ]);
});
