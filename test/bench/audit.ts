// What the audit of a million searches costs, over a baseline that only reads the file's lines, and its memory.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { writeExport } from '../../sim/query-export/write.ts';
import { root } from '../layout/source-tree.ts';
import { compare, type Row, type Run } from './measure.ts';

const ROWS = 1_000_000;

/** Each in a process of its own, which prints its processor time and the most memory it had. */
const AUDIT = `
import { createReadStream } from 'node:fs';
import { auditQueries, parseAuditSettings } from ${JSON.stringify(join(root, 'cloud-bridge/dist/index.js'))};
const file = createReadStream(process.env.FILE, { highWaterMark: 131072 });
const { rows } = await auditQueries(file, parseAuditSettings({}));`;
const LINES = `
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
let rows = 0;
for await (const line of createInterface({ input: createReadStream(process.env.FILE) })) rows += line.length > 0 ? 1 : 0;`;
const PRINT = `
const { user, system } = process.cpuUsage();
console.log(JSON.stringify({ rows, seconds: (user + system) / 1e6, mb: process.resourceUsage().maxRSS / 1000 }));`;

const costSchema = z.object({ rows: z.number(), seconds: z.number(), mb: z.number() });

async function cost(program: string, file: string): Promise<z.infer<typeof costSchema>> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program + PRINT], {
    env: { ...process.env, FILE: file },
  });
  return costSchema.parse(JSON.parse(stdout));
}

export async function auditRows({ folder, pairs }: Run): Promise<Row[]> {
  const file = join(folder, 'export.csv');
  const { queries } = await writeExport({ seed: 1, agencies: 4_000, rows: ROWS, vocabulary: 'held-out' }, file);
  let most = 0;
  const { work, baseline, ratio } = await compare(
    Math.min(pairs, 3),
    async () => {
      const { rows, seconds, mb } = await cost(AUDIT, file);
      if (rows !== queries) throw new Error(`${rows} rows were audited, of ${queries}`);
      most = Math.max(most, mb);
      return seconds;
    },
    async () => (await cost(LINES, file)).seconds,
  );
  const perSecond = (seconds: number) => `${Math.round(queries / seconds / 1_000)}k searches a second`;
  return [
    {
      group: 'audit',
      what: `Audit of ${queries} searches, processor time`,
      ours: perSecond(work),
      baseline: `${perSecond(baseline)}, only read as lines (${ratio.toFixed(1)} x)`,
      figure: work,
      unit: 's',
      target: { most: 60 },
    },
    {
      group: 'audit',
      what: 'RSS of that process at most',
      ours: `${most.toFixed(0)} MB`,
      baseline: '',
      figure: most,
      unit: 'MB',
      target: { most: 300 },
    },
  ];
}
