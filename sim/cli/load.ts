// The verb `fleet load`.

import { resolve } from 'node:path';
import { type Context, openContext, repeated } from '@doorsill/device/cli/context';
import { printBytes } from '@doorsill/device/terminal/format-units';
import { ProgressLine } from '@doorsill/device/terminal/progress-line';
import { stopSignal } from '@doorsill/device/terminal/stop-signal';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import type { BridgeAddress } from '../load/bridge-calls.ts';
import type { LoadLine, LoadOptions, LoadSummary } from '../load/load-run.ts';
import { KEY_NAME, loadAgencyKey } from '../officer/agency-client.ts';
import { checkLoadedAddress, parseDuration, parseWholeNumber } from './read-options.ts';
import { openTestbed } from './running-testbed.ts';

const SEED_MAX = 2 ** 32 - 1;
const PER_MINUTE_MAX = 60_000;
const AT_ONCE_MAX = 1_000;
/** By default a bridge allows 60 open requests in a cell. */
const OPEN_MAX = 50;
const AGENCIES_MAX = 100;

interface LoadCommandOptions {
  data?: string;
  bridge?: string;
  agency?: string[];
  ask: string;
  poll: string;
  download: string;
  atOnce: string;
  open: string;
  at?: string;
  category: string;
  for?: string;
  seed?: string;
  beyondThisMachine?: boolean;
}

export function addLoad(fleet: Command): void {
  fleet
    .command('load')
    .description('load a bridge with requests, polls and downloads of agencies at a rate; print latencies and refusals')
    .option(
      '--data <dir>',
      'the folder of a running `up` or `fleet`, whose bridge and agency are used (default: .doorsill)',
    )
    .option('--bridge <url>', 'another bridge; with --agency')
    .option('--agency <dir>', 'folder with the key of an agency that is registered there; may be repeated', repeated)
    .option('--ask <n>', 'requests per minute', '6')
    .option('--poll <n>', 'reads of requests and lists of clips per minute', '60')
    .option('--download <n>', 'downloads per minute', '30')
    .option('--at-once <n>', 'maximum of concurrent calls; due calls beyond it are dropped', '64')
    .option('--open <n>', 'maximum of open requests; the oldest is resolved for a new one', '10')
    .option('--at <latitude,longitude>', 'centre of the requested area (default: a fleet’s town)')
    .option(
      '--category <category>',
      'retention category of the requests, one that the agency is registered for',
      'package-theft',
    )
    .option('--for <duration>', 'duration, such as 10m (default: until Ctrl-C)')
    .option('--seed <n>', 'seed for the times and subjects of calls (default: a new one)')
    .option('--beyond-this-machine', 'allow a bridge that is not on this machine')
    .addHelpText(
      'after',
      `
Prints one line per second. Ctrl-C ends it: running calls end, and every posted request is resolved. Only the owners of \`doorsill fleet\`
answer.

Examples:
  $ doorsill fleet load --data town --ask 12 --poll 120 --download 60 --for 2m
  $ doorsill fleet load --bridge https://bridge.test --agency ./agency --ask 30 --at 48.137,11.575 --beyond-this-machine --json

Exit status: 0 every call was answered or refused with a code, and no request is left open; 1 a clip differed from the list, the bridge was not
reached, or a request is left open; 2 wrong usage; 3 the bridge is not on this machine; 4 no bridge answers; 5 nothing runs there.`,
    )
    .action(async (options: LoadCommandOptions, command: Command) => {
      const context = openContext(command);
      await run(options, context);
    });
}

/** The bridge and the folders of agencies' keys. Throws `usage`, `fleet_beyond_this_machine`, `not_running`, `unreachable`. */
async function readTarget(options: LoadCommandOptions, context: Context): Promise<[BridgeAddress, string[]]> {
  const { bridge, agency = [], beyondThisMachine = false } = options;
  if (agency.length > AGENCIES_MAX)
    throw failure('usage', { detail: `--agency is allowed ${AGENCIES_MAX} times at most` });
  const folders = agency.map((folder) => resolve(folder));
  if (bridge === undefined) {
    const testbed = await openTestbed(context.disk, options);
    checkLoadedAddress('--data', testbed.bridge.url, /^https?:$/, beyondThisMachine);
    return [testbed.bridge, folders.length > 0 ? folders : [testbed.agency]];
  }
  if (folders.length === 0) throw failure('usage', { detail: '--bridge goes with --agency' });
  checkLoadedAddress('--bridge', bridge, /^https?:$/, beyondThisMachine);
  const { bridgeAt } = await import('../load/bridge-calls.ts');
  return [await bridgeAt(bridge.replace(/\/+$/, '')), folders];
}

