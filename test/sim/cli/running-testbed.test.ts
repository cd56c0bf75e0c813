// No verb, and nothing else in the product, invents an officer or a reason.
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { makeProgram } from '../../../device/cli/command-line.ts';
import { DOORSILL } from '../../../sim/cli/main.ts';
import { officerOf } from '../../../sim/cli/running-testbed.ts';
import { sources } from '../../layout/source-tree.ts';

describe('the officer and the reason of an access', () => {
  it('have a default in no verb', async () => {
    const under = ({ commands }: Command): Command[] => commands.flatMap((verb) => [verb, ...under(verb)]);
    const verbs = under(await makeProgram(DOORSILL));
    const options = verbs.flatMap(({ options }) => options.filter(({ long }) => long === '--officer'));
    expect(options.length).toBeGreaterThan(12);
    const named = verbs.flatMap((verb) => verb.options.filter(({ long }) => /^--(officer|reason)$/.test(long ?? '')));
    expect(named.filter(({ defaultValue }) => defaultValue !== undefined)).toEqual([]);
  });

  it.each([
    ['neither', {}],
    ['no reason', { officer: 'Sgt. Hill' }],
    ['no officer', { reason: 'case review' }],
    ['a blank officer', { officer: '   ', reason: 'case review' }],
    ['a reason of two letters', { officer: 'Sgt. Hill', reason: 'ab' }],
  ])('are refused with what to pass when there is %s', (_what, options) => {
    expect(() => officerOf(options)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(/--officer .* --reason|--reason 3/) }),
    );
  });

  it('are written into the source by what plays agencies alone, whose officers are fictional', () => {
    const written = /\bofficer: *'[^']{2,}'|\bOFFICER = *'|'x-officer': *'/;
    const found = sources().filter(({ text }) => written.test(text));
    expect(found.map(({ name }) => name).filter((name) => !/^sim\/(story|fleet|load)\//.test(name))).toEqual([]);
  });
});
