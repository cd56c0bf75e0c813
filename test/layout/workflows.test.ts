// Holds: what a hosted CI is told is valid for it, runs what developers run, and gives no action more than it needs. What it then does is seen
// only there.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { validateWorkflow } from '@action-validator/core';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { root } from './source-tree.ts';

const folder = join(root, '.github/workflows');
const workflows = readdirSync(folder).map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
const packageFile = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const workflowSchema = z.looseObject({
  permissions: z.strictObject({ contents: z.literal('read') }),
  jobs: z.record(
    z.string(),
    z.looseObject({
      'timeout-minutes': z.int(),
      permissions: z.record(z.string(), z.string()).optional(),
      steps: z.array(
        z.looseObject({ uses: z.string().optional(), run: z.string().optional(), with: z.looseObject({}).optional() }),
      ),
    }),
  ),
});
const jobsOf = (text: string) => Object.entries(workflowSchema.parse(parse(text)).jobs);

it.each(workflows)('$name is valid', ({ text }) => {
  expect(validateWorkflow(text).errors).toEqual([]);
  expect(validateWorkflow(text.replace('runs-on:', 'runs-at:')).errors).not.toEqual([]);
});

it.each(workflows)('$name pins each action by its commit, and lends no token', ({ text }) => {
  expect(
    text.match(/uses: .*/g)?.filter((line) => !/^uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line)),
  ).toEqual([]);
  for (const [job, { permissions = {}, steps }] of jobsOf(text)) {
    const allowed = job === 'publish' ? { contents: 'read', 'id-token': 'write' } : {};
    expect(permissions).toEqual(allowed);
    for (const { uses, with: given } of steps)
      if (uses?.startsWith('actions/checkout@')) expect(given).toMatchObject({ 'persist-credentials': false });
  }
});

it('runs scripts that exist, on the oldest Node that is promised and newer ones', () => {
  const runs = workflows.flatMap(({ text }) =>
    jobsOf(text).flatMap(([, { steps }]) => steps.map(({ run = '' }) => run)),
  );
  const scripts = runs.flatMap((run) =>
    [...run.matchAll(/npm (?:run )?(test|release|check)\b/g)].map(([, name]) => name),
  );
  expect(new Set(scripts)).toEqual(new Set(['test', 'release']));
  for (const name of scripts) expect(Object.keys(packageFile.scripts)).toContain(name);
  expect(runs).toContain('.ci/run');
  const check = parse(workflows.find(({ name }) => name === 'check.yml')?.text ?? '');
  expect(check.jobs.test.strategy.matrix.node[0]).toBe(`${packageFile.engines.node.slice(2)}.0`);
});

it('knows the packages that it publishes', () => {
  const release = workflows.find(({ name }) => name === 'release.yml')?.text ?? '';
  const [, names = ''] = /for name in (.*); do/.exec(release) ?? [];
  const own = packageFile.workspaces.map(
    (place: string) => JSON.parse(readFileSync(join(root, place, 'package.json'), 'utf8')).name,
  );
  expect(names.split(' ')).toEqual(own.map((name: string) => name.replace('@doorsill/', '')));
});
