// The effects of each input in each state, as a table, and the invariants of random inputs. The table comes first: it is quick.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  awaitsOwner,
  currentGrant,
  GRANTS_PER_REQUEST_MAX,
  next,
  type RequestEffect,
  type RequestInput,
  type RequestState,
  type RequestStatus,
  revocableGrant,
  UNSEEN,
  unfinishedGrant,
} from '../../../device/consent/request-machine.ts';
import { clipFacts } from './clip-facts.ts';

const ref = (id: string) => ({ id, sha256: `sha of ${id}` });

/** Every state that a request can have under its grant `grant-a`. `shown`: the upload token was presented before the grant ended. */
const A = ref('grant-a');
const CLIP = clipFacts('one');
const STATES = {
  unseen: { at: 'unseen' },
  pending: { at: 'pending' },
  granted: { at: 'granted', grant: A },
  sealed: { at: 'sealed', grant: A, clip: CLIP },
  presented: { at: 'presented', grant: A, clip: CLIP },
  delivered: { at: 'delivered', grant: A, clip: CLIP },
  revoking: { at: 'revoking', grant: A, clip: CLIP },
  revoked: { at: 'revoked', grant: A },
  recalled: { at: 'recalled', grant: A },
  failed: { at: 'failed', grant: A, code: 'clip_no_frames', presented: null },
  'failed, shown': { at: 'failed', grant: A, code: 'clip_no_frames', presented: CLIP },
  denied: { at: 'denied' },
  cancelled: { at: 'cancelled', grant: A, presented: null },
  'cancelled, shown': { at: 'cancelled', grant: A, presented: CLIP },
} as const satisfies Record<string, RequestStatus>;
type Name = keyof typeof STATES;
const NAMES = Object.keys(STATES) as Name[];

const INPUTS = {
  seen: { type: 'seen' },
  cancelled: { type: 'cancelled' },
  'the same grant': { type: 'grant', grant: A },
  'other bytes under its id': { type: 'grant', grant: { id: 'grant-a', sha256: 'other' } },
  'another grant': { type: 'grant', grant: ref('grant-b') },
  deny: { type: 'deny' },
  revoke: { type: 'revoke', grant: A },
  'revoke other bytes': { type: 'revoke', grant: { id: 'grant-a', sha256: 'other' } },
  'revoke another': { type: 'revoke', grant: ref('grant-b') },
  sealed: { type: 'sealed', grant: 'grant-a', clip: CLIP },
  'another clip sealed': { type: 'sealed', grant: 'grant-a', clip: clipFacts('two') },
  'another manifest sealed': { type: 'sealed', grant: 'grant-a', clip: { ...CLIP, manifestSha256: 'other' } },
  presented: { type: 'presented', grant: 'grant-a' },
  delivered: { type: 'delivered', grant: 'grant-a' },
  deleted: { type: 'deleted', grant: 'grant-a' },
  kept: { type: 'kept', grant: 'grant-a' },
  failed: { type: 'failed', grant: 'grant-a', code: 'clip_no_frames' },
  ended: { type: 'ended', grant: 'grant-a', reason: 'expired' },
} as const satisfies Record<string, RequestInput>;

/** An effect in one or two words. */
function told(effect: RequestEffect): string {
  switch (effect.do) {
    case 'end-grant':
      return `end (${effect.detail})`;
    case 'receipt':
      return `say ${effect.outcome}${effect.code === undefined ? '' : ` ${effect.code}`}`;
    case 'reject':
      return `no: ${effect.code}${effect.detail === undefined ? '' : `, ${effect.detail}`}`;
    default:
      return effect.do;
  }
}

/** `STATE: effects` where the state changes, else the effects alone. */
function answer(before: Name, input: keyof typeof INPUTS): string {
  const from: RequestState = { ...STATES[before], past: [] };
  const { state, effects } = next(from, INPUTS[input]);
  for (const effect of effects) expect(effect).toHaveProperty('do');
  const words = effects.map(told).join('; ');
  if (state === from) return words;
  const shown = 'presented' in state && state.presented !== null ? ', shown' : '';
  return `${state.at}${shown}: ${words}`;
}

