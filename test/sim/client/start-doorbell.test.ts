// @module-tag long
// A virtual doorbell leaves nothing behind, however it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processesNaming, temporaryFolder } from '../../support/command-line.ts';
import { descendants, isAlive } from '../../support/processes.ts';
import { BUILT_CLIENT } from './support/built-client.ts';

const GONE_MS_MAX = 30_000;

let scratch: ReturnType<typeof temporaryFolder>;
let child: ChildProcess | null = null;
beforeEach(() => {
  scratch = temporaryFolder('client');
});
afterEach(() => {
  if (child?.exitCode === null) child.kill('SIGKILL');
  scratch.dispose();
});

/** Runs a program that has `startDoorbell`, with a temporary folder of its own; `said` are its lines. */
function run(program: string): { said: () => Promise<string>; ended: Promise<number | string | null> } {
  const text = `import { startDoorbell } from ${JSON.stringify(BUILT_CLIENT)};\n${program}`;
  const started = spawn(process.execPath, ['--input-type=module', '--eval', text], {
    env: { ...process.env, TMPDIR: scratch.path },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child = started;
  const lines = createInterface({ input: started.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<number | string | null>((resolve) =>
    started.once('close', (code, signal) => resolve(code ?? signal)),
  );
  return { said: async () => String((await lines.next()).value), ended };
}

/** Processes and files of the program that are still there. */
const left = () => [...processesNaming(scratch.path), ...readdirSync(scratch.path)];

describe('a process with a virtual doorbell', () => {
  it('ends after stop, and leaves nothing', async () => {
    const { said, ended } = run(`
      const door = await startDoorbell({ agency: false });
      console.log(door.folder);
      await door.press();
      await door.event('ring');
      door.event('motion-start', { timeoutMs: 3_600_000 }).catch(({ code }) => console.log(code));
      await door.stop();
      console.log('stopped');`);
    expect(await said()).toContain(scratch.path);
    expect([await said(), await said()]).toEqual(['client_stopped', 'stopped']);
    expect(await ended).toBe(0);
    expect(left()).toEqual([]);
  });

  it('leaves nothing when it exits without stop, nor when it fails', async () => {
    for (const [end, status] of [
      ['process.exit(3)', 3],
      ["throw new Error('a test fails')", 1],
    ] as const) {
      const { said, ended } = run(`
        const door = await startDoorbell({ agency: false });
        console.log((await door.event('camera', { where: ({ state }) => state === 'recording' })).state);
        process.stdin.once('data', () => {
          ${end};
        });`);
      await said();
      const family = descendants(child?.pid ?? 0);
      // Broker, doorbell and its ffmpeg.
      expect(family.length).toBeGreaterThanOrEqual(3);
      child?.stdin?.write('end\n');
      expect(await ended).toBe(status);
      await expect.poll(() => family.filter(isAlive), { timeout: GONE_MS_MAX }).toEqual([]);
      expect(left()).toEqual([]);
    }
  });

  it('ends all its child processes when it is killed', async () => {
    const { said, ended } = run(`
      const door = await startDoorbell();
      console.log((await door.state()).camera.state);`);
    expect(await said()).toBe('recording');
    const family = descendants(child?.pid ?? 0);
    // Broker, registry, vault, bridge, doorbell and its ffmpeg.
    expect(family.length).toBeGreaterThanOrEqual(6);
    child?.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    await expect.poll(() => family.filter(isAlive), { timeout: GONE_MS_MAX }).toEqual([]);
  });

  it('keeps the folder on request', async () => {
    const { said, ended } = run(`
      const door = await startDoorbell({ agency: false, keep: true });
      await door.stop();
      console.log(door.folder);`);
    const folder = await said();
    expect(await ended).toBe(0);
    expect(existsSync(join(folder, 'testbed/logs/doorbell.log'))).toBe(true);
    expect(processesNaming(scratch.path)).toEqual([]);
  });
});

describe('a start that fails', () => {
  it.each([
    ["{ camera: 'file:/nowhere.mp4' }", 'camera_not_found'],
    // The other parts run already when the doorbell reads this.
    ["{ device: { name: '' } }", 'config_invalid'],
    ["{ agency: false, device: { name: '' } }", 'config_invalid'],
    ["{ cam: 'synthetic' }", 'client_argument_invalid'],
    ["{ device: 'quiet' }", 'client_argument_invalid'],
  ])('with %s throws %s and leaves nothing', async (options, code) => {
    const { said, ended } = run(`
      console.log(await startDoorbell(${options}).catch(({ code }) => code));
      process.stdin.resume();`);
    expect(await said()).toBe(code);
    // The process is still there: it is not its exit that cleans up.
    expect(left()).toEqual([]);
    child?.stdin?.end();
    expect(await ended).toBe(0);
  });
});
