// What a doorbell of a fleet costs, beside one ffmpeg that copies the same footage and one `doorsill device` that films it; and how that
// grows with the fleet. In real time, through the command line.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { SystemClock } from '../../device/base/clock.ts';
import { silentLog } from '../../device/base/log.ts';
import { GRAY_ARGS } from '../../device/camera/ffmpeg-capture-command.ts';
import { COMMON_ARGS } from '../../device/camera/ffmpeg-run.ts';
import { findFfmpeg } from '../../device/camera/find-ffmpeg.ts';
import { DEFAULT_SCENE, makeLoop } from '../../sim/fleet/loop.ts';
import type { Row, Run } from './measure.ts';

const PROGRAM = join(import.meta.dirname, '../../sim/dist/cli/entry.js');
const TICK_MS = 10;
/** How long each is watched once it runs, in seconds. */
const WATCHED_S = 30;
/** A start of the services, and of the last doorbells, in seconds. */
const START_S = 15;
/** Within so many seconds for each doorbell they start. */
const RAMP_S_EACH = 0.05;
/** Passes of the loop in the file that ffmpeg and the device read. */
const PASSES = 8;
/** What a fleet is held to. What a larger one does is printed beside it. */
const HELD_DOORBELLS = 1_000;
/** Who answers "yes" of a thousand homes, and within what time they do; others say nothing. */
const SHARE_PERCENT = 30;
const ANSWERS_S = 20;
/** Their rings, in seconds: clips wait for a processor meanwhile. A request comes once all of it is filled, for new memory is slow. */
const ASKED_RING_S = 60;
/** How long a fleet goes on after a request. It ends before twice the time of that, when the agency would ask again. */
const AFTER_REQUEST_S = 120;

const lineSchema = z.object({
  event: z.literal('second'),
  seconds: z.number(),
  latenessP99Ms: z.number().nullable(),
  cores: z.number(),
  memoryBytes: z.number(),
});
const summarySchema = z.object({
  event: z.literal('ended'),
  up: z.number(),
  doorbells: z.number(),
  segmentsLost: z.number(),
  grants: z.number(),
  clipsStored: z.number(),
  clipsFailed: z.number(),
  clipsShown: z.number().nullable(),
  deliveredP50Ms: z.number().nullable(),
  deliveredP99Ms: z.number().nullable(),
});

/** What a fleet is asked to be. */
interface Wish {
  readonly doorbells: number;
  readonly ring: { readonly kind: 'file' | 'memory'; readonly length: string };
  readonly kbitPerS?: number;
  readonly workers?: number;
  /** Within so many seconds they start; absent: RAMP_S_EACH each. */
  readonly rampS?: number;
  /** After so many seconds in which all doorbells were up, one request goes to the whole town. */
  readonly askedAfterS?: number;
}

/** What it was while all of its doorbells ran. */
interface Seen extends z.infer<typeof summarySchema> {
  readonly corePercentEach: number;
  readonly memoryBytes: number;
  /** Of the worst second. */
  readonly latenessP99Ms: number;
}

export async function fleetRows({ folder }: Run): Promise<Row[]> {
  const footage = await footageIn(folder);
  const copy = await copyPercent(footage);
  const device = await devicePercent(folder, footage);
  const onDisk = { kind: 'file', length: '60s' } as const;
  const cost = await fleet(folder, { doorbells: 100, ring: onDisk });
  const rows = [
    ...costRows(cost, copy, device),
    doubleRow(await fleet(folder, { doorbells: 100, ring: onDisk, kbitPerS: 2_000 })),
  ];
  rows.push(memoryRow(cost, await fleet(folder, { doorbells: 300, ring: onDisk })));
  const inMemory = { kind: 'memory', length: '10s' } as const;
  const small = await fleet(folder, { doorbells: 100, ring: inMemory });
  const thousand = await fleet(folder, { doorbells: 1_000, ring: inMemory });
  rows.push(growthRow(small, thousand), latenessRow(thousand));
  const long = { kind: 'memory', length: `${ASKED_RING_S}s` } as const;
  rows.push(askedRow(await fleet(folder, { doorbells: 1_000, ring: long, askedAfterS: ASKED_RING_S })));
  try {
    const ring = { kind: 'memory', length: '8s' } as const;
    const many = await fleet(folder, { doorbells: 5_000, ring, kbitPerS: 2_000, workers: 3, rampS: 480 });
    rows.push(growthRow(small, many), latenessRow(many));
  } catch (thrown) {
    // A machine without 15 GB of memory; the other figures stand.
    console.error('bench: no fleet of 5,000:', thrown);
  }
  return rows;
}

const group = 'fleet';

/** What the rows about size and lateness read. */
export type Grown = Pick<
  Seen,
  'up' | 'doorbells' | 'segmentsLost' | 'corePercentEach' | 'memoryBytes' | 'latenessP99Ms'
