import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const isLinux = process.platform === 'linux';
const folder = mkdtempSync(join(tmpdir(), 'doorsill-test-core-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A process's limit and filter after the call, with programs from `path`, and its log. */
function asked(path: string): string {
  const program = `
import { readFileSync } from 'node:fs';
import { keepMemoryOutOfCoreDumps } from '@doorsill/base/core-dump';
const log = { warn: (text) => console.log(text), info: (text) => console.log(text) };
keepMemoryOutOfCoreDumps(log);
console.log(readFileSync('/proc/self/coredump_filter', 'utf8').trim());
console.log(readFileSync('/proc/self/limits', 'utf8').split('\\n').find((line) => line.startsWith('Max core')));`;
  // As on a machine without a limit.
  const shell = `ulimit -S -c unlimited; PATH=${path} exec ${process.execPath} --input-type=module --eval "$0"`;
  return execFileSync('/bin/sh', ['-c', shell, program], { encoding: 'utf8' });
}

/** Part of Debian's util-linux; a machine with only Node and git may lack it. */
const hasPrlimit = isLinux && spawnSync('prlimit', ['--version']).status === 0;

it.runIf(hasPrlimit)('leaves no core dump, and no memory in one', () => {
  expect(asked(process.env['PATH'] ?? '')).toMatch(/^0+\nMax core file size +0 /);
});

/** If the limit cannot be raised, nothing is dumped anyway. */
const mayDump = isLinux && !/^Max core file size +\S+ +0 /m.test(readFileSync('/proc/self/limits', 'utf8'));

it.runIf(mayDump)('leaves no memory in a core dump that nothing limits, and logs that', () => {
  writeFileSync(join(folder, 'prlimit'), '');
  expect(asked(folder)).toMatch(/^core dumps could not be switched off.*\n0+\nMax core file size +unlimited /);
});
