// Typed text gets one spelling, and the simplest ways to hide a word do not work.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { wordsOf } from '../../../cloud-bridge/query-audit/normalize-text.ts';

it.each([
  ['I.C.E./E.R.O.  Assist', 'ice ero assist'],
  ['H.S.I', 'hsi'],
  ['my girlfriend\u2019s car', 'my girlfriends car'],
  ['ICE_hold', 'ice hold'],
  ['287(g)', '287 g'],
  ['\u0406\u0421\u0415', 'ice'],
  ['i\u200bc\u00ade', 'ice'],
  ['\uff29\uff23\uff25', 'ice'],
  ['D\u00e9portation', 'deportation'],
  ['U.S. v. Price, no. 3', 'us v price no 3'],
  ['line\r\nbreak', 'line break'],
  ['  ', ''],
])('spells %j as %j', (text, words) => expect(wordsOf(text)).toBe(words));

it('gives single spaces and no capitals, and leaves its own result unchanged', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 24 }), (text) => {
      const words = wordsOf(text);
      expect(words).not.toMatch(/^ | {2}| $/);
      expect(wordsOf(words)).toBe(words);
    }),
  );
});
