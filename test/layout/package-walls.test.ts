// Breaks each package's walls in a copy of the checkout: what another package does not offer, or may not reach, does not compile.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyCheckout } from '../support/copy-checkout.ts';
import { root } from './source-tree.ts';

const MINUTE_MS = 60_000;

/** A file planted into a package, and what the compiler says of its one line. */
const BREACHES = [
  { package: 'device/contract', line: "import { readFileSync } from 'node:fs';", says: 'TS2591|TS2307' },
  { package: 'device/contract', line: "import { SystemClock } from '@doorsill/base/clock';", says: 'TS2305' },
  { package: 'device/base', line: "import { Doorbell } from '@doorsill/device';", says: 'TS2305' },
  { package: 'device/console-page', line: "import { SystemClock } from '@doorsill/base/clock';", says: 'TS2305' },
  { package: 'device', line: "import { Bridge } from '@doorsill/cloud-bridge';", says: 'TS2305' },
  { package: 'device', line: "import { Testbed } from 'doorsill';", says: 'TS2305' },
  { package: 'device', line: "import { DEVICE_FAILURES } from '@doorsill/contract/errors/device';", says: 'TS2307' },
  { package: 'device', line: "import { SystemClock } from './base/clock.ts';", says: 'TS2878' },
  { package: 'cloud-bridge', line: "import { Doorbell } from '@doorsill/device';", says: 'TS2305' },
  { package: 'cloud-bridge', line: "import { Doorbell } from '../device/doorbell.ts';", says: 'TS6059|TS6307' },
  { package: 'sim', line: "import { LiveGrant } from '@doorsill/device/consent/live-grant';", says: 'TS2307' },
  { package: 'sim', line: "import { LiveGrant } from '../device/consent/live-grant.ts';", says: 'TS2878' },
];

describe('a wall of a package', { tags: ['long'] }, () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'doorsill-walls-'));
    copyCheckout(root, folder);
  }, MINUTE_MS);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(['device/contract', 'device/base', 'device/console-page', 'device', 'cloud-bridge', 'sim'])(
    'of %s stops whoever goes through it',
    { timeout: 3 * MINUTE_MS },
    (place) => {
      const breaches = BREACHES.filter((breach) => breach.package === place);
      const files = breaches.map((breach, at) => ({ ...breach, file: join(place, `planted-${at}.ts`) }));
      expect(files.length).toBeGreaterThan(0);
      for (const { file, line } of files) writeFileSync(join(folder, file), `${line}\n`);
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      const asked = [tsc, '-p', place, '--noEmit', '--pretty', 'false'];
      const said = spawnSync(process.execPath, asked, { cwd: folder, encoding: 'utf8' }).stdout;
      for (const { file } of files) rmSync(join(folder, file));
      for (const { file, line, says } of files)
        expect(said, line).toMatch(new RegExp(`${file}\\(1,\\d+\\): error (${says}):`));
      // Nothing else in the package is wrong.
      const isOwn = (line: string) => line.startsWith(`${place}/`) || line.startsWith('error ');
      const others = said.split('\n').filter((line) => isOwn(line) && !files.some(({ file }) => line.startsWith(file)));
      expect(others).toEqual([]);
    },
  );
});
