// The rules of retention, as a table of cases and as properties over any item and any policy.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../../cloud-bridge/vault/recalls.ts';
import {
  afterStep,
  deletedAtS,
  erasedAtS,
  ITEM_STEPS,
  type ItemState,
  RECOVERABLE_S,
  type RetentionFacts,
  type RetentionRules,
  UNCATEGORIZED,
} from '../../../cloud-bridge/vault/retention.ts';

const DAY_S = 24 * 3600;
const item = (changes: Partial<RetentionFacts> = {}): RetentionFacts => ({
  source: 'community-request',
  recordedS: 1_000_000,
  uploadedS: 2_000_000,
  categories: [],
  cases: [],
  triage: 'pending',
  restoredS: null,
  ...changes,
});
const rules = (days: Record<string, number | null>, declined?: number | null): RetentionRules => ({
  categories: new Map(
    Object.entries({ [UNCATEGORIZED]: null, ...days }).map(([name, each]) => [
      name,
      each === null ? null : each * DAY_S,
    ]),
  ),
  ...(declined === undefined ? {} : { declinedPeriodS: declined === null ? null : declined * DAY_S }),
});
const upload = (days: number) => 2_000_000 + days * DAY_S;
const recording = (days: number) => 1_000_000 + days * DAY_S;

describe('an item is deleted', () => {
  it.each<[string, Partial<RetentionFacts>, RetentionRules, number | null]>([
    ['never by itself without a category', {}, rules({ theft: 30 }), null],
    ['by the period of uncategorized, where that has one', {}, rules({ [UNCATEGORIZED]: 60 }), upload(60)],
    ['counted from its upload, when residents were asked', { categories: ['theft'] }, rules({ theft: 30 }), upload(30)],
    [
      'counted from its recording otherwise',
      { source: 'individual', categories: ['theft'] },
      rules({ theft: 30 }),
      recording(30),
    ],
    ['by the longest category', { categories: ['theft', 'robbery'] }, rules({ theft: 30, robbery: 90 }), upload(90)],
    [
      'never, when one category is kept until an officer deletes it',
      { categories: ['theft', 'murder'] },
      rules({ theft: 30, murder: null }),
      null,
    ],
    ['by its known categories alone', { categories: ['theft', 'former'] }, rules({ theft: 30 }), upload(30)],
    [
      'as uncategorized, when none of its categories is known',
      { categories: ['former'] },
      rules({ [UNCATEGORIZED]: 5 }),
      upload(5),
    ],
    ['never while it is in a case', { categories: ['theft'], cases: ['c'] }, rules({ theft: 30 }), null],
    [
      'by the declined period, when it was declined',
      { triage: 'declined', categories: ['theft'] },
      rules({ theft: 30 }, 2),
      upload(2),
    ],
    [
      'like all others, when declined ones have no period of their own',
      { triage: 'declined', categories: ['theft'] },
      rules({ theft: 30 }),
      upload(30),
    ],
    [
      'never, when declined ones are kept until an officer deletes them',
      { triage: 'declined', categories: ['theft'] },
      rules({ theft: 30 }, null),
      null,
    ],
    ['never while a declined one is in a case', { triage: 'declined', cases: ['c'] }, rules({}, 2), null],
    [
      'by its categories, when it was accepted',
      { triage: 'accepted', categories: ['theft'] },
      rules({ theft: 30 }, 2),
      upload(30),
    ],
    [
      'not for seven days after it was restored',
      { categories: ['theft'], restoredS: upload(40) },
      rules({ theft: 30 }),
      upload(47),
    ],
    [
      'at its own time, when that is later than those seven days',
      { categories: ['theft'], restoredS: upload(1) },
      rules({ theft: 30 }),
      upload(30),
    ],
  ])('%s', (_what, changes, policy, atS) => {
    expect(deletedAtS(item(changes), policy)).toBe(atS);
  });

  it('can be restored for seven days', () => {
    expect(erasedAtS(100) - 100).toBe(7 * DAY_S);
  });
});

