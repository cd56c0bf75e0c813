// Owns: the agencies of a synthetic export: names, sizes, and who misuses searches, how much.
// Not here: how they and their officers search (habits.ts), the rows (rows.ts), the words (vocabulary-*.ts).
import { integerBelow, type Random } from '@doorsill/base/random';
import { clamp, type Habits, hiddenMisuse, normal, type Officer, SERVICES, type Service, staffOf } from './habits.ts';
import type { MisuseKind } from './vocabulary.ts';

/** How an agency uses searches. `proxied`: for immigration enforcement, under words that don't say so. */
export type Conduct = { kind: 'honest' } | { kind: 'open'; misuse: MisuseKind } | { kind: 'proxied' };

/** One agency with those who search in it. */
export interface CastAgency {
  name: string;
  conduct: Conduct;
  /** All its searches, misuse among them. */
  queries: number;
  /** Networks that a search reaches which doesn't reach all there are. */
  networksUsual: number;
  officers: readonly Officer[];
  /** Share of honest searches that are made while something happens. */
  urgentShare: number;
  /** Share of all searches that are misuse; 0 for honest agencies. */
  misuseShare: number;
  /** How hidden misuse is made; null where there is none. */
  misuseHabits: Habits | null;
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

/** Draws from pairs of value and weight. */
export function weighted<Value>(random: Random, choices: readonly (readonly [Value, number])[]): Value {
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
  const services = Array.from({ length: count }, () =>
    weighted(
      random,
      SERVICES.map((service) => [service, service.weight] as const),
    ),
  );
  const names = new Set<string>();
  for (const [at, service] of services.entries())
    while (names.size <= at) names.add(agencyName(random, service, names.size));
  const conducts = shuffled(random, [...misuses(), ...Array.from({ length: count - MISUSING }, () => honest)]);
  const sizes = services.map(({ size }) => size * Math.exp(normal(random) * 0.9));
  const perSize = rows / sizes.reduce((sum, size) => sum + size, 0);
  return [...names].map((name, at) => {
    const queries = Math.max(3, Math.round((sizes[at] ?? 1) * perSize));
    const service = services[at] ?? SERVICES[0];
    if (!service) throw new Error('there are no services');
    return agencyOf(random, { name, service, conduct: conducts[at] ?? honest }, queries);
  });
}

const honest: Conduct = { kind: 'honest' };

function misuses(): Conduct[] {
  const open = OPEN_KINDS.flatMap(([misuse, times]): Conduct[] =>
    Array.from({ length: times }, () => ({ kind: 'open', misuse })),
  );
  return [...open, ...Array.from({ length: MISUSING - open.length }, (): Conduct => ({ kind: 'proxied' }))];
}

function agencyName(random: Random, { titles }: Service, sofar: number): string {
  const pick = (words: readonly string[]) => words[integerBelow(random, words.length)] ?? '';
  const town = random.fraction() < 0.06 ? pick(OWN_NAMES) : `${pick(FIRST)}${pick(SECOND)}`;
  const name = `${town} ${pick(STATES)} ${weighted(random, titles)}`;
  // Enough of a name for any number of agencies.
  return sofar > 8_000 ? `${name} #${sofar}` : name;
}

function agencyOf(
  random: Random,
  { name, service, conduct }: { name: string; service: Service; conduct: Conduct },
  drawn: number,
): CastAgency {
  const networksUsual = Math.round(clamp(Math.exp(4.6 + normal(random) * 0.8), 1, 3_000));
  const { urgent: urgentShare, officers } = staffOf(random, service, drawn);
  const agency = { name, conduct, networksUsual, officers, urgentShare };
  if (conduct.kind === 'open') {
    const queries = Math.max(12, drawn);
    // At least four, from one in a hundred to two in five.
    const misuseShare = clamp(Math.exp(Math.log(0.01) + random.fraction() * Math.log(40)), 4 / queries, 0.6);
    return { ...agency, queries, misuseShare, misuseHabits: null };
  }
  if (conduct.kind === 'proxied') {
    const { misuses, habits } = hiddenMisuse(random, drawn);
    return { ...agency, queries: drawn + misuses, misuseShare: misuses / (drawn + misuses), misuseHabits: habits };
  }
  return { ...agency, queries: drawn, misuseShare: 0, misuseHabits: null };
}

function shuffled<Item>(random: Random, items: Item[]): Item[] {
  for (let at = items.length - 1; at > 0; at -= 1) {
    const other = integerBelow(random, at + 1);
    [items[at], items[other]] = [items[other] as Item, items[at] as Item];
  }
  return items;
}
