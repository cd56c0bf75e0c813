// Owns: the verb `simulate`: its arguments, what it prints, its exit status. Not here: towns (sim/simulate).
import type { Command } from 'commander';
import { failure } from '../../device/exports-without-firmware.ts';
import type { Finding, Kept, Simulation } from '../simulate/simulate.ts';
import { ProgressLine } from '../terminal/progress-line.ts';
import { shellWord } from '../terminal/shell-words.ts';
import { stopSignal } from '../terminal/stop-signal.ts';
import { type Context, openContext } from './context.ts';

const SEEDS_MAX = 10_000_000;
const SEED_MAX = 2 ** 31 - 1;
const MINUTES_MAX = 24 * 60;
const ACTS_MAX = 1_000;
const HOMES_MAX = 100;
/** So much of a trace is printed beside a finding. */
const TRACE_SHOWN = 60;

interface SimulateOptions {
  seed?: string;
  seeds: string;
  from: string;
  minutes?: string;
  homes?: string;
  acts?: string;
  trace?: boolean;
  coverage?: boolean;
  shrink: boolean;
}

export function addSimulate(program: Command): void {
  program
    .command('simulate')
    .description('whole towns of doorbells, owners and agencies under random faults, in this process and its own time')
    .option('--seeds <n>', 'how many towns, one for each seed', '100')
    .option('--from <seed>', 'the first seed', '1')
    .option('--seed <n>', 'this one town alone, twice, so that it is seen to be the same')
    .option('--minutes <n>', 'as many seeds as fit into so many minutes, in place of --seeds')
    .option('--homes <n>', 'with --seed: only the first so many homes')
    .option('--acts <list>', 'with --seed: only these of what happens, by number, such as 0,4,7; none: nothing')
    .option('--trace', 'with --seed: print everything that happened')
    .option('--coverage', 'print how much of each state machine and of the refusals was reached, and name what was not')
    .option('--no-shrink', 'do not look for a smaller town that shows the same')
    .addHelpText(
      'after',
      `
The first line names the seed. A town in which a promise did not hold is made as small as it goes, and printed with the command that
shows it again.

Examples:
  $ npx doorsill simulate --seeds 500
  $ npx doorsill simulate --minutes 30 --from 100000 --json
  $ npx doorsill simulate --seed 4711 --trace

Exit status: 0 every promise held, 1 one did not, 2 wrong usage, 5 this machine, 130 stopped before all towns were through.`,
    )
    .action(async (options: SimulateOptions, command: Command) => {
      const context = openContext(command);
      const asked = read(options);
      const { Simulation } = await import('../simulate/simulate.ts');
      const { findFfmpeg } = await import('../../device/index.ts');
      // From here on there is a folder to take away.
      const signal = stopSignal();
      const simulation = await Simulation.open(await findFfmpeg());
      try {
        signal.throwIfAborted();
        if (asked.seed === null) await many(simulation, asked, { options, context, signal });
        else await one(simulation, asked.seed, asked.kept, { options, context, signal });
      } finally {
        simulation.close();
      }
    });
}

/** What a command was given, and its end. */
interface Run {
  options: SimulateOptions;
  context: Context;
  signal: AbortSignal;
}

interface Asked {
  seed: number | null;
  from: number;
  seeds: number;
  minutes: number | null;
  kept: Kept;
}

/** Throws `usage`. */
function read(options: SimulateOptions): Asked {
  const { seed, homes, acts, minutes } = options;
  if (seed === undefined && (homes !== undefined || acts !== undefined || options.trace))
    throw failure('usage', { detail: '--homes, --acts and --trace are about one town: name its --seed' });
  return {
    seed: seed === undefined ? null : whole('--seed', seed, 0, SEED_MAX),
    from: whole('--from', options.from, 0, SEED_MAX),
    seeds: whole('--seeds', options.seeds, 1, SEEDS_MAX),
    minutes: minutes === undefined ? null : whole('--minutes', minutes, 1, MINUTES_MAX),
    kept: {
      ...(homes === undefined ? {} : { homes: whole('--homes', homes, 1, HOMES_MAX) }),
      ...(acts === undefined ? {} : { acts: actsIn(acts) }),
    },
  };
}

function actsIn(text: string): ReadonlySet<number> {
  if (text === 'none') return new Set();
  return new Set(text.split(',').map((number) => whole('--acts', number, 0, ACTS_MAX)));
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw failure('usage', {
    detail: `${option} takes a whole number from ${least} to ${most}, not "${text.slice(0, 40)}"`,
  });
}

