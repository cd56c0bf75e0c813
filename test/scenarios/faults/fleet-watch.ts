// Distinguishes a late fleet, on a busy machine, from a stuck one: without progress although processors are idle. Measures how many
// doorbells this machine can run.
import { spawn } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Running } from '../../support/command-line.ts';

/** One observation of a fleet and its machine. */
export interface Look {
  /** The fleet's work since its start: requests seen by owners, their answers, ended clips. */
  readonly done: number;
  /** Share of idle processor time since the last observation, 0 to 1. */
  readonly idle: number;
}

/** Maximum time without progress on idle processors: retries come within two minutes. */
export const STUCK_LOOKS = 150;
const IDLE_MIN = 0.3;

/** The verdict on observations of a second each: `late` is a busy machine's, `stuck` a bug's. */
export function judgeLooks(looks: readonly Look[]): 'goes on' | 'late' | 'stuck' {
  const recent = looks.slice(-STUCK_LOOKS);
  if (recent.length < STUCK_LOOKS || recent.at(-1)?.done !== recent[0]?.done) return 'goes on';
  const idle = recent.reduce((sum, look) => sum + look.idle, 0) / recent.length;
  return idle >= IDLE_MIN ? 'stuck' : 'late';
}

const LOOK_MS = 1_000;
const LATE_S_MAX = 1_200;
const countsSchema = z.object({
  requests: z.int(),
  grants: z.int(),
  denials: z.int(),
  clipsUnderWay: z.int(),
  clipsStored: z.int(),
  clipsFailed: z.int(),
  revocations: z.int(),
});

/**
 * Waits until owners have seen another request, the bridge has stored another clip, and another was revoked; returns the milliseconds. A
 * busy machine may be late by minutes; throws at once if the fleet is stuck.
 */
export async function goesOnUnlessStuck(fleet: Running, what: string): Promise<number> {
  const begunMs = performance.now();
  const newest = () => countsSchema.parse(fleet.lines.findLast(({ event }) => event === 'second'));
  const before = newest();
  const looks: Look[] = [];
  for (;;) {
    const now = newest();
    if ((['requests', 'clipsStored', 'revocations'] as const).every((name) => now[name] > before[name]))
      return performance.now() - begunMs;
    const elapsedS = Math.round((performance.now() - begunMs) / 1_000);
    const verdict = judgeLooks(looks);
    if (verdict === 'stuck' || elapsedS > LATE_S_MAX || fleet.child.exitCode !== null) {
      const state = fleet.child.exitCode === null ? verdict : `ended (${fleet.child.exitCode})`;
      const told = [`before ${JSON.stringify(before)}`, `now ${JSON.stringify(now)}`, fleet.stderr.slice(-3_000)];
      throw new Error([`${elapsedS} s after ${what} the fleet is ${state}`, ...told].join('\n'));
    }
    const idle = await idleShare(LOOK_MS);
    const { clipsUnderWay: _, ...done } = now;
    looks.push({ done: Object.values(done).reduce((sum, count) => sum + count, 0), idle });
  }
}

/** Measures for `ms` milliseconds which share of all processors' time is idle, 0 to 1. */
export async function idleShare(ms: number): Promise<number> {
  const before = processorTimes();
  await sleep(ms);
  const after = processorTimes();
  return (after.idle - before.idle) / Math.max(1, after.all - before.all);
}

/**
 * How many doorbells to try next, after some kept `idle` of the processors idle: the same number where that is the room that a fault needs, else
 * three fifths, and never fewer than the least. Not in proportion: what serves the doorbells takes half of the processors' time, however many there are.
 */
export function doorbellsWithRoom(doorbells: number, idle: number): number {
  return idle >= ROOM ? doorbells : Math.max(DOORBELLS.least, Math.floor(doorbells * 0.6));
}

function processorTimes(): { idle: number; all: number } {
  const sums = { idle: 0, all: 0 };
  for (const { times } of cpus()) {
    sums.idle += times.idle;
    sums.all += Object.values(times).reduce((sum, ms) => sum + ms, 0);
  }
  return sums;
}

const MEASURED_MS = 4_000;
/** Signatures, sealing, hashes and JSON, as in doorbells and bridges. Prints how often it ran. */
const WORK = `
  const { createCipheriv, createHash, generateKeyPairSync, sign, verify } = require('node:crypto');
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const [key, nonce, footage] = [Buffer.alloc(32, 1), Buffer.alloc(12, 2), Buffer.alloc(32_768, 3)];
  const endMs = performance.now() + ${MEASURED_MS};
  let count = 0;
  for (; performance.now() < endMs; count += 1) {
    const claims = Buffer.from(JSON.stringify({ count, text: 'x'.repeat(1_000) }));
    const signature = sign(null, claims, privateKey);
    for (let at = 0; at < 4; at += 1) if (!verify(null, claims, publicKey, signature)) throw new Error();
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    createHash('sha256').update(cipher.update(footage)).update(cipher.final()).digest();
    JSON.parse(claims.toString());
  }
  process.stdout.write(String(count));
`;
/** The rate of two processors that can run 300 doorbells. */
const RATE_FOR_ALL = 2_600;
const DOORBELLS = { least: 30, most: 300 };
/** The share of the processors that must be idle before anything goes wrong: reconnecting and catching up need it. */
const ROOM = 0.4;

/** How many doorbells this machine can run with all services, and its measured rate. */
export async function doorbellsFed(): Promise<{ doorbells: number; rate: number }> {
  const counts = await Promise.all(Array.from({ length: availableParallelism() }, countWork));
  const rate = counts.reduce((sum, count) => sum + count, 0) / (MEASURED_MS / 1_000);
  return { doorbells: doorbellsAt(rate), rate: Math.round(rate) };
}

/** Proportional to the machine's rate. */
export function doorbellsAt(rate: number): number {
  const fed = Math.floor((DOORBELLS.most * rate) / RATE_FOR_ALL);
  return Math.min(DOORBELLS.most, Math.max(DOORBELLS.least, fed));
}

function countWork(): Promise<number> {
  const child = spawn(process.execPath, ['-e', WORK], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (piece: Buffer) => {
    text += piece.toString();
  });
  return new Promise((resolve) => child.once('close', () => resolve(Number(text))));
}
