// Owns: the states of an agency and the transitions between them. Pure: every input in every state has a result.
// Not here: who may give an input, the book (agency-standing.ts), who is eligible (eligibility.ts).

export const STANDINGS = ['pending', 'approved', 'refused', 'suspended', 'revoked', 'retired'] as const;
/** `retired`: its key was rotated. */
export type Standing = (typeof STANDINGS)[number];

/** What a transition depends on. */
export interface StandingFacts {
  state: Standing;
  /**
   * Whether it is approved and has applied with other facts, on which nobody has decided, and what these change: how it can be reached, or
   * what its credentials state. It acts under the approved ones.
   */
  amendment: 'none' | 'contact' | 'credential';
  /** It was approved at least once: credentials of it may exist. */
  wasApproved: boolean;
  /** A moderator has refused it before. */
  wasRefused: boolean;
}

/** `apply`: with other facts than the known ones. `expire`: an application waited for too long. */
export const STANDING_INPUTS = [
  'apply',
  'approve',
  'refuse',
  'suspend',
  'revoke',
  'reinstate',
  'rotate',
  'expire',
] as const;
export type StandingInput = (typeof STANDING_INPUTS)[number];

/**
 * `amend`: the facts are stored beside the approved ones. `take-facts`: those that it applied with are its own from now on.
 * `drop-amendment`: what it applied with is forgotten. `end-credentials`: every credential so far is listed as revoked, in the same step.
 * `forget`: nothing of it is kept.
 */
export type StandingEffect = 'amend' | 'take-facts' | 'drop-amendment' | 'end-credentials' | 'forget';

export type StandingAnswer =
  | { ok: true; state: Standing; effects: readonly StandingEffect[] }
  | {
      ok: false;
      code: 'agency_suspended' | 'agency_revoked' | 'agency_key_rotated' | 'agency_pending' | 'agency_changed';
    };

const to = (state: Standing, ...effects: StandingEffect[]): StandingAnswer => ({ ok: true, state, effects });
const no = (code: Extract<StandingAnswer, { ok: false }>['code']): StandingAnswer => ({ ok: false, code });

/**
 * The result of an input. An approved agency that applies again stays as it is approved until somebody has decided: so nobody escapes by it,
 * and nobody who applies in its name silences it. What is decided against it ends every revision at once.
 */
export function nextStanding(now: StandingFacts, input: StandingInput): StandingAnswer {
  const { state, amendment, wasApproved } = now;
  // Without an approval there is no credential, and an entry in the list would be one that a stranger can make.
  const ended: StandingEffect[] = wasApproved ? ['drop-amendment', 'end-credentials'] : ['drop-amendment'];
  switch (input) {
    case 'apply':
      return state === 'approved' ? to('approved', 'amend') : (barred(state) ?? to('pending', 'take-facts'));
    case 'approve':
      if (state !== 'approved') return barred(state) ?? to('approved');
      if (amendment === 'none') return to('approved');
      // What the credentials of before state is not so any more.
      return amendment === 'contact' ? to('approved', 'take-facts') : to('approved', 'take-facts', 'end-credentials');
    case 'refuse':
      if (state === 'refused') return to('refused');
      // Nothing of it waits: it is suspended or revoked instead.
      if (state === 'approved' && amendment === 'none') return no('agency_changed');
      return barred(state) ?? to('refused', ...ended);
    case 'suspend':
      if (state === 'suspended' || state === 'revoked') return to(state);
      return barred(state) ?? to('suspended', ...ended);
    case 'revoke':
      // Of a retired one every credential is listed already, and it must not come back by a reinstatement.
      return state === 'revoked' || state === 'retired' ? to(state) : to('revoked', ...ended);
    case 'reinstate':
      if (state === 'retired') return no('agency_key_rotated');
      if (state === 'pending' || state === 'refused') return no('agency_pending');
      return to(wasApproved ? 'approved' : 'pending');
    case 'rotate':
      if (state === 'approved') return to('retired', ...ended);
      return barred(state) ?? no('agency_pending');
    case 'expire':
      if (state === 'approved') return to('approved', 'drop-amendment');
      if (state !== 'pending') return to(state);
      return wasApproved || now.wasRefused ? to('refused') : to('pending', 'forget');
  }
}

function barred(state: Standing): StandingAnswer | null {
  if (state === 'revoked') return no('agency_revoked');
  if (state === 'suspended') return no('agency_suspended');
  return state === 'retired' ? no('agency_key_rotated') : null;
}
