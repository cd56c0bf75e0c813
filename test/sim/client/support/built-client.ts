// The built client, for tests that start doorbells: only beside the build is the program of their processes.
import { join } from 'node:path';
import { root } from '../../../layout/source-tree.ts';

export const BUILT_CLIENT = join(root, 'sim/dist/client/index.js');

const built: typeof import('../../../../sim/client/index.ts') = await import(BUILT_CLIENT);
export const { startDoorbell } = built;
