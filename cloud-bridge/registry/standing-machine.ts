// The states of an agency and the transitions between them. Pure: every input in every state has a result.

export const STANDINGS = ['pending', 'approved', 'refused', 'suspended', 'revoked', 'retired'] as const;
/** `retired`: its key was rotated. */
export type Standing = (typeof STANDINGS)[number];

export interface StandingFacts {
  state: Standing;
  /**
   * For an approved agency that has applied with changed facts, still undecided: whether they change only its contact, or what its
   * credentials state. Until then the approved facts count.
   */
  amendment: 'none' | 'contact' | 'credential';
  /** It was approved at least once, so that credentials may exist. */
  wasApproved: boolean;
  /** A moderator has refused it before. */
  wasRefused: boolean;
}

/** `apply`: with changed facts. `expire`: an application waited for too long. */
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
 * `amend`: the new facts are stored next to the approved ones. `take-facts`: the new facts replace the old ones. `drop-amendment`: the new
 * facts are deleted. `end-credentials`: every credential so far is listed as revoked, in the same step. `forget`: the agency is deleted.
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
 * The result of an input. An approved agency that applies again stays approved, with its former facts, until somebody has decided:
 * applying again neither evades a decision nor lets a stranger silence an agency by applying in its name. A decision against it ends all
 * its credentials.
 */
export function nextStanding(now: StandingFacts, input: StandingInput): StandingAnswer {
  const { state, amendment, wasApproved } = now;
  // Without an approval there is no credential; listing the agency would let strangers add entries to the list.
  const ended: StandingEffect[] = wasApproved ? ['drop-amendment', 'end-credentials'] : ['drop-amendment'];
  switch (input) {
    case 'apply':
      return state === 'approved' ? to('approved', 'amend') : (barred(state) ?? to('pending', 'take-facts'));
    case 'approve':
      if (state !== 'approved') return barred(state) ?? to('approved');
      if (amendment === 'none') return to('approved');
      // Former credentials state facts that are no longer true.
      return amendment === 'contact' ? to('approved', 'take-facts') : to('approved', 'take-facts', 'end-credentials');
    case 'refuse':
      if (state === 'refused') return to('refused');
      // Nothing waits: suspend or revoke it instead.
      if (state === 'approved' && amendment === 'none') return no('agency_changed');
      return barred(state) ?? to('refused', ...ended);
    case 'suspend':
      if (state === 'suspended' || state === 'revoked') return to(state);
      return barred(state) ?? to('suspended', ...ended);
    case 'revoke':
      // All credentials of a retired agency are listed already, and a reinstatement must not bring it back.
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
