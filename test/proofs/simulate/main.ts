// The command `npm run simulate`.

import { availableParallelism } from 'node:os';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { reportFailure } from '@doorsill/device/terminal/output';
import { ProgressLine } from '@doorsill/device/terminal/progress-line';
import { shellWord } from '@doorsill/device/terminal/shell-words';
import { stopSignal } from '@doorsill/device/terminal/stop-signal';
import { Command, CommanderError } from 'commander';
import { readWhole } from 'doorsill/cli/read-figures';
import { failure } from 'doorsill/errors';
import type { Footage } from './ffmpeg-twin.ts';
import type { SeedTotals, TownSummary } from './seed-processes.ts';
import type { Finding, Kept, Simulation } from './simulate.ts';

const SEEDS_MAX = 10_000_000;
const SEED_MAX = 2 ** 31 - 1;
const MINUTES_MAX = 24 * 60;
const ACTS_MAX = 1_000;
const HOMES_MAX = 100;
const WORKERS_MAX = 256;
/** Lines of the trace printed with a finding. */
const TRACE_SHOWN = 60;
/** How many of the least provoked refusals are listed. */
const FEWEST_SHOWN = 8;

interface SimulateOptions {
  seed?: string;
  seeds: string;
  from: string;
  minutes?: string;
  workers?: string;
  homes?: string;
  acts?: string;
  trace?: boolean;
  coverage?: boolean;
  shrink: boolean;
}

function makeProgram(): Command {
  return new Command('npm run simulate --')
    .description('whole towns of doorbells, owners and agencies under random faults, in this process and its own time')
    .option('--seeds <n>', 'how many towns, one for each seed', '100')
    .option('--from <seed>', 'the first seed', '1')
    .option('--seed <n>', 'this one town alone, twice, so that it is seen to be the same')
    .option('--minutes <n>', 'as many seeds as fit into so many minutes, in place of --seeds')
    .option('--workers <n>', 'how many towns run at the same time (default: one for each processor)')
    .option('--homes <n>', 'with --seed: only the first so many homes')
    .option('--acts <list>', 'with --seed: only these of what happens, by number, such as 0,4,7; none: nothing')
    .option('--trace', 'with --seed: print everything that happened')
    .option('--coverage', 'print how much of each state machine and of the refusals was reached, and name what was not')
    .option('--no-shrink', 'do not look for a smaller town that shows the same')
    .option('--json', 'print results as JSON lines')
    .option('--log <level>', 'log to stderr: debug, info, warn, error, silent (default: warn)')
    .configureOutput({ writeErr: () => {} })
    .exitOverride()
    .addHelpText(
      'after',
      `
The first line names the seeds; with --json each town tells its hash as it ends. A town in which a promise did not hold is made as small as it goes, and printed with the command that
shows it again. The last line has one hash over the traces of all towns: the same seeds give the same one, however many run at a time.

Examples:
  $ npm run simulate -- --seeds 500
  $ npm run simulate -- --minutes 30 --from 100000 --json
  $ npm run simulate -- --seed 4711 --trace

Exit status: 0 every promise held, 1 one did not, 2 wrong usage, 5 this machine, 130 stopped before all towns were through, or before a
town that was found was as small as it goes.`,
    )
    .action(async (options: SimulateOptions, command: Command) => {
      const context = openContext(command);
      const asked = read(options);
      const { drawFootage } = await import('./ffmpeg-twin.ts');
      const { findFfmpeg } = await import('@doorsill/device/camera/find-ffmpeg');
      const footage = await drawFootage(await findFfmpeg());
      if (asked.seed === null) await many(footage, asked, options, context);
      else await one(footage, asked.seed, asked.kept, options, context);
    });
}

interface Asked {
  seed: number | null;
  from: number;
  seeds: number;
  minutes: number | null;
  workers: number;
  kept: Kept;
}

/** Throws `usage`. */
function read(options: SimulateOptions): Asked {
  const { seed, homes, acts, minutes, workers } = options;
  if (seed === undefined && (homes !== undefined || acts !== undefined || options.trace))
    throw failure('usage', { detail: '--homes, --acts and --trace are about one town: name its --seed' });
  return {
    seed: seed === undefined ? null : readWhole('--seed', seed, 0, SEED_MAX),
    from: readWhole('--from', options.from, 0, SEED_MAX),
    seeds: readWhole('--seeds', options.seeds, 1, SEEDS_MAX),
    minutes: minutes === undefined ? null : readWhole('--minutes', minutes, 1, MINUTES_MAX),
    workers: workers === undefined ? availableParallelism() : readWhole('--workers', workers, 1, WORKERS_MAX),
    kept: {
      ...(homes === undefined ? {} : { homes: readWhole('--homes', homes, 1, HOMES_MAX) }),
      ...(acts === undefined ? {} : { acts: actsIn(acts) }),
    },
  };
}