const BEGIN = 'granted: record; make-clip; say granted';
const REVOKED = 'revoked: end (it was revoked); record; remove-clip; say revoked';
const REVOKING = 'revoking: end (it was revoked); record; remove-clip; send-revocation; say revoked';
const DELIVERED = 'delivered: record; end (its clip is delivered); remove-clip; say sent';
const stopped = (code: string) => `end (${code}); record; remove-clip; say failed ${code}`;
const each = (names: Name[], says: string) => Object.fromEntries(names.map((name) => [name, says]));
const GRANTED: Name[] = ['granted', 'sealed', 'presented', 'delivered'];
const CANCELLED: Name[] = ['cancelled', 'cancelled, shown'];
const TAKEN_BACK: Name[] = ['revoking', 'revoked', 'recalled'];
/** The row of a state that the table does not name; `AT` stands for the state. */
const TABLE: Record<keyof typeof INPUTS, { else: string } & Partial<Record<Name, string>>> = {
  seen: { unseen: 'pending: ', else: '' },
  cancelled: {
    ...each(['granted', 'sealed'], `cancelled: ${stopped('consent_request_cancelled')}`),
    presented: `cancelled, shown: ${stopped('consent_request_cancelled')}`,
    else: '',
  },
  'the same grant': {
    unseen: 'no: consent_request_unknown',
    pending: BEGIN,
    ...each(GRANTED, 'restate'),
    ...each(TAKEN_BACK, 'no: consent_revoked_before'),
    ...each(['failed', 'failed, shown'], 'say failed clip_no_frames'),
    denied: 'no: consent_denied_before',
    else: 'no: consent_request_cancelled',
  },
  'other bytes under its id': {
    unseen: 'no: consent_request_unknown',
    pending: BEGIN,
    denied: 'no: consent_denied_before',
    else: 'no: consent_replayed',
  },
  'another grant': {
    unseen: 'no: consent_request_unknown',
    ...each(['pending', 'revoked', 'failed'], BEGIN),
    'failed, shown': 'no: consent_already_granted, the failed one had reached the bridge',
    ...each([...GRANTED, 'recalled'], 'no: consent_already_granted'),
    revoking: 'no: consent_already_granted, its revocation has not reached the bridge yet',
    denied: 'no: consent_denied_before',
    else: 'no: consent_request_cancelled',
  },
  deny: {
    unseen: 'no: consent_request_unknown',
    ...each(['pending', 'revoked', 'failed'], 'denied: record; say denied'),
    denied: 'say denied',
    ...each(CANCELLED, 'no: consent_request_cancelled'),
    else: 'no: consent_deny_after_grant',
  },
  revoke: {
    ...each(['granted', 'sealed'], REVOKED),
    ...each(['presented', 'delivered', 'failed, shown', 'cancelled, shown'], REVOKING),
    ...each(['revoking', 'revoked'], 'say revoked'),
    recalled: 'say recalled',
    else: 'no: consent_nothing_to_revoke',
  },
  'revoke other bytes': { else: 'no: consent_nothing_to_revoke' },
  'revoke another': { else: 'no: consent_nothing_to_revoke' },
  sealed: {
    granted: 'sealed: record; say sealed',
    ...each(['sealed', 'presented'], ''),
    else: 'no: grant_dead, a clip cannot be sealed when AT',
  },
  'another clip sealed': {
    granted: 'sealed: record; say sealed',
    else: 'no: grant_dead, a clip cannot be sealed when AT',
  },
  'another manifest sealed': {
    granted: 'sealed: record; say sealed',
    else: 'no: grant_dead, a clip cannot be sealed when AT',
  },
  presented: {
    sealed: 'presented: record',
    presented: '',
    else: 'no: grant_dead, a token cannot be presented when AT',
  },
  delivered: {
    ...each(['unseen', 'pending', 'denied'], 'no: grant_dead, it is not the present grant'),
    ...each(['presented', 'failed, shown', 'cancelled, shown'], DELIVERED),
    ...each(['failed', 'cancelled'], 'no: grant_dead, nothing was sent when AT'),
    ...each(['revoking', 'delivered'], ''),
    else: 'no: grant_dead, nothing can be delivered when AT',
  },
  deleted: {
    revoking: 'revoked: record; say deleted',
    ...each(['revoked', 'recalled'], ''),
    else: 'no: grant_dead, no revocation is under way when AT',
  },
  kept: {
    revoking: 'recalled: record; say recalled',
    ...each(['revoked', 'recalled'], ''),
    else: 'no: grant_dead, no revocation is under way when AT',
  },
  failed: {
    ...each(['granted', 'sealed'], `failed: ${stopped('clip_no_frames')}`),
    presented: `failed, shown: ${stopped('clip_no_frames')}`,
    else: 'no: grant_dead, it does not act when AT',
  },
  ended: {
    ...each(['granted', 'sealed'], `failed: ${stopped('consent_grant_expired')}`),
    presented: `failed, shown: ${stopped('consent_grant_expired')}`,
    else: 'no: grant_dead, it does not act when AT',
  },
};

