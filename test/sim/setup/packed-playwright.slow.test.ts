// README's lines for developers in a test of Playwright's runner, which is fetched for this alone and without any browser.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fetchTool } from './support/fetch-tool.ts';
import { PackedProject } from './support/packed-project.ts';
import { asTestOf, runClient } from './support/readme-client.ts';

const MINUTES_MS = 60_000;
const PLAYWRIGHT = '1.65.1';

let project: PackedProject;
beforeAll(async () => {
  project = await PackedProject.make();
}, 5 * MINUTES_MS);
afterAll(() => project?.dispose(), 2 * MINUTES_MS);

it('runs them under @playwright/test and leaves nothing', { timeout: 5 * MINUTES_MS }, async () => {
  const tool = fetchTool(join(project.machine.folder, 'tools'), '@playwright/test', PLAYWRIGHT);
  project.link('@playwright/test', tool);
  writeFileSync(join(project.folder, 'door.spec.js'), asTestOf("import { test } from '@playwright/test';"));
  const options = ['--reporter=line', `--timeout=${MINUTES_MS}`];
  const ran = await runClient(project, [join(tool, 'cli.js'), 'test', ...options]);
  expect(ran).toMatchObject({ status: 0, output: expect.stringContaining('1 passed'), left: [] });
});
