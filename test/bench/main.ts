// `npm run bench`: every measurement as one table, each against its baseline in the same run.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { capacityRows } from './capacity.ts';
import { captureRows } from './capture.ts';
import { consoleRows } from './console.ts';
import { feedRows } from './feed.ts';
import { fleetRows } from './fleet.ts';
import { grantRows } from './grant.ts';
import { intakeRows } from './intake.ts';
import { liveRows } from './live.ts';
import { isMet, type Row, type Run } from './measure.ts';
import { memoryRows } from './memory.ts';
import { motionRows } from './motion.ts';
import { motionQualityRows } from './motion-quality.ts';
import { replayRows } from './replay.ts';
import { ringRows } from './ring.ts';
import { machine, tableOf } from './table.ts';
import { trimRows } from './trim.ts';
import { upRows } from './up.ts';

/** In the order of the table. */
const GROUPS: Record<string, (run: Run) => Promise<Row[]>> = {
  capture: captureRows,
  live: liveRows,
  console: consoleRows,
  trim: trimRows,
  ring: ringRows,
  grant: grantRows,
  motion: motionRows,
  memory: memoryRows,
  intake: intakeRows,
  feed: feedRows,
  capacity: capacityRows,
  replay: replayRows,
  up: upRows,
  'motion-quality': motionQualityRows,
  fleet: fleetRows,
};

/** Only by name: they play minutes of video in real time; the first needs footage and a program that few have, the other much memory. */
const BY_NAME_ONLY = ['motion-quality', 'fleet'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean' },
    strict: { type: 'boolean' },
    data: { type: 'string' },
    pairs: { type: 'string', default: '7' },
  },
});
const unknown = positionals.find((name) => !Object.hasOwn(GROUPS, name));
if (unknown !== undefined) {
  console.error(`There is no "${unknown}": choose from ${Object.keys(GROUPS).join(', ')}, or name none for all.`);
  process.exit(2);
}
const rows: Row[] = [];
const before = machine();
for (const name of positionals.length > 0
  ? positionals
  : Object.keys(GROUPS).filter((one) => !BY_NAME_ONLY.includes(one))) {
  console.error(`bench: ${name} ...`);
  const folder = await mkdtemp(join(values.data ?? tmpdir(), `doorsill-bench-${name}-`));
  try {
    rows.push(...((await GROUPS[name]?.({ folder, pairs: Number(values.pairs) })) ?? []));
  } catch (thrown) {
    // The other groups' figures are not lost with it.
    console.error(`bench: ${name} failed:`, thrown);
    process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
console.log(values.json ? JSON.stringify({ machine: before, rows }) : `${before}\n\n${tableOf(rows)}`);
// Figures of a busy machine are no verdict, unless asked for one.
if (values.strict && !rows.every(isMet)) process.exitCode = 1;