function actsIn(text: string): ReadonlySet<number> {
  if (text === 'none') return new Set();
  return new Set(text.split(',').map((number) => readWhole('--acts', number, 0, ACTS_MAX)));
}

/** Runs seeds until one fails or all have passed. */
async function many(footage: Footage, asked: Asked, options: SimulateOptions, context: Context): Promise<void> {
  const { output, clock } = context;
  const { runSeeds } = await import('./seed-processes.ts');
  const signal = stopSignal();
  const last = Math.min(SEED_MAX, asked.from + asked.seeds - 1);
  output.result(
    { event: 'begins', from: asked.from, ...(asked.minutes === null ? { to: last } : { minutes: asked.minutes }) },
    asked.minutes === null
      ? `seeds ${asked.from} to ${last}`
      : `seeds from ${asked.from} on, for ${asked.minutes} minutes`,
  );
  const line = new ProgressLine(!output.json);
  const startedMs = clock.monotonicMs();
  let towns = 0;
  const found: TownSummary[] = [];
  const isTime = (seed: number) =>
    asked.minutes === null ? seed <= last : clock.monotonicMs() - startedMs < asked.minutes * 60_000;
  let seed = asked.from;
  const sum = await runSeeds({
    footage,
    workers: asked.minutes === null ? Math.min(asked.workers, asked.seeds) : asked.workers,
    // Seeds are handed out in order, and each runs to its end, so the lowest failing one is found.
    next: () => (isTime(seed) && found.length === 0 && !signal.aborted ? seed++ : null),
    done: (town) => {
      towns += 1;
      if (town.breaches.length > 0) found.push(town);
      if (output.json) output.result({ event: 'town', seed: town.seed, hash: town.hash }, '');
      line.show(() => `seed ${town.seed}, ${towns} towns`);
    },
  });
  line.clear();
  const [first] = found.sort((one, other) => one.seed - other.seed);
  if (first) await tell(first, footage, options, { ...context, signal });
  await end(sum, { elapsedMs: clock.monotonicMs() - startedMs, held: !first, asked: options }, context);
  // An interrupted run has not checked all seeds: that is no success.
  signal.throwIfAborted();
}

interface Run {
  elapsedMs: number;
  held: boolean;
  asked: SimulateOptions;
}

/** Prints the totals. */
async function end(sum: SeedTotals, { elapsedMs, held, asked }: Run, { output }: Context): Promise<void> {
  const { sharesOf, neverReached, whyUnreachable } = await import('./coverage.ts');
  const { towns, piecesLeast, hash } = sum;
  const each = (total: number, digits: number) => Number((total / Math.max(1, towns)).toFixed(digits));
  const [cpuMsEach, piecesEach, minutesEach] = [
    each(sum.cpuMs, 0),
    each(sum.pieces, 0),
    each(sum.simulatedMs / 60_000, 1),
  ];
  const covered = Object.fromEntries([...sum.covered].sort());
  const never = neverReached(sum.covered);
  const shares = asked.coverage ? sharesOf(sum.covered) : [];
  const provoked = Object.fromEntries([...sum.provoked].sort(([, some], [, others]) => some - others));
  const told = (name: string) => {
    const why = whyUnreachable(name);
    return why === null ? `never reached: ${name}` : `cannot be reached by messages: ${name}: ${why}`;
  };
  const elapsedS = Number((elapsedMs / 1_000).toFixed(1));
  const costs = `${cpuMsEach} ms of processor time, ${piecesEach} delivered pieces (at least ${piecesLeast}) and ${minutesEach} simulated minutes each`;
  output.result(
    {
      ...{ event: 'ended', towns, held, cpuMsEach, elapsedS, piecesEach, piecesLeast, minutesEach, hash },
      ...{ covered, never, provoked, ...(asked.coverage ? { shares } : {}) },
    },
    [
      ...(asked.coverage ? ['Reached, and how often:', coverageText(covered)] : []),
      ...shares.flatMap(({ what, reached, never: missing }) => [
        `${what}: ${reached.length} of ${reached.length + missing.length}`,
        ...missing.map((name) => `  ${told(name)}`),
      ]),
      ...(asked.coverage ? [`Refusals that the fewest towns provoked: ${fewest(provoked)}`] : []),
      `${held ? 'every promise held' : 'a promise did not hold'} in ${towns} towns in ${elapsedS} s: ${costs}; traces ${hash}`,
    ].join('\n'),
  );
}

