// A synthetic export of agencies' searches for the audit to read: the same plan gives the same bytes.
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { integerBelow, type Random, SeededRandom } from '@doorsill/base/random';
import { EXPORT_COLUMNS } from '@doorsill/cloud-bridge';
import { type MisuseKind, VOCABULARY } from './vocabulary.ts';

export interface ExportPlan {
  seed: number;
  agencies: number;
  /** Approximate number of searches of all agencies. */
  rows: number;
}

/** What an export holds, for judging an audit of it. */
export interface ExportTruth {
  searches: number;
  /** Agencies that misuse their searches: some say so in their reasons, the others give reasons that say nothing. */
  open: string[];
  hidden: string[];
}

/** The agencies that misuse searches, 47 with the hidden ones: as many as one published audit found. */
const OPEN_KINDS: readonly (readonly [MisuseKind, number])[] = [
  ['immigration', 23],
  ['protest', 3],
  ['reproductive', 2],
  ['religion', 1],
  ['press', 1],
  ['custody', 1],
  ['personal', 1],
];
const HIDDEN = 15;

const STATES = 'AL AZ CA CO FL GA IA IL IN KS KY LA MI MN MO NC NE NJ NM NV OH OK OR PA SC TN TX UT VA WA WI'.split(
  ' ',
);
const TOWNS = ['Oak', 'Elm', 'Ash', 'Cedar', 'Maple', 'Spring', 'Fair', 'Green', 'River', 'Lake', 'Hill', 'Glen']
  .flatMap((first) => ['field', 'ton', 'ville', 'burg', 'port', 'wood'].map((second) => `${first}${second}`))
  // Towns whose names hold a word of a rule.
  .concat('Alice', 'Pierce', 'Mercer', 'Venice', 'Rice', 'Price', 'Cicero', 'Hernando', 'Erosa', 'Nice');
const KINDS = ['PD', 'County SO', 'State Patrol', 'University PD'];

/** Honest searches that only sound like misuse, and rows that an exporting program broke. */
const NEAR_MISS_SHARE = 0.015;
const BROKEN_SHARE = 0.0004;
const VAGUE_SHARE = 0.25;
const VAGUE = ['', ...VOCABULARY.vague];
const NAMED = [...VOCABULARY.honest, ...VOCABULARY.offenses];
const PIECE_ROWS = 500;

interface Agency {
  name: string;
  misuse: MisuseKind | 'hidden' | null;
  searches: number;
  misuses: number;
}

/** Writes an export to `path`, readable by this user alone. */
export async function writeExport(plan: ExportPlan, path: string, signal?: AbortSignal): Promise<ExportTruth> {
  const random = new SeededRandom(plan.seed);
  const agencies = drawAgencies(random, plan);
  const text = exportText(random, agencies);
  await pipeline(Readable.from(text), createWriteStream(path, { mode: 0o600 }), ...(signal ? [{ signal }] : []));
  const named = (is: (misuse: Agency['misuse']) => boolean) =>
    agencies.filter(({ misuse }) => is(misuse)).map(({ name }) => name);
  return {
    searches: agencies.reduce((sum, { searches }) => sum + searches, 0),
    open: named((misuse) => misuse !== null && misuse !== 'hidden'),
    hidden: named((misuse) => misuse === 'hidden'),
  };
}

function drawAgencies(random: Random, { agencies, rows }: ExportPlan): Agency[] {
  const misuses: Agency['misuse'][] = [
    ...OPEN_KINDS.flatMap(([kind, count]) => Array<MisuseKind>(count).fill(kind)),
    ...Array<'hidden'>(HIDDEN).fill('hidden'),
  ];
  const names = TOWNS.flatMap((town) => STATES.flatMap((state) => KINDS.map((kind) => `${town} ${state} ${kind}`)));
  shuffle(random, names);
  return names.slice(0, agencies).map((name, at) => {
    const misuse = misuses[at] ?? null;
    const drawn = Math.max(3, Math.round((-Math.log(1 - random.fraction()) * rows) / agencies));
    const searches = misuse === null ? drawn : Math.max(12, drawn);
    // From one in a hundred to two in five, and at least four.
    const share = 0.01 * 40 ** random.fraction();
    return { name, misuse, searches, misuses: misuse === null ? 0 : Math.max(4, Math.round(searches * share)) };
  });
}

