import { describe, expect, it } from 'vitest';
import { SystemRandom } from '../../../device/base/random.ts';
import { GUESSES_MAX, SetupGuard } from '../../../device/setup/setup-guard.ts';

function guarded() {
  const told = { guessed: 0 };
  const guard = new SetupGuard(new SystemRandom(), () => {
    told.guessed += 1;
  });
  const code = (token: unknown, cookies?: string) => {
    try {
      return guard.admit(token, cookies);
    } catch (thrown) {
      return (thrown as { code: string }).code;
    }
  };
  return { guard, told, code };
}

describe('the guard of a set-up', () => {
  it('draws a token of 128 bits', () => {
    const tokens = new Set(Array.from({ length: 50 }, () => guarded().guard.token));
    expect([...tokens].every((token) => /^[\w-]{22}$/.test(token))).toBe(true);
    expect(tokens.size).toBe(50);
  });

  it('admits the first browser with the token, and then this one alone', () => {
    const { guard, code } = guarded();
    const cookie = String(guard.admit(guard.token, undefined));
    expect(cookie).toMatch(/^doorsill-setup=[\w-]{22}$/);
    expect(code(guard.token, cookie)).toBeNull();
    expect(code(guard.token, `other=1; ${cookie}; more=2`)).toBeNull();
    for (const other of [
      undefined,
      '',
      'doorsill-setup=',
      `x${cookie}`,
      `${cookie}A`,
      `doorsill-setup=${'A'.repeat(22)}`,
    ])
      expect(code(guard.token, other), other).toBe('setup_taken');
  });

  it.each([undefined, '', 'x', 'A'.repeat(22), 17, ['a']])('refuses the token %j, cookie or not', (token) => {
    const { guard, code } = guarded();
    expect(code(token)).toBe('setup_token_refused');
    const cookie = String(guard.admit(guard.token, undefined));
    expect(code(token, cookie)).toBe('setup_token_refused');
  });

  it('refuses a token that only begins or ends like its own', () => {
    const { guard, code } = guarded();
    expect(code([guard.token])).toBe('setup_token_refused');
    expect(code(guard.token.slice(0, -1))).toBe('setup_token_refused');
    expect(code(`${guard.token} `)).toBe('setup_token_refused');
    expect(
      code(guard.token.toLowerCase() === guard.token ? guard.token.toUpperCase() : guard.token.toLowerCase()),
    ).toBe('setup_token_refused');
  });

  it('ends with the tenth wrong token, also for who has the right one, and tells once', () => {
    const { guard, told, code } = guarded();
    const cookie = String(guard.admit(guard.token, undefined));
    for (let guess = 1; guess < GUESSES_MAX; guess += 1) code('wrong');
    expect([told.guessed, code(guard.token, cookie)]).toEqual([0, null]);
    code('wrong');
    expect([told.guessed, code(guard.token, cookie)]).toEqual([1, 'setup_over']);
    for (let guess = 0; guess < GUESSES_MAX; guess += 1) code('wrong');
    expect(told.guessed).toBe(1);
    expect(GUESSES_MAX).toBe(10);
  });

  it('does not count calls without a token, which guess nothing', () => {
    const { guard, told, code } = guarded();
    for (let call = 0; call < 2 * GUESSES_MAX; call += 1) code(undefined);
    expect([told.guessed, code(guard.token)]).toEqual([0, expect.stringMatching(/^doorsill-setup=/)]);
  });

  it('admits nobody once it has ended', () => {
    const { guard, code } = guarded();
    const cookie = String(guard.admit(guard.token, undefined));
    guard.end();
    expect(code(guard.token, cookie)).toBe('setup_over');
  });
});
