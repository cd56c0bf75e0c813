// Runs Spin on the model of a grant's life, and parses its output.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const MODEL = 'grant-life.pml';
const path = join(import.meta.dirname, MODEL);
export const modelLines = readFileSync(path, 'utf8').split('\n');

/** Memory limit of a walk in megabytes, and its maximum depth in steps. */
const MEGABYTES_MAX = 4_000;
const DEPTH_MAX = 1_000_000;

/** The two walks: two grants and any bridge, or one grant with the real bridge and vault. */
export type WalkOf = 'ORDERS' | 'JOURNEY';

/** The result of one walk through the model's states. */
export interface Walk {
  states: number;
  errors: number;
  /** Whether every state was visited: neither depth, memory nor an error ended the walk. */
  isExhaustive: boolean;
  /** Unreached statements by process and number, with their lines. */
  unreached: Map<string, number>;
  /** The violated claim in Spin's words, or null. */
  broken: string | null;
}

/** Visits all states of the model, with the check of `bug` omitted. Throws if Spin or the compiler fails. */
export async function walk(of: WalkOf, bug: string | null = null): Promise<Walk> {
  const cwd = await mkdtemp(join(tmpdir(), 'doorsill-model-'));
  try {
    execFileSync('spin', ['-a', `-D${of}`, ...(bug === null ? [] : [`-DBUG=${bug}`]), path], { cwd, stdio: 'pipe' });
    const flags = ['-O2', '-w', '-DSAFETY', '-DCOLLAPSE', `-DMEMLIM=${MEGABYTES_MAX}`];
    execFileSync('gcc', [...flags, '-o', 'pan', 'pan.c'], { cwd, stdio: 'pipe' });
    const run = spawnSync(join(cwd, 'pan'), [`-m${DEPTH_MAX}`], { cwd, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    return read(`${run.stdout}${run.stderr}`);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

function read(said: string): Walk {
  const figure = (pattern: RegExp) => {
    const found = pattern.exec(said)?.[1];
    if (found === undefined) throw new Error(`Spin did not end its walk:\n${said.slice(0, 2_000)}`);
    return Number(found);
  };
  const unreached = new Map<string, number>();
  let process = '';
  for (const line of said.split('\n')) {
    process = /^unreached in (?:proctype )?(\w+)/.exec(line)?.[1] ?? process;
    const [, at, state] = /:(\d+), state (\d+), "(?!-end-)/.exec(line) ?? [];
    if (process !== '' && at !== undefined) unreached.set(`${process} ${state}`, Number(at));
  }
  const errors = figure(/errors: (\d+)/);
  const isCutShort = /max search depth too small|out of memory|reached -DMEMLIM|Search not completed/i.test(said);
  return {
    states: figure(/([\d.e+]+) states, stored/),
    errors,
    isExhaustive: errors === 0 && !isCutShort,
    unreached,
    broken: /^pan:\d+: (.*?)(?: \(at depth|$)/m.exec(said)?.[1] ?? null,
  };
}

/** One step of the model: its line, and the comment before it. */
export interface ModelStep {
  line: number;
  says: string;
}

/** Every option of a process's loop. */
export function modelSteps(): ModelStep[] {
  return modelLines.flatMap((text, at) => {
    if (!text.startsWith('  :: atomic {')) return [];
    return [{ line: at + 1, says: /^ {2}\/\* (.*) \*\/$/.exec(modelLines[at - 1] ?? '')?.[1] ?? '' }];
  });
}

/** The model's planted bugs, by name. */
export function plantedBugs(): string[] {
  const names = modelLines.flatMap((text) => /^#define ([A-Z_]+) [1-9]\d*$/.exec(text)?.[1] ?? []);
  return names.filter((name) =>
    modelLines.some((text) => !text.startsWith('#') && new RegExp(`(BUG [!=]= |GUARD\\()${name}\\b`).test(text)),
  );
}

/** The code that each planted bug omits, and the walk that finds it. */
export const BUGS: Readonly<Record<string, [WalkOf, string]>> = {
  GRANT_REPLAY: ['ORDERS', 'a grant that was revoked acts again when it is sent again'],
  WITHHELD_GRANT: ['ORDERS', 'a grant acts that was signed before the last word on its request'],
  REVOKED_AHEAD_FORGOTTEN: ['ORDERS', 'a revocation that overtakes its grant is not written down'],
  RESERVE_LOST: ['ORDERS', 'a revocation that the ledger had no room for is not in the reserve either'],
  REVOKE_RACE: ['JOURNEY', 'a revocation ends its grant only when its turn in the queue comes'],
  LEDGER_AFTER_EFFECT: ['JOURNEY', 'the upload token is shown before the ledger says so'],
  SECOND_CLIP: ['JOURNEY', 'a clip is cut again in place of the sealed one'],
  LATE_OPEN: ['JOURNEY', 'the bridge opens an intake for a revoked grant'],
  EARLY_ANSWER: ['JOURNEY', 'the bridge says deleted before the vault has withdrawn its copy'],
  HAND_OVER_RACE: ['JOURNEY', 'the bridge hands over what was revoked meanwhile'],
  RECALL_IGNORED: ['JOURNEY', 'the bridge says deleted for what is with the vault'],
  PUBLISH_RACE: ['JOURNEY', 'the bridge stores what was revoked while it was checked'],
};
