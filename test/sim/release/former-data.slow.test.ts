// Opens with today's programs what those of earlier commits left: a testbed with a clip in its vault. Those are built here, from the repository's
// history and the configured registry.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from '../../layout/source-tree.ts';
import { ownPorts } from '../../support/own-ports.ts';
import { proved } from '../../support/proved.ts';
import { type Ended, ended } from '../setup/support/checkout.ts';
import { Printed } from '../setup/support/printed.ts';

const MINUTES_MS = 60_000;
/** In the words of today, and of the first of the commits. */
const DELIVERED = /(Delivered:|The clip is in the vault: exactly) \d+ frames/;
const GRANT_LINE = /doorsill grant (request-.*)/;
/** The commits, and npm's word for installing their packages: the lock file of the first is not whole. */
const FORMER = [
  ['3614d38', 'install'],
  ['1877af3f', 'ci'],
] as const;

function hasCommit(commit: string): boolean {
  try {
    execFileSync('git', ['-C', root, 'cat-file', '-e', `${commit}^{commit}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.runIf(FORMER.every(([commit]) => hasCommit(commit)))('a testbed of an earlier commit', () => {
  const folder = mkdtempSync(join(tmpdir(), 'doorsill-test-former-'));
  const started: ChildProcess[] = [];
  afterAll(() => {
    for (const child of started) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }, MINUTES_MS);

  /** The command of a checkout. */
  const start = (checkout: string, args: readonly string[]) => {
    const child = spawn(process.execPath, [join(checkout, 'sim/cli/doorsill.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    started.push(child);
    return child;
  };
  const run = (checkout: string, args: readonly string[]): Promise<Ended> => ended(start(checkout, args));
  /** Starts the testbed, and grants what its agency asks for; what it printed until then, and how to end it. */
  const grantAtDoor = async (checkout: string, args: readonly string[]) => {
    const child = start(checkout, ['up', ...args]);
    const printed = new Printed(child);
    const [, line = ''] = GRANT_LINE.exec(await printed.find(GRANT_LINE)) ?? [];
    const granted = await run(checkout, ['grant', ...line.trim().split(/\s+/)]);
    expect(granted.status, granted.output).toBe(0);
    await printed.find(DELIVERED);
    return {
      printed,
      end: async () => {
        child.kill('SIGINT');
        await printed.find(/the program has ended/);
      },
    };
  };

  it.for(FORMER)(
    '%s is opened, its clip is there and verifies, and the earlier programs refuse it then',
    {
      timeout: 15 * MINUTES_MS,
    },
    async ([commit, install], test) => {
      const former = join(folder, commit);
      mkdirSync(former);
      const tar = execFileSync('git', ['-C', root, 'archive', commit], { maxBuffer: 2 ** 28 });
      execFileSync('tar', ['-xf', '-', '-C', former], { input: tar });
      execFileSync('npm', [install, '--no-audit', '--no-fund'], { cwd: former, stdio: 'ignore' });
      execFileSync(process.execPath, ['sim/setup/prepare.mjs'], { cwd: former, stdio: 'ignore' });
      const data = join(folder, `${commit}-data`);
      const before = await grantAtDoor(former, ['--data', data]);
      await before.end();
      const clip = await before.printed.find(/(?<=doorsill verify )\S+ \S+/);

      const ports = await ownPorts();
      try {
        const now = await grantAtDoor(root, ['--data', data, '--port', String(ports.first)]);
        await now.printed.find(/is up again, with the data of last time/);
        await now.printed.find(/The vault holds 1 clip of earlier grants/);
        const left = await run(root, ['left', '--data', data, '--json']);
        expect(left.output.match(/"grant-[0-9a-f]+"/g)?.length ?? 0, left.output).toBeGreaterThanOrEqual(2);
        await now.end();
        const verified = await run(root, ['verify', ...clip.split(' ')]);
        expect(verified.status, verified.output).toBe(0);
        const refused = await run(former, ['up', '--data', data]);
        expect(refused.status, refused.output).not.toBe(0);
        proved(test, `data of ${commit} with today’s programs`, 'opened, 1 clip there and verified, another granted');
      } finally {
        ports.release();
      }
    },
  );
});
