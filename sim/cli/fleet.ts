// The verb `fleet`: reads and checks its options, runs the fleet, and prints a line each second, then the totals.

import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseEnrolmentCode } from '@doorsill/contract/enrolment';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { ProgressLine } from '@doorsill/device/terminal/progress-line';
import { readEnrolmentInput } from '@doorsill/device/terminal/secret-input';
import { stopSignal } from '@doorsill/device/terminal/stop-signal';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import type { FleetPart } from '../fleet/draw-fleet.ts';
import type { FleetLine, FleetOptions, FleetSummary, OutsideLinks } from '../fleet/fleet.ts';
import type { FleetProfile } from '../fleet/fleet-profile.ts';
import { checkLoadedAddress, parseDuration, parseListenAddress, parseWholeNumber } from './read-options.ts';

const SEED_MAX = 2 ** 32 - 1;
const DOORBELLS_MAX = 100_000;
const WORKERS_MAX = 64;
const SHARDS_MAX = 1_000;

interface FleetCommandOptions {
  doorbells: string;
  seed?: string;
  profile?: string;
  for?: string;
  ask?: string;
  workers?: string;
  shard: string;
  data?: string;
  bridge?: string;
  enrol?: string;
  broker?: string;
  homeBroker?: string;
  homeAccounts?: string;
  beyondThisMachine?: boolean;
  metrics?: string;
}

export function addFleet(program: Command): void {
  program
    .command('fleet')
    .description('run many doorbells in real time on few processors, each with its own key, ring, ledger and owner')
    .requiredOption('--doorbells <n>', 'number of doorbells on all machines')
    .option('--seed <n>', 'seed of the fleet: the same seed draws the same fleet (default: a new one)')
    .option('--profile <file>', 'scenes, rings, owners, rates and area of the fleet (default: a built-in profile)')
    .option('--for <duration>', 'duration, such as 10m (default: until Ctrl-C)')
    .option('--ask <duration>', 'how often the embedded agency posts a request for every area (default: never)')
    .option(
      '--workers <n>',
      'number of processes (default: one for each 500 doorbells, at most one for each processor)',
    )
    .option('--shard <i/n>', 'run only this part of the fleet', '1/1')
    .option('--data <dir>', 'keep everything in this new folder (default: a temporary one)')
    .option(
      '--bridge <url>',
      'another bridge, in place of the embedded services; with --enrol, --broker, --home-broker',
    )
    .option('--enrol <file>', 'enrolment code for many devices: a file of mode 0600, or - for standard input')
    .option('--broker <url>', 'the area broker of that bridge')
    .option('--home-broker <url>', 'the broker of all homes; with --home-accounts')
    .option('--home-accounts <dir>', 'the folder of its accounts, in which each doorbell and owner gets one')
    .option('--beyond-this-machine', 'allow addresses that are not on this machine')
    .option('--metrics <[host:]port>', 'serve metrics for Prometheus at /metrics')
    .addHelpText(
      'after',
      `
Prints one line per second, without figures that are still zero. Doorbells start one by one within 30 s, or within the profile's \`ramp\`. Ctrl-C
ends it: uploads are completed and every doorbell disconnects; a second Ctrl-C ends it without waiting for uploads. While the embedded services run, verbs of
agencies and moderators find them with --data.

Examples:
  $ doorsill fleet --doorbells 100 --ask 30s --for 2m
  $ doorsill fleet --doorbells 1000 --profile town.yaml --json > fleet.ndjson
  $ doorsill fleet --doorbells 8000 --seed 7 --shard 2/8 --beyond-this-machine --bridge https://bridge.test --enrol batch.code --broker mqtts://area.test:8883 --home-broker mqtts://homes.test:8883 --home-accounts ./accounts

Exit status: 0 nothing was lost; 1 footage, messages or doorbells were lost; 2 wrong usage; 3 an address is not on this machine; 5 this machine;
6 an unusable profile; 130 stopped before it began.`,
    )
    .action(async (options: FleetCommandOptions, command: Command) => {
      const context = openContext(command);
      const metrics = options.metrics === undefined ? null : parseListenAddress(options.metrics);
      await run(await read(options, context), metrics, context);
    });
}