>;

const targetOf = ({ doorbells }: Grown, most: number) => (doorbells <= HELD_DOORBELLS ? { most } : null);

function costRows(ours: Seen, copy: number, device: number): Row[] {
  const each = ours.corePercentEach;
  const shown = `${each.toFixed(3)} % of a core, ${ours.doorbells} doorbells`;
  return [
    {
      ...{ group, what: 'Fleet: processor, 720p15 of 1 Mbit/s, sealed ring of 60 s on disk', ours: shown },
      baseline: `${copy.toFixed(2)} %, ffmpeg -c copy with gray pictures`,
      ...{ figure: copy / each, unit: 'x less', target: { least: 30 } },
    },
    {
      ...{ group, what: 'Fleet: the same', ours: shown, baseline: `${device.toFixed(2)} %, one doorsill device` },
      ...{ figure: each, unit: '% of a core', target: { most: 0.1 } },
    },
  ];
}

function doubleRow(ours: Seen): Row {
  return {
    ...{ group, what: 'Fleet: the same with 2 Mbit/s', ours: `${ours.doorbells} doorbells`, baseline: 'none' },
    ...{ figure: ours.corePercentEach, unit: '% of a core', target: null },
  };
}

/** What a process has before its first doorbell, and what grows only at first, is in both. */
export function memoryRow(small: Grown, large: Grown): Row {
  const bytes = (large.memoryBytes - small.memoryBytes) / (large.doorbells - small.doorbells);
  return {
    ...{ group, what: 'Fleet: memory for each further doorbell, rings on disk' },
    ...{
      ours: `${megabytes(large)}, ${large.doorbells} doorbells`,
      baseline: `${megabytes(small)}, ${small.doorbells}`,
    },
    ...{ figure: Math.round(bytes / 1_000), unit: 'KB', target: null },
  };
}

const megabytes = ({ memoryBytes }: Grown) => `${Math.round(memoryBytes / 1e6)} MB`;

export function growthRow(small: Grown, large: Grown): Row {
  const told = ({ corePercentEach, memoryBytes, doorbells }: Grown) =>
    `${corePercentEach.toFixed(3)} %, ${Math.round(memoryBytes / doorbells / 1_000)} KB each, ${doorbells} doorbells`;
  return {
    ...{ group, what: 'Fleet: growth, rings in memory', ours: told(large), baseline: told(small) },
    ...{ figure: ifAllUp(large, large.corePercentEach / small.corePercentEach), unit: 'x processor' },
    target: targetOf(large, 1.1),
  };
}

/** What a part of a fleet takes says nothing about the whole: no target is reached by it. */
const ifAllUp = ({ up, doorbells }: Grown, figure: number) => (up === doorbells ? figure : Number.POSITIVE_INFINITY);

export function latenessRow(seen: Grown): Row {
  const { up, doorbells, segmentsLost, latenessP99Ms } = seen;
  return {
    ...{ group, what: 'Fleet: from filmed to sealed, p99 of the worst second', baseline: 'none' },
    ...{ ours: `${up} of ${doorbells} up, ${segmentsLost} s lost` },
    ...{ figure: ifAllUp(seen, latenessP99Ms), unit: 'ms', target: targetOf(seen, 100) },
  };
}

function askedRow({
  doorbells,
  grants,
  clipsStored,
  clipsFailed,
  clipsShown,
  deliveredP50Ms,
  deliveredP99Ms,
}: Seen): Row {
  const took = `from grant to bridge p50 ${deliveredP50Ms ?? '-'}, p99 ${deliveredP99Ms ?? '-'} ms`;
  return {
    ...{
      group,
      what: `Fleet: one request to ${doorbells} homes, clips that the agency is shown`,
      baseline: `${grants} grants`,
    },
    ...{ ours: `${clipsStored} stored, ${clipsFailed} failed; ${took}` },
    ...{ figure: (clipsShown ?? 0) / grants, unit: 'of the grants', target: { least: 1 } },
  };
}

/** The drawn porch as a fleet films it, in a file of some minutes. */
async function footageIn(folder: string): Promise<string> {
  const deps = { ffmpeg: await findFfmpeg(), clock: new SystemClock(), log: silentLog() };
  const loop = await makeLoop(DEFAULT_SCENE, deps, new AbortController().signal);
  const path = join(folder, 'scene.mp4');
  const fragments = Array.from({ length: PASSES * loop.gopCount }, (_, at) => loop.fragment(at));
  await writeFile(path, Buffer.concat([loop.init, ...fragments]));
  return path;
}

