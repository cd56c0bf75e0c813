// Each rule flags its positive examples and not its negative ones; the first purpose wins, in the order of the fields.
import { describe, expect, it } from 'vitest';
import { matchOf, Reader } from '../../../cloud-bridge/query-audit/match-word-rules.ts';
import { wordsOf } from '../../../cloud-bridge/query-audit/normalize-text.ts';
import { WORD_RULES } from '../../../cloud-bridge/query-audit/word-rules.ts';

const reader = new Reader();
const read = (reason: string, more: object = {}) =>
  reader.read({ reason, prompt: '', caseNumber: '', offense: '', ...more });
const rulesOf = (reason: string, more: object = {}) => read(reason, more).map(({ rule }) => rule);

describe.each(WORD_RULES)('the rule $id', (rule) => {
  const text = (words: string) => (rule.reads === 'offense' ? { reason: 'x1', offense: words } : { reason: words });

  it.each(rule.mustFlag)('flags "%s" with the words and the reason', (words) => {
    const match = matchOf(rule, wordsOf(words));
    expect(match).toMatchObject({ rule: rule.id, why: rule.why });
    expect(wordsOf(words)).toContain(match?.matched);
  });

  it.each(rule.mustNotFlag)('does not flag "%s"', (words) => expect(matchOf(rule, wordsOf(words))).toBeNull());

  it('is the one that flags its first example: no earlier rule does', () => {
    const { reason, ...more } = { ...text(rule.mustFlag[0] ?? '') };
    expect(rulesOf(reason, more)).toContain(rule.id);
  });
});

it('has the rules in the order of the published list', () => {
  expect(WORD_RULES.filter(({ group }) => group === 'purpose').map(({ id }) => id)).toEqual([
    ...['ice-hold', 'ice', 'hsi', 'ero', 'border', 'deportation', 'dhs', 'uscis', 'immigration-offense', 'immigration'],
    'immigration-status',
  ]);
  expect(new Set(WORD_RULES.map(({ id }) => id)).size).toBe(WORD_RULES.length);
});

it.each([
  ['DHS/ICE ERO detainer for immigration', ['ice-hold']],
  ['HSI immigration op', ['hsi']],
  ['deport, per DHS', ['deportation']],
  ['ICE at protest, my ex', ['ice', 'protest', 'personal-use']],
])('takes the first purpose and every concern: %s', (reason, expected) => {
  expect(rulesOf(reason)).toEqual(expected);
});

it.each([
  ...['ice machine theft', 'Pierce', 'Alice', 'police', 'service', 'hero', 'zero', 'chsi', 'Erosion'],
  ...['ICE CREAM truck robbery', 'burglary on Rice St', 'Mercer', 'Venice PD assist', 'snow removal equipment stolen'],
])('finds nothing in "%s"', (reason) => expect(rulesOf(reason)).toEqual([]));

it('reads the prompt and the case number, too, and the offence from its own column alone', () => {
  expect(rulesOf('robbery', { prompt: 'white van of ICE target' })).toEqual(['ice']);
  expect(rulesOf('robbery', { caseNumber: 'ICE-26-001' })).toEqual(['ice']);
  expect(rulesOf('robbery', { offense: 'Immigration' })).toEqual(['immigration-offense']);
  expect(rulesOf('robbery', { offense: 'ICE' })).toEqual([]);
});

it('counts a lost reason for nothing', () => {
  expect(reader.read({ reason: null, prompt: '', caseNumber: '', offense: '' })).toEqual([]);
});

it('gives the same result for a text it has read before', () => {
  const fresh = new Reader();
  const query = { reason: 'assist ICE', prompt: '', caseNumber: '', offense: '' };
  expect(fresh.read(query)).toEqual(fresh.read({ ...query }));
  expect(fresh.read({ ...query, caseNumber: 'HSI' })).toHaveLength(1);
  expect(fresh.read({ ...query, reason: 'inv', caseNumber: 'HSI' })).toHaveLength(1);
});

it('runs each rule in linear time on long texts', () => {
  const long = ['ice ', 'fake a ', 'immigra x ', 'victim a ', 'dhs ', 'a.', 'hold a '].map((part) =>
    part.repeat(4_000),
  );
  for (const reason of long) {
    const before = process.cpuUsage();
    read(reason);
    expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
  }
});
