// A run as one HTML page that works from a disk: script and style are inline, named by their hashes in its policy, and nothing else is
// loaded or run. Untrusted texts are JSON data that the page shows as plain text.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { escapeHtml } from '@doorsill/base/escape-html';
import { assert } from '@doorsill/contract/assert';
import { reportText } from './report-text.ts';
import { totalsText } from './report-words.ts';
import type { RunReport, TestReport } from './run-report.ts';

/** The part of each test that the page reads at once; the rest is read when the test is opened. */
export type TestLine = Pick<TestReport, 'name' | 'file' | 'line' | 'variant' | 'status' | 'durationMs'> & {
  /** The first difference. */
  what?: string;
};

export type RunHead = Omit<RunReport, 'format' | 'tests'> & { tests: TestLine[] };

/** Where the built page lies, relative to the source and to the build. */
const BUILT = ['../dist/report-page/', '../report-page/'];

/**
 * The page. Stills in files next to the report are only named in it; `writeReports` embeds them. `built` is the page's script and style.
 * Throws if the page was not built (`npm run build`).
 */
export function reportHtml(report: RunReport, { script, style } = readBuiltPage()): string {
  const { format: _format, tests, ...run } = report;
  const head: RunHead = { ...run, tests: tests.map(lineOf) };
  const title = `${totalsText(report.totals)} · ${report.command}`;
  return `${documentHead(title, style, [`script-src ${sourceHash(script)}`, 'img-src data:'])}
<body>
<div id="page"></div>
<noscript><h1>${escapeHtml(totalsText(report.totals))}</h1><pre>${escapeHtml(reportText(report))}</pre></noscript>
${jsonBlock('run', head)}
${tests.map((test, at) => jsonBlock(`data-${at}`, test)).join('\n')}
<script type="module">${script}</script>
</body>
</html>
`;
}

/** A document up to its body. Its policy (CSP 3) forbids everything to load, run or show, except the directives in `allowed`. */
export function documentHead(title: string, style: string, allowed: readonly string[] = []): string {
  const policy = [
    "default-src 'none'",
    `style-src ${sourceHash(style)}`,
    ...allowed,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>`;
}

function lineOf({ name, file, line, variant, status, durationMs, failures }: TestReport): TestLine {
  const known = { name, status, durationMs, ...(failures[0] ? { what: failures[0].what } : {}) };
  return {
    ...known,
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
    ...(variant === undefined ? {} : { variant }),
  };
}

/** JSON in an element that browsers don't run; without `<` it can neither end the element nor begin a comment. */
function jsonBlock(id: string, value: object): string {
  return `<script type="application/json" id="${id}">${JSON.stringify(value).replaceAll('<', '\\u003c')}</script>`;
}

/** The source expression of an inline script or style (CSP 3 §2.3.1). */
function sourceHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** The built script and style; neither can end its element. Throws if the page was not built. */
export function readBuiltPage(): { script: string; style: string } {
  const folder = BUILT.map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) =>
    existsSync(`${path}page.js`),
  );
  assert(folder !== undefined, 'the report’s page was built');
  const [script, style] = [readFileSync(`${folder}page.js`, 'utf8'), readFileSync(`${folder}page.css`, 'utf8')];
  assert(!/<\/script|<!--/i.test(script) && !/<\/style/i.test(style), 'the built page ends no element');
  return { script, style };
}
