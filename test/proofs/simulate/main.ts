// The command `npm run simulate`.

import { availableParallelism } from 'node:os';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { reportFailure } from '@doorsill/device/terminal/output';
import { ProgressLine } from '@doorsill/device/terminal/progress-line';
import { shellWord } from '@doorsill/device/terminal/shell-words';
import { stopSignal } from '@doorsill/device/terminal/stop-signal';
import { Command, CommanderError } from 'commander';
import { parseWholeNumber } from 'doorsill/cli/read-options';
import { failure } from 'doorsill/errors';
import type { Footage } from './ffmpeg-twin.ts';
import type { RunSummary, SeedTotals } from './seed-processes.ts';
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
    .description('simulates doorbells, owners and agencies under random faults, in this process and its own time')
    .option('--seeds <n>', 'how many simulations, one for each seed', '100')
    .option('--from <seed>', 'the first seed', '1')
    .option('--seed <n>', 'only this seed, twice, to check that both runs are the same')
    .option('--minutes <n>', 'as many seeds as fit into this many minutes, instead of --seeds')
    .option('--workers <n>', 'how many run in parallel (default: one for each processor)')
    .option('--homes <n>', 'with --seed: only this many homes')
    .option('--acts <list>', 'with --seed: only these acts of the plan, by number, such as 0,4,7; none: no act')
    .option('--trace', 'with --seed: print the trace')
    .option('--coverage', 'print the coverage of each state machine and of the refusals, and list what was not reached')
    .option('--no-shrink', 'do not search for a smaller plan with the same finding')
    .option('--json', 'print results as JSON lines')
    .option('--log <level>', 'log to stderr: debug, info, warn, error, silent (default: warn)')
    .configureOutput({ writeErr: () => {} })
    .exitOverride()
    .addHelpText(
      'after',
      `
The first line names the seeds; with --json each run prints its hash as it ends. A run that broke a promise is shrunk as far as possible, and
printed with the command that repeats it. The last line has one hash over all traces: it is the same for the same seeds, however many run in parallel.

Examples:
  $ npm run simulate -- --seeds 500
  $ npm run simulate -- --minutes 30 --from 100000 --json
  $ npm run simulate -- --seed 4711 --trace

Exit status: 0 every promise held, 1 one did not, 2 wrong usage, 5 this machine, 130 stopped before all seeds had run, or before a
finding was shrunk.`,
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
    throw failure('usage', { detail: '--homes, --acts and --trace need a single --seed' });
  return {
    seed: seed === undefined ? null : parseWholeNumber('--seed', seed, 0, SEED_MAX),
    from: parseWholeNumber('--from', options.from, 0, SEED_MAX),
    seeds: parseWholeNumber('--seeds', options.seeds, 1, SEEDS_MAX),
    minutes: minutes === undefined ? null : parseWholeNumber('--minutes', minutes, 1, MINUTES_MAX),
    workers: workers === undefined ? availableParallelism() : parseWholeNumber('--workers', workers, 1, WORKERS_MAX),
    kept: {
      ...(homes === undefined ? {} : { homes: parseWholeNumber('--homes', homes, 1, HOMES_MAX) }),
      ...(acts === undefined ? {} : { acts: actsIn(acts) }),
    },
  };
}

