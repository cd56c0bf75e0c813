import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  GRANTS_PER_REQUEST_MAX,
  next,
  type RequestEffect,
  type RequestInput,
  type RequestState,
  UNSEEN,
} from '../../../device/consent/request-machine.ts';
import { clipFacts } from './gate-rig.ts';

const ref = (id: string) => ({ id, sha256: `sha of ${id}` });
const ids = fc.constantFrom('grant-a', 'grant-b', 'grant-c');
const anyInput: fc.Arbitrary<RequestInput> = fc.oneof(
  fc.constantFrom<RequestInput>({ type: 'seen' }, { type: 'cancelled' }, { type: 'expired' }, { type: 'deny' }),
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
/** Mostly the way a story goes, so that deep states are reached often. */
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

  it('changes state through the ledger only, but for what is not a decision', () => {
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

  it('tells the bridge of a revocation exactly when a token was presented', () => {
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

  it('keeps a no: nothing is granted after a denial', () => {
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

  it('answers the same grant again with where it stands and nothing else', () => {
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

  it('takes only so many grants of one request', () => {
    let state = next(UNSEEN, { type: 'seen' }).state;
    for (let count = 0; count <= GRANTS_PER_REQUEST_MAX; count += 1) {
      const id = `grant-${count}`;
      const step = next(state, { type: 'grant', grant: ref(id) });
      if (count === GRANTS_PER_REQUEST_MAX) {
        expect(step.effects).toEqual([{ do: 'reject', code: 'consent_too_many' }]);
        return;
      }
      state = next(step.state, { type: 'revoke', grant: ref(id) }).state;
    }
    expect.unreachable();
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
