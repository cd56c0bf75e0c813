// Follows README's three ways in as they are written, in a copy of this checkout, and times the first result of each.
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../layout/source-tree.ts';
import { copyCheckout } from '../support/copy-checkout.ts';
import { freePort } from '../support/mosquitto.ts';
import { proved } from '../support/proved.ts';
import { blockIn, linesIn } from './support/page.ts';
import { Reader } from './support/reader.ts';

const MINUTE_MS = 60_000;
const DEVELOPER = '### You build software for doorbells';
const QA = '### You test cameras and what watches them';
const HOBBYIST = '### You have a Raspberry Pi and a camera';

/** A line that was typed into a shell of its own. */
class TypedLine {
  output = '';
  private readonly line: string;
  private readonly child: ChildProcess;
  private readonly startedMs = performance.now();
  private readonly over: Promise<number | null>;
  private isOver = false;

  constructor(line: string, cwd: string, home: string) {
    this.line = line;
    const PATH = `${dirname(process.execPath)}:${process.env['PATH']}`;
    // Nobody listens at that registry.
    const env = {
      PATH,
      HOME: home,
      TMPDIR: home,
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_update_notifier: 'false',
    };
    this.child = spawn('bash', ['-c', `exec 2>&1; ${line}`], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.over = new Promise((resolve) =>
      this.child.once('close', (status) => {
        this.isOver = true;
        resolve(status);
      }),
    );
  }

  /** Seconds since it was typed until it has printed this. Throws if it ends before. */
  async printed(pattern: RegExp): Promise<number> {
    while (!pattern.test(this.output)) {
      if (this.isOver) throw new Error(`${this.line} ended before it printed ${pattern}:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return this.seconds;
  }

  /** Waits for its end. Throws if it fails. */
  async done(): Promise<number> {
    const status = await this.over;
    expect(status, `${this.line}\n${this.output}`).toBe(0);
    return this.seconds;
  }

  /** Ends it by Ctrl-C. */
  async interrupt(): Promise<void> {
    if (!this.isOver && this.child.pid !== undefined) process.kill(-this.child.pid, 'SIGINT');
    await this.over;
  }

  private get seconds(): number {
    return (performance.now() - this.startedMs) / 1000;
  }
}

const printSeconds = (seconds: number) => `${seconds.toFixed(1)} s`;

describe('README’s three ways in', { tags: ['long'], timeout: 15 * MINUTE_MS }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'doorsill-test-doors-'));
  const checkout = join(folder, 'doorsill');
  const typed: TypedLine[] = [];
  const type = (line: string, cwd = checkout) => {
    const one = new TypedLine(line, cwd, folder);
    typed.push(one);
    return one;
  };
  beforeAll(() => {
    mkdirSync(checkout);
    copyCheckout(root, checkout);
  }, 5 * MINUTE_MS);
  afterAll(async () => {
    await Promise.all(typed.map((one) => one.interrupt()));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }, MINUTE_MS);

  it('lead a developer to a granted clip', async (test) => {
    const reader = new Reader();
    try {
      mkdirSync(reader.project);
      reader.install();
      reader.save('door.mjs', blockIn('README.md', DEVELOPER, 'js'));
      const seconds = await type('node door.mjs', reader.project).done();
      proved(test, 'README: a developer’s ten lines, to the granted clip', printSeconds(seconds));
    } finally {
      reader.dispose();
    }
  });

  it('lead a tester to a clip, a replay, scenarios, and a camera that loses packets', async (test) => {
    await type("npx doorsill replay 'synthetic?seconds=20&size=640x360' --out drawn").done();
    const front = join(checkout, 'drawn/front');
    const [film = ''] = readdirSync(front).filter((name) => name.endsWith('event-window.mp4'));
    copyFileSync(join(front, film), join(checkout, 'porch.mp4'));
    // Another test may have README's port.
    const port = await freePort();
    const lines = linesIn('README.md', QA).map((line) => line.replace(':8554/', `:${port}/`));
    expect(lines.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      'npx doorsill demo',
      'npx doorsill replay',
      'npx doorsill test',
      'npx doorsill camera',
      'npx doorsill camera',
    ]);
    const [demo = '', replay = '', scenarios = '', camera = '', fault = ''] = lines;
    const told = type(demo);
    const demoSeconds = await told.done();
    const clip: unknown = JSON.parse(told.output.trim().split('\n').at(-1) ?? '');
    const disclosed = { address: expect.any(String), email: expect.any(String) };
    expect(clip).toMatchObject({ window: { startUs: expect.any(Number) }, frames: expect.any(Number), disclosed });
    const noticed = type(replay);
    const replaySeconds = await noticed.printed(/motion begins/);
    await noticed.done();
    await type(scenarios).done();
    expect(readdirSync(join(checkout, 'test-results'))).toEqual(expect.arrayContaining(['junit.xml', 'report.html']));
    const serving = type(camera);
    const cameraSeconds = await serving.printed(/Serving rtsp:/);
    const faulty = type(fault);
    await faulty.done();
    expect(faulty.output).toContain('lost-packets=5%');
    await serving.interrupt();
    proved(test, 'README: a tester’s video, to the clip in the vault', printSeconds(demoSeconds));
    proved(test, 'README: a tester’s video, to the first motion noticed', printSeconds(replaySeconds));
    proved(test, 'README: a camera for any software, until it serves', printSeconds(cameraSeconds));
  });

  it('lead a hobbyist to a doorbell that records a network camera', async (test) => {
    const port = await freePort();
    const camera = type(`npx doorsill camera synthetic --serve rtsp://127.0.0.1:${port}/stream1`);
    await camera.printed(/Serving rtsp:/);
    const lines = linesIn('README.md', HOBBYIST);
    const [up = ''] = lines.filter((line) => line.includes('rtsp://192.168.1.20/'));
    expect(lines).toHaveLength(3);
    const doorbell = type(up.replace('192.168.1.20', `127.0.0.1:${port}`));
    const seconds = await doorbell.printed(/recording/);
    const listed = type('npx doorsill up list');
    await listed.done();
    expect(listed.output).toContain(`rtsp://127.0.0.1:${port}/stream1`);
    await doorbell.interrupt();
    await camera.interrupt();
    proved(test, 'README: a hobbyist’s network camera, until it is recorded', printSeconds(seconds));
  });
});