/** Throws `usage`, `fleet_profile_unreadable`, `fleet_profile_invalid`, `fleet_beyond_this_machine`. */
async function read(options: FleetCommandOptions, context: Context): Promise<FleetOptions> {
  const { seed, ask, workers } = options;
  const outside = await readOutside(options);
  if (outside !== null && ask !== undefined)
    throw failure('usage', { detail: '--ask is for the embedded agency: omit --bridge' });
  const folder = options.data === undefined ? null : resolve(options.data);
  const doorbells = parseWholeNumber('--doorbells', options.doorbells, 1, DOORBELLS_MAX);
  const shard = readShard(options.shard);
  const { processesFor } = await import('../fleet/fleet-process-children.ts');
  return {
    doorbells,
    shard,
    seed:
      seed === undefined
        ? Math.floor(context.random.fraction() * SEED_MAX)
        : parseWholeNumber('--seed', seed, 0, SEED_MAX),
    profile: await readProfile(options, context),
    workers:
      workers === undefined
        ? processesFor(Math.ceil(doorbells / shard.of))
        : parseWholeNumber('--workers', workers, 1, WORKERS_MAX),
    folder,
    outside,
    forMs: await parseDuration('--for', options.for),
    askEveryMs: await parseDuration('--ask', ask),
    logLevel: context.logLevel,
  };
}

async function readProfile({ profile }: FleetCommandOptions, { disk }: Context): Promise<FleetProfile> {
  const { DEFAULT_PROFILE } = await import('../fleet/fleet-profile.ts');
  const { readFleetProfile } = await import('../fleet/read-fleet-profile.ts');
  return profile === undefined ? DEFAULT_PROFILE : readFleetProfile(disk, resolve(profile));
}

function readShard(text: string): FleetPart {
  const [, index = '', of = ''] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? [];
  if (of === '')
    throw failure('usage', {
      detail: `--shard takes a part and the number of parts, such as 2/8, not "${text.slice(0, 40)}"`,
    });
  const parts = parseWholeNumber('--shard', of, 1, SHARDS_MAX);
  return { index: parseWholeNumber('--shard', index, 1, parts), of: parts };
}

/** The bridge and the brokers that the options name; null for the embedded ones. */
async function readOutside(options: FleetCommandOptions): Promise<OutsideLinks | null> {
  const { bridge, enrol, broker, homeBroker, homeAccounts, beyondThisMachine = false } = options;
  const named = [bridge, enrol, broker, homeBroker, homeAccounts];
  if (named.every((one) => one === undefined)) return null;
  if (
    bridge === undefined ||
    enrol === undefined ||
    broker === undefined ||
    homeBroker === undefined ||
    homeAccounts === undefined
  )
    throw failure('usage', { detail: '--bridge, --enrol, --broker, --home-broker and --home-accounts go together' });
  const code = await readEnrolmentInput(enrol, { stdin: process.stdin, environment: process.env });
  const inCode = code === undefined ? '' : (parseEnrolmentCode(code)?.url ?? '');
  const addresses = [
    ['--bridge', bridge, /^https?:$/],
    ['--enrol', inCode, /^https?:$/],
    ['--broker', broker, /^mqtts?:$/],
    ['--home-broker', homeBroker, /^mqtts?:$/],
  ] as const;
  for (const [option, text, scheme] of addresses) checkLoadedAddress(option, text, scheme, beyondThisMachine);
  return {
    home: { url: homeBroker, accounts: resolve(homeAccounts) },
    areaUrl: broker,
    bridgeUrl: bridge.replace(/\/+$/, ''),
    enrolmentCode: code ?? '',
  };
}

/** Runs the fleet; prints a line a second and the totals. */
async function run(
  options: FleetOptions,
  metrics: { host: string; port: number } | null,
  context: Context,
): Promise<void> {
  const { output } = context;
  const hurry = new AbortController();
  // A second Ctrl-C waits for no upload, a third exits at once.
  const signal = stopSignal(() => (hurry.signal.aborted ? process.exit(130) : hurry.abort()));
  if (options.folder !== null) await mkdir(options.folder, { recursive: true, mode: 0o700 });
  const { runFleet } = await import('../fleet/fleet.ts');
  const { FleetMetrics } = await import('../fleet/fleet-metrics.ts');
  const served = metrics === null ? null : new FleetMetrics();
  printBeginning(options, output);
  const line = new ProgressLine(!output.json);
  const isTerminal = process.stderr.isTTY === true && !output.json;
  try {
    if (served && metrics) {
      const url = await served.start(metrics);
      output.result({ event: 'metrics', url }, `Figures: ${url}`);
    }
    const summary = await runFleet(
      options,
      {
        ...context,
        hurry: hurry.signal,
        say: (text) => {
          line.clear();
          output.progress(text);
        },
        ready: (facts) =>
          output.result(
            { event: 'ready', ...facts },
            `The bridge listens at ${facts.bridge}; everything is in ${facts.folder}.`,
          ),
        line: (figures) => {
          served?.set(figures);
          if (isTerminal) line.show(() => lineText(figures));
          else output.result({ event: 'second', ...figures }, lineText(figures));
        },
      },
      signal,
    );
    line.clear();
    output.result({ event: 'ended', ...summary }, summaryText(summary));
    if (lossesOf(summary).length > 0) process.exitCode = 1;
  } finally {
    line.clear();
    await served?.stop();
  }
}

