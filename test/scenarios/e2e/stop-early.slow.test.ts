// Ctrl-C while a testbed starts: it ends at once, leaves no process, and the next start finds a usable folder.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { folderHolder } from '../../../device/base/folder-lock.ts';
import { processesNaming, Running, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('early');
afterAll(() => folder.dispose());

/** Resolves when a part of the testbed in `data` has started; for the owner, when the device is paired. */
async function partStarted(data: string, part: string): Promise<void> {
  const end = performance.now() + 30_000;
  const isThere = () =>
    part === 'owner' ? existsSync(join(data, 'owner', 'homes')) : folderHolder(join(data, part)) !== null;
  while (!isThere()) {
    if (performance.now() > end) throw new Error(`no ${part} was started`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('Ctrl-C during the first start', () => {
  it.each([
    ['broker', []],
    ['bridge', []],
    ['doorbell', []],
    ['owner', []],
    ['broker', ['--separate']],
    ['bridge', ['--separate']],
  ])(
    'ends everything when the %s has just come %s',
    async (part, how) => {
      const data = join(folder.path, `${part}${how.join('')}`);
      const words = ['up', '--no-ask', '--data', data, '--json', ...how];
      const first = new Running(words);
      await partStarted(data, part);
      await first.stop();
      expect(processesNaming(data)).toEqual([]);
      const second = new Running(words);
      await second.line('the testbed', (line) => line['event'] === 'up');
      await second.stop();
    },
    60_000,
  );
});
