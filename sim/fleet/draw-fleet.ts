// The doorbells of a fleet, each drawn only from the fleet's seed and its own number, so that processes and machines that know the seed
// need no coordination.
import { type Random, SeededRandom } from '@doorsill/base/random';
import type { Place } from '@doorsill/contract/area-cells';
import { DisclosureKey } from '@doorsill/contract/shared-claims';
import { failure } from '../errors.ts';
import { DOORBELLS_MAX, type FleetProfile, HOURS, MANNERS, type Manner, ringBytes } from './fleet-profile.ts';
import { drawPlace } from './home-placement.ts';

/** A machine's or a process's part of a fleet: the `index`th of `of`, counted from 1, as `--shard 2/8` writes it. */
export interface FleetPart {
  index: number;
  of: number;
}

export interface DrawnOwner {
  /** Its answer to a request; unused if `isOffline`. */
  answer: 'share' | 'decline' | 'ignore';
  /** Time from a request to the answer. */
  delayMs: number;
  /** Whether it revokes its grant, and how long after the doorbell's receipt. */
  revokes: boolean;
  revokesAfterMs: number;
  /** The asked keys that it discloses, in the order of DisclosureKey.options. */
  disclose: readonly DisclosureKey[];
  isOffline: boolean;
}

export interface DrawnDoorbell {
  /** From 1 on, over the whole fleet. */
  number: number;
  /** `doorbell-000042`. */
  name: string;
  place: Place;
  /** The name of its area in the profile's town. */
  area: string;
  /** The name of its scene in the profile. */
  scene: string;
  /** Position in its loop at the start, in microseconds; less than the scene's `loop`. */
  startAtUs: number;
  ring: { kind: 'memory' | 'file'; bytes: number };
  owner: DrawnOwner;
  /** Means for each hour of the day. */
  pressesPerHour: readonly number[];
  motionsPerHour: readonly number[];
  /** After the fleet's start. */
  startsAfterMs: number;
  /** Orderly reboots, and absences in which its connections just end. */
  rebootsPerDay: number;
  rebootTakesMs: number;
  absencesPerDay: number;
  awayMs: number;
  /** Error of its clock at the start (positive: ahead), and how much too fast it runs. */
  clock: { offsetMs: number; driftPpm: number };
  /** Seed of everything that is drawn while it runs; no other doorbell of the fleet has it. */
  seed: number;
}

/** A drawn event at a doorbell. */
export interface Happening {
  /** After the doorbell's start. */
  atMs: number;
  what: 'press' | 'motion' | 'reboot' | 'absence';
}

export const SEED_MAX = 0xffff_ffff;
const PARTS_MAX = DOORBELLS_MAX;
const HOUR_MS = 3_600_000;

/**
 * The doorbells of one part of a fleet of `doorbells`. The same profile and seed give the same fleet, however many parts it has, and a
 * larger fleet begins with the doorbells of a smaller one. Throws `fleet_size_refused`.
 */
export function drawFleet(
  profile: FleetProfile,
  seed: number,
  doorbells: number,
  part: FleetPart = { index: 1, of: 1 },
): DrawnDoorbell[] {
  checkWhole('the number of doorbells', doorbells, 1, DOORBELLS_MAX);
  checkWhole('the seed', seed, 0, SEED_MAX);
  checkWhole('the number of parts', part.of, 1, PARTS_MAX);
  checkWhole('the part', part.index, 1, part.of);
  const drawn: DrawnDoorbell[] = [];
  for (let number = part.index; number <= doorbells; number += part.of) drawn.push(drawDoorbell(profile, seed, number));
  return drawn;
}

function checkWhole(what: string, given: number, least: number, most: number): void {
  if (Number.isInteger(given) && given >= least && given <= most) return;
  throw failure('fleet_size_refused', { what, given: String(given), takes: `a whole number from ${least} to ${most}` });
}

/** One doorbell. A new property must be drawn after all others, so that a seed keeps its fleet. */
function drawDoorbell(profile: FleetProfile, seed: number, number: number): DrawnDoorbell {
  const own = seedOf(seed, number);
  const random = new SeededRandom(own);
  const [scene, { kbitPerS, loop }] = pick(random, Object.entries(profile.scenes), ([, { percent }]) => percent);
  const [area, where] = pick(random, Object.entries(profile.town.areas), ([, { percent }]) => percent);
  const { ring, town, reboots, churn } = profile;
  return {
    number,
    name: `doorbell-${String(number).padStart(6, '0')}`,
    place: drawPlace(town, where, random),
    area,
    scene,
    startAtUs: Math.floor(random.fraction() * loop),
    ring: { kind: ring.kind, bytes: ringBytes(ring.length, kbitPerS) },
    owner: drawOwner(profile, random),
    pressesPerHour: scaled(profile.presses, spreadOf(profile, random)),
    motionsPerHour: scaled(profile.motions, spreadOf(profile, random)),
    startsAfterMs: Math.floor((random.fraction() * profile.ramp) / 1_000),
    rebootsPerDay: reboots.perDay,
    rebootTakesMs: reboots.takes / 1_000,
    absencesPerDay: churn.perDay,
    awayMs: churn.away / 1_000,
    clock: drawClock(profile, random),
    seed: own,
  };
}

