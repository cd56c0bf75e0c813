// How a unit names the command line in a folder of releases, and elsewhere.
import { mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { lastingPath } from '../../../device/board/launcher-path.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('launcher');
afterAll(() => folder.dispose());
const at = (path: string) => join(realpathSync(folder.path), path);
const BELOW = 'device/cli/doorsill-device.mjs';

it('uses the link to the current version, when it leads to this one', () => {
  for (const version of ['1.0.0', '1.1.0']) {
    mkdirSync(at(`versions/${version}/device/cli`), { recursive: true });
    writeFileSync(at(`versions/${version}/${BELOW}`), '');
  }
  expect(lastingPath(at(`versions/1.0.0/${BELOW}`))).toBe(at(`versions/1.0.0/${BELOW}`));
  symlinkSync('versions/1.0.0', at('current'));
  expect(lastingPath(at(`versions/1.0.0/${BELOW}`))).toBe(at(`current/${BELOW}`));
  expect(lastingPath(at(`versions/1.1.0/${BELOW}`))).toBe(at(`versions/1.1.0/${BELOW}`));
  rmSync(at('current'));
});

it('leaves every other path as it is', () => {
  expect(lastingPath('/opt/doorsill/device/cli/doorsill-device.mjs')).toBe(
    '/opt/doorsill/device/cli/doorsill-device.mjs',
  );
});