describe('in every state', () => {
  it.each(Object.keys(INPUTS) as (keyof typeof INPUTS)[])('the machine answers “%s”', (input) => {
    const row = TABLE[input];
    const due = NAMES.map((name) => [name, (row[name] ?? row.else).replace('AT', STATES[name].at)]);
    expect(NAMES.map((name) => [name, answer(name, input)])).toEqual(due);
  });

  it('a report about another grant than the present one is rejected', () => {
    for (const name of NAMES) {
      const state: RequestState = { ...STATES[name], past: [] };
      for (const type of ['presented', 'delivered', 'deleted', 'kept'] as const) {
        expect(next(state, { type, grant: 'grant-b' }).effects).toMatchObject([{ do: 'reject', code: 'grant_dead' }]);
      }
      for (const input of [
        { type: 'sealed', grant: 'grant-b', clip: CLIP },
        { type: 'failed', grant: 'grant-b', code: 'clip_no_frames' },
      ] as const) {
        expect(next(state, input).effects).toMatchObject([{ do: 'reject', code: 'grant_dead' }]);
      }
    }
  });

  it('the current, the unfinished and the revocable grant are known, and whether an owner’s decision is awaited', () => {
    const of = (pick: (state: RequestState) => unknown) =>
      NAMES.filter((name) => Boolean(pick({ ...STATES[name], past: [] })));
    const acting: Name[] = ['granted', 'sealed', 'presented'];
    expect(of(unfinishedGrant)).toEqual(acting);
    expect(of(revocableGrant)).toEqual([...acting, 'delivered', 'revoking', 'failed, shown', 'cancelled, shown']);
    const without: Name[] = ['unseen', 'pending', 'denied'];
    expect(of(currentGrant)).toEqual(NAMES.filter((name) => !without.includes(name)));
    expect(of((state) => currentGrant(state) === null)).toEqual(without);
    expect(of(awaitsOwner)).toEqual(['pending', 'failed']);
  });

  it('past grants are known by their ids: neither kind acts again, and a revoked one stays revoked', () => {
    const past = [
      { ...ref('grant-old'), revoked: true },
      { ...ref('grant-failed'), revoked: false },
    ];
    for (const name of NAMES) {
      const state: RequestState = { ...STATES[name], past };
      const said = (input: RequestInput) => {
        const step = next(state, input);
        expect(step.state).toBe(state);
        return step.effects.map(told);
      };
      expect(said({ type: 'grant', grant: ref('grant-old') })).toEqual(['no: consent_revoked_before']);
      expect(said({ type: 'grant', grant: ref('grant-failed') })).toEqual(['no: consent_replayed']);
      expect(said({ type: 'revoke', grant: ref('grant-old') })).toEqual(['say revoked']);
      expect(said({ type: 'revoke', grant: ref('grant-failed') })).toEqual(['no: consent_nothing_to_revoke']);
    }
  });

  it('a later grant remembers the earlier one, and whether it was revoked', () => {
    const pastAfter = (name: 'revoked' | 'failed' | 'pending') =>
      next({ ...STATES[name], past: [] }, { type: 'grant', grant: ref('grant-b') }).state.past;
    expect(pastAfter('pending')).toEqual([]);
    expect(pastAfter('revoked')).toEqual([{ ...A, revoked: true }]);
    expect(pastAfter('failed')).toEqual([{ ...A, revoked: false }]);
  });

  it.each([
    ['expired', 'consent_grant_expired'],
    ['agency-revoked', 'consent_agency_revoked'],
    ['owner-removed', 'owner_unknown'],
    ['bridge-changed', 'device_not_enrolled'],
    ['restored', 'consent_before_restore'],
  ] as const)('a grant that ends because of “%s” has failed with %s', (reason, code) => {
    const from: RequestState = { ...STATES.sealed, past: [] };
    const { state, effects } = next(from, { type: 'ended', grant: 'grant-a', reason });
    expect(state).toEqual({ at: 'failed', grant: A, code, presented: null, past: [] });
    expect(effects.map(told)).toEqual(stopped(code).split('; '));
  });

  it('an unknown input or state is a bug, not an answer', () => {
    const nonsense = JSON.parse('{"at":"nowhere","type":"nothing","past":[]}');
    expect(() => next(UNSEEN, nonsense)).toThrow('assertion failed');
    expect(() => next(nonsense, { type: 'grant', grant: A })).toThrow('assertion failed');
  });
});

