// The states of a request and the transitions between them. Pure: every input in every state has a result.

export const REQUEST_STATES = [
  'draft',
  'in_moderation',
  'published',
  'resolved',
  'expired',
  'cancelled',
  'refused',
] as const;
export type PublicationState = (typeof REQUEST_STATES)[number];

/** `withdraw` comes from the agency, `cancel` from the bridge. */
export type PublicationInput =
  | { type: 'submit'; needsModerator: boolean }
  | { type: 'approve' }
  | { type: 'refuse' }
  | { type: 'resolve' }
  | { type: 'withdraw' }
  | { type: 'cancel' }
  | { type: 'expire' };

export type RequestAnswer =
  /** `publish`: countersign and publish it; `take-down`: remove it from publication. */
  { ok: true; state: PublicationState; effects: ('publish' | 'take-down')[] } | { ok: false; state: PublicationState };

const to = (state: PublicationState, ...effects: ('publish' | 'take-down')[]): RequestAnswer => ({
  ok: true,
  state,
  effects,
});

/** The result of an input. A repeated decision changes nothing; one that is not allowed returns `ok: false`. */
export function nextPublication(state: PublicationState, input: PublicationInput): RequestAnswer {
  const no: RequestAnswer = { ok: false, state };
  const waits = state === 'draft' || state === 'in_moderation';
  switch (input.type) {
    case 'submit':
      if (state === 'draft') return input.needsModerator ? to('in_moderation') : to('published', 'publish');
      return state === 'in_moderation' || state === 'published' ? to(state) : no;
    case 'approve':
      if (state === 'in_moderation') return to('published', 'publish');
      return state === 'published' ? to(state) : no;
    case 'refuse':
      return state === 'in_moderation' || state === 'refused' ? to('refused') : no;
    case 'resolve':
      if (state === 'published') return to('resolved', 'take-down');
      return state === 'resolved' ? to(state) : no;
    case 'withdraw':
      // A published request stays public: it can be resolved, not withdrawn.
      return waits || state === 'cancelled' ? to('cancelled') : no;
    case 'cancel':
      if (state === 'published') return to('cancelled', 'take-down');
      return waits || state === 'cancelled' ? to('cancelled') : no;
    case 'expire':
      if (state === 'published') return to('expired', 'take-down');
      return waits || state === 'expired' ? to('expired') : no;
  }
}

/** The state at `nowS`: waiting and published requests expire by time alone, without a write. */
export function stateAt(stored: { state: PublicationState; expiresS: number }, nowS: number): PublicationState {
  if (nowS < stored.expiresS) return stored.state;
  return nextPublication(stored.state, { type: 'expire' }).state;
}
