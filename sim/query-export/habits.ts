// Owns: how agencies of one kind search, how their officers differ, and how hidden misuse is made: shares that go together.
// Not here: who is in an export (cast.ts), the rows (rows.ts), any way of finding misuse.
import { integerBelow, type Random } from '@doorsill/base/random';

/** Shares of searches, in [0, 1]: over all networks, with a reason that says nothing, without a case number, at night. */
export interface Habits {
  wide: number;
  wordless: number;
  noCase: number;
  night: number;
}

/** An officer's habits, and how much of the agency's searching is his, as a weight. */
export type Officer = readonly [Habits, number];

/** A kind of agency. `urgent` is the share of searches made while something happens, before there is a case. */
export interface Service {
  /** How such agencies are named, each with a weight. */
  titles: readonly (readonly [string, number])[];
  /** Of a hundred agencies. */
  weight: number;
  /** Searches of such an agency as a multiple of the usual number. */
  size: number;
  habits: Habits;
  urgent: number;
}

export const SERVICES: readonly Service[] = [
  {
    titles: [
      ['PD', 75],
      ['County SO', 25],
    ],
    weight: 50,
    size: 1,
    habits: { wide: 0.1, wordless: 0.22, noCase: 0.4, night: 0.27 },
    urgent: 0.03,
  },
  // Detectives: by day, with a case, wide where it is needed.
  {
    titles: [
      ['PD', 75],
      ['DA Office', 25],
    ],
    weight: 14,
    size: 1.2,
    habits: { wide: 0.2, wordless: 0.12, noCase: 0.15, night: 0.12 },
    urgent: 0.01,
  },
  // A few officers of a rural county, who search at night, say little and get the case number later.
  {
    titles: [
      ['County SO', 80],
      ['PD', 20],
    ],
    weight: 14,
    size: 0.45,
    habits: { wide: 0.12, wordless: 0.38, noCase: 0.65, night: 0.55 },
    urgent: 0.05,
  },
  // Highway patrols and interstate task forces: wide by duty.
  {
    titles: [
      ['State Patrol', 60],
      ['Interstate Task Force', 40],
    ],
    weight: 6,
    size: 2.2,
    habits: { wide: 0.7, wordless: 0.35, noCase: 0.5, night: 0.38 },
    urgent: 0.06,
  },
  // Nobody insists on anything: the widest search is the default, and the case number stays empty.
  {
    titles: [
      ['PD', 70],
      ['County SO', 30],
    ],
    weight: 9,
    size: 0.8,
    habits: { wide: 0.35, wordless: 0.6, noCase: 0.88, night: 0.3 },
    urgent: 0.04,
  },
  {
    titles: [['University PD', 1]],
    weight: 7,
    size: 0.5,
    habits: { wide: 0.05, wordless: 0.2, noCase: 0.5, night: 0.4 },
    urgent: 0.02,
  },
];

/** A search while something happens, which looks like hidden misuse though it is none. */
export const URGENT: Habits = { wide: 0.5, wordless: 0.5, noCase: 0.8, night: 0.5 };
const URGENT_MAX = 0.25;

/** An officer for so many searches a month; large agencies have no more than OFFICERS_MAX who search. */
const SEARCHES_PER_OFFICER = 12;
const OFFICERS_MAX = 60;

/** A standard normal number (Box-Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction());
}

export const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

/** A share moved by so much on the logit scale. */
function moved(share: number, by: number): number {
  const odds = (share / (1 - share)) * Math.exp(by);
  return odds / (1 + odds);
}

/** Habits moved by one carelessness, which touches all of them, and by accidents of each. */
function movedHabits(random: Random, habits: Habits, careless: number, own: number): Habits {
  return {
    wide: moved(habits.wide, 0.35 * careless + 0.5 * own * normal(random)),
    wordless: moved(habits.wordless, 0.55 * careless + 0.5 * own * normal(random)),
    noCase: moved(habits.noCase, 0.6 * careless + 0.6 * own * normal(random)),
    night: moved(habits.night, 0.15 * careless + 0.35 * own * normal(random)),
  };
}

/** An agency of a service: its urgent share, and its officers, who share its habits and differ by shift and by carelessness. */
export function staffOf(random: Random, service: Service, queries: number): { urgent: number; officers: Officer[] } {
  const common = movedHabits(random, service.habits, normal(random), 1);
  const urgent = Math.min(URGENT_MAX, service.urgent * Math.exp(0.8 * normal(random)));
  // In some agencies the officers are alike, in others they are not.
  const difference = 0.6 * Math.exp(0.5 * normal(random));
  const count = Math.min(OFFICERS_MAX, 2 + Math.floor(queries / SEARCHES_PER_OFFICER));
  const officers = Array.from({ length: count }, (): Officer => {
    const onNightShift = random.fraction() < common.night;
    // Fewer superiors look on at night.
    const careless = difference * (1.2 * normal(random) + (onNightShift ? 0.5 : 0));
    const habits = movedHabits(random, common, careless, difference);
    const weight = -Math.log(1 - random.fraction());
    return [{ ...habits, night: onNightShift ? 0.85 : 0.07 }, weight];
  });
  return { urgent, officers };
}

/** Hidden misuse is a share of an agency's searches in one of these spans, each with a weight. */
const MISUSE_SPANS: readonly { from: number; to: number; weight: number }[] = [
  { from: 0.1, to: 0.2, weight: 3 },
  { from: 0.2, to: 0.5, weight: 4 },
  { from: 0.5, to: 0.85, weight: 3 },
];
/** Fewer hidden misuses in an export are not labelled as misuse: nobody could tell them from a bad week. */
const MISUSES_MIN = 8;

/** What hidden misuse adds to an agency's honest searches. */
export interface HiddenMisuse {
  /** Searches that are misuse, besides the honest ones. */
  misuses: number;
  habits: Habits;
}

/** Hidden misuse on top of `honest` searches: how much, and how its searches are made. Some hide it better than others. */
export function hiddenMisuse(random: Random, honest: number): HiddenMisuse {
  const lots = MISUSE_SPANS.flatMap((span) => Array.from({ length: span.weight }, () => span));
  const { from, to } = lots[integerBelow(random, lots.length)] ?? { from: 0.2, to: 0.5 };
  const share = from + (to - from) * random.fraction();
  return {
    misuses: Math.max(MISUSES_MIN, Math.round((honest * share) / (1 - share))),
    habits: {
      wide: clamp(0.85 + 0.1 * normal(random), 0.55, 0.98),
      // The others are given the reason of an honest search.
      wordless: clamp(0.9 + 0.1 * normal(random), 0.65, 1),
      noCase: clamp(0.85 + 0.12 * normal(random), 0.4, 1),
      night: clamp(0.5 + 0.12 * normal(random), 0.2, 0.8),
    },
  };
}
