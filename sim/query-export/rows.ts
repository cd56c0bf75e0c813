// Owns: the rows of a synthetic export, in the order of time, as text in pieces. Not here: who searches (cast.ts), the words.

import { integerBelow, type Random } from '@doorsill/base/random';
import { EXPORT_COLUMNS, WIDER_COLUMNS } from '@doorsill/cloud-bridge';
import { type CastAgency, weighted } from './cast.ts';
import { type Habits, URGENT } from './habits.ts';
import { brokenRow, csvRow, typed } from './noise.ts';
import type { Vocabulary } from './vocabulary.ts';

/** All networks there are to search. */
const NETWORKS_ALL = 6_214;
/** Honest queries that only sound like misuse, and rows that are broken. */
const NEAR_MISS_SHARE = 0.015;
const BROKEN_SHARE = 0.0004;
/** The span of the export: 30 days from 2026-09-01. */
const START_MS = Date.UTC(2026, 8, 1);
const SPAN_DAYS = 30;
const DAY_MS = 86_400_000;
/** Rows in one piece of text. */
const PIECE_ROWS = 500;

interface Turn {
  agency: CastAgency;
  left: number;
  misuseLeft: number;
}

/** The whole export in pieces, byte order mark, header and all. The same cast, words and random numbers give the same text. */
export function* exportText(
  random: Random,
  cast: readonly CastAgency[],
  words: Vocabulary,
  isWide = false,
): Generator<string> {
  yield `\ufeff${csvRow(isWide ? WIDER_COLUMNS : EXPORT_COLUMNS)}\r\n`;
  const turns = cast.map((agency) => ({
    agency,
    left: agency.queries,
    misuseLeft: Math.round(agency.queries * agency.misuseShare),
  }));
  const order = orderOfTurns(random, turns);
  let piece: string[] = [];
  for (const [at, which] of order.entries()) {
    const turn = turns[which];
    if (!turn) continue;
    const cells = rowOf(random, turn, words, at / order.length, { id: 1_000_000 + at, isWide });
    piece.push(random.fraction() < BROKEN_SHARE ? brokenRow(random, cells) : csvRow(cells));
    if (piece.length < PIECE_ROWS) continue;
    yield `${piece.join('\r\n')}\r\n`;
    piece = [];
  }
  if (piece.length > 0) yield `${piece.join('\r\n')}\r\n`;
}

