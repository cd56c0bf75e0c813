// The statistics behind the audit of habits: drawn agencies, clusters that recover known groups, and the bound on false discoveries.
import { describe, expect, it } from 'vitest';
import {
  addCells,
  CELLS,
  cellShares,
  makeDraws,
  meanLogLikelihood,
  PATTERN_FROM,
  STAFF_CLASSES,
  staffClass,
} from '../../../cloud-bridge/query-audit/drawn-agencies.ts';
import {
  agencyKindsOf,
  cellSharesOfDraws,
  firstGroups,
  fitRound,
} from '../../../cloud-bridge/query-audit/habit-groups.ts';
import { discoveries, judgeHabits } from '../../../cloud-bridge/query-audit/hidden-misuse.ts';
import { logSum } from '../../../cloud-bridge/query-audit/statistics.ts';
import { SeededRandom } from '../../../device/base/random.ts';

it('adds probabilities as logarithms', () => {
  expect(logSum(Number.NEGATIVE_INFINITY, Math.log(3))).toBeCloseTo(Math.log(3), 12);
  expect(logSum(-1_000, -1_000)).toBeCloseTo(Math.log(2) - 1_000, 9);
});

describe('drawn agencies', () => {
  const group = {
    mean: [-2, -1, 0, 0.5, -4, -0.7],
    root: Array.from({ length: 6 }, (_, row) => Array.from({ length: 6 }, (_own, at) => (row === at ? 0.5 : 0))),
  };

  it('have normal numbers with the mean and the deviation asked for', () => {
    const { count, normals } = makeDraws(2_000, 1, -1);
    for (let axis = 0; axis < 6; axis += 1) {
      const own = Array.from({ length: count }, (_, draw) => normals[draw * 6 + axis] ?? 0);
      const mean = own.reduce((sum, value) => sum + value, 0) / count;
      expect(mean).toBeCloseTo(0, 1);
      expect(Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count)).toBeCloseTo(1, 1);
    }
  });

  it('distribute all their searches over the cells, whatever their number', () => {
    for (let staff = 0; staff < STAFF_CLASSES; staff += 1) {
      const shares = cellShares(group, makeDraws(20, 3), staff);
      for (let draw = 0; draw < 20; draw += 1) {
        const sum = Array.from({ length: CELLS }, (_, cell) => shares[cell * 20 + draw] ?? 0).reduce(
          (so, one) => so + one,
        );
        expect(sum).toBeCloseTo(1, 9);
      }
    }
    expect([1, 22, 23, 1e6].map(staffClass)).toEqual([0, 0, 1, STAFF_CLASSES - 1]);
  });

  it('weigh counts by their multinomial likelihood', () => {
    const cells = new Float64Array(CELLS);
    addCells(cells, 0, 1, [0.2, 0.3, 0.4, 0.5]);
    const counts = Array.from({ length: CELLS }, (_, cell) => (cell === 15 ? 2 : cell === 0 ? 3 : 0));
    const expected = 2 * Math.log(0.2 * 0.3 * 0.4 * 0.5) + 3 * Math.log(0.8 * 0.7 * 0.6 * 0.5);
    expect(meanLogLikelihood(counts, 1, cells.map(Math.log), new Float64Array(1))).toBeCloseTo(expected, 9);
    expect(meanLogLikelihood(counts, 0.5, cells.map(Math.log), new Float64Array(1))).toBeCloseTo(expected / 2, 9);
  });
});

it('takes the last word of a name as the kind, or two words where many agencies share them, but not the state', () => {
  const many = (of: string, count: number) => Array.from({ length: count }, (_, at) => `Town${at} KS ${of}`);
  const kinds = agencyKindsOf([
    ...many('PD', 30),
    ...many('County SO', 30),
    ...many('Harbour SO', 3),
    'Ash TX PD #9001',
  ]);
  expect(new Set(kinds).size).toBe(3);
  expect(kinds[62]).not.toBe(kinds[30]);
  expect(kinds.at(-1)).toBe(kinds[0]);
});

