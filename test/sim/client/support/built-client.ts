// Owns: the client as it is built, for tests that start doorbells: the program of their processes lies beside the built client alone.
// Not here: building it (test/support/build-first.ts), the package's own door to it (test/sim/setup/packed.test.ts).
import { join } from 'node:path';
import { root } from '../../../layout/source-tree.ts';

export const BUILT_CLIENT = join(root, 'sim/dist/client/index.js');

const built: typeof import('../../../../sim/client/index.ts') = await import(BUILT_CLIENT);
export const { startDoorbell } = built;
