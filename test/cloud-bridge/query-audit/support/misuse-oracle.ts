// The likelihood ratio of hidden misuse against honest work for agencies of a synthetic export, computed with the generator's true
// parameters: the upper bound of what their counts can show. For tests alone, never shipped.
import { type Random, SeededRandom } from '../../../../device/base/random.ts';
import type { CastAgency } from '../../../../sim/query-export/cast.ts';
import {
  type Habits,
  hiddenMisuse,
  SERVICES,
  type Service,
  staffOf,
  URGENT,
} from '../../../../sim/query-export/habits.ts';
import { exportText } from '../../../../sim/query-export/rows.ts';
import { HELD_OUT } from '../../../../sim/query-export/vocabulary-held-out.ts';
import { CELLS, type CountedAgency, countRows } from './export-counts.ts';

/** The standard deviation of the logarithm of agency sizes within one service, as in cast.ts. */
const SIZE_DEVIATION = 0.9;
/** Searches for each officer of an agency, as in the generator (sim/query-export/habits.ts). */
const SEARCHES_PER_OFFICER = 12;
/** Numbers of officers with draws of their own; a number between two of them is rounded down. */
const STAFFS = [2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 19, 24, 30, 38, 48, 60];
/** Number of misuse shares that are tried. Because misuse is spread over them, fewer draws for each are enough. */
const SHARES = 32;
const DRAWS_PER_SHARE = 1 / 8;
/** Agencies with a smaller ratio in the first, rough round are not evaluated again. */
const ROUGH_DRAWS = 320;
const ROUGH_LOG_RATIO_MIN = Math.log(0.3);

/** How often a search is read as wordless: when the generator meant no reason, and when it meant one. */
interface WordlessRates {
  meant: number;
  other: number;
}

export interface Rates {
  honest: WordlessRates;
  misuse: WordlessRates;
}

/** Measures how the audit reads reasons that the generator writes. */
export async function wordlessRates(queries: number): Promise<Rates> {
  const habits = (wordless: number): Habits => ({ wide: 0.3, wordless, noCase: 0.5, night: 0.5 });
  const agency = (name: string, wordless: number, misuseShare: number): CastAgency => ({
    name,
    conduct: { kind: misuseShare > 0 ? 'proxied' : 'honest' },
    queries,
    networksUsual: 100,
    officers: [[habits(wordless), 1]],
    urgentShare: 0,
    misuseShare,
    misuseHabits: misuseShare > 0 ? habits(wordless) : null,
  });
  const cast = [agency('0', 1, 0), agency('1', 0, 0), agency('2', 1, 1), agency('3', 0, 1)];
  const text = exportText(new SeededRandom(1), cast, HELD_OUT);
  const pieces = (async function* () {
    for (const piece of text) yield new TextEncoder().encode(piece);
  })();
  const counted = await countRows(pieces);
  const [meant = 0, other = 0, meantMisuse = 0, otherMisuse = 0] = ['0', '1', '2', '3'].map((name) => {
    const { counts = [], queries: whole = 1 } = counted.find((one) => one.name === name) ?? {};
    return counts.reduce((sum, count, cell) => sum + ((cell & 4) === 4 ? count : 0), 0) / whole;
  });
  return { honest: { meant, other }, misuse: { meant: meantMisuse, other: otherMisuse } };
}

/** One agency with its sums. */
interface Weighed extends CountedAgency {
  filled: readonly (readonly [cell: number, count: number])[];
  honest: number[];
  misuse: number[];
}

/**
 * The logarithm of each agency's likelihood ratio of misuse against honest work, given its name's title, its number of searches
 * and its sixteen counts. Integrates over the services that use the title, and over what the generator draws, by Monte
 * Carlo; an agency without a chance is judged by fewer draws. `usual` is the usual number of searches (size 1).
 */
