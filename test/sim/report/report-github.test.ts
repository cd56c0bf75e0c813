import { expect, it } from 'vitest';
import { reportGithub } from '../../../sim/report/report-github.ts';
import { makeRunReport, type TestReport } from '../../../sim/report/run-report.ts';
import { passedTest, sampleReport } from './support/sample-report.ts';

const RUN = {
  tool: 'doorsill 1.0.0',
  command: 'doorsill test',
  seed: 1,
  startedAt: '2026-11-27T14:31:20Z',
  durationMs: 1500,
};
const of = (...tests: TestReport[]) => reportGithub(makeRunReport({ ...RUN, tests }));

/** A command as GitHub's runner parses it: name, properties and message, unescaped. */
function readCommand(line: string) {
  const [, name = '', properties = '', message = ''] = /^::(\w+)(?: (.*?))?::(.*)$/.exec(line) ?? [];
  const plain = (text: string) => text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
  const pairs = properties
    .split(',')
    .filter(Boolean)
    .map((pair) => {
      const [key = '', ...value] = pair.split('=');
      return [key, plain(value.join('=').replaceAll('%3A', ':').replaceAll('%2C', ','))];
    });
  return { name, properties: Object.fromEntries(pairs), message: plain(message) };
}

it('annotates the line that failed as an error, and a flaky test as a warning', async () => {
  const { commands } = reportGithub(await sampleReport());
  const [failed, flaky, ...others] = commands.split('\n').map(readCommand);
  expect(others).toEqual([]);
  expect(failed).toMatchObject({
    name: 'error',
    properties: {
      file: 'scenarios/visitors.yaml',
      line: '19',
      col: '5',
      title: expect.stringMatching(/^failed: Every visitor is seen, by day and by night \(camera/),
    },
  });
  expect(failed?.message).toMatch(
    /^recall is 0\.67.*\nexpected: motion from 16\.2 s.*\nactual: nothing.*\nLook at.*\nRun again: doorsill test /,
  );
  expect(flaky).toMatchObject({ name: 'warning', properties: { file: 'scenarios/slow-link.yaml', line: '1' } });
});

it('prints no command when all passed', () => {
  expect(of(passedTest()).commands).toBe('');
  expect(of(passedTest()).summary).toBe(
    '## ✅ 1 passed, 0 failed\n\ndoorsill test took 1.5 s, seed 1, doorsill 1&#46;0&#46;0.\n',
  );
});

it('prints no more annotations than GitHub shows, and counts the rest', () => {
  const many = Array.from({ length: 25 }, (_, at) => passedTest({ name: `t${at}`, status: 'failed' }));
  const lines = of(...many).commands.split('\n');
  expect(lines).toHaveLength(10);
  expect(lines[9]).toBe('::error::16 more: see the summary of this job');
});

it('lets no name inject a command', () => {
  const hostile = 'a%0A::stop-commands::x\n::add-mask::y,line=1:2\r\u001b[31m##[x]';
  const { commands } = of(
    passedTest({ name: hostile, file: hostile, rerun: hostile, status: 'failed', failures: [{ what: hostile }] }),
  );
  const lines = commands.split('\n');
  expect(lines).toHaveLength(1);
  const read = readCommand(lines[0] ?? '');
  expect(Object.keys(read.properties)).toEqual(['file', 'line', 'title']);
  expect(read.properties['file']).toBe('a%0A::stop-commands::x ::add-mask::y,line=1:2 [31m## [x]');
  expect(read.message.split('\n')).toHaveLength(2);
  expect(commands).not.toMatch(/\p{Cc}|##\[/u);
});

it('writes a summary in which names are plain text: no link, picture, tag, row or address', () => {
  const hostile = '![x](http://evil.example/a.png)<img src=x>|</code>`b`\nwww.evil.example a@evil.example **b**';
  const { summary } = of(
    passedTest({ name: hostile, file: hostile, rerun: hostile, status: 'failed', failures: [{ what: hostile }] }),
  );
  const rows = summary.split('\n').filter((line) => line.startsWith('| failed'));
  expect(rows).toHaveLength(1);
  expect(rows[0]?.split('|')).toHaveLength(6);
  const markup = (rows[0] ?? '')
    .replaceAll(/<br>|<\/?code>/g, '')
    .replaceAll(/&#\d+;/g, '')
    .replaceAll('|', '');
  expect(markup).not.toMatch(/[^A-Za-z0-9 ,]/);
});

it('keeps a summary below GitHub’s limit', () => {
  const what = '<'.repeat(4000);
  const failures = Array.from({ length: 1000 }, () => ({ what }));
  const tests = Array.from({ length: 300 }, () =>
    passedTest({ status: 'failed', failures, name: '<'.repeat(500), rerun: what }),
  );
  const { summary } = of(...tests);
  expect(Buffer.byteLength(summary)).toBeLessThan(1024 * 1024);
  expect(summary).toMatch(/\d+ more are in the report\./);
});