/** Which agency asks when: each as often as it has queries. */
function orderOfTurns(random: Random, turns: readonly Turn[]): Int32Array {
  const order = new Int32Array(turns.reduce((sum, turn) => sum + turn.left, 0));
  let end = 0;
  for (const [which, turn] of turns.entries()) {
    order.fill(which, end, end + turn.left);
    end += turn.left;
  }
  for (let at = order.length - 1; at > 0; at -= 1) {
    const other = integerBelow(random, at + 1);
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  return order;
}

type Purpose = 'misuse' | 'near-miss' | 'honest';

function rowOf(
  random: Random,
  turn: Turn,
  words: Vocabulary,
  along: number,
  { id, isWide }: { id: number; isWide: boolean },
): string[] {
  const { agency } = turn;
  const isMisuse = random.fraction() < turn.misuseLeft / turn.left;
  turn.left -= 1;
  if (isMisuse) turn.misuseLeft -= 1;
  const purpose = isMisuse ? 'misuse' : random.fraction() < NEAR_MISS_SHARE ? 'near-miss' : 'honest';
  const habits = habitsOf(random, agency, purpose);
  const atMs = momentOf(random, habits, along);
  const hasCase = random.fraction() >= habits.noCase;
  const isFreeform = random.fraction() < 0.1;
  const nationwide = random.fraction() < habits.wide;
  const networks = nationwide
    ? NETWORKS_ALL
    : Math.max(1, Math.round(agency.networksUsual * (0.7 + random.fraction() * 0.6)));
  const reason = typed(random, filled(random, reasonOf(random, { agency, purpose, habits }, words), words));
  return [
    String(id),
    `${pick(random, 'ABCDEFGHJKLMNPRSTW'.split(''))}. ${pick(random, words.surnames)}`,
    agency.name,
    String(networks),
    `${usDate(atMs - 30 * DAY_MS)}, 12:00:00 AM UTC -\n${usDate(atMs)}, 11:59:59 PM UTC`,
    isFreeform ? '' : plate(random),
    reason,
    hasCase ? caseNumber(random) : '',
    random.fraction() < 0.3 ? '{"make": "FORD", "color": "white"}' : '',
    `${usDate(atMs)}, ${usTime(atMs)} UTC`,
    isFreeform ? 'freeform' : 'lookup',
    isFreeform ? pick(random, words.prompts) : '',
    isFreeform ? 'allowed' : '',
    ...(isWide ? [String(networks * 12), offenseOf(random, turn.agency, purpose, words)] : []),
  ];
}

/** By whose habits a search is made: hidden misuse has its own, all other searches are an officer's, in haste or not. */
function habitsOf(random: Random, agency: CastAgency, purpose: Purpose): Habits {
  if (purpose === 'misuse' && agency.misuseHabits) return agency.misuseHabits;
  const habits = weighted(random, agency.officers);
  if (random.fraction() >= agency.urgentShare) return habits;
  return { ...URGENT, night: Math.max(URGENT.night, habits.night) };
}

function reasonOf(
  random: Random,
  { agency, purpose, habits }: { agency: CastAgency; purpose: Purpose; habits: Habits },
  words: Vocabulary,
): string {
  const { conduct } = agency;
  if (purpose === 'misuse' && conduct.kind === 'open') return pick(random, words.open[conduct.misuse]);
  if (purpose === 'near-miss') return pick(random, words.nearMisses);
  if (random.fraction() < habits.wordless) {
    if (purpose === 'misuse') return pick(random, words.proxied);
    return random.fraction() < 0.15 ? '' : pick(random, words.vague);
  }
  return random.fraction() < 0.25 ? `${pick(random, words.offenses)}` : pick(random, words.honest);
}

/** What is chosen from the drop-down of wider exports. */
function offenseOf(random: Random, { conduct }: CastAgency, purpose: Purpose, words: Vocabulary): string {
  const isOpen = purpose === 'misuse' && conduct.kind === 'open' && conduct.misuse === 'immigration';
  return isOpen && random.fraction() < 0.5 ? words.openOffense : pick(random, words.offenses);
}

/** At `along` the span of the export; by day or at night as the habits have it. */
function momentOf(random: Random, { night }: Habits, along: number): number {
  const day = Math.min(SPAN_DAYS - 1, Math.floor(along * SPAN_DAYS));
  const isNight = random.fraction() < night;
  const hour = isNight ? (22 + integerBelow(random, 8)) % 24 : 6 + integerBelow(random, 16);
  return START_MS + day * DAY_MS + hour * 3_600_000 + integerBelow(random, 3_600_000);
}

function pick(random: Random, from: readonly string[]): string {
  return from[integerBelow(random, from.length)] ?? '';
}

function filled(random: Random, text: string, words: Vocabulary): string {
  if (!text.includes('{')) return text;
  return text.replaceAll(/\{(\w+)\}/g, (_whole, what: string) => {
    if (what === 'street') return pick(random, words.streets);
    if (what === 'name') return pick(random, words.surnames);
    if (what === 'town') return pick(random, words.towns);
    if (what === 'county') return pick(random, words.counties);
    return what === 'plate' ? plate(random) : caseNumber(random);
  });
}

function plate(random: Random): string {
  const letters = Array.from({ length: 3 }, () => pick(random, 'ABCDEFGHJKLMNPRSTUVWXYZ'.split(''))).join('');
  return `${letters}${1_000 + integerBelow(random, 9_000)}`;
}

function caseNumber(random: Random): string {
  return `26-${String(integerBelow(random, 100_000)).padStart(6, '0')}`;
}

const two = (number: number) => String(number).padStart(2, '0');

function usDate(atMs: number): string {
  const at = new Date(atMs);
  return `${two(at.getUTCMonth() + 1)}/${two(at.getUTCDate())}/${at.getUTCFullYear()}`;
}

function usTime(atMs: number): string {
  const at = new Date(atMs);
  const hour = at.getUTCHours();
  return `${two(hour % 12 === 0 ? 12 : hour % 12)}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} ${hour < 12 ? 'AM' : 'PM'}`;
}
