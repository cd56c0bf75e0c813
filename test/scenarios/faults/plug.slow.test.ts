// @module-tag namespaces
// @module-tag root
// The same as plug.test.ts, a hundred times.
import { it } from 'vitest';
import { pullPlugs } from './plug-rounds.ts';

it('a doorbell whose plug is pulled a hundred times keeps decisions and footage, and sends no clip twice', async (test) => {
  await pullPlugs(test, 100, 'test/scenarios/faults/plug.slow.test.ts');
}, 3_600_000);