/** One ffmpeg that copies the footage in real time into files, and makes the small pictures in which motion would be looked for. */
async function copyPercent(footage: string): Promise<number> {
  const { path } = await findFfmpeg();
  const outputs = [
    '-map',
    '0:v',
    '-map',
    '0:a',
    '-c',
    'copy',
    '-f',
    'segment',
    '-segment_time',
    '1',
    `${footage}.%04d.mp4`,
  ];
  const gray = ['-map', '0:v', ...GRAY_ARGS, '-y', '/dev/null'];
  const child = spawn(path, [...COMMON_ARGS, '-loglevel', 'error', '-re', '-i', footage, ...outputs, ...gray], {
    stdio: 'ignore',
  });
  try {
    await setTimeout(3_000);
    return await watched(child.pid ?? 0);
  } finally {
    child.kill('SIGKILL');
  }
}

/** One `doorsill device` that films the same file, with its ffmpeg, its ring on disk and motion; the testbed around it is not counted. */
async function devicePercent(folder: string, footage: string): Promise<number> {
  const words = ['up', '--data', join(folder, 'testbed'), '--camera', `file:${footage}`, '--json'];
  const child = spawn(process.execPath, [PROGRAM, ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  try {
    const device = await deviceUnder(child.pid ?? 0);
    await setTimeout(START_S * 1_000);
    return await watched(device);
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

/** The process of the doorbell that `up` has started. */
async function deviceUnder(pid: number): Promise<number> {
  for (let tries = 0; tries < 120; tries += 1) {
    const found = processes().find((one) => one.parent === pid && wordsOf(one.pid).includes('device'));
    if (found) return found.pid;
    await setTimeout(500);
  }
  throw new Error('up has started no device');
}

function wordsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** Percent of a core that a process and its children take over some seconds. */
async function watched(pid: number): Promise<number> {
  const before = treeMs(pid);
  const startMs = performance.now();
  await setTimeout(WATCHED_S * 1_000);
  return ((treeMs(pid) - before) / (performance.now() - startMs)) * 100;
}

/** Processor time of a process and of the children that it has now. */
function treeMs(pid: number): number {
  const all = processes();
  const own = all.find((one) => one.pid === pid)?.ms ?? 0;
  return own + all.filter(({ parent }) => parent === pid).reduce((sum, child) => sum + treeMs(child.pid), 0);
}

function processes(): { pid: number; parent: number; ms: number }[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).flatMap((pid) => statOf(pid) ?? []);
}

function statOf(pid: number): { pid: number; parent: number; ms: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // pid (name) state ppid ... utime stime: the name may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, parent: Number(fields[1]), ms: (Number(fields[11]) + Number(fields[12])) * TICK_MS };
  } catch {
    return null;
  }
}

/** A fleet, by the command line. Throws when it did not end in order. */
async function fleet(folder: string, wish: Wish): Promise<Seen> {
  const { doorbells, ring, kbitPerS = 1_000, workers, askedAfterS } = wish;
  const rampS = wish.rampS ?? Math.max(5, Math.round(doorbells * RAMP_S_EACH));
  console.error(`bench: a fleet of ${doorbells} ...`);
  const steadyS = rampS + START_S;
  const watchedUntilS = steadyS + WATCHED_S;
  const askedS = askedAfterS === undefined ? null : steadyS + askedAfterS;
  const profile = join(folder, 'profile.json');
  const owners = { share: SHARE_PERCENT, ignore: 100 - SHARE_PERCENT };
  const words = { ring, ramp: `${rampS}s`, owners, answerAfter: { from: '2s', to: `${ANSWERS_S}s` } };
  await writeFile(profile, JSON.stringify({ ...words, scenes: { porch: { camera: 'synthetic', kbitPerS } } }));
  const options = {
    doorbells,
    seed: 1,
    profile,
    ...(workers === undefined ? {} : { workers }),
    for: `${askedS === null ? watchedUntilS : askedS + AFTER_REQUEST_S}s`,
    ...(askedS === null ? {} : { ask: `${askedS}s` }),
    data: await mkdtemp(join(folder, 'fleet-')),
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(process.execPath, [PROGRAM, 'fleet', ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  await rm(options.data, { recursive: true, force: true });
  const lines = text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as unknown] : []));
  const summary = summarySchema.safeParse(lines.at(-1));
  if (!summary.success) throw new Error(`a fleet of ${doorbells} ended with ${status}: ${text.slice(-500)}`);
  const seconds = lines.flatMap((line) => lineSchema.safeParse(line).data ?? []);
  const watched = seconds.filter((line) => line.seconds > steadyS && line.seconds <= watchedUntilS);
  const cores = watched.reduce((sum, line) => sum + line.cores, 0) / watched.length;
  return {
    ...summary.data,
    corePercentEach: (cores / doorbells) * 100,
    memoryBytes: watched.at(-1)?.memoryBytes ?? Number.NaN,
    latenessP99Ms: Math.max(...watched.map(({ latenessP99Ms }) => latenessP99Ms ?? 0)),
  };
}
