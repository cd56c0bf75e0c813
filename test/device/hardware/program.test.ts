// Running small programs: no shell, a bare environment, nothing left behind.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { type ProgramEnd, SystemPrograms } from '../../../device/base/system-programs.ts';
import { compileProgram } from '../../support/child-program.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('program');
afterAll(() => folder.dispose());
const programs = new SystemPrograms({ ...process.env, SECRET: 'not-for-programs' });

async function outcome(...command: string[]): Promise<{ end: ProgramEnd; printed: string }> {
  let printed = '';
  const end = await programs.run(command, (chunk) => {
    printed += new TextDecoder().decode(chunk);
  }).ended;
  return { end, printed };
}

const isAlive = (pid: number) =>
  existsSync(`/proc/${pid}/stat`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');

it('passes arguments unchanged, and only the needed part of the environment', {
  tags: ['setpriv'],
}, async () => {
  const { end, printed } = await outcome('printf', '%s|', '$HOME', '; echo no', '*');
  expect(printed).toBe('$HOME|; echo no|*|');
  expect(end).toEqual({ missing: false, status: 0, words: '' });
  expect((await outcome('env')).printed).not.toContain('not-for-programs');
});

it('reports status, messages and absence of a program', { tags: ['setpriv'] }, async () => {
  expect((await outcome('sh', '-c', 'echo broken cable >&2; exit 3')).end).toEqual({
    missing: false,
    status: 3,
    words: 'broken cable',
  });
  expect((await outcome('doorsill-no-such-program')).end.missing).toBe(true);
});

it.runIf(process.platform === 'linux')('does not report a program as missing if setpriv is missing', async () => {
  const { ended } = new SystemPrograms({ PATH: folder.path }).run([process.execPath, '--version']);
  expect(await ended).toEqual({
    missing: false,
    status: null,
    words: expect.stringContaining('setpriv, which is not'),
  });
});

it('ends a program with all its children', { tags: ['setpriv'] }, async () => {
  const file = join(folder.path, 'grandchild');
  const run = programs.run(['sh', '-c', `sleep 1000 & echo $! > ${file}; wait`]);
  const pid = await vi.waitFor(() => {
    expect(existsSync(file) && readFileSync(file, 'utf8')).toMatch(/\d/);
    return Number(readFileSync(file, 'utf8'));
  });
  expect(isAlive(pid)).toBe(true);
  run.stop();
  await run.ended;
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
  run.stop();
});

it('leaves no program behind when this process is killed', { tags: ['setpriv'] }, async () => {
  const program = await compileProgram('test/device/hardware/watch-until-killed.ts', join(folder.path, 'build'));
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const pid = await new Promise<number>((resolve) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())));
  });
  expect(isAlive(pid)).toBe(true);
  child.kill('SIGKILL');
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
});
