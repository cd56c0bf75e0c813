// Owns: a run as one page that opens from a disk: its script and style inside it and named by their hashes, nothing loaded, nothing
// run that is not named. Texts from outside travel as JSON that the page shows as text alone.
// Not here: what the page does (page/), building it (sim/setup/build-page.mjs).
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { escapeHtml } from '@doorsill/base/escape-html';
import { assert } from '@doorsill/contract/assert';
import { reportText } from './report-text.ts';
import { totalsText } from './report-words.ts';
import type { RunReport, TestReport } from './run-report.ts';

/** What the page reads at once of each test; the rest is read when the test is opened. */
export type TestLine = Pick<TestReport, 'name' | 'file' | 'line' | 'variant' | 'status' | 'durationMs'> & {
  /** The first thing that differed. */
  what?: string;
};

/** What the page reads at once. */
export type RunHead = Omit<RunReport, 'format' | 'tests'> & { tests: TestLine[] };

/** Where the built page lies, seen from a source and from its build. */
const BUILT = ['../dist/report-page/', '../report-page/'];

/**
 * The page. Stills that are files beside the report are named in it, not shown; `writeReports` puts them in. `built` is the built
 * page's script and style. Throws when the page was not built, which `npm run build` does.
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

/**
 * A page's beginning, up to its body: it loads nothing, and runs nothing and shows no picture but what `allowed`, directives of its policy
 * (CSP 3), names besides.
 */
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

/** JSON in an element that no browser runs; without `<` nothing in it can end the element or begin a comment. */
function jsonBlock(id: string, value: object): string {
  return `<script type="application/json" id="${id}">${JSON.stringify(value).replaceAll('<', '\\u003c')}</script>`;
}

/** How a policy names a script or style by its content (CSP 3 §2.3.1). */
function sourceHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** The built script and style, of which neither can end the element that it stands in. Throws when the page was not built. */
export function readBuiltPage(): { script: string; style: string } {
  const folder = BUILT.map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) =>
    existsSync(`${path}page.js`),
  );
  assert(folder !== undefined, 'the report’s page was built');
  const [script, style] = [readFileSync(`${folder}page.js`, 'utf8'), readFileSync(`${folder}page.css`, 'utf8')];
  assert(!/<\/script|<!--/i.test(script) && !/<\/style/i.test(style), 'the built page ends no element');
  return { script, style };
}
