// Holds: what `npm run check` says of tests that it left out: where real footage is missing they are named and fail nothing; whatever else was
// skipped fails; and that it says why a test failed when it does.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { root } from '../layout/source-tree.ts';
import { temporaryFolder } from '../support/command-line.ts';

const folder = temporaryFolder('report');
afterAll(() => folder.dispose());

const needSchema = z.object({ tag: z.string(), what: z.string(), mayBeMissing: z.boolean() });
const judgedSchema = z.strictObject({
  leftOut: z.array(z.strictObject({ heading: z.string(), names: z.array(z.string()) })),
  unexcused: z.array(z.string()),
});

/** What an expression gives where report.mjs is `report` and the values are `values`. */
function inReport(expression: string, values: unknown = null, environment: NodeJS.ProcessEnv = {}): unknown {
  const report = JSON.stringify(join(root, 'test/tools/report.mjs'));
  const script = `const report = await import(${report}); const values = JSON.parse(process.argv[1]);
    process.stdout.write(JSON.stringify(${expression}));`;
  const args = ['--input-type=module', '-e', script, JSON.stringify(values)];
  return JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, ...environment } }),
  );
}

const without = { DOORSILL_MEDIA: join(folder.path, 'nothing') };
const missingHere = (environment: NodeJS.ProcessEnv) =>
  z.array(needSchema).parse(inReport('report.missingNeeds()', null, environment));
const judged = (skipped: unknown[], missing: unknown[]) =>
  judgedSchema.parse(inReport('report.judgeSkipped(values.skipped, values.missing)', { skipped, missing }));

const FOOTAGE = { tag: 'footage', what: 'real footage (DOORSILL_MEDIA)', packages: [], mayBeMissing: true };
const REAL = { name: 'a.test.ts: keeps real footage', tags: ['long', 'footage'] };

it('knows that footage may be missing, and nothing that a package brings', () => {
  expect(missingHere(without).find(({ tag }) => tag === 'footage')).toMatchObject({ mayBeMissing: true });
  const other = z.array(needSchema).parse(inReport('report.missingNeeds()', null, { ...without, PATH: '/nowhere' }));
  expect(other.filter(({ mayBeMissing }) => mayBeMissing).map(({ tag }) => tag)).toEqual(['footage']);
  expect(other.length).toBeGreaterThan(1);
});

it('names what was left out for want of real footage, and excuses it', () => {
  expect(judged([REAL], [FOOTAGE])).toEqual({
    leftOut: [{ heading: 'left out: needs real footage (DOORSILL_MEDIA)', names: [REAL.name] }],
    unexcused: [],
  });
});

it('excuses no test of footage where there is footage, none that needs a package, and none for no reason', () => {
  const mosquitto = { name: 'b.test.ts: asks a broker', tags: ['mosquitto'] };
  const nothing = { name: 'c.test.ts: is skipped', tags: [] };
  const lacksBroker = { tag: 'mosquitto', what: 'mosquitto, a broker', packages: ['mosquitto'], mayBeMissing: false };
  const names = [REAL, mosquitto, nothing].map(({ name }) => name);
  expect(judged([REAL, mosquitto, nothing], [lacksBroker])).toEqual({ leftOut: [], unexcused: names });
  expect(judged([REAL, nothing], [FOOTAGE]).unexcused).toEqual([nothing.name]);
});

it('excuses a test that names the hardware it needs', () => {
  const name = 'd.test.ts: a wired camera (needs hardware: a camera) gives pictures';
  expect(judged([{ name, tags: [] }], [])).toEqual({ leftOut: [], unexcused: [] });
});

it('leaves out by its tag what needs real footage, and runs the rest of a file', { tags: ['long'] }, () => {
  const report = join(folder.path, 'report.json');
  const { status, stderr } = spawnSync(
    join(root, 'node_modules/.bin/vitest'),
    [
      ...['run', '--config', 'test/vitest.config.ts', 'test/device/motion/detector.test.ts'],
      ...['--tags-filter=!(footage)', '--reporter=json', `--outputFile.json=${report}`],
    ],
    { cwd: root, encoding: 'utf8', env: { ...process.env, ...without, DOORSILL_PROCESSES: 'shared' } },
  );
  expect(status, stderr).toBe(0);
  const read = z
    .object({
      counts: z.object({ passed: z.number(), failed: z.number() }),
      skipped: z.array(z.object({ name: z.string(), tags: z.array(z.string()) })),
    })
    .parse(inReport('report.readReport([values])', report));
  expect(read.counts).toMatchObject({ failed: 0 });
  expect(read.counts.passed).toBeGreaterThan(0);
  const { leftOut, unexcused } = judged(read.skipped, [FOOTAGE]);
  expect(unexcused).toEqual([]);
  expect(leftOut[0]?.names.join('\n')).toContain('detector.test.ts: on real footage detects passing cars');
});

it('says why a test, a hook and a file failed when they did, also where the run is ended before its end', async () => {
  const at = join(folder.path, 'failing');
  await mkdir(at);
  await symlink(join(root, 'node_modules'), join(at, 'node_modules'));
  await writeFile(join(at, 'load.test.js'), `throw new Error('not loaded');`);
  await writeFile(
    join(at, 'one.test.js'),
    `import { beforeAll, describe, expect, it } from 'vitest';
    it('adds', () => expect(1 + 1).toBe(3));
    describe('a suite', () => { beforeAll(() => { throw new Error('no broker'); }); it('waits', () => undefined); });
    it.each([...Array(600).keys()])('goes on %s', () => new Promise((done) => setTimeout(done, 100)));`,
  );
  const reporter = join(root, 'test/tools/failures-at-once.mjs');
  const words = [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--root',
    at,
    '--reporter',
    reporter,
    '--maxWorkers',
    '2',
  ];
  const run = spawn(process.execPath, words, { cwd: at, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  run.stdout.on('data', (piece: Buffer) => {
    said += piece.toString();
  });
  try {
    await expect.poll(() => said).toContain('expected 2 to be 3');
    await expect.poll(() => said).toContain('no broker');
    await expect.poll(() => said).toContain('not loaded');
    for (const what of ['one.test.js > adds', 'one.test.js > a suite', 'load.test.js'])
      expect(said).toContain(`FAILED ${what}\n`);
    expect(run.exitCode).toBeNull();
  } finally {
    run.kill('SIGKILL');
  }
});

it('says what failed outside of any test, which alone fails the run', async () => {
  const at = join(folder.path, 'outside');
  await mkdir(at);
  await symlink(join(root, 'node_modules'), join(at, 'node_modules'));
  await writeFile(
    join(at, 'one.test.js'),
    `import { it } from 'vitest';
    it('passes', async () => {
      void Promise.reject(new Error('nobody waits for this'));
      await new Promise((done) => setTimeout(done, 50));
    });`,
  );
  const reporter = join(root, 'test/tools/failures-at-once.mjs');
  const words = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', at, '--reporter', reporter];
  const { status, stdout } = spawnSync(process.execPath, words, { cwd: at, encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stdout).toContain('FAILED outside of any test\n');
  expect(stdout).toContain('nobody waits for this');
});