const ids = fc.constantFrom('grant-a', 'grant-b', 'grant-c');
const anyInput: fc.Arbitrary<RequestInput> = fc.oneof(
  fc.constantFrom<RequestInput>({ type: 'seen' }, { type: 'cancelled' }, { type: 'deny' }),
  fc.tuple(ids, fc.boolean()).map(([id, isForged]): RequestInput => {
    return { type: 'grant', grant: isForged ? { id, sha256: 'other bytes' } : ref(id) };
  }),
  ids.map((id): RequestInput => ({ type: 'revoke', grant: ref(id) })),
  fc
    .tuple(ids, fc.constantFrom('one', 'two'))
    .map(([grant, name]): RequestInput => ({ type: 'sealed', grant, clip: clipFacts(name) })),
  fc
    .tuple(fc.constantFrom('presented' as const, 'delivered' as const, 'deleted' as const, 'kept' as const), ids)
    .map(([type, grant]): RequestInput => ({ type, grant })),
  ids.map((grant): RequestInput => ({ type: 'failed', grant, code: 'clip_no_frames' })),
  ids.map((grant): RequestInput => ({ type: 'ended', grant, reason: 'expired' })),
);
/** Mostly in a usual order, so that deep states are reached often. */
const story: fc.Arbitrary<RequestInput[]> = fc
  .tuple(fc.integer({ min: 0, max: 7 }), fc.array(anyInput, { maxLength: 30 }))
  .map(([length, rest]) => {
    const grant = 'grant-a';
    const way: RequestInput[] = [
      { type: 'seen' },
      { type: 'grant', grant: ref(grant) },
      { type: 'sealed', grant, clip: clipFacts('one') },
      { type: 'presented', grant },
      { type: 'revoke', grant: ref(grant) },
      { type: 'deleted', grant },
    ];
    return [...way.slice(0, length), ...rest];
  });

interface Seen {
  before: RequestState;
  input: RequestInput;
  state: RequestState;
  effects: RequestEffect[];
}

function walk(inputs: RequestInput[]): Seen[] {
  let state = UNSEEN;
  return inputs.map((input) => {
    const before = state;
    const step = next(before, input);
    state = step.state;
    return { before, input, ...step };
  });
}

const runs = { numRuns: 2_000 };
const deeds = (steps: Seen[]) => steps.flatMap((step) => step.effects);