function drawOwner(profile: FleetProfile, random: Random): DrawnOwner {
  const { owners, answerAfter, slowAnswerAfter, revokeAfter } = profile;
  const manner: Manner = pick(random, MANNERS, (one) => owners[one]);
  const delays = manner === 'slow' ? slowAnswerAfter : answerAfter;
  return {
    answer: manner === 'decline' || manner === 'ignore' ? manner : 'share',
    delayMs: within(random, delays),
    revokes: manner === 'revoke',
    revokesAfterMs: within(random, revokeAfter),
    disclose: DisclosureKey.options.filter((key) => random.fraction() * 100 < profile.disclose[key]),
    isOffline: manner === 'offline',
  };
}

function drawClock({ clocks }: FleetProfile, random: Random): DrawnDoorbell['clock'] {
  const isWrong = random.fraction() * 100 < clocks.wrongPercent;
  const [offset, drift] = [random.fraction() * 2 - 1, random.fraction() * 2 - 1];
  if (!isWrong) return { offsetMs: 0, driftPpm: 0 };
  return {
    offsetMs: Math.round((offset * clocks.offset) / 1_000),
    driftPpm: Math.round(drift * clocks.driftPpm * 10) / 10,
  };
}

/**
 * A doorbell's drawn events, in order and without end: each kind is a Poisson process with its own rate. `startHour`: the hour of the day
 * at the fleet's start. The same doorbell has the same events in every run.
 */
export function* happeningsOf(doorbell: DrawnDoorbell, startHour: number): Generator<Happening, void> {
  const daily = (perDay: number) => new Array<number>(HOURS).fill(perDay / HOURS);
  const rates: [Happening['what'], readonly number[]][] = [
    ['press', doorbell.pressesPerHour],
    ['motion', doorbell.motionsPerHour],
    ['reboot', daily(doorbell.rebootsPerDay)],
    ['absence', daily(doorbell.absencesPerDay)],
  ];
  const startMs = startHour * HOUR_MS + doorbell.startsAfterMs;
  const next = rates.flatMap(([what, perHour], at) => {
    const times = occurrences(new SeededRandom(seedOf(doorbell.seed, at + 1)), perHour, startMs);
    const first = times.next();
    return first.done ? [] : [{ what, times, atMs: first.value }];
  });
  for (;;) {
    const first = next.reduce<(typeof next)[number] | null>(
      (least, one) => (least && least.atMs <= one.atMs ? least : one),
      null,
    );
    if (!first) return;
    yield { atMs: first.atMs, what: first.what };
    const following = first.times.next();
    if (!following.done) first.atMs = following.value;
  }
}

/** Times of a Poisson process in milliseconds from its start; none if every hour's rate is 0. */
function* occurrences(random: Random, perHour: readonly number[], startMs: number): Generator<number, void> {
  const most = Math.max(...perHour);
  if (most === 0) return;
  // By thinning (Lewis and Shedler 1979): drawn at the busiest hour's rate, and left out at random in the other hours.
  for (let atMs = 0; ; ) {
    atMs += (-Math.log(1 - random.fraction()) / most) * HOUR_MS;
    const hour = Math.floor((startMs + atMs) / HOUR_MS) % HOURS;
    if (random.fraction() * most < (perHour[hour] ?? 0)) yield Math.round(atMs);
  }
}

/** 32 bits for each number under a seed, by MurmurHash3's finaliser: it is invertible, so that no two numbers get the same. */
function seedOf(seed: number, number: number): number {
  let mixed = (Math.imul(seed ^ 0x5bd1_e995, 0x85eb_ca6b) + Math.imul(number, 0x9e37_79b1)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function pick<Value>(random: Random, values: readonly Value[], percentOf: (value: Value) => number): Value {
  let left = random.fraction() * 100;
  const possible = values.filter((value) => percentOf(value) > 0);
  for (const value of possible) {
    left -= percentOf(value);
    if (left < 0) return value;
  }
  return possible.at(-1) as Value;
}

/** Whole milliseconds between `from` and `to`, which are microseconds. */
function within(random: Random, { from, to }: { from: number; to: number }): number {
  return Math.round((from + random.fraction() * (to - from)) / 1_000);
}

function spreadOf({ spread }: FleetProfile, random: Random): number {
  return 1 + ((random.fraction() * 2 - 1) * spread) / 100;
}

function scaled(perHour: readonly number[], by: number): number[] {
  return perHour.map((rate) => rate * by);
}
