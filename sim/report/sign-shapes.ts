// Icons of statuses and verdicts, in a square of 16: each has its own shape, so that they differ not only by colour. For pages with and
// without a script.

const CHECK = 'M4.5 8.2l2.4 2.4 4.6-5';
const CROSS = 'M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6';
const DISC = 'M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1z';
const OCTAGON = 'M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z';
const TRIANGLE = 'M8 1.2l7.2 13.2H.8z';
const DIAMOND = 'M8 .8L15.2 8 8 15.2.8 8z';
const SQUARE = 'M2 2h12v12H2z';

/** For each look: the filled shape, and the lines on it. */
export const SIGN_SHAPES = {
  passed: [DISC, CHECK],
  matched: [DISC, CHECK],
  done: [DISC, CHECK],
  failed: [OCTAGON, CROSS],
  missed: [OCTAGON, CROSS],
  false: [TRIANGLE, 'M8 6v4M8 12.2v.1'],
  flaky: [DIAMOND, 'M4.6 8.8c1.2-2 2.2-2 3.4-.8s2.2 1.2 3.4-.8'],
  refused: [DISC, 'M4 12l8-8'],
  skipped: [DISC, 'M4.8 8h6.4'],
  interrupted: [SQUARE, 'M6 5v6M10 5v6'],
  optional: [DISC, 'M5.2 8h.1M8 8h.1M10.8 8h.1'],
  plain: [SQUARE, 'M5 8h6M8 5v6'],
} as const satisfies Readonly<Record<string, readonly [outline: string, lines: string]>>;

export type SignLook = keyof typeof SIGN_SHAPES;
