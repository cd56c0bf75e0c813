import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { evidenceFolder, testbedPaths } from '../testbed/testbed-folder.ts';
import { CLIP_NAME } from '../testbed/vault-clip.ts';

const LOOK_AGAIN_MS = 50;

/**
 * Resolves with true once a testbed's vault stores a clip and the bridge has deleted its copy; with false if that takes longer than
 * `withinMs`. It looks at the testbed's folders on this machine, which needs no officer's access.
 */
export async function whenHandedOver(
  { disk, clock }: { disk: Disk; clock: Clock },
  folder: string,
  { item, clip }: { item: string; clip: string },
  withinMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const endMs = clock.monotonicMs() + withinMs;
  const waiting = join(testbedPaths(folder).bridge, 'clips');
  for (;;) {
    const isThere = (await disk.sizeOf(join(evidenceFolder(folder, item), CLIP_NAME))) !== null;
    if (isThere && !(await disk.list(waiting)).includes(clip)) return true;
    if (clock.monotonicMs() > endMs) return false;
    await clock.sleep(LOOK_AGAIN_MS, signal);
  }
}