function* exportText(random: Random, agencies: readonly Agency[]): Generator<string> {
  yield `\ufeff${csvRow(EXPORT_COLUMNS)}\r\n`;
  const order = agencies.flatMap((agency) =>
    Array.from({ length: agency.searches }, (_, at) => ({ agency, isMisuse: at < agency.misuses })),
  );
  shuffle(random, order);
  let piece = '';
  for (const [at, { agency, isMisuse }] of order.entries()) {
    const cells = rowOf(random, agency, isMisuse, at);
    piece += `${random.fraction() < BROKEN_SHARE ? brokenRow(random, cells) : csvRow(cells)}\r\n`;
    if (at % PIECE_ROWS !== PIECE_ROWS - 1) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}

function rowOf(random: Random, agency: Agency, isMisuse: boolean, at: number): string[] {
  const day = `09/${String(1 + integerBelow(random, 30)).padStart(2, '0')}/2026`;
  const isPrompt = random.fraction() < 0.1;
  return [
    String(1_000_000 + at),
    `A. ${pick(random, VOCABULARY.surnames)}`,
    agency.name,
    String(1 + integerBelow(random, 6_214)),
    `${day}, 12:00:00 AM UTC -\n${day}, 11:59:59 PM UTC`,
    isPrompt ? '' : plate(random),
    typed(random, filled(random, reasonOf(random, agency, isMisuse))),
    random.fraction() < 0.6 ? caseNumber(random) : '',
    random.fraction() < 0.3 ? '{"make": "FORD", "color": "white"}' : '',
    `${day}, 01:02:03 PM UTC`,
    isPrompt ? 'freeform' : 'lookup',
    isPrompt ? pick(random, VOCABULARY.prompts) : '',
    isPrompt ? 'allowed' : '',
  ];
}

function reasonOf(random: Random, { misuse }: Agency, isMisuse: boolean): string {
  if (isMisuse && misuse !== null)
    return pick(random, misuse === 'hidden' ? VOCABULARY.proxied : VOCABULARY.open[misuse]);
  const drawn = random.fraction();
  if (drawn < NEAR_MISS_SHARE) return pick(random, VOCABULARY.nearMisses);
  if (drawn < VAGUE_SHARE) return pick(random, VAGUE);
  return pick(random, NAMED);
}

/** A text as it was typed: now and then with a letter lost, in whatever case, over two lines. */
function typed(random: Random, text: string): string {
  const lost = integerBelow(random, Math.max(1, text.length));
  const slipped = text.length > 5 && random.fraction() < 0.03 ? text.slice(0, lost) + text.slice(lost + 1) : text;
  const style = random.fraction();
  const cased = style < 0.12 ? slipped.toUpperCase() : style < 0.35 ? slipped.toLowerCase() : slipped;
  return random.fraction() < 0.015 ? cased.replace(' ', '\n') : cased;
}

/** One row as RFC 4180 has it: quoted where it must be. */
function csvRow(cells: readonly string[]): string {
  return cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',');
}

/** A row that an exporting program broke: its end is lost, or it has a quote that never closes. */
function brokenRow(random: Random, cells: readonly string[]): string {
  if (random.fraction() < 0.5) return csvRow(cells.slice(0, 7));
  return csvRow(cells.map((cell) => cell.replace('\n', ' '))).replace(',', ',"');
}

function filled(random: Random, text: string): string {
  const { streets, surnames, towns, counties } = VOCABULARY;
  return text.replaceAll(/\{(\w+)\}/g, (_whole, what: string) => {
    if (what === 'plate') return plate(random);
    const words = { street: streets, name: surnames, town: towns, county: counties }[what];
    return words ? pick(random, words) : caseNumber(random);
  });
}

function plate(random: Random): string {
  return `KXB${1_000 + integerBelow(random, 9_000)}`;
}

function caseNumber(random: Random): string {
  return `26-${String(integerBelow(random, 100_000)).padStart(6, '0')}`;
}

function pick(random: Random, from: readonly string[]): string {
  return from[integerBelow(random, from.length)] ?? '';
}

function shuffle<Item>(random: Random, items: Item[]): void {
  for (let at = items.length - 1; at > 0; at -= 1) {
    const other = integerBelow(random, at + 1);
    [items[at], items[other]] = [items[other] as Item, items[at] as Item];
  }
}
