import { expect, it } from 'vitest';
import { momentOf, plain } from '../../../cloud-bridge/neighbors/post-view.ts';

it('removes control characters, bidirectional overrides and lone surrogates, and keeps line breaks', () => {
  expect(plain('one\ntwo\r\u0000\u202e\u2066\ud800 \u{1f415} é')).toBe('one\ntwo      \u{1f415} é');
});

it('gives times in whole milliseconds', () => {
  expect(momentOf(1_795_756_365.25)).toBe('2026-11-27T05:12:45.250Z');
});
