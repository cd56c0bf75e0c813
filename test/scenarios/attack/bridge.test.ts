// After a revocation nothing of a clip is shown, and the bridge's database is readable only by its own user.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AccessLog } from '../../../cloud-bridge/clips/access-log.ts';
import { Clips } from '../../../cloud-bridge/clips/clips.ts';
import type { Intake } from '../../../cloud-bridge/intake/intake-store.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-attack-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('a manifest that is being logged during the revocation is not shown: it names the home', {
  tags: ['long'],
}, async () => {
  const fixture = await BridgeFixture.open();
  const parcel = fixture.parcel(await fixture.ready());
  await fixture.deliver(parcel);
  const database = await openBridgeDatabase(join(fixture.bridgeFolder, 'bridge.sqlite'));
  try {
    const log: AccessLog = {
      add: async (access) => {
        await database.accessLog.add(access);
        expect((await fixture.revoke(parcel)).status).toBe(200);
      },
      page: (of) => database.accessLog.page(of),
    };
    const access = {
      iss: fixture.cast.agency.key.publicKey,
      agency: fixture.cast.agency.id,
      organisation: fixture.cast.agency.id,
      clip: parcel.clipId,
      officer: 'badge 7',
      reason: 'case',
      jti: 'access-1',
    };
    const tokens = { readAccess: async () => access };
    const clips = new Clips({
      clock: new SystemClock(),
      store: database.intakes,
      tokens: Object.assign(Object.create(null), tokens),
      log,
      openClip: () => Promise.reject(new Error('nothing is there')),
      evidenceUrl: () => '',
      organisationOf: async ({ agency }) => agency,
      verdicts: database.verdicts,
      bridgeId: fixture.cast.bridge.id,
    });
    const shown: { intake: Intake } | { code: string } = await clips
      .see('bearer', parcel.clipId, 'manifest', 'view')
      .catch((thrown: { code: string }) => thrown);
    expect(shown).toMatchObject({ code: 'clip_unknown' });
  } finally {
    await database.close();
    await fixture.close();
  }
});

it('the database with homes’ disclosures is readable only by its user, in any folder', async () => {
  const path = join(folder, 'bridge.sqlite');
  const umask = process.umask(0o022);
  try {
    const database = await openBridgeDatabase(path);
    await database.documents.saveRevocations('a', 1);
    const modes = await Promise.all(['', '-wal', '-shm'].map(async (end) => (await stat(path + end)).mode & 0o777));
    await database.close();
    expect(modes).toEqual([0o600, 0o600, 0o600]);
  } finally {
    process.umask(umask);
  }
});
