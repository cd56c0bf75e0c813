// How long the command line takes to start: processor time of the whole process, which a busy machine hardly changes.
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { LAUNCHER } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const RUNS = 7;
const LIMIT_S = 0.3;
/** On a slower or busier machine: as many times what Node itself takes there to start and end. */
const LIMIT_TIMES = 8;

/** Processor seconds of the children of a shell, by its builtin `times` (POSIX): `0m0.120s 0m0.030s`. */
function processorSeconds(args: readonly string[]): number {
  const script = '"$@" >/dev/null 2>&1; times';
  const { stdout } = spawnSync('sh', ['-c', script, 'sh', process.execPath, ...args], { encoding: 'utf8' });
  const [, children = ''] = stdout.trim().split('\n');
  const parts = [...children.matchAll(/(\d+)m([\d.]+)s/g)];
  expect(parts, stdout).toHaveLength(2);
  return parts.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

function middleOf(times: readonly number[]): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length / 2)] ?? Number.NaN;
}

const QUICK: [string, string[]][] = [
  ['the version', ['--version']],
  ['a verb that finds nothing running', ['grant', 'request-1', '--data', '/no/such/folder']],
  ['a printed systemd unit', ['device', 'install', '--print']],
];
it.for(QUICK)(
  'takes at most 0.3 s of one processor, or eight times what Node takes, for %s',
  { tags: ['long'], timeout: 60_000 },
  ([what, args], test) => {
    const pairs = Array.from({ length: RUNS }, () => [
      processorSeconds([LAUNCHER, ...args]),
      processorSeconds(['-e', '0']),
    ]);
    const [own, bare] = [0, 1].map((which) => middleOf(pairs.map((pair) => pair[which] ?? Number.NaN)));
    expect(own).toBeLessThanOrEqual(Math.max(LIMIT_S, LIMIT_TIMES * (bare ?? 0)));
    proved(test, `Processor seconds to start: ${what}`, `${own}, Node itself ${bare}`);
  },
);