/** Town after town, until one does not hold or all did. Throws `interrupted` when it is stopped before. */
async function many(simulation: Simulation, asked: Asked, { options, context, signal }: Run): Promise<void> {
  const { output, clock } = context;
  const last = Math.min(SEED_MAX, asked.from + asked.seeds - 1);
  output.result(
    { event: 'begins', from: asked.from, ...(asked.minutes === null ? { to: last } : { minutes: asked.minutes }) },
    asked.minutes === null
      ? `seeds ${asked.from} to ${last}`
      : `seeds from ${asked.from} on, for ${asked.minutes} minutes`,
  );
  const line = new ProgressLine(!output.json);
  const startedMs = clock.monotonicMs();
  const cpu = process.cpuUsage();
  const sum = { towns: 0, pieces: 0, simulatedMs: 0 };
  const isTime = (seed: number) =>
    asked.minutes === null ? seed <= last : clock.monotonicMs() - startedMs < asked.minutes * 60_000;
  let found: Finding | null = null;
  for (let seed = asked.from; isTime(seed) && !found && !signal.aborted; seed += 1) {
    const town = await simulation.run(seed);
    sum.towns += 1;
    sum.pieces += town.result.pieces;
    sum.simulatedMs += town.result.simulatedMs;
    if (town.result.breaches.length > 0) found = town;
    line.show(() => `seed ${seed}, ${sum.towns} towns`);
  }
  line.clear();
  const used = process.cpuUsage(cpu);
  const cpuMs = (used.user + used.system) / 1_000;
  if (found) await tell(found, simulation, options, context);
  await end(simulation, { ...sum, cpuMs }, { held: found === null, asked: options }, context);
  // Towns that were asked for were not looked at: that is no success.
  if (!found) signal.throwIfAborted();
}

interface Sum {
  towns: number;
  pieces: number;
  simulatedMs: number;
  cpuMs: number;
}

/** What the towns came to. */
async function end(
  simulation: Simulation,
  sum: Sum,
  { held, asked }: { held: boolean; asked: SimulateOptions },
  { output }: Context,
): Promise<void> {
  const { sharesOf, neverReached, whyNever } = await import('../simulate/coverage.ts');
  const { towns } = sum;
  const each = (total: number, digits: number) => Number((total / Math.max(1, towns)).toFixed(digits));
  const [cpuMsEach, piecesEach, minutesEach] = [
    each(sum.cpuMs, 0),
    each(sum.pieces, 0),
    each(sum.simulatedMs / 60_000, 1),
  ];
  const covered = Object.fromEntries([...simulation.covered].sort());
  const never = neverReached(simulation.covered);
  const shares = asked.coverage ? sharesOf(simulation.covered) : [];
  const told = (name: string) => [name, whyNever(name)].filter((text) => text !== null).join(': ');
  const costs = `${cpuMsEach} ms of processor time, ${piecesEach} delivered pieces and ${minutesEach} simulated minutes each`;
  output.result(
    {
      event: 'ended',
      towns,
      held,
      cpuMsEach,
      piecesEach,
      minutesEach,
      covered,
      never,
      ...(asked.coverage ? { shares } : {}),
    },
    [
      ...(asked.coverage ? ['Reached, and how often:', coverageText(covered)] : []),
      ...shares.flatMap(({ what, reached, never: missing }) => [
        `${what}: ${reached.length} of ${reached.length + missing.length}`,
        ...missing.map((name) => `  never reached: ${told(name)}`),
      ]),
      ...(asked.coverage ? [] : [`Never reached: ${never.join(', ') || 'nothing'}`]),
      `${held ? 'every promise held' : 'a promise did not hold'} in ${towns} towns: ${costs}`,
    ].join('\n'),
  );
}

/** One town, run twice. Throws `interrupted` when it is stopped in the first. */
async function one(simulation: Simulation, seed: number, kept: Kept, { options, context, signal }: Run): Promise<void> {
  const { output } = context;
  output.say(`seed ${seed}`);
  const town = await simulation.run(seed, kept);
  signal.throwIfAborted();
  const again = await simulation.run(seed, kept);
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

async function tell(found: Finding, simulation: Simulation, options: SimulateOptions, context: Context): Promise<void> {
  const { wordsOf } = await import('../simulate/simulate.ts');
  const least = options.shrink ? await simulation.shrink(found) : found;
  const command = ['npx', 'doorsill', ...wordsOf(least)].map(shellWord).join(' ');
  const { breaches, trace } = least.result;
  const shown = trace.slice(-TRACE_SHOWN);
  context.output.result(
    { event: 'found', seed: found.seed, breaches, command, trace: shown, plan: least.plan },
    [
      `seed ${found.seed}`,
      ...shown,
      ...breaches.map(({ rule, atMs, what }) => `${(atMs / 1_000).toFixed(3)} s: promise ${rule}: ${what}`),
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