export function misuseLogRatios(
  agencies: readonly (CountedAgency & { usual: number })[],
  rates: Rates,
  draws: number,
  seed: number,
): number[] {
  const rough = ratiosOf(agencies, rates, ROUGH_DRAWS, new SeededRandom(seed));
  const again = agencies.flatMap((agency, at) => ((rough[at] ?? 0) > ROUGH_LOG_RATIO_MIN ? [{ agency, at }] : []));
  const fine = ratiosOf(
    again.map(({ agency }) => agency),
    rates,
    draws,
    new SeededRandom(seed + 1),
  );
  for (const [which, { at }] of again.entries()) rough[at] = fine[which] ?? 0;
  return rough;
}

function ratiosOf(
  agencies: readonly (CountedAgency & { usual: number })[],
  rates: Rates,
  draws: number,
  random: Random,
): number[] {
  const ways = waysOf(random, rates, draws);
  const weighed = agencies.map((agency) => ({
    ...agency,
    filled: agency.counts.flatMap((count, cell) => (count > 0 ? [[cell, count] as const] : [])),
    honest: [] as number[],
    misuse: [] as number[],
  }));
  for (const service of SERVICES) {
    const those = weighed.filter(({ name }) => titleShare(service, name) > 0);
    for (const staff of STAFFS) {
      const needs = those.map((agency) => needsOf(agency, service, staff));
      if (needs.every(({ isHonest, shares }) => !isHonest && shares.length === 0)) continue;
      const library = libraryOf(random, service, staff, rates, draws);
      for (const [at, agency] of those.entries()) {
        const need = needs[at];
        if (!need) continue;
        if (need.isHonest) agency.honest.push(need.logHonest + honestOf(agency, library));
        for (const { way, share, log } of need.shares)
          agency.misuse.push(log + misuseOf(agency, library, ways[way] ?? [], share, way));
      }
    }
  }
  return weighed.map(({ honest, misuse }) => logSum(misuse) - Math.log(SHARES) - logSum(honest));
}

/** The probability of this service and this title together. */
function titleShare({ titles, weight }: Service, name: string): number {
  const whole = titles.reduce((sum, [, of]) => sum + of, 0);
  return titles.reduce((sum, [title, of]) => sum + (isTitled(name, title) ? (weight * of) / whole : 0), 0);
}

/** Names are a town, a state of two letters and a title. */
function isTitled(name: string, title: string): boolean {
  return new RegExp(`^\\S+ [A-Z]{2} ${title}( #\\d+)?$`).test(name);
}

/** An agency's needs of the draws of one service with one number of officers. */
function needsOf({ name, queries, usual }: CountedAgency & { usual: number }, service: Service, staff: number) {
  const logTitle = Math.log(titleShare(service, name));
  const logSize = (honest: number) => {
    const off = Math.log(honest / (service.size * usual)) / SIZE_DEVIATION;
    return logTitle - (off * off) / 2 - Math.log(honest);
  };
  const shares = sharesOfMisuse.flatMap((share, way) => {
    // Misuse is at least eight searches.
    const misuses = Math.max(8, queries * share);
    const honest = queries - misuses;
    if (honest < 2.5 || staffFor(honest) !== staff) return [];
    const log = logSize(honest) + (misuses > 8 ? Math.log(1 - share) : 0);
    return [{ way, share: misuses / queries, log }];
  });
  return { isHonest: staffFor(queries) === staff, logHonest: logSize(queries), shares };
}

function staffFor(queries: number): number {
  const officers = Math.min(60, 2 + Math.floor(queries / SEARCHES_PER_OFFICER));
  return STAFFS.findLast((staff) => staff <= officers) ?? 2;
}

/** Equally likely shares of misuse, as quantiles of many draws. */
const sharesOfMisuse = (() => {
  const random = new SeededRandom(7);
  const many = 1_000_000;
  const drawn = Array.from({ length: 200 * SHARES }, () => hiddenMisuse(random, many).misuses)
    .map((misuses) => misuses / (many + misuses))
    .sort((one, other) => one - other);
  return Array.from({ length: SHARES }, (_, at) => drawn[200 * at + 100] ?? 0);
})();

