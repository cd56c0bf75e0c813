// @module-tag long
// @module-tag namespaces
// @module-tag root
// Whatever a doorbell is doing when its plug is pulled, everything confirmed still holds when it has power again.
import { it } from 'vitest';
import { pullPlugs } from './plug-rounds.ts';

it('a doorbell whose plug is pulled keeps decisions and footage, and sends no clip twice', async (test) => {
  await pullPlugs(test, 5, 'test/scenarios/faults/plug.test.ts');
}, 180_000);
