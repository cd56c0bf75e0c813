// Holds: an agency's text cannot turn around, hide or displace the page's own text.
import { describe, expect, it } from 'vitest';
import { oneLine, someLines, statedText, withoutUnseen } from '../../../device/contract/outside-text.ts';

describe('text that others wrote', () => {
  it('has no characters that turn around or hide what follows', () => {
    expect(oneLine('SPD-1\u202E dna lluf')).toBe('SPD-1  dna lluf');
    expect(oneLine('a\u2066b\u2069c\u200Bd\u0007e')).toBe('a b c d e');
    expect(someLines('first\u202E\nsecond')).toBe('first\nsecond');
  });

  it('is one line inside a sentence, and keeps its lines where it stands alone', () => {
    expect(oneLine('two\nlines\u2028here')).toBe('two lines here');
    expect(someLines('one\r\ntwo\u2028three')).toBe('one\ntwo\nthree');
    expect(someLines(`top${'\n'.repeat(500)}bottom`)).toBe('top\n\nbottom');
  });

  it('keeps every visible letter', () => {
    const text = 'Überfall, 盗難, سرقة, <b>&amp;';
    expect(oneLine(text)).toBe(text);
    expect(someLines(text)).toBe(text);
  });
});

describe('a statement', () => {
  const stated = statedText(2, 5);

  it.each(['Li', '47', '李娜', '⅐.', '..a1.', ' Hill ', '\u0645\u0631'])('is %s: two letters or digits', (text) => {
    expect(stated.safeParse(text).data).toBe(text.trim());
  });

  it.each([
    '',
    'a',
    '..',
    '\u3164\u3164',
    '\uffa0\u1160',
    '\ufe70\ufe70',
    'a\u3164',
    '\u2800\u2800',
    'a\u200bb',
    'a\nb',
    'abcdef',
  ])('is not %j', (text) => {
    expect(stated.safeParse(text).success).toBe(false);
  });

  it('keeps blanks at its ends only where it is shown within our own lines', () => {
    expect(withoutUnseen('  a\u202eb ')).toBe('  a b ');
  });
});
