// The state table of a request's publication; and that time alone ends only what waits or is open.
import { describe, expect, it } from 'vitest';
import {
  nextPublication,
  type PublicationInput,
  REQUEST_STATES,
  stateAt,
} from '../../../cloud-bridge/requests/publication-machine.ts';

const INPUTS: Record<string, PublicationInput> = {
  submit: { type: 'submit', needsModerator: false },
  'submit for a look': { type: 'submit', needsModerator: true },
  approve: { type: 'approve' },
  refuse: { type: 'refuse' },
  resolve: { type: 'resolve' },
  withdraw: { type: 'withdraw' },
  cancel: { type: 'cancel' },
  expire: { type: 'expire' },
};

/** The next state for each input; `no`: refused; `+` publishes and `-` removes the post. In the order of REQUEST_STATES. */
const TABLE: Record<keyof typeof INPUTS, string> = {
  //                  draft          in_moderation published  resolved expired cancelled refused
  submit: '           published+     in_moderation published  no       no      no        no',
  'submit for a look': 'in_moderation  in_moderation published  no       no      no        no',
  approve: '          no             published+    published  no       no      no        no',
  refuse: '           no             refused       no         no       no      no        refused',
  resolve: '          no             no            resolved-  resolved no      no        no',
  withdraw: '         cancelled      cancelled     no         no       no      cancelled no',
  cancel: '           cancelled      cancelled     cancelled- no       no      cancelled no',
  expire: '           expired        expired       expired-   no       expired no        no',
};

const SIGNS = { publish: '+', 'take-down': '-' } as const;

describe.each(Object.keys(INPUTS))('%s', (name) => {
  const row = (TABLE[name] ?? '').trim().split(/\s+/);
  it.each(REQUEST_STATES.map((state, at) => [state, row[at] ?? '']))('in %s leads to %s', (state, expected) => {
    const answer = nextPublication(state, INPUTS[name] ?? { type: 'expire' });
    const told = answer.ok ? answer.state + answer.effects.map((effect) => SIGNS[effect]).join('') : 'no';
    expect(told).toBe(expected);
    if (!answer.ok) expect(answer.state).toBe(state);
  });
});

it('time alone ends what waits or is open, and nothing else, from the second of its expiry on', () => {
  const at = (state: (typeof REQUEST_STATES)[number], nowS: number) => stateAt({ state, expiresS: 100 }, nowS);
  expect(REQUEST_STATES.map((state) => at(state, 99))).toEqual([...REQUEST_STATES]);
  expect(REQUEST_STATES.map((state) => at(state, 100))).toEqual([
    ...['expired', 'expired', 'expired', 'resolved', 'expired', 'cancelled', 'refused'],
  ]);
});
