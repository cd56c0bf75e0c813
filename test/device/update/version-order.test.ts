import { expect, it } from 'vitest';
import { versionOrder } from '../../../device/update/version-order.ts';

/** Semantic Versioning 2.0.0 §11, its own example with more of the same kind. */
const ORDERED = [
  ...['0.9.9', '0.10.0', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2'],
  ...[
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.2.0',
    '1.10.0',
    '2.0.0-1',
    '2.0.0-1.1',
    '2.0.0--a',
    '2.0.0-1a',
    '2.0.0-a1',
    '2.0.0-x',
    '2.0.0-x-b',
    '2.0.0-xa',
  ],
];

it('orders versions as semver does', () => {
  for (const [left, a] of ORDERED.entries()) {
    for (const [right, b] of ORDERED.entries())
      expect(Math.sign(versionOrder(a, b)), `${a} ${b}`).toBe(Math.sign(left - right));
  }
});