async function readKeys(folders: readonly string[], context: Context): Promise<LoadOptions['agencies']> {
  for (const folder of folders) {
    if ((await context.disk.sizeOf(resolve(folder, KEY_NAME))) === null)
      throw failure('usage', { detail: `no agency's key is in ${folder}; make one with \`doorsill agency apply\`` });
  }
  return Promise.all(folders.map((folder) => loadAgencyKey(context, folder)));
}

function readPlace(text: string): { latitude: number; longitude: number } {
  const [, latitude = '', longitude = ''] = /^(-?\d{1,2}(?:\.\d{1,9})?),(-?\d{1,3}(?:\.\d{1,9})?)$/.exec(text) ?? [];
  const place = { latitude: Number(latitude), longitude: Number(longitude) };
  if (latitude === '' || Math.abs(place.latitude) > 85 || Math.abs(place.longitude) > 180)
    throw failure('usage', { detail: `--at takes degrees such as 39.799,-89.644, not "${text.slice(0, 40)}"` });
  return place;
}

async function run(options: LoadCommandOptions, context: Context): Promise<void> {
  const { output, clock } = context;
  const perMinute = {
    ask: parseWholeNumber('--ask', options.ask, 0, PER_MINUTE_MAX),
    poll: parseWholeNumber('--poll', options.poll, 0, PER_MINUTE_MAX),
    download: parseWholeNumber('--download', options.download, 0, PER_MINUTE_MAX),
  };
  if (perMinute.ask + perMinute.poll + perMinute.download === 0)
    throw failure('usage', { detail: 'there is nothing to do: --ask, --poll and --download are 0' });
  const atOnce = parseWholeNumber('--at-once', options.atOnce, 1, AT_ONCE_MAX);
  const openMax = parseWholeNumber('--open', options.open, 1, OPEN_MAX);
  const forMs = await parseDuration('--for', options.for);
  const seed =
    options.seed === undefined
      ? Math.floor(context.random.fraction() * SEED_MAX)
      : parseWholeNumber('--seed', options.seed, 0, SEED_MAX);
  const place = options.at === undefined ? {} : readPlace(options.at);
  const [bridge, folders] = await readTarget(options, context);
  const agencies = await readKeys(folders, context);
  const { DEFAULT_PROFILE } = await import('../fleet/fleet-profile.ts');
  const { BridgeCalls } = await import('../load/bridge-calls.ts');
  const { LoadRun } = await import('../load/load-run.ts');
  const calls = new BridgeCalls(context, bridge, { ...DEFAULT_PROFILE.town, ...place }, options.category);
  const begins = { event: 'begins', bridge: bridge.url, agencies: agencies.length, seed, ...perMinute };
  output.result(begins, `Loading ${bridge.url} with seed ${seed}`);
  const line = new ProgressLine(!output.json);
  const isTerminal = process.stderr.isTTY === true && !output.json;
  const printLine = (figures: LoadLine) => {
    if (isTerminal) line.show(() => lineText(figures));
    else output.result({ event: 'second', ...figures }, lineText(figures));
  };
  const load = new LoadRun({ agencies, seed, perMinute, atOnce, openMax, forMs }, { clock, calls, line: printLine });
  const summary = await load.run(stopSignal()).finally(() => line.clear());
  output.result({ event: 'ended', ...summary }, summaryText(summary));
  if (summary.broken + summary.leftOpen + (summary.codes['unreachable'] ?? 0) > 0) process.exitCode = 1;
}

const ms = (value: number | null) => (value === null ? '-' : `${value}`);

function lineText(line: LoadLine): string {
  return [
    `${line.seconds} s: ${line.sent} calls, ${line.answered} answered, ${line.refused} refused, ${line.underWay} under way, ${line.dropped} dropped`,
    `${line.openRequests} requests open`,
    `${line.downloads} clips (${printBytes(line.downloadedBytes)}), ${line.handedOver} at the vault`,
    `p50 ${ms(line.p50Ms)} p99 ${ms(line.p99Ms)} ms`,
  ].join('; ');
}

function summaryText(summary: LoadSummary): string {
  const rows = Object.entries(summary.calls)
    .filter(([, { sent }]) => sent > 0)
    .map(
      ([kind, { sent, answered, refused, p50Ms, p99Ms, maxMs }]) =>
        `${kind}: ${sent} made, ${answered} answered, ${refused} refused; p50 ${ms(p50Ms)} p99 ${ms(p99Ms)} max ${ms(maxMs)} ms`,
    );
  const reasons = Object.entries(summary.codes).map(([code, count]) => `${code} ${count}`);
  return [
    `${summary.seconds} s; ${summary.sent} calls, ${summary.dropped} dropped`,
    ...rows,
    `${summary.downloads} clips downloaded (${printBytes(summary.downloadedBytes)}), ${summary.broken} different from the list, ${summary.handedOver} at the vault already`,
    `${summary.leftOpen} requests left open`,
    ...(reasons.length === 0 ? [] : [`refusals: ${reasons.join(', ')}`]),
  ].join('\n');
}
