import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { reportHtml } from '../../../sim/report/report-html.ts';
import { makeRunReport } from '../../../sim/report/run-report.ts';
import { passedTest, sampleReport } from './support/sample-report.ts';

const RUN = {
  tool: 'doorsill 1.0.0',
  command: 'doorsill test',
  seed: 1,
  startedAt: '2026-11-27T14:31:20Z',
  durationMs: 1,
};

it('is one page whose policy allows only its own script and style, by hash', async () => {
  const page = reportHtml(await sampleReport());
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? '';
  const within = (tag: RegExp) =>
    createHash('sha256')
      .update(tag.exec(page)?.[1] ?? '')
      .digest('base64');
  expect(policy.split('; ')).toEqual([
    "default-src 'none'",
    `style-src 'sha256-${within(/<style>([\s\S]*?)<\/style>/)}'`,
    `script-src 'sha256-${within(/<script type="module">([\s\S]*?)<\/script>/)}'`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ]);
  // Nothing loadable, and nothing of this machine.
  expect(page.replaceAll(/data:image\/jpeg;base64,/g, '')).not.toMatch(
    /<(link|img|iframe|object|base)\b|\bsrc=|\bimport\(/,
  );
  expect(page).not.toContain(process.cwd());
});

it('lets no text end its element', () => {
  const hostile = '</script><script>alert(1)</script></title></noscript></style><!--<img src=x onerror=alert(1)>';
  const tests = [
    passedTest({ name: hostile, file: hostile, status: 'failed', failures: [{ what: hostile }], notes: [hostile] }),
  ];
  const page = reportHtml(makeRunReport({ ...RUN, tool: hostile, command: hostile, tests }));
  expect(page.match(/<script\b/g)).toHaveLength(3);
  expect(page.match(/<\/script>/g)).toHaveLength(3);
  expect(page.match(/<\/(title|noscript|style)>/g)).toEqual(['</title>', '</style>', '</noscript>']);
  expect(page).not.toMatch(/<!--|<img/);
  // The data is complete.
  const block = /id="data-0">(.*?)<\/script>/.exec(page)?.[1] ?? '';
  expect(JSON.parse(block)).toMatchObject({ name: hostile, notes: [hostile] });
});

it('has the same content without a script', async () => {
  const page = reportHtml(await sampleReport());
  const noscript = /<noscript>([\s\S]*?)<\/noscript>/.exec(page)?.[1] ?? '';
  expect(noscript).toContain('9 passed, 1 failed, 1 skipped, 1 flaky');
  expect(noscript).toContain('recall is 0.67');
});
