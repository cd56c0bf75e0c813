// Each text rule finds its positive examples and not its negative ones; a finding is explained, once a field.
import { describe, expect, it } from 'vitest';
import { findingsOf, found } from '../../../cloud-bridge/requests/text-check.ts';
import { TEXT_RULES } from '../../../cloud-bridge/requests/text-rules.ts';

const clean = {
  text: 'A parcel was taken from a porch.',
  incidentType: 'package theft',
  investigation: 'SPD-17',
  contact: { name: 'Det. Rivera', phone: '+1 217 555 0100' },
};

describe.each(TEXT_RULES)('the rule about $kind', (rule) => {
  it.each(rule.mustFind)('finds it in: %s', (text) => expect(found(rule, text)).not.toBeNull());
  it.each(rule.mustNotFind)('finds nothing in: %s', (text) => expect(found(rule, text)).toBeNull());
});

it('finds nothing of any kind in the examples that no rule must find', () => {
  const all = TEXT_RULES.flatMap(({ mustNotFind }) => mustNotFind);
  const theft = all.filter((text) => /parcel|Burglary/.test(text));
  expect(theft.length).toBeGreaterThan(10);
  for (const text of theft) expect([text, findingsOf({ ...clean, text })]).toEqual([text, []]);
});

it('reports what was found, the field, the words and the reason', () => {
  const [finding, ...more] = findingsOf({ ...clean, text: `${'x '.repeat(40)}seen at the protest downtown` });
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ kind: 'lawful-activity', field: 'text', why: expect.stringContaining('protest') });
  expect(finding?.words).toMatch(/protest/);
  expect(finding?.words.length).toBeLessThan(120);
});

it('checks every field, and sees through invisible and look-alike letters', () => {
  expect(findingsOf({ ...clean, incidentType: 'immigration' })).toMatchObject([{ field: 'incidentType' }]);
  expect(findingsOf({ ...clean, investigation: 'protest-1' })).toMatchObject([{ field: 'investigation' }]);
  expect(findingsOf({ ...clean, contact: { ...clean.contact, name: 'HSI desk' } })).toMatchObject([
    { field: 'contact' },
  ]);
  for (const text of ['the pro\u00adtest', 'the pro\u200btest', 'the ｐｒｏｔｅｓｔ', 'you\nmust share']) {
    expect([text, findingsOf({ ...clean, text }).length]).toEqual([text, 1]);
  }
});

it('checks the longest text in a fraction of a second', () => {
  const texts = ['black '.repeat(333), 'the victim '.repeat(180), `${'a-'.repeat(900)}.co`, '<'.repeat(2_000)];
  const startMs = performance.now();
  for (const text of texts) findingsOf({ ...clean, text: text.slice(0, 2_000) });
  expect(performance.now() - startMs).toBeLessThan(500);
});
