// Holds: who is never served, and that names which only look alike are: each rule by its own examples.
import { describe, expect, it } from 'vitest';
import { assertEligible, federalName } from '../../../cloud-bridge/registry/eligibility.ts';
import { FEDERAL_DOMAINS, NAME_RULES } from '../../../cloud-bridge/registry/federal-rules.ts';
import { isFailure } from '../../../device/protocol/errors.ts';

const rules = { stateAgencies: false, namesAllowed: [] };
const local = {
  name: 'Springfield Police Department',
  jurisdiction: 'municipal',
  domain: 'springfield.example',
} as const;

function refusal(facts: Partial<Parameters<typeof assertEligible>[0]>, by = {}): string {
  try {
    assertEligible({ ...local, ...facts }, { ...rules, ...by });
    return 'served';
  } catch (thrown) {
    return isFailure(thrown) ? `${thrown.code}: ${thrown.message}` : 'not coded';
  }
}

describe.each(NAME_RULES)('the rule $words', ({ words, mustFind, mustNotFind }) => {
  it.each(mustFind)('finds %s', (name) => expect(federalName(name)).not.toBeNull());
  it.each(mustNotFind)('does not find %s', (name) => expect(federalName(name)).toBeNull());
  it('is the one that finds its first example', () => expect(federalName(mustFind[0] ?? '')?.words).toEqual(words));
});

it.each(FEDERAL_DOMAINS)('refuses the domain %s and what is below it, and nothing that only ends alike', (domain) => {
  expect(refusal({ domain })).toMatch(/^agency_federal/);
  expect(refusal({ domain: `chicago.${domain}` })).toMatch(/^agency_federal/);
  expect(refusal({ domain: `not${domain}.example` })).toBe('served');
});

it.each([
  ['a declared federal jurisdiction', { jurisdiction: 'federal' }, /^agency_federal.*jurisdiction is federal/],
  ['a federal name in a town’s jurisdiction', { name: 'HSI Springfield' }, /^agency_federal.*says “hsi”/],
  ['letters of another alphabet', { name: 'І\u0421E Springfield' }, /^agency_ineligible.*not Latin/],
  ['letters that cannot be seen', { name: 'I\u200bCE Springfield' }, /^agency_ineligible/],
  ['a state agency', { jurisdiction: 'state' }, /^agency_ineligible.*state agencies/],
  ['free mail', { domain: 'gmail.com' }, /^agency_ineligible.*free-mail/],
  ['a domain below a free-mail one', { domain: 'police.gmail.com' }, /^agency_ineligible.*free-mail/],
] as const)('refuses %s and says why', (_what, facts, expected) => {
  expect(refusal(facts)).toMatch(expected);
});

it.each(['springfield.gov', 'cityofalice.gov', 'piercecountywa.gov', 'sheriff.mercer.example', 'notgmail.com'])(
  'serves %s: a .gov is not federal by itself',
  (domain) => expect(refusal({ domain })).toBe('served'),
);

it('serves a state agency where that is set, and a name that a person has looked at, but no other one', () => {
  expect(refusal({ jurisdiction: 'state' }, { stateAgencies: true })).toBe('served');
  const allowed = { namesAllowed: ['ICE LAKE POLICE'] };
  expect(refusal({ name: 'ICE LAKE POLICE' })).toMatch(/^agency_federal/);
  expect(refusal({ name: 'ICE LAKE POLICE' }, allowed)).toBe('served');
  expect(refusal({ name: 'ICE LAKE POLICE 2' }, allowed)).toMatch(/^agency_federal/);
});

it('reads names as people do: dots, accents, ampersands, wide letters', () => {
  for (const name of [
    'U. S. Marshals',
    'Ｉ.Ｃ.Ｅ. Office',
    'F B I',
    'Ìmmigration & Customs',
    'THE FBI',
    'us marshal',
  ]) {
    expect([name, federalName(name)?.words.join(' ')]).not.toEqual([name, undefined]);
  }
});
