// @module-tag long
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { parseRunReport } from '../../../sim/report/run-report.ts';
import { callCommand } from '../../support/call-command.ts';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';
import { slowIt } from '../../support/slow-it.ts';

const folder = temporaryFolder('test-verb');
afterAll(folder.dispose);
const inFolder = (name: string) => join(folder.path, name);
const CAMERA = 'camera: synthetic?size=320x180&seconds=8&audio=off';

function scenario(name: string, text: string): void {
  mkdirSync(inFolder('stories'), { recursive: true });
  writeFileSync(inFolder(`stories/${name}.yaml`), text);
}

beforeEach(() => {
  rmSync(inFolder('stories'), { recursive: true, force: true });
  rmSync(inFolder('out'), { recursive: true, force: true });
});

const test = (...args: string[]) =>
  runCommand(['test', inFolder('stories'), '--out', inFolder('out'), ...args, '--json']);
const statuses = (lines: readonly Record<string, unknown>[]) =>
  Object.fromEntries(lines.filter(({ event }) => event === 'test').map(({ name, status }) => [name, status]));
const report = () => parseRunReport(readFileSync(inFolder('out/report.json')), 'report.json');

describe('`test`', { timeout: 60_000 }, () => {
  it('runs a folder of scenarios concurrently; status 1 if one fails, with its place and reason', async () => {
    scenario('rings', `name: it rings\n${CAMERA}\nexpect:\n  - event: ring\n    at: 2.6s\n`);
    scenario('silent', `name: it is silent\n${CAMERA}\nexpect:\n  - no-event: ring\n`);
    const ran = await test('--reporter', 'json,junit,html');
    expect(ran.status).toBe(1);
    expect(statuses(ran.lines)).toEqual({ 'it rings': 'passed', 'it is silent': 'failed' });
    expect(report().tool).toMatch(/^doorsill \d/);
    const failed = report().tests.find(({ status }) => status === 'failed');
    expect(failed).toMatchObject({
      file: inFolder('stories/silent.yaml'),
      failures: [{ at: { file: inFolder('stories/silent.yaml'), line: 4 }, expected: '0' }],
    });
    expect(readFileSync(inFolder('out/junit.xml'), 'utf8')).toContain('it is silent');
    expect(statSync(inFolder('out/report.html')).mode & 0o777).toBe(0o600);
  });

  it('keeps failed scenarios with their includes, so that they fail again without the originals', async () => {
    scenario('_home', 'settings:\n  preRollS: 2\n');
    scenario(
      'silent',
      `name: it is silent\ninclude: _home.yaml\n${CAMERA}\nmatrix:\n  button: [front, back]\nexpect:\n  - no-event: ring\n`,
    );
    expect((await test('--reporter', 'json', '--filter', 'button=back')).status).toBe(1);
    const [failed, ...others] = report().tests;
    expect(others).toEqual([]);
    rmSync(inFolder('stories'), { recursive: true });
    cpSync(inFolder('out'), inFolder('elsewhere'), { recursive: true });
    const rerun = String(failed?.rerun);
    const words = [...rerun.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    expect(words.slice(0, 2)).toEqual(['doorsill', 'test']);
    const again = await runCommand([...words.slice(1), '--out', inFolder('again'), '--json']);
    expect(again.status).toBe(1);
    expect(again.lines.filter(({ event }) => event === 'test')).toMatchObject([
      { name: 'it is silent', variant: { button: 'back' } },
    ]);
  });

  it('runs each scenario as often as --repeat says', async () => {
    scenario('steady', `name: steady\n${CAMERA}\nexpect:\n  - event: ring\n    at: 2.6s\n`);
    expect(await test('--repeat', '3', '--reporter', 'json')).toMatchObject({
      status: 0,
      last: { passed: 1, flaky: 0 },
    });
    expect(report().tests).toMatchObject([{ status: 'passed', attempts: 3 }]);
  });

  it('compares with golden files, shows the difference, and writes them with --update', async () => {
    // In one process, one after the other.
    const compared = (...args: string[]) => test('--workers', '1', '--reporter', 'json', ...args);
    const file = (name: string) => inFolder(`stories/${name}.jsonl`);
    for (const name of ['golden', 'former'])
      scenario(name, `name: ${name}\n${CAMERA}\nexpect:\n  - golden: ${name}.jsonl\n`);
    expect((await compared('--update')).status).toBe(0);
    const text = readFileSync(file('golden'), 'utf8');
    expect(text).toContain('"type":"ring"');
    // Seconds are called seconds.
    expect(text).toContain('"happenedS":2.6');
    expect(text).not.toMatch(/"\w+Us":/);
    // A golden file of a version that called them microseconds holds still, and is written anew with the next update.
    const former = text.replaceAll('"happenedS":', '"atUs":').replaceAll(/"(start|end)S":/g, '"$1Us":');
    writeFileSync(file('former'), former);
    expect((await compared()).status).toBe(0);
    expect((await compared('--update')).status).toBe(0);
    for (const name of ['golden', 'former']) expect(readFileSync(file(name), 'utf8'), name).toBe(text);
    writeFileSync(file('golden'), text.replace('"type":"ring"', '"type":"rang"'));
    rmSync(file('former'));
    const differs = await compared();
    expect([differs.status, statuses(differs.lines)]).toEqual([1, { golden: 'failed', former: 'failed' }]);
    const [golden] = report().tests.filter(({ name }) => name === 'golden');
    expect(golden?.failures[0]?.diff).toMatch(/^-.*"rang"[\s\S]*^\+.*"ring"/m);
    expect(readFileSync(file('golden'), 'utf8')).toContain('rang');
  });

  it('runs one part of several, and all parts together are all scenarios', async () => {
    for (const name of ['one', 'two', 'three']) scenario(name, `name: ${name}\n${CAMERA}\n`);
    const parts = [await test('--shard', '1/2', '--workers', '1'), await test('--shard', '2/2')];
    expect(parts.map(({ lines }) => Object.keys(statuses(lines)).length)).toEqual([2, 1]);
    expect(parts.flatMap(({ lines }) => Object.keys(statuses(lines))).sort()).toEqual(['one', 'three', 'two']);
  });

  it('reports every mistake with its place before anything is run', async () => {
    scenario('good', `name: good\n${CAMERA}\n`);
    scenario('bad', `name: bad\n${CAMERA}\nstepz: []\n`);
    const ran = await test();
    expect(ran.status).toBe(6);
    expect(ran.stderr).toContain('bad.yaml:3:1');
    expect(ran.stderr).toContain('did you mean \\"steps\\"');
    expect(ran.lines).toEqual([]);
  });

  it.each([
    ['its folder', {}, ['env', '-C', folder.path]],
    ['the checkout of a workflow that runs below it', { GITHUB_WORKSPACE: folder.path }, ['env', '-C', '/']],
  ])('names files in every report, GitHub’s annotations and summary, relative to %s', async (_, environment, under) => {
    scenario('silent', `name: it is silent\n${CAMERA}\nexpect:\n  - no-event: ring\n`);
    const summary = inFolder('summary.md');
    writeFileSync(summary, '');
    const words = ['test', inFolder('stories'), '--out', inFolder('out'), '--reporter', 'github,junit,json'];
    const running = new Running(words, { GITHUB_WORKSPACE: '', GITHUB_STEP_SUMMARY: summary, ...environment }, under);
    expect(await running.ended(), running.stderr).toBe(1);
    expect(running.stdout).toMatch(/^::error file=stories\/silent\.yaml,line=4,col=\d+,title=/m);
    expect(readFileSync(summary, 'utf8')).toContain('it is silent');
    expect(readFileSync(inFolder('out/junit.xml'), 'utf8')).toMatch(
      /<testsuite name="stories\/silent\.yaml"[\s\S]*<testcase [^>]*classname="stories\.silent" [^>]*file="stories\/silent\.yaml" line="1"/,
    );
    expect(report().tests).toMatchObject([
      { file: 'stories/silent.yaml', failures: [{ at: { file: 'stories/silent.yaml', line: 4 } }] },
    ]);
  });

  slowIt(
    'runs again when a file changes, until it is stopped',
    async () => {
      scenario('rings', `name: it rings\n${CAMERA}\nexpect:\n  - event: ring\n`);
      const running = new Running(['test', inFolder('stories'), '--out', inFolder('stories/out'), '--watch', '--json']);
      await running.line('a first run', ({ event, passed }) => event === 'tested' && passed === 1);
      scenario('rings', `name: it rings\n${CAMERA}\nexpect:\n  - no-event: ring\n`);
      await running.line('a second run', ({ event, failed }) => event === 'tested' && failed === 1);
      // A mistake is told, and does not end it.
      scenario('rings', 'nam: it rings\n');
      await expect.poll(() => running.stderr, { timeout: 20_000 }).toContain('did you mean');
      scenario('rings', `name: it rings again\n${CAMERA}\nexpect:\n  - event: ring\n`);
      await running.line(
        'a third run',
        ({ event, name, status }) => event === 'test' && name === 'it rings again' && status === 'passed',
      );
      running.child.kill('SIGINT');
      await running.ended(20);
      // What a run writes itself is no change: it ran three times.
      expect(running.lines.filter(({ event }) => event === 'tested').length).toBeLessThan(6);
    },
    90_000,
  );

  slowIt(
    'keeps what was done when it is stopped, and says what was not',
    async () => {
      scenario('a-short', `name: short\n${CAMERA}\n`);
      scenario('b-long', `name: long\ntime: real\nfor: 60s\n${CAMERA.replace('seconds=8', 'seconds=80')}\n`);
      const running = new Running([
        'test',
        inFolder('stories'),
        '--out',
        inFolder('out'),
        '--reporter',
        'json',
        '--workers',
        '1',
        '--json',
      ]);
      await running.line('the short one', ({ event, name }) => event === 'test' && name === 'short');
      running.child.kill('SIGINT');
      expect(await running.ended(30)).toBe(130);
      expect(JSON.parse(running.stderr.trim())).toMatchObject({
        error: { code: 'interrupted', message: 'Stopped by Ctrl-C.' },
      });
      expect(report().totals).toMatchObject({ passed: 1, interrupted: 1 });
    },
    90_000,
  );

  it('refuses to watch a missing folder', async () => {
    const ran = await runCommand(['test', inFolder('nowhere'), '--watch', '--json'], { seconds: 30 });
    expect([JSON.parse(ran.stderr).error.code, ran.status]).toEqual(['scenario_none', 6]);
  });

  it.each([
    [['--shard', '3/2'], 'usage', 2],
    [['--repeat', '0'], 'usage', 2],
    [['--reporter', 'tap'], 'usage', 2],
    [['--set', 'nothing'], 'usage', 2],
    [['--filter', 'no such story'], 'scenario_none', 6],
  ])('refuses %j with %s', async (args, code, status) => {
    scenario('rings', `name: it rings\n${CAMERA}\n`);
    const ran = await callCommand(['test', inFolder('stories'), ...args, '--json']);
    expect(ran.stderr).toContain(`"code":"${code}"`);
    expect(ran.status).toBe(status);
  });
});
