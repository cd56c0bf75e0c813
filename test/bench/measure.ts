// Comparing a piece of work with its baseline in the same run, what a process tree has cost, and what a row is.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { processorTime } from '../support/processes.ts';

/** One line of the table. */
export interface Row {
  /** What `npm run bench -- NAME` calls the group that it belongs to. */
  group: string;
  what: string;
  /** What we cost, and what is compared with, each with its unit. */
  ours: string;
  baseline: string;
  /** The figure that the target is about, and its unit, e.g. 'x'. */
  figure: number;
  unit: string;
  /** The bound of `figure`; null when it is printed only. */
  target: { most: number } | { least: number } | null;
}

/** Whether a row holds what it should. */
export function isMet({ figure, target }: Row): boolean {
  if (target === null) return true;
  return 'most' in target ? figure <= target.most : figure >= target.least;
}

/** Medians over all pairs, in the unit that work and baseline answered in. */
export interface Comparison {
  work: number;
  baseline: number;
  /** Median of work over baseline in each pair: a machine that slows down slows both halves of a pair. */
  ratio: number;
}

/** Where a group of rows may put its files, on a real disk, and how many pairs it takes at least. */
export interface Run {
  folder: string;
  pairs: number;
}

/**
 * Runs work and baseline in turn, `pairs` times after one pair that warms up, and takes medians. Each answers with its own
 * cost; `timed` makes one of something that is only done.
 */
export async function compare(
  pairs: number,
  work: () => Promise<number>,
  baseline: () => Promise<number>,
): Promise<Comparison> {
  const taken: { work: number; baseline: number }[] = [];
  for (let pair = 0; pair <= pairs; pair += 1) {
    // Which comes first changes, so that neither always finds the caches of the other.
    const workFirst = pair % 2 === 0;
    const first = await (workFirst ? work : baseline)();
    const second = await (workFirst ? baseline : work)();
    if (pair > 0) taken.push(workFirst ? { work: first, baseline: second } : { work: second, baseline: first });
  }
  return {
    work: median(taken.map((pair) => pair.work)),
    baseline: median(taken.map((pair) => pair.baseline)),
    ratio: median(taken.map((pair) => pair.work / pair.baseline)),
  };
}

/** Milliseconds of wall time that something takes. */
export async function timeMs(work: () => Promise<unknown> | unknown): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

/** The same as a cost for `compare`. */
export function timed(work: () => Promise<unknown> | unknown): () => Promise<number> {
  return () => timeMs(work);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Processor time, user and system, that this process and all children it has waited for have used so far. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000 + processorTime('self').childrenMs;
}

const SECTOR_BYTES = 512;

/** What a disk was given to write so far. */
export interface DiskWrites {
  bytes: number;
  /** Requests to write, and to make durable what was written. */
  requests: number;
  flushes: number;
}

/**
 * What was written so far to the disk that holds `path`, by everyone (Documentation/block/stat.rst of Linux). (What /proc says of one
 * process counts whole folios of the page cache, many times what is written.) Throws where the disk cannot be told, as on tmpfs.
 */
export function diskWrites(path: string): DiskWrites {
  const { dev } = statSync(path);
  // The numbers as glibc packs them (makedev(3)), for devices with small ones.
  const stat = `/sys/dev/block/${dev >> 8}:${dev & 0xff}/stat`;
  if (!existsSync(stat)) throw new Error(`${path} is on no disk that counts its writes: choose another with --data`);
  const fields = readFileSync(stat, 'utf8').trim().split(/\s+/).map(Number);
  const [requests = 0, sectors = 0, flushes = 0] = [fields[4], fields[6], fields[15]];
  return { bytes: sectors * SECTOR_BYTES, requests, flushes };
}
