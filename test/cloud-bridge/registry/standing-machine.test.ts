// The state table of an agency's access; and that neither a stranger nor the agency itself can end or begin its access.
import { describe, expect, it } from 'vitest';
import {
  nextStanding,
  STANDING_INPUTS,
  STANDINGS,
  type Standing,
  type StandingFacts,
  type StandingInput,
} from '../../../cloud-bridge/registry/standing-machine.ts';

const facts = (state: Standing, changes: Partial<StandingFacts> = {}): StandingFacts => ({
  ...{
    state,
    amendment: 'none',
    wasApproved: state !== 'pending' && state !== 'refused',
    wasRefused: state === 'refused',
  },
  ...changes,
});

/** The result as one line. */
function answer(now: StandingFacts, input: StandingInput): string {
  const next = nextStanding(now, input);
  return next.ok ? [next.state, ...next.effects].join(' + ') : next.code;
}

const lost = 'drop-amendment + end-credentials';
/** By state: the results of apply, approve, refuse, suspend, revoke, reinstate, rotate, expire. */
const TABLE: Record<Standing, readonly string[]> = {
  pending: [
    ...['pending + take-facts', 'approved', 'refused + drop-amendment', 'suspended + drop-amendment'],
    ...['revoked + drop-amendment', 'agency_pending', 'agency_pending', 'pending + forget'],
  ],
  approved: [
    ...['approved + amend', 'approved', 'agency_changed', `suspended + ${lost}`, `revoked + ${lost}`],
    ...['approved', `retired + ${lost}`, 'approved + drop-amendment'],
  ],
  refused: [
    ...['pending + take-facts', 'approved', 'refused', 'suspended + drop-amendment', 'revoked + drop-amendment'],
    ...['agency_pending', 'agency_pending', 'refused'],
  ],
  suspended: [
    ...['agency_suspended', 'agency_suspended', 'agency_suspended', 'suspended', `revoked + ${lost}`],
    ...['approved', 'agency_suspended', 'suspended'],
  ],
  revoked: [
    ...['agency_revoked', 'agency_revoked', 'agency_revoked', 'revoked', 'revoked', 'approved', 'agency_revoked'],
    'revoked',
  ],
  retired: [
    ...['agency_key_rotated', 'agency_key_rotated', 'agency_key_rotated', 'agency_key_rotated', 'retired'],
    ...['agency_key_rotated', 'agency_key_rotated', 'retired'],
  ],
};

it.each(STANDINGS)('answers every input in the state %s', (state) => {
  expect(STANDING_INPUTS.map((input) => answer(facts(state), input))).toEqual(TABLE[state]);
});

describe('an approved agency that has applied with other facts', () => {
  const amended = facts('approved', { amendment: 'credential' });

  it('is approved with them, and credentials with the former facts end', () => {
    expect(answer(amended, 'approve')).toBe('approved + take-facts + end-credentials');
    expect(answer({ ...amended, amendment: 'contact' }, 'approve')).toBe('approved + take-facts');
  });

  it('has every revision revoked by a refusal, as by a suspension', () => {
    expect(answer(amended, 'refuse')).toBe(`refused + ${lost}`);
    expect(answer(amended, 'suspend')).toBe(`suspended + ${lost}`);
  });

  it('loses the amendment that was not decided in time, and nothing else', () => {
    expect(answer(amended, 'expire')).toBe('approved + drop-amendment');
  });
});

it('ends the credentials of a pending or refused agency only if it was ever approved', () => {
  for (const state of ['pending', 'refused'] as const) {
    for (const input of ['suspend', 'revoke'] as const) {
      expect(answer(facts(state, { wasApproved: true }), input)).toContain('end-credentials');
      expect(answer(facts(state), input)).not.toContain('end-credentials');
    }
  }
  expect(answer(facts('pending', { wasApproved: true }), 'refuse')).toContain('end-credentials');
});

it('reinstates as an applicant an agency that was never approved, and deletes one that was neither approved nor refused', () => {
  expect(answer(facts('revoked', { wasApproved: false }), 'reinstate')).toBe('pending');
  expect(answer(facts('pending', { wasRefused: true }), 'expire')).toBe('refused');
  expect(answer(facts('pending', { wasApproved: true }), 'expire')).toBe('refused');
});

it('changes nobody’s access by what the agency, or time, does alone', () => {
  const acts = (state: Standing) => state === 'approved';
  for (const state of STANDINGS) {
    for (const amendment of ['none', 'contact', 'credential'] as const) {
      for (const input of ['apply', 'expire'] as const) {
        const next = nextStanding(facts(state, { amendment }), input);
        if (!next.ok) continue;
        expect(acts(next.state)).toBe(acts(state));
        expect(next.effects).not.toContain('end-credentials');
      }
    }
  }
});
