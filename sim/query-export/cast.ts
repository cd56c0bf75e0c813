// Owns: the agencies of a synthetic export and the ways of each: how much, how widely and when it searches, what it hides.
// Not here: the rows (rows.ts), the words (vocabulary-*.ts).
import { integerBelow, type Random } from '../../device/index.ts';
import type { MisuseKind } from './vocabulary.ts';

/** How an agency uses searches. `proxied`: for immigration enforcement, under words that don't say so. */
export type Conduct = { kind: 'honest' } | { kind: 'open'; misuse: MisuseKind } | { kind: 'proxied' };

/** One agency with its habits. Shares are of its queries, in [0, 1]. */
export interface CastAgency {
  name: string;
  conduct: Conduct;
  queries: number;
  /** Networks that its usual search reaches, and the share of searches that reach all there are. */
  networksUsual: number;
  nationwideShare: number;
  vagueShare: number;
  nightShare: number;
  /** Whether officers enter a case number when they have one. */
  caseShare: number;
  /** Share of queries that are misuse; 0 for honest ones. */
  misuseShare: number;
}

/** Agencies that misuse searches, whatever the number of agencies: as many as one published audit found. */
export const MISUSING = 47;
/** How the misuse of those is spread; the rest search through proxies. */
const OPEN_KINDS: readonly [MisuseKind, number][] = [
  ['immigration', 23],
  ['protest', 3],
  ['reproductive', 2],
  ['religion', 1],
  ['press', 1],
  ['custody', 1],
  ['personal', 1],
];

const STATES = 'AL AZ CA CO FL GA IA IL IN KS KY LA MI MN MO NC NE NJ NM NV OH OK OR PA SC TN TX UT VA WA WI'.split(
  ' ',
);
const FIRST =
  'Oak Elm Ash Cedar Maple Spring Fair Green River Lake Hill Glen Brook Stone North West East Wood Bay Mill'.split(' ');
const SECOND = 'field ton ville burg port wood dale ford view crest land ham mont side haven brook ridge well'.split(
  ' ',
);
const OWN_NAMES = ['Alice', 'Pierce', 'Mercer', 'Venice', 'Rice', 'Price', 'Cicero', 'Hernando', 'Erosa', 'Nice'];
const KINDS: readonly [string, number][] = [
  ['PD', 62],
  ['County SO', 27],
  ['University PD', 5],
  ['State Patrol', 3],
  ['DA Office', 3],
];

/** A standard normal number (Box-Muller). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction());
}

const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

/** A share around `middle`, most within `spread` of it. */
function shareAround(random: Random, middle: number, spread: number): number {
  return clamp(middle + normal(random) * spread, 0, 1);
}

/** Draws from pairs of value and weight. */
function weighted<Value>(random: Random, choices: readonly (readonly [Value, number])[]): Value {
  let left = random.fraction() * choices.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [value, weight] of choices) {
    left -= weight;
    if (left < 0) return value;
  }
  const [last] = choices.at(-1) ?? [];
  return last as Value;
}

/** `count` agencies with `rows` queries between them, of whom exactly MISUSING misuse. Equal seeds give equal casts. */
export function makeCast(random: Random, count: number, rows: number): CastAgency[] {
  const names = new Set<string>();
  while (names.size < count) names.add(agencyName(random, names.size));
  const conducts = shuffled(random, [...misuses(), ...Array.from({ length: count - MISUSING }, () => honest)]);
  const sizes = Array.from({ length: count }, () => Math.exp(normal(random) * 0.9));
  const perSize = rows / sizes.reduce((sum, size) => sum + size, 0);
  return [...names].map((name, at) => {
    const queries = Math.max(3, Math.round((sizes[at] ?? 1) * perSize));
    return withHabits(random, name, conducts[at] ?? honest, queries);
  });
}

const honest: Conduct = { kind: 'honest' };

function misuses(): Conduct[] {
  const open = OPEN_KINDS.flatMap(([misuse, times]): Conduct[] =>
    Array.from({ length: times }, () => ({ kind: 'open', misuse })),
  );
  return [...open, ...Array.from({ length: MISUSING - open.length }, (): Conduct => ({ kind: 'proxied' }))];
}

function agencyName(random: Random, sofar: number): string {
  const pick = (words: readonly string[]) => words[integerBelow(random, words.length)] ?? '';
  const town = random.fraction() < 0.06 ? pick(OWN_NAMES) : `${pick(FIRST)}${pick(SECOND)}`;
  const name = `${town} ${pick(STATES)} ${weighted(random, KINDS)}`;
  // Enough of a name for any number of agencies.
  return sofar > 8_000 ? `${name} #${sofar}` : name;
}

function withHabits(random: Random, name: string, conduct: Conduct, drawn: number): CastAgency {
  const agency: CastAgency = {
    name,
    conduct,
    queries: drawn,
    networksUsual: Math.round(clamp(Math.exp(4.6 + normal(random) * 0.8), 1, 3_000)),
    // One in twelve honest agencies has the widest search as its default.
    nationwideShare: random.fraction() < 0.08 ? shareAround(random, 0.8, 0.1) : shareAround(random, 0.12, 0.08),
    // And one in twelve is lazy with words; one in fifteen works at night.
    vagueShare: random.fraction() < 0.08 ? shareAround(random, 0.75, 0.12) : shareAround(random, 0.25, 0.12),
    nightShare: random.fraction() < 0.07 ? shareAround(random, 0.6, 0.1) : shareAround(random, 0.27, 0.07),
    caseShare: random.fraction() < 0.1 ? 0 : shareAround(random, 0.55, 0.2),
    misuseShare: 0,
  };
  if (conduct.kind === 'open') {
    const queries = Math.max(12, drawn);
    // At least four, from one in a hundred to two in five.
    const misuseShare = clamp(Math.exp(Math.log(0.01) + random.fraction() * Math.log(40)), 4 / queries, 0.6);
    return { ...agency, queries, misuseShare };
  }
  if (conduct.kind === 'proxied') {
    const often = (share: number) => random.fraction() < share;
    return {
      ...agency,
      queries: often(0.5) ? Math.round(drawn * (2 + 4 * random.fraction())) : Math.max(12, drawn),
      misuseShare: clamp(shareAround(random, 0.45, 0.2), 0.1, 0.9),
      caseShare: often(0.6) ? 0 : agency.caseShare,
    };
  }
  return agency;
}

function shuffled<Item>(random: Random, items: Item[]): Item[] {
  for (let at = items.length - 1; at > 0; at -= 1) {
    const other = integerBelow(random, at + 1);
    [items[at], items[other]] = [items[other] as Item, items[at] as Item];
  }
  return items;
}
