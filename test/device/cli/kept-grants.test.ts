// A signed grant is sent again as the same bytes until it is revoked.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { forgetGrant, keepGrant, keptGrants } from '../../../device/cli/kept-grants.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { liveGrantFor } from '../../support/live-grant.ts';

const folder = temporaryFolder('kept-grants');
afterAll(() => folder.dispose());
const disk = new SystemDisk();
const window = { startUs: 1_000_000, endUs: 3_000_000 };

it('keeps grants byte for byte, skips other files, and forgets a revoked one', async () => {
  expect(await keptGrants(disk, folder.path)).toEqual([]);
  const { live } = liveGrantFor({ window });
  const { grantToken } = live.facts;
  await keepGrant(disk, folder.path, grantToken);
  await keepGrant(disk, folder.path, grantToken);
  writeFileSync(join(folder.path, 'grants', 'note.jws'), 'not a grant');
  writeFileSync(join(folder.path, 'grants', '.note.jws'), grantToken);
  expect((await keptGrants(disk, folder.path)).map(({ token }) => token)).toEqual([grantToken]);
  await forgetGrant(disk, folder.path, live.id);
  expect(await keptGrants(disk, folder.path)).toEqual([]);
});

it('keeps nothing that is not a grant', async () => {
  await expect(keepGrant(disk, folder.path, 'a.b.c')).rejects.toThrow();
  expect(await keptGrants(disk, folder.path)).toEqual([]);
});