function printBeginning({ doorbells, seed, shard }: FleetOptions, output: Context['output']): void {
  const part = shard.of === 1 ? '' : `, part ${shard.index} of ${shard.of}`;
  output.result(
    { event: 'begins', doorbells, seed, shard: `${shard.index}/${shard.of}` },
    `${doorbells} doorbells of seed ${seed}${part}`,
  );
}

type FleetLosses = Pick<FleetSummary, 'segmentsLost' | 'failed' | 'died' | 'unbelieved'>;

/** The losses of a fleet, as texts; empty without a loss. */
export function lossesOf({ segmentsLost, failed, died, unbelieved }: FleetLosses): string[] {
  const losses: [count: number, one: string, many: string][] = [
    [segmentsLost, 'second of footage was lost', 'seconds of footage were lost'],
    [failed, 'doorbell could not run', 'doorbells could not run'],
    [died, 'process died', 'processes died'],
    [unbelieved, 'message did not verify', 'messages did not verify'],
  ];
  return losses.filter(([count]) => count > 0).map(([count, one, many]) => `${count} ${count === 1 ? one : many}`);
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
const ms = (value: number | null) => (value === null ? '-' : `${value}`);

/** A second of a fleet on one line. Figures that are zero or unknown are left out, so that the line fits into more terminals. */
export function lineText(line: FleetLine): string {
  const { seconds, up, doorbells, events, requests, grants, clipsUnderWay, clipsStored, segmentsLost } = line;
  // Each text with the figure that decides whether it is shown; 1: always.
  const facts: [number | null, string][] = [
    [1, doorbells === 0 ? `${seconds} s: starting` : `${seconds} s: ${up} of ${doorbells} up`],
    [events, `${events} events`],
    [requests, `${requests} requests seen`],
    [grants, `${grants} grants`],
    [clipsUnderWay, `${clipsUnderWay} clips under way`],
    [clipsStored, `${clipsStored} stored`],
    [segmentsLost, `${segmentsLost} s lost`],
    [line.latenessP99Ms, `sealed after p50 ${ms(line.latenessP50Ms)} p99 ${ms(line.latenessP99Ms)} ms`],
    [1, `${line.cores.toFixed(2)} cores`],
    [line.memoryBytes, megabytes(line.memoryBytes)],
  ];
  return facts.flatMap(([figure, words]) => (figure === 0 || figure === null ? [] : [words])).join(', ');
}

function shownText({ clipsShown }: FleetSummary): string {
  return clipsShown === null ? '' : ` (the agency is shown ${clipsShown})`;
}

function summaryText(summary: FleetSummary): string {
  const { seconds, doorbells, up, failed, died, codes } = summary;
  const reasons = Object.entries(codes).map(([code, count]) => `${code} ${count}`);
  return [
    `${seconds} s; ${doorbells} doorbells, ${up} up at the end, ${failed} failed, ${summary.retries} starts retried, ${died} processes lost`,
    `${summary.events} events, including ${summary.presses} presses and ${summary.motions} motions; ${summary.reboots} reboots, ${summary.absences} absences`,
    `${summary.asked} requests asked, ${summary.requests} seen: ${summary.grants} grants, ${summary.denials} denials, ${summary.revocations} revocations, ${summary.refusals} refused, ${summary.unanswered} unanswered`,
    `${summary.clipsStored} clips at the bridge${shownText(summary)}, ${summary.clipsFailed} failed, ${summary.clipsUnderWay} not finished; from grant to bridge p50 ${ms(summary.deliveredP50Ms)} p99 ${ms(summary.deliveredP99Ms)} ms`,
    `${summary.segmentsStored} s of footage sealed, ${summary.segmentsLost} s lost; from filmed to sealed p50 ${ms(summary.latenessP50Ms)} p99 ${ms(summary.latenessP99Ms)} max ${ms(summary.latenessMaxMs)} ms`,
    `${summary.corePercentEach ?? '-'} % of a core and ${Math.round(summary.memoryBytesEach / 1000)} KB for each doorbell`,
    ...lossesOf(summary),
    ...(reasons.length === 0 ? [] : [`refusals and failures: ${reasons.join(', ')}`]),
  ].join('\n');
}
