// Owns: what a doorbell of a fleet costs, beside one ffmpeg that copies the same footage and one `doorsill device` that films it; and how that
// grows with the fleet. In real time, through the command line. Not here: whether a fleet is right (test/sim/fleet).
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
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

const PROGRAM = join(import.meta.dirname, '../../../sim/cli/entry.js');
const TICK_MS = 10;
/** How long each is watched once it runs, in seconds. */
const WATCHED_S = 30;
/** A start of the services, and of each doorbell, in seconds. */
const START_S = 10;
const RAMP_S_EACH = 0.05;
const SIZES = [100, 1_000];
/** Passes of the loop in the file that ffmpeg and the device read. */
const PASSES = 8;

const summarySchema = z.object({
  up: z.number(),
  doorbells: z.number(),
  segmentsLost: z.number(),
  latenessP99Ms: z.number().nullable(),
  corePercentEach: z.number().nullable(),
  memoryBytesEach: z.number(),
});
type Summary = z.infer<typeof summarySchema>;

export async function fleetRows({ folder }: Run): Promise<Row[]> {
  const footage = await footageIn(folder);
  const copy = await copyPercent(footage);
  const device = await devicePercent(folder, footage);
  const files = await fleet(folder, 100, 'file', '60s');
  const rows = [...costRows(files, copy, device)];
  const grown: Summary[] = [];
  for (const size of SIZES) grown.push(await fleet(folder, size, 'memory', '10s'));
  const [small, large] = grown;
  if (small && large) rows.push(...growthRows(small, large));
  return rows;
}

function costRows(ours: Summary, copy: number, device: number): Row[] {
  const each = ours.corePercentEach ?? Number.NaN;
  const shown = `${each.toFixed(3)} % of a core, ${ours.doorbells} doorbells`;
  const group = 'fleet';
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
    {
      ...{ group, what: 'Fleet: memory for each doorbell beyond loop and ring', ours: `${ours.doorbells} doorbells` },
      baseline: 'none',
      ...{ figure: Math.round(ours.memoryBytesEach / 1_000), unit: 'KB', target: { most: 150 } },
    },
  ];
}

function growthRows(small: Summary, large: Summary): Row[] {
  const told = ({ corePercentEach, memoryBytesEach }: Summary) =>
    `${corePercentEach?.toFixed(3) ?? '-'} %, ${Math.round(memoryBytesEach / 1_000)} KB each`;
  const group = 'fleet';
  const baseline = `${told(small)}, ${small.doorbells} doorbells`;
  return [
    {
      ...{
        group,
        what: 'Fleet: growth, rings of 10 s in memory',
        ours: `${told(large)}, ${large.doorbells} doorbells`,
        baseline,
      },
      figure: (large.corePercentEach ?? Number.NaN) / (small.corePercentEach ?? Number.NaN),
      ...{ unit: 'x processor', target: { most: 1.1 } },
    },
    {
      ...{
        group,
        what: 'Fleet: from filmed to sealed, p99',
        ours: `${large.up} of ${large.doorbells} up, ${large.segmentsLost} s lost`,
      },
      ...{
        baseline: `${small.latenessP99Ms ?? '-'} ms, ${small.doorbells} doorbells`,
        figure: large.latenessP99Ms ?? Number.NaN,
      },
      ...{ unit: 'ms', target: { most: 100 } },
    },
  ];
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

/** A fleet of so many in one process, by the command line. */
async function fleet(folder: string, doorbells: number, ring: 'file' | 'memory', length: string): Promise<Summary> {
  const rampS = Math.max(1, Math.round(doorbells * RAMP_S_EACH));
  const profile = join(folder, 'profile.json');
  await writeFile(profile, JSON.stringify({ ring: { kind: ring, length }, ramp: `${rampS}s` }));
  const seconds = rampS + START_S + WATCHED_S;
  const data = join(folder, `fleet-${doorbells}-${ring}`);
  const words = [
    '--doorbells',
    String(doorbells),
    '--seed',
    '1',
    '--profile',
    profile,
    '--for',
    `${seconds}s`,
    '--data',
    data,
  ];
  const child = spawn(process.execPath, [PROGRAM, 'fleet', ...words, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const last = text.trim().split('\n').at(-1) ?? '';
  const summary = summarySchema.safeParse(last.startsWith('{') ? JSON.parse(last) : null);
  if (!summary.success) throw new Error(`a fleet of ${doorbells} ended with ${status}: ${last}`);
  return summary.data;
}