it('recovers the two groups of habits that agencies were drawn from, and which kind is in which', () => {
  const random = new SeededRandom(5);
  const agencies = Array.from({ length: 600 }, (_, at) => {
    const kind = at % 2;
    const [wide, wordless] = kind === 0 ? [0.1, 0.2] : [0.6, 0.5];
    const counts = new Array<number>(CELLS).fill(0);
    for (let search = 0; search < 100; search += 1) {
      const bit = (share: number, value: number) => (random.fraction() < share ? value : 0);
      const cell = bit(wide, 8) + bit(wordless, 4) + bit(0.5, 2) + bit(0.3, 1);
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
    return { counts, searches: 100, kind };
  });
  const draws = makeDraws(200, 1);
  let habits = firstGroups(agencies);
  for (let round = 0; round < 6; round += 1)
    habits = fitRound(agencies, habits, draws, () => 0, cellSharesOfDraws(habits.groups, draws, agencies));
  const share = (kind: number, at: number) =>
    habits.groups.reduce(
      (sum, { mean }, group) => sum + (habits.byKind[kind]?.[group] ?? 0) / (1 + Math.exp(-(mean[at] ?? 0))),
      0,
    );
  expect(share(0, 0)).toBeCloseTo(0.1, 1);
  expect(share(1, 0)).toBeCloseTo(0.6, 1);
  expect(share(0, 1)).toBeCloseTo(0.2, 1);
  expect(share(1, 1)).toBeCloseTo(0.5, 1);
});

describe('discoveries', () => {
  const judged = (...chances: number[]) =>
    chances.map((honestChance) => ({ inPattern: 20, predicted: 2, honestChance }));

  it('are as many as the bound allows on average, the likeliest first', () => {
    expect([...discoveries(judged(0.9, 0.02, 0.3, 0.1), 0.2)]).toEqual([1, 3, 2]);
    expect([...discoveries(judged(0.9, 0.02, 0.3, 0.1), 0.07)]).toEqual([1, 3]);
    expect([...discoveries(judged(0.9, 0.5), 0.2)]).toEqual([]);
  });

  it('leave out agencies that were not judged, have few such searches, or no more than their habits predict', () => {
    const [one] = judged(0);
    if (!one) throw new Error('no agency');
    expect([...discoveries([null, { ...one, inPattern: 3 }, { ...one, predicted: 20 }], 0.5)]).toEqual([]);
  });
});

describe('among a thousand agencies', () => {
  /** An agency with its own share of careless searches and `misuses` more in the misuse pattern, half of them off hours. */
  const agency = (random: SeededRandom, misuses: number, hasTimes = true) => {
    const base = [0, 1, 2].map(() => 0.1 + 0.4 * random.fraction());
    const counts = new Array<number>(CELLS).fill(0);
    for (let search = 0; search < 80; search += 1) {
      const careless = search % 4 === 0 ? 1.4 : 0.9;
      const cell = [...base.map((share) => Math.min(0.95, share * careless)), hasTimes ? 0.3 : 0].reduce(
        (sum, share) => 2 * sum + (random.fraction() < share ? 1 : 0),
        0,
      );
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
    for (let misuse = 0; misuse < misuses; misuse += 1) {
      const cell = PATTERN_FROM + (hasTimes ? misuse % 2 : 0);
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
    return { name: 'Testbed PD', counts };
  };

  it.each([true, false])(
    'nearly all honest ones are left out, and those that hide misuse are found (times: %s)',
    (has) => {
      const random = new SeededRandom(12);
      const all = Array.from({ length: 1_000 }, (_, at) => agency(random, at < 10 ? 30 : 0, has));
      const judged = judgeHabits(all);
      const found = [...discoveries(judged ?? [], 0.2)];
      expect(found.filter((at) => at < 10).length).toBeGreaterThanOrEqual(9);
      expect(found.filter((at) => at >= 10).length).toBeLessThanOrEqual(2);
    },
    // Takes some seconds on an idle machine.
    120_000,
  );

  it('the same export gives the same findings', () => {
    const random = new SeededRandom(12);
    const all = Array.from({ length: 60 }, (_, at) => agency(random, at < 2 ? 30 : 0));
    expect(judgeHabits(all)).toEqual(judgeHabits(all));
  });

  it('the pattern is predicted from the other searches alone, so that misuse does not explain itself', () => {
    const random = new SeededRandom(14);
    const all = Array.from({ length: 300 }, () => agency(random, 0));
    const [one] = all;
    if (!one) throw new Error('no agency');
    const few = one.counts.map((count, cell) => (cell === 15 ? 4 : count));
    const misused = one.counts.map((count, cell) => (cell >= PATTERN_FROM ? count + 30 : count));
    const same = [few, misused].map((counts) => ({ name: one.name, counts }));
    const [before = 0, after = 0] = judgeHabits([...same, ...all])?.map((judged) => judged?.predicted ?? 0) ?? [];
    expect(after).toBeGreaterThan(0);
    expect(after).toBeLessThan(2 * before + 2);
  });

  it('hardly any is proposed where all are honest', () => {
    const random = new SeededRandom(13);
    const all = Array.from({ length: 1_000 }, () => agency(random, 0));
    expect(discoveries(judgeHabits(all) ?? [], 0.2).size).toBeLessThanOrEqual(1);
  });

  it('none is judged where there are too few agencies', () => {
    const random = new SeededRandom(15);
    expect(judgeHabits(Array.from({ length: 49 }, () => agency(random, 0)))).toBeNull();
  });
});