function actsIn(text: string): ReadonlySet<number> {
  if (text === 'none') return new Set();
  return new Set(text.split(',').map((number) => parseWholeNumber('--acts', number, 0, ACTS_MAX)));
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
  let runs = 0;
  const found: RunSummary[] = [];
  const isTime = (seed: number) =>
    asked.minutes === null ? seed <= last : clock.monotonicMs() - startedMs < asked.minutes * 60_000;
  let seed = asked.from;
  const sum = await runSeeds({
    footage,
    workers: asked.minutes === null ? Math.min(asked.workers, asked.seeds) : asked.workers,
    // Seeds are handed out in order, and each runs to its end, so the lowest failing one is found.
    next: () => (isTime(seed) && found.length === 0 && !signal.aborted ? seed++ : null),
    done: (run) => {
      runs += 1;
      if (run.breaches.length > 0) found.push(run);
      if (output.json) output.result({ event: 'town', seed: run.seed, hash: run.hash }, '');
      line.show(() => `seed ${run.seed}, ${runs} runs`);
    },
  });
  line.clear();
  const [first] = found.sort((one, other) => one.seed - other.seed);
  if (first) await printFinding(first, footage, options, { ...context, signal });
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
  const { runs, piecesLeast, hash } = sum;
  const each = (total: number, digits: number) => Number((total / Math.max(1, runs)).toFixed(digits));
  const [cpuMsEach, piecesEach, minutesEach] = [
    each(sum.cpuMs, 0),
    each(sum.pieces, 0),
    each(sum.simulatedMs / 60_000, 1),
  ];
  const covered = Object.fromEntries([...sum.covered].sort());
  const never = neverReached(sum.covered);
  const shares = asked.coverage ? sharesOf(sum.covered) : [];
  const provoked = Object.fromEntries([...sum.provoked].sort(([, some], [, others]) => some - others));
  const unreached = (name: string) => {
    const why = whyUnreachable(name);
    return why === null ? `never reached: ${name}` : `cannot be reached by messages: ${name}: ${why}`;
  };
  const elapsedS = Number((elapsedMs / 1_000).toFixed(1));
  const costs = `${cpuMsEach} ms of processor time, ${piecesEach} delivered pieces (at least ${piecesLeast}) and ${minutesEach} simulated minutes each`;
  output.result(
    {
      ...{ event: 'ended', towns: runs, held, cpuMsEach, elapsedS, piecesEach, piecesLeast, minutesEach, hash },
      ...{ covered, never, provoked, ...(asked.coverage ? { shares } : {}) },
    },
    [
      ...(asked.coverage ? ['Reached, and how often:', coverageText(covered)] : []),
      ...shares.flatMap(({ what, reached, never: missing }) => [
        `${what}: ${reached.length} of ${reached.length + missing.length}`,
        ...missing.map((name) => `  ${unreached(name)}`),
      ]),
      ...(asked.coverage ? [`Refusals that the fewest runs provoked: ${fewest(provoked)}`] : []),
      `${held ? 'every promise held' : 'a promise did not hold'} in ${runs} runs in ${elapsedS} s: ${costs}; traces ${hash}`,
    ].join('\n'),
  );
}

/** The first refusals, sorted by how many runs provoked them. */
function fewest(provoked: Record<string, number>): string {
  const first = Object.entries(provoked).slice(0, FEWEST_SHOWN);
  return first.map(([code, runs]) => `${code} ${runs}`).join(', ') || 'none';
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
  const [first, again] = await inSimulation(footage, async (simulation) => {
    const once = await simulation.run(seed, kept);
    signal.throwIfAborted();
    return [once, await simulation.run(seed, kept)] as const;
  });
  const { breaches, hash, pieces, simulatedMs, trace } = first.result;
  if (options.trace) for (const line of trace) output.result({ event: 'trace', line }, line);
  const isSame = hash === again.result.hash;
  output.result(
    { event: 'town', seed, breaches, hash, isSame, pieces, simulatedMs, plan: first.plan },
    [
      ...breaches.map(({ rule, atMs, what }) => `${(atMs / 1_000).toFixed(3)} s: promise ${rule}: ${what}`),
      `${breaches.length === 0 ? 'every promise held' : 'a promise did not hold'}; ${pieces} delivered pieces; trace ${hash}, ${isSame ? 'the same twice' : `different the second time: ${again.result.hash}`}`,
    ].join('\n'),
  );
  if (breaches.length > 0 || !isSame) process.exitCode = 1;
}

/** Runs seeds in this process. */
async function inSimulation<Result>(
  footage: Footage,
  work: (simulation: Simulation) => Promise<Result>,
): Promise<Result> {
  const { Simulation } = await import('./simulate.ts');
  const simulation = await Simulation.on(footage);
  try {
    return await work(simulation);
  } finally {
    simulation.close();
  }
}

/** Prints a finding. If `signal` aborts, the run is printed as small as it is by then. */
async function printFinding(
  found: RunSummary,
  footage: Footage,
  options: SimulateOptions,
  { output, signal }: Context & { signal: AbortSignal },
): Promise<void> {
  const { wordsOf } = await import('./simulate.ts');
  const { shrink } = await import('./shrink.ts');
  const least = await inSimulation(footage, async (simulation): Promise<Finding> => {
    const again = await simulation.run(found.seed);
    if (again.result.hash !== found.hash)
      throw failure('internal', { detail: `seed ${found.seed} ran differently the second time` });
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
      ...(isStopped ? ['Stopped before the plan was shrunk as far as possible.'] : []),
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
