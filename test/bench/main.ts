// Owns: `npm run bench`: every measurement as one table. Ratios against a baseline in the same run; the machine is named.
// Not here: limits; a number that must hold is a test's business.
import { cpus } from 'node:os';
import type { Row } from './measure.ts';
import { motionRows } from './motion.ts';
import { ringRows } from './ring.ts';

const rows: Row[] = [...(await ringRows()), ...(await motionRows())];
const table = rows.map(({ what, ratio, unit, detail }) => [what, `${ratio.toFixed(2)} ${unit}`, detail]);
const widths = [0, 1].map((column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)));
console.log(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}`);
for (const cells of table) console.log(cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