/** For each share, the cells of many draws of the form of misuse. */
function waysOf(random: Random, { misuse }: Rates, draws: number): Float64Array[][] {
  const count = Math.ceil(draws * DRAWS_PER_SHARE);
  return Array.from({ length: SHARES }, () =>
    Array.from({ length: count }, () => {
      const cells = new Float64Array(CELLS);
      addCells(cells, hiddenMisuse(random, 100).habits, misuse, 1);
      return cells;
    }),
  );
}

/** Adds `weight` of the cells of searches made by these habits. */
function addCells(
  cells: Float64Array,
  { wide, wordless, noCase, night }: Habits,
  rates: WordlessRates,
  weight: number,
) {
  const read = wordless * rates.meant + (1 - wordless) * rates.other;
  for (let high = 0; high < 4; high += 1) {
    const some = weight * (high & 2 ? wide : 1 - wide) * (high & 1 ? read : 1 - read);
    const [withCase, without] = [some * (1 - noCase), some * noCase];
    const at = 4 * high;
    cells[at] = (cells[at] ?? 0) + withCase * (1 - night);
    cells[at + 1] = (cells[at + 1] ?? 0) + withCase * night;
    cells[at + 2] = (cells[at + 2] ?? 0) + without * (1 - night);
    cells[at + 3] = (cells[at + 3] ?? 0) + without * night;
  }
}

/** Shares of the sixteen cells in many drawn agencies, one after the other, and their logarithms. */
interface Library {
  shares: Float64Array;
  logs: Float64Array;
}

function libraryOf(random: Random, service: Service, staff: number, { honest }: Rates, draws: number): Library {
  const shares = new Float64Array(CELLS * draws);
  for (let draw = 0; draw < draws; draw += 1) {
    const { urgent, officers } = staffOf(random, service, (staff - 2) * SEARCHES_PER_OFFICER);
    const cells = shares.subarray(CELLS * draw, CELLS * (draw + 1));
    const whole = officers.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [habits, weight] of officers) {
      addCells(cells, habits, honest, ((1 - urgent) * weight) / whole);
      addCells(cells, { ...URGENT, night: Math.max(URGENT.night, habits.night) }, honest, (urgent * weight) / whole);
    }
  }
  return { shares, logs: shares.map(Math.log) };
}

/** The log likelihood of an agency's counts, averaged over the library. */
function honestOf({ filled }: Weighed, { logs }: Library): number {
  const sums = new Float64Array(logs.length / CELLS);
  for (const [cell, count] of filled) {
    for (let draw = 0, at = cell; draw < sums.length; draw += 1, at += CELLS)
      sums[draw] = (sums[draw] ?? 0) + count * (logs[at] ?? 0);
  }
  return logSum(sums) - Math.log(sums.length);
}

/** The same where this share of the searches is misuse, averaged over these forms of it. */
function misuseOf(
  { filled }: Weighed,
  { shares }: Library,
  ways: readonly Float64Array[],
  share: number,
  way: number,
): number {
  const sums = new Float64Array(ways.length);
  const draws = shares.length / CELLS;
  const first = (way * ways.length) % draws;
  for (const [which, cells] of ways.entries()) {
    const at = CELLS * ((first + which) % draws);
    let sum = 0;
    for (const [cell, count] of filled)
      sum += count * Math.log((1 - share) * (shares[at + cell] ?? 0) + share * (cells[cell] ?? 0));
    sums[which] = sum;
  }
  return logSum(sums) - Math.log(sums.length);
}

function logSum(logs: ArrayLike<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < logs.length; at += 1) most = Math.max(most, logs[at] ?? most);
  if (most === Number.NEGATIVE_INFINITY) return most;
  let sum = 0;
  for (let at = 0; at < logs.length; at += 1) sum += Math.exp((logs[at] ?? most) - most);
  return most + Math.log(sum);
}

/** The usual number of searches in an export of so many searches and agencies, on average over exports. */
export function usualQueries(rows: number, agencies: number): number {
  const whole = SERVICES.reduce((sum, { weight }) => sum + weight, 0);
  const size = SERVICES.reduce((sum, service) => sum + service.size * service.weight, 0) / whole;
  return rows / agencies / (size * Math.exp(SIZE_DEVIATION ** 2 / 2));
}
