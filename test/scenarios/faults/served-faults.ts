// Faults of a production layout, one after the other, each with its end.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { descendants } from '../../support/processes.ts';
import type { LayoutPart, ServedLayout } from '../../support/served-layout.ts';

/** `strike` resolves when the fault is over and its victim runs, with a summary. */
export interface ServedFault {
  name: string;
  strike(layout: ServedLayout, lastsMs: number): Promise<string>;
}

const PATIENCE = { timeout: 180_000, interval: 100 };
/** Duration of each flush on a slow disk, and of each call to a slow bucket. */
const FLUSH_MS = 100;
const BUCKET_LATE_MS = 1_500;

/** Kills a server; it is restarted as by systemd. */
export async function kill(layout: ServedLayout, name: LayoutPart): Promise<string> {
  const part = layout.part(name);
  const { pid } = part;
  part.kill();
  await expect.poll(() => part.pid !== pid && part.pid !== null, PATIENCE).toBe(true);
  await answers(layout, name);
  return 'killed, and started again';
}

/** Resolves when a server answers. */
async function answers(layout: ServedLayout, name: LayoutPart): Promise<void> {
  const isThere = () => layout.isThere(name).catch(() => false);
  await expect.poll(isThere, PATIENCE).toBe(true);
}

/** Halts a process with its connections open, like a cut network. */
async function halt(pid: number | null, lastsMs: number): Promise<string> {
  if (pid === null) throw new Error('it does not run');
  process.kill(pid, 'SIGSTOP');
  try {
    await sleep(lastsMs);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  return `answered nobody for ${lastsMs / 1_000} s`;
}

async function killNode(layout: ServedLayout, at: number, lastsMs: number): Promise<string> {
  await layout.nats.nodes[at]?.end('SIGKILL');
  await sleep(lastsMs);
  await layout.nats.run();
  return `killed, and away for ${lastsMs / 1_000} s`;
}

/** Separates an instance from database, bucket and broker: its packets are dropped without a reset. HAProxy still reaches it. */
async function partition(layout: ServedLayout, lastsMs: number): Promise<string> {
  const links = Object.values(layout.links.b);
  for (const link of links) link.set({ gone: 'half-open' });
  await sleep(lastsMs);
  for (const link of links) link.set({});
  await answers(layout, 'b');
  return `swallowed all it sent to database, bucket and broker for ${lastsMs / 1_000} s`;
}

/** Slows each flush of the files of primary, bridges and vault. */
async function slowDisk(layout: ServedLayout, lastsMs: number): Promise<string> {
  const log = join(layout.folder, 'flushes');
  const postgres = layout.primary.pid;
  const pids = [
    postgres,
    ...descendants(postgres),
    ...(['a', 'b', 'vault'] as const).map((one) => layout.part(one).pid),
  ];
  const delayed = ['-e', 'trace=fsync,fdatasync', '-e', `inject=fsync,fdatasync:delay_enter=${FLUSH_MS * 1_000}`];
  const whom = pids.flatMap((pid) => (pid === null ? [] : ['-p', String(pid)]));
  const strace = spawn('strace', ['-f', '-qq', '-o', log, ...delayed, ...whom], { stdio: 'ignore' });
  const ended = new Promise((resolve) => strace.once('close', resolve));
  await sleep(lastsMs);
  // strace detaches, and the processes go on.
  strace.kill('SIGINT');
  await ended;
  const flushes = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.includes('DELAYED')).length;
  expect(flushes, 'flushes that were slow').toBeGreaterThan(0);
  return `${flushes} flushes of ${FLUSH_MS} ms`;
}

async function fullBucket(layout: ServedLayout, lastsMs: number): Promise<string> {
  const { bucket } = layout;
  const before = bucket.refused;
  bucket.isFull = true;
  await sleep(lastsMs);
  await expect.poll(() => bucket.refused, PATIENCE).toBeGreaterThan(before);
  bucket.isFull = false;
  return `refused ${bucket.refused - before} objects`;
}

async function slowBucket(layout: ServedLayout, lastsMs: number): Promise<string> {
  const { bucket } = layout;
  const before = bucket.late;
  bucket.lateMs = BUCKET_LATE_MS;
  await sleep(lastsMs);
  bucket.lateMs = 0;
  return `answered ${bucket.late - before} calls ${BUCKET_LATE_MS} ms late`;
}

/** All faults; the end of the primary is last, because another server takes over. */
export const SERVED_FAULTS: readonly ServedFault[] = [
  { name: 'bridge a killed', strike: (layout) => kill(layout, 'a') },
  { name: 'bridge b killed', strike: (layout) => kill(layout, 'b') },
  { name: 'vault killed', strike: (layout) => kill(layout, 'vault') },
  { name: 'registry killed', strike: (layout) => kill(layout, 'registry') },
  ...['a', 'b', 'c'].map((name, at) => ({
    name: `NATS node ${name} killed`,
    strike: (layout: ServedLayout, lastsMs: number) => killNode(layout, at, lastsMs),
  })),
  {
    name: 'HAProxy restarted',
    strike: async (layout) => {
      await layout.restartHaproxy();
      return 'all connections ended';
    },
  },
  { name: 'bridge a halted', strike: (layout, lastsMs) => halt(layout.part('a').pid, lastsMs) },
  { name: 'vault halted', strike: (layout, lastsMs) => halt(layout.part('vault').pid, lastsMs) },
  { name: 'NATS node b halted', strike: (layout, lastsMs) => halt(layout.nats.nodes[1]?.pid ?? null, lastsMs) },
  { name: 'bridge b cut off', strike: partition },
  { name: 'bucket full', strike: fullBucket },
  { name: 'bucket slow', strike: slowBucket },
  { name: 'disks slow', strike: slowDisk },
  {
    name: 'PostgreSQL primary killed',
    strike: async (layout) => {
      await layout.failOver();
      return 'its standby promoted, and a new standby made';
    },
  },
];
