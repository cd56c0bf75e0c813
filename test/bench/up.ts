// What `doorsill up` costs whoever waits for it: seconds until it is up again, until an agency's first request on a new folder, and the
// memory of all its processes; beside `up --separate`, whose parts each have a process.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { descendants, memoryKiB } from '../support/processes.ts';
import { compare, median, type Row, type Run } from './measure.ts';

const PROGRAM = new URL('../../sim/cli/doorsill.mjs', import.meta.url).pathname;
/** The camera runs by then, and what the start needed alone is given back. */
const SETTLED_MS = 5_000;
const RUNS_MOST = 5;

export async function upRows({ folder, pairs }: Run): Promise<Row[]> {
  const runs = Math.min(pairs, RUNS_MOST);
  const requestS: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    requestS.push(await seconds([...at(join(folder, `new-${run}`))], 'request'));
  }
  const again = at(join(folder, 'new-0'));
  const memoryMiB = { together: [] as number[], apart: [] as number[] };
  const timed = await compare(
    runs,
    () => seconds([...again, '--no-ask'], 'up', memoryMiB.together),
    () => seconds([...again, '--no-ask', '--separate'], 'up', memoryMiB.apart),
  );
  const [mostMiB, apartMiB] = [median(memoryMiB.together), median(memoryMiB.apart)];
  const row = { group: 'up', baseline: '', unit: 's' };
  return [
    {
      ...row,
      what: 'Up: until it is up again',
      ours: `${timed.ratio.toFixed(2)} x --separate`,
      baseline: `${timed.baseline.toFixed(1)} s --separate`,
      figure: timed.work,
      target: { most: 3 },
    },
    {
      ...row,
      what: 'Up: until the first request, on a new folder',
      ours: `${median(requestS).toFixed(1)} s`,
      figure: median(requestS),
      target: { most: 8 },
    },
    {
      ...row,
      what: 'Up: memory of all processes (PSS), ffmpeg included',
      ours: `${mostMiB.toFixed(0)} MiB`,
      baseline: `${apartMiB.toFixed(0)} MiB --separate`,
      figure: mostMiB,
      unit: 'MiB',
      target: { most: 400 },
    },
  ];
}

function at(folder: string): string[] {
  return ['up', '--json', '--data', folder];
}

/** Seconds until `up` prints an event. Then it is ended; where `memoryMiB` is given, after its memory was read into that. */
async function seconds(words: readonly string[], event: string, memoryMiB?: number[]): Promise<number> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [PROGRAM, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      if (Object(JSON.parse(line)).event !== event) continue;
      const taken = (performance.now() - startMs) / 1_000;
      if (memoryMiB) {
        await setTimeout(SETTLED_MS);
        const family = [child.pid ?? 0, ...descendants(child.pid ?? 0)];
        memoryMiB.push(family.reduce((sum, pid) => sum + memoryKiB(pid) / 1_024, 0));
      }
      return taken;
    }
    throw new Error(`up has not come to "${event}"`);
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}
