// Follows the numbered steps of docs/qa.md from the first line to the last, then the steps of the workflow that they have copied.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Command, patternOf, readPage } from './support/page.ts';
import { Reader } from './support/reader.ts';

const PAGE = 'docs/qa.md';
const WORKFLOW = '.github/workflows/doorsill.yml';
const MINUTE_MS = 60_000;

/** Lines that fetch packages from elsewhere. */
const FETCHES = /^git clone |\bnpm ci\b|^npm install /;

const workflowSchema = z.looseObject({
  jobs: z.strictObject({
    test: z.looseObject({
      steps: z.array(
        z.looseObject({
          uses: z.string().optional(),
          run: z.string().optional(),
          with: z.looseObject({ path: z.string().optional() }).optional(),
        }),
      ),
    }),
  }),
});

describe('the page for testers of a camera app', { tags: ['long'] }, () => {
  let reader: Reader;
  beforeAll(() => {
    reader = new Reader();
  });
  afterAll(() => reader?.dispose());

  async function follow(commands: Command[], isFirst: boolean): Promise<void> {
    const lines = commands.map(({ line }) => (FETCHES.test(line) ? `: ${line.replaceAll(/[<>&*]/g, '')}` : line));
    const typed = await reader.type(lines, isFirst ? reader.folder : reader.project);
    for (const [at, { line, shown }] of commands.entries()) {
      const { status, output } = typed[at] ?? { status: null, output: '' };
      expect(status, `${line}\n${output}`).toBe(0);
      if (shown.length > 0) expect(output, line).toMatch(patternOf(shown));
    }
  }

  const sections = readPage(PAGE).filter(({ title }) => /^\d+\. /.test(title));
  it('begins with the install and ends in CI', () => {
    expect(sections.length).toBeGreaterThan(8);
    expect(sections[0]?.title).toBe('1. Get it');
    expect(sections.at(-1)?.title).toBe('10. In CI');
    const fetches = sections.flatMap(({ deeds }) =>
      deeds.flatMap((deed) => ('type' in deed ? deed.type.filter(({ line }) => FETCHES.test(line)) : [])),
    );
    expect(fetches.map(({ line }) => line)).toEqual([
      'git clone <this repository> doorsill',
      'cd doorsill && npm run release -- --npm --out ../door-light/vendor && cd ..',
      'npm install --save-dev ./vendor/doorsill-*.tgz',
    ]);
  });

  it.each(sections.map((section, at) => ({ ...section, at })))(
    '$title',
    { timeout: 2 * MINUTE_MS },
    async ({ deeds, at }) => {
      for (const deed of deeds) {
        const isFirst = at === 0 && deed === deeds[0];
        if ('save' in deed) reader.save(deed.save, deed.text);
        else await follow(deed.type, isFirst);
        if (isFirst) reader.install();
      }
    },
  );

  it('has a workflow whose steps take less than a minute', { timeout: 2 * MINUTE_MS }, async () => {
    const { steps } = workflowSchema.parse(parse(reader.read(WORKFLOW))).jobs.test;
    const lines = steps.flatMap(({ run }) => (run === undefined ? [] : run.trimEnd().split('\n')));
    expect(lines).toHaveLength(3);
    const beganMs = performance.now();
    const summary = join(reader.folder, 'summary.md');
    const typed = await reader.type(
      lines.filter((line) => !FETCHES.test(line)),
      reader.project,
      {
        GITHUB_ACTIONS: 'true',
        GITHUB_STEP_SUMMARY: summary,
      },
    );
    const tookMs = performance.now() - beganMs;
    process.stdout.write(`the workflow's steps after the install: ${(tookMs / 1000).toFixed(1)} s\n`);
    expect(
      typed.map(({ status }) => status),
      JSON.stringify(typed),
    ).toEqual([0, 0]);
    expect(tookMs).toBeLessThan(MINUTE_MS);
    const kept = steps.find(({ uses }) => uses?.startsWith('actions/upload-artifact@'))?.with?.path ?? '';
    expect(readdirSync(join(reader.project, kept))).toEqual(expect.arrayContaining(['junit.xml', 'report.html']));
    expect(existsSync(summary)).toBe(true);
  });
});
