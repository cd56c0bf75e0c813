// @module-tag spin
// @module-tag long
// In no state of the model of a grant's life does anything leave, remain or get shown without a grant or after its revocation, under any
// replay, delay, loss or interruption; the same search finds each planted bug.
import { expect, it } from 'vitest';
import { proved } from '../../../support/proved.ts';
import { BUGS, MODEL, modelLines, walk } from './spin.ts';

const WALK_MS_MAX = 300_000;

it('holds all claims in every state, and each step occurs in one of the walks', {
  timeout: WALK_MS_MAX,
}, async (context) => {
  const [orders, journey] = [await walk('ORDERS'), await walk('JOURNEY')];
  for (const { errors, broken, isExhaustive } of [orders, journey]) {
    expect({ errors, broken, isExhaustive }).toEqual({ errors: 0, broken: null, isExhaustive: true });
  }
  const never = [...orders.unreached].filter(([statement]) => journey.unreached.has(statement)).map(([, line]) => line);
  const lines = [...new Set(never)].map((line) => `${MODEL}:${line} ${modelLines[line - 1]?.trim()}`);
  expect(lines.filter((text) => !text.includes('/* never: '))).toEqual([]);
  const states = (orders.states + journey.states).toLocaleString('en');
  proved(context, 'grant, revoke, crash, replay, recall: a model of them', `${states} states, 0 errors`);
});

it.each(Object.entries(BUGS).map(([bug, [of, what]]) => ({ bug, of, what })))(
  'finds $bug: $what',
  { timeout: WALK_MS_MAX },
  async ({ bug, of }) => {
    const { errors, broken } = await walk(of, bug);
    expect({ errors, broken }).toEqual({ errors: 1, broken: expect.stringMatching(/^assertion violated/) });
  },
);
