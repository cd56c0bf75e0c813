import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { compileProgram } from '../../support/child-program.ts';
import { proved } from '../../support/proved.ts';
import { straceWords, traceEnvironment, withTemporary } from '../../support/strace.ts';
import { type KillSizes, recovered } from './ring-kill.ts';

/** The appended segments fill the ring more than once. */
const SIZES: KillSizes = { bytesMax: 262_144, fragmentBytes: 9_000, fits: 7 };
const APPENDED = 24;
const CALLS = ['openat', 'write', 'pwrite64', 'fdatasync', 'fsync', 'rename'];
const CALLS_MAX = 200;

it('a ring that is killed at any writing system call keeps every acknowledged segment', async (test) => {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-ring-calls-'));
  try {
    const program = await compileProgram('test/device/ring/append-until-killed.ts', join(folder, 'program'));
    const kills = new Map<string, number>();
    for (const call of CALLS) {
      for (let nth = 1; nth <= CALLS_MAX; nth += 1) {
        const path = join(folder, `${call}-${nth}`, 'ring');
        const { acknowledged, wasKilled } = await appendUntil(program, path, call, nth);
        if (!wasKilled) break;
        kills.set(call, nth);
        const kept = await recovered(path, SIZES);
        expect(kept.damaged, `${call} ${nth}`).toBeLessThanOrEqual(2);
        expect(kept.numbers, `${call} ${nth}`).toEqual(expect.arrayContaining(acknowledged.slice(-SIZES.fits)));
        await rm(join(folder, `${call}-${nth}`), { recursive: true });
      }
    }
    // An append is one durable call. Each was a point of death, and so was each call that opens a ring.
    expect(kills.get('pwrite64')).toBeGreaterThanOrEqual(APPENDED);
    for (const call of ['openat', 'write', 'fdatasync', 'rename']) expect(kills.has(call), call).toBe(true);
    const points = [...kills.values()].reduce((sum, count) => sum + count, 0);
    proved(test, 'ring killed at every write-class call', `${points} points, 0 acknowledged segments lost`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 1_800_000);

/** Appends until strace kills the program at a call, or this many segments are acknowledged. */
async function appendUntil(program: string, path: string, call: string, nth: number) {
  const log = `${program}.trace`;
  const paths = [path, `${path}.key`, `${path}.device`].flatMap(withTemporary);
  const words = straceWords({ paths, calls: [call], faults: [{ call, at: nth, how: 'KILL' }], log });
  const args = [program, path, '0', String(SIZES.fragmentBytes), String(SIZES.bytesMax)];
  const child = spawn('strace', [...words, '--', process.execPath, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...traceEnvironment },
    detached: true,
  });
  const closed = once(child, 'close');
  const acknowledged: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(Number(line));
    if (acknowledged.length === APPENDED && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }
  await closed;
  const wasKilled = (await readFile(log, 'utf8')).includes(`${call}(`) && acknowledged.length < APPENDED;
  return { acknowledged, wasKilled };
}