describe('whatever the item and the policy', () => {
  const names = ['theft', 'robbery', 'murder'];
  const period = fc.option(fc.integer({ min: 1, max: 4_000 }), { nil: null });
  const anyItem = fc.record({
    source: fc.constantFrom('community-request' as const, 'individual' as const),
    recordedS: fc.integer({ min: 0, max: 2_000_000_000 }),
    uploadedS: fc.integer({ min: 0, max: 2_000_000_000 }),
    categories: fc.subarray(names),
    cases: fc.subarray(['a', 'b']),
    triage: fc.constantFrom('pending' as const, 'accepted' as const, 'declined' as const),
    restoredS: fc.option(fc.integer({ min: 0, max: 2_000_000_000 }), { nil: null }),
  });
  const anyRules = fc
    .record({ theft: period, robbery: period, murder: period, [UNCATEGORIZED]: period })
    .chain((days) => fc.option(period, { nil: undefined }).map((declined) => rules(days, declined)));
  const later = (one: number | null, other: number | null) => one === null || (other !== null && one >= other);

  it('a case suspends deletion', () => {
    fc.assert(
      fc.property(anyItem, anyRules, (one, policy) => {
        expect(deletedAtS({ ...one, cases: ['c'] }, policy)).toBeNull();
      }),
    );
  });

  it('one more known category never brings deletion nearer, once it has one', () => {
    fc.assert(
      fc.property(anyItem, anyRules, fc.constantFrom(...names), (one, policy, more) => {
        if (one.categories.length === 0) return;
        expect(
          later(deletedAtS({ ...one, categories: [...one.categories, more] }, policy), deletedAtS(one, policy)),
        ).toBe(true);
      }),
    );
  });

  it('a longer period never brings it nearer, a shorter one never puts it off', () => {
    fc.assert(
      fc.property(
        anyItem,
        anyRules,
        fc.constantFrom(...names),
        fc.integer({ min: 1, max: 4_000 }),
        (one, policy, name, days) => {
          const before = policy.categories.get(name) ?? null;
          const changed = { ...policy, categories: new Map([...policy.categories, [name, days * DAY_S]]) };
          const [then, now] = [deletedAtS(one, policy), deletedAtS(one, changed)];
          expect(before !== null && days * DAY_S >= before ? later(now, then) : true).toBe(true);
          expect(before === null || days * DAY_S <= before ? later(then, now) : true).toBe(true);
        },
      ),
    );
  });

  it('is never due within seven days of being restored', () => {
    fc.assert(
      fc.property(anyItem, anyRules, fc.integer({ min: 0, max: 2_000_000_000 }), (one, policy, restoredS) => {
        const atS = deletedAtS({ ...one, restoredS }, policy);
        expect(atS === null || atS >= restoredS + RECOVERABLE_S).toBe(true);
      }),
    );
  });

  it('nothing leads out of erased, and only what is deleted can be restored', () => {
    const walk = fc.array(fc.constantFrom(...ITEM_STEPS), { maxLength: 20 });
    fc.assert(
      fc.property(walk, (steps) => {
        let state: ItemState = 'held';
        for (const step of steps) {
          const next: ItemState | null = afterStep(state, step);
          if (state === 'erased') expect(next === null || next === 'erased').toBe(true);
          if (step === 'restore' && next !== null) expect(state).toBe('deleted');
          if (state === 'held' && next === 'active') expect(step).toBe('confirm');
          if (step === 'withdraw' && next !== null) expect(['held', 'erased']).toContain(state);
          state = next ?? state;
        }
      }),
    );
  });
});

it.each([
  ['erases', 'active', [], { answer: 'erase', reason: null }, 'erased'],
  [
    'restricts what is in a case instead of erasing it',
    'active',
    ['c'],
    { answer: 'erase', reason: null },
    'restricted',
  ],
  ['erases what was deleted and waits to be restored', 'deleted', [], { answer: 'erase', reason: null }, 'erased'],
  ['restricts', 'active', [], { answer: 'restrict', reason: null }, 'restricted'],
  ['keeps with its reason', 'active', [], { answer: 'keep', reason: 'trial' }, 'kept'],
  [
    'answers erased for an erased item, whatever the policy',
    'erased',
    [],
    { answer: 'keep', reason: 'trial' },
    'erased',
  ],
] as const)('a department answers a recall: %s', (_what, state, cases, policy, decision) => {
  const decided = decide({ state, cases: [...cases] }, policy, true);
  expect(decided.decision).toBe(decision);
  if (decision === 'kept') expect(decided.reason).toBe('trial');
});

it.each([
  ['restricts instead of erasing', 'active', { answer: 'erase', reason: null }, 'restricted'],
  ['keeps what the department keeps', 'active', { answer: 'keep', reason: 'trial' }, 'kept'],
  ['answers erased for an erased item', 'erased', { answer: 'erase', reason: null }, 'erased'],
] as const)('a department answers a recall that the bridge alone sends: %s', (_what, state, policy, decision) => {
  expect(decide({ state, cases: [] }, policy, false).decision).toBe(decision);
});