/** The first refusals, sorted by how many runs provoked them. */
function fewest(provoked: Record<string, number>): string {
  const first = Object.entries(provoked).slice(0, FEWEST_SHOWN);
  return first.map(([code, towns]) => `${code} ${towns}`).join(', ') || 'none';
}

/** Runs one seed twice. Throws `interrupted` when stopped in the first run. */
async function one(
  footage: Footage,
  seed: number,
  kept: Kept,
  options: SimulateOptions,
  context: Context,
): Promise<void> {
  const { output } = context;
  // From here on there is a folder to remove.
  const signal = stopSignal();
  output.say(`seed ${seed}`);
  const [town, again] = await onGround(footage, async (simulation) => {
    const first = await simulation.run(seed, kept);
    signal.throwIfAborted();
    return [first, await simulation.run(seed, kept)] as const;
  });
  const { breaches, hash, pieces, simulatedMs, trace } = town.result;
  if (options.trace) for (const line of trace) output.result({ event: 'trace', line }, line);
  const isSame = hash === again.result.hash;
  output.result(
    { event: 'town', seed, breaches, hash, isSame, pieces, simulatedMs, plan: town.plan },
    [
      ...breaches.map(({ rule, atMs, what }) => `${(atMs / 1_000).toFixed(3)} s: promise ${rule}: ${what}`),
      `${breaches.length === 0 ? 'every promise held' : 'a promise did not hold'}; ${pieces} delivered pieces; trace ${hash}, ${isSame ? 'the same twice' : `another the second time: ${again.result.hash}`}`,
    ].join('\n'),
  );
  if (breaches.length > 0 || !isSame) process.exitCode = 1;
}

/** Runs seeds in this process. */
async function onGround<Result>(footage: Footage, work: (simulation: Simulation) => Promise<Result>): Promise<Result> {
  const { Simulation } = await import('./simulate.ts');
  const simulation = await Simulation.on(footage);
  try {
    return await work(simulation);
  } finally {
    simulation.close();
  }
}

/** Prints a finding. If `signal` aborts, the run is printed as small as it is by then. */
async function tell(
  found: TownSummary,
  footage: Footage,
  options: SimulateOptions,
  { output, signal }: Context & { signal: AbortSignal },
): Promise<void> {
  const { wordsOf } = await import('./simulate.ts');
  const { shrink } = await import('./shrink.ts');
  const least = await onGround(footage, async (simulation): Promise<Finding> => {
    const again = await simulation.run(found.seed);
    if (again.result.hash !== found.hash)
      throw failure('internal', { detail: `the town of seed ${found.seed} ran in another way the second time` });
    return options.shrink ? shrink(again, (kept) => simulation.run(found.seed, kept), signal) : again;
  });
  const isStopped = options.shrink && signal.aborted;
  const command = ['npm run simulate --', ...wordsOf(least).map(shellWord)].join(' ');
  const { breaches, trace } = least.result;
  const shown = trace.slice(-TRACE_SHOWN);
  output.result(
    { event: 'found', seed: found.seed, breaches, command, trace: shown, plan: least.plan, isStopped },
    [
      `seed ${found.seed}`,
      ...shown,
      ...breaches.map(({ rule, atMs, what }) => `${(atMs / 1_000).toFixed(3)} s: promise ${rule}: ${what}`),
      ...(isStopped ? ['Stopped before this town was as small as it goes.'] : []),
      `See it again: ${command} --trace`,
    ].join('\n'),
  );
  process.exitCode = 1;
}

function coverageText(covered: Record<string, number>): string {
  return Object.entries(covered)
    .map(([what, times]) => `  ${String(times).padStart(6)}  ${what}`)
    .join('\n');
}

// A closed pipe (`| head`) is no error.
process.stdout.on('error', () => process.exit(0));
try {
  await makeProgram().parseAsync();
} catch (thrown) {
  const isHelp = thrown instanceof CommanderError && thrown.exitCode === 0;
  const told =
    thrown instanceof CommanderError ? failure('usage', { detail: thrown.message.replace(/^error: /, '') }) : thrown;
  if (!isHelp) reportFailure(told, process.argv.includes('--json'));
}