describe('the life of a request', () => {
  it('never has two grants live, and none live once one ends', () => {
    fc.assert(
      fc.property(story, (inputs) => {
        const live = new Set<string>();
        for (const effect of deeds(walk(inputs))) {
          if (effect.do === 'make-clip') live.add(effect.grant);
          if (effect.do === 'end-grant') live.delete(effect.grant);
          expect(live.size).toBeLessThanOrEqual(1);
        }
      }),
      runs,
    );
  });

  it('makes one clip per grant, and none for a grant that was revoked or has failed', () => {
    fc.assert(
      fc.property(story, (inputs) => {
        const over = new Set<string>();
        for (const effect of deeds(walk(inputs))) {
          if (effect.do !== 'make-clip') continue;
          expect(over.has(effect.grant)).toBe(false);
          over.add(effect.grant);
        }
      }),
      runs,
    );
  });

  it('lets nothing be sealed or presented under a grant after its revocation', () => {
    fc.assert(
      fc.property(story, (inputs) => {
        const revoked = new Set<string>();
        for (const { input, before, state } of walk(inputs)) {
          if (state.at === 'revoked' || state.at === 'revoking' || state.at === 'recalled') revoked.add(state.grant.id);
          if (input.type === 'sealed' || input.type === 'presented') {
            if (revoked.has(input.grant)) expect(state).toEqual(before);
          }
        }
      }),
      runs,
    );
  });

  it('changes state only through the ledger, except for inputs that are not decisions', () => {
    fc.assert(
      fc.property(story, (inputs) => {
        for (const { before, state, effects } of walk(inputs)) {
          const isRecorded = effects.some((effect) => effect.do === 'record');
          const isRejected = effects.some((effect) => effect.do === 'reject');
          if (isRejected) expect([state, effects.length]).toEqual([before, 1]);
          else if (!isRecorded && state !== before) expect(['unseen', 'pending']).toContain(before.at);
        }
      }),
      runs,
    );
  });

  it('records before anything but the end of a grant', () => {
    fc.assert(
      fc.property(story, (inputs) => {
        for (const { effects } of walk(inputs)) {
          const at = effects.findIndex((effect) => effect.do === 'record');
          expect(effects.slice(0, Math.max(at, 0)).every((effect) => effect.do === 'end-grant')).toBe(true);
        }
      }),
      runs,
    );
  });

  it('ends the grant first of all when it is revoked', () => {
    fc.assert(
      fc.property(story, (inputs) => {
        for (const { input, before, state, effects } of walk(inputs)) {
          if (input.type === 'revoke' && state !== before) expect(effects[0]).toMatchObject({ do: 'end-grant' });
        }
      }),
      runs,
    );
  });

  it('sends the bridge a revocation exactly when a token was presented', () => {
    fc.assert(
      fc.property(story, (inputs) => {
        const presented = new Set<string>();
        for (const { input, before, state, effects } of walk(inputs)) {
          if (input.type === 'presented' && state !== before) presented.add(input.grant);
          if (input.type !== 'revoke' || state === before) continue;
          const isTold = effects.some((effect) => effect.do === 'send-revocation');
          expect(isTold).toBe(presented.has(input.grant.id));
        }
      }),
      runs,
    );
  });

  it('keeps a denial: nothing is granted after it', () => {
    fc.assert(
      fc.property(story, (inputs) => {
        let isDenied = false;
        for (const { state, effects } of walk(inputs)) {
          if (isDenied) expect(effects.some((effect) => effect.do === 'make-clip')).toBe(false);
          isDenied ||= state.at === 'denied';
        }
      }),
      runs,
    );
  });

  it('answers the same grant again with its state and nothing else', () => {
    const way: RequestInput[] = [
      { type: 'seen' },
      { type: 'grant', grant: ref('grant-a') },
      { type: 'sealed', grant: 'grant-a', clip: clipFacts('one') },
      { type: 'presented', grant: 'grant-a' },
      { type: 'delivered', grant: 'grant-a' },
    ];
    let state = UNSEEN;
    for (const [at, input] of way.entries()) {
      state = next(state, input).state;
      if (at === 0) continue;
      const again = next(state, { type: 'grant', grant: ref('grant-a') });
      expect(again).toEqual({ state, effects: [{ do: 'restate' }] });
    }
  });

  it('limits the number of grants of one request', () => {
    let state = next(UNSEEN, { type: 'seen' }).state;
    for (let count = 0; count <= GRANTS_PER_REQUEST_MAX; count += 1) {
      const id = `grant-${count}`;
      const step = next(state, { type: 'grant', grant: ref(id) });
      if (count === GRANTS_PER_REQUEST_MAX) {
        expect(step.effects).toStrictEqual([{ do: 'reject', code: 'consent_too_many' }]);
        return;
      }
      expect(step.effects[0]).toEqual({ do: 'record' });
      state = next(step.state, { type: 'revoke', grant: ref(id) }).state;
    }
    expect.unreachable();
  });

  it('accepts no revocation of another id with the same bytes, and no clip of other bytes with the same manifest', () => {
    const granted: RequestState = { ...STATES.granted, past: [] };
    const revoke = next(granted, { type: 'revoke', grant: { ...A, id: 'grant-b' } });
    expect(revoke).toEqual({ state: granted, effects: [{ do: 'reject', code: 'consent_nothing_to_revoke' }] });
    const sealed: RequestState = { ...STATES.sealed, past: [] };
    const other = next(sealed, { type: 'sealed', grant: A.id, clip: { ...CLIP, sha256: 'other' } });
    expect(other.effects).toMatchObject([{ do: 'reject', code: 'grant_dead' }]);
  });

  it('rejects each report about a grant that does not act, by name', () => {
    const pending = next(UNSEEN, { type: 'seen' }).state;
    const reports: RequestInput[] = [
      { type: 'sealed', grant: 'grant-a', clip: clipFacts('one') },
      { type: 'presented', grant: 'grant-a' },
      { type: 'delivered', grant: 'grant-a' },
      { type: 'deleted', grant: 'grant-a' },
      { type: 'kept', grant: 'grant-a' },
      { type: 'failed', grant: 'grant-a', code: 'clip_no_frames' },
      { type: 'ended', grant: 'grant-a', reason: 'expired' },
    ];
    for (const input of reports) {
      expect(next(pending, input).effects).toMatchObject([{ do: 'reject', code: 'grant_dead' }]);
    }
  });
});
