// Holds: decisions about intakes are taken in one step each, so that no race leaves a revoked grant with a clip.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Database } from '../../../cloud-bridge/database/database.ts';
import type { Intake } from '../../../cloud-bridge/intake/store.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import { PLENTY, storedRequest } from '../../support/stored-request.ts';

const key = { device: 'device-a', grant: 'grant-a' };
const limits = { openPerDeviceMax: 3, openBytesPerDeviceMax: 1_000, dayBytesPerDeviceMax: 2_000 };
const NOW_S = 1_790_000_000;
const revoked = { ...key, ownerKey: 'o', grantSha256: 'g', receipt: 'deleted-receipt' };
const stored = { receipt: 'stored-receipt', storedS: 5, vault: null };

const word = { revocation: 'r', pairing: null };

function intake(changes: Partial<Intake> = {}): Intake {
  return {
    ...key,
    clip: 'clip-a',
    request: 'request-a',
    agency: 'agency-a',
    ownerKey: 'o',
    grantSha256: 'g',
    manifest: 'm',
    manifestSha256: sha256Hex('h'),
    clipSha256: sha256Hex('c'),
    clipBytes: 100,
    expiresS: 1_000,
    upload: 'upload-a',
    uploading: false,
    creations: 0,
    state: 'open',
    refusal: null,
    receipt: null,
    vault: null,
    ...changes,
  };
}

let folder: string;
let database: Database;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-intakes-'));
  database = await openBridgeDatabase(join(folder, 'bridge.sqlite'));
  await database.enrolments.addCode('s', 100, 0);
  await database.enrolments.redeem('s', { device: key.device, key: 'k', enrolledS: 1 });
  await database.requests.add(storedRequest(), PLENTY);
});
afterEach(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

it('opens one intake a grant, none for a revoked one, none with a clip id that is taken, none over quota', async () => {
  const { intakes } = database;
  expect(await intakes.open(intake(), limits, NOW_S)).toBe('opened');
  expect(await intakes.open(intake({ clip: 'clip-b', upload: 'upload-b' }), limits, NOW_S)).toBe('known');
  expect(await intakes.open(intake({ grant: 'grant-b', upload: 'upload-b' }), limits, NOW_S)).toBe('clip-taken');
  const large = intake({ grant: 'grant-b', clip: 'clip-b', upload: 'upload-b', clipBytes: 901 });
  expect(await intakes.open(large, limits, NOW_S)).toBe('over-quota');
  await intakes.revoke({ ...revoked, grant: 'grant-b' }, 1, 10, word);
  expect(await intakes.open({ ...large, clipBytes: 1 }, limits, NOW_S)).toBe('revoked');
});

it('never publishes after a revocation, and a revocation after publishing takes the clip back', async () => {
  const { intakes } = database;
  const moves: string[] = [];
  const move = async () => void moves.push('moved');
  await intakes.open(intake(), limits, NOW_S);
  await intakes.revoke(revoked, 1, 10, word);
  expect(await intakes.publish(key, stored, () => undefined, move)).toBe(false);
  expect(moves).toEqual([]);
  const second = intake({ grant: 'grant-b', clip: 'clip-b', upload: 'upload-b' });
  await intakes.open(second, limits, NOW_S);
  expect(await intakes.publish(second, stored, () => undefined, move)).toBe(true);
  expect(await intakes.revoke({ ...revoked, grant: 'grant-b' }, 1, 10, word)).toMatchObject({
    done: 'now',
    intake: { state: 'stored' },
  });
  expect(await intakes.find(second)).toMatchObject({ state: 'deleted', manifest: '', receipt: 'deleted-receipt' });
  expect(await intakes.revoke({ ...revoked, grant: 'grant-b' }, 1, 10, word)).toEqual({
    done: 'before',
    receipt: 'deleted-receipt',
  });
});

it('publishes nothing when the check refuses or the move fails', async () => {
  const { intakes } = database;
  await intakes.open(intake(), limits, NOW_S);
  const refuse = () => {
    throw new Error('refused');
  };
  await expect(intakes.publish(key, stored, refuse, async () => undefined)).rejects.toThrow('refused');
  const fail = async () => {
    throw new Error('disk');
  };
  await expect(intakes.publish(key, stored, () => undefined, fail)).rejects.toThrow('disk');
  expect(await intakes.find(key)).toMatchObject({ state: 'open', receipt: null });
});

it('bounds what one device can have remembered of grants nobody ever saw', async () => {
  const { intakes } = database;
  expect(await intakes.revoke({ ...revoked, grant: 'grant-x' }, 1, 1, word)).toMatchObject({ done: 'now' });
  expect(await intakes.revoke({ ...revoked, grant: 'grant-y' }, 1, 1, word)).toEqual({ done: 'too-many' });
  await intakes.open(intake(), limits, NOW_S);
  expect(await intakes.revoke(revoked, 1, 1, word)).toMatchObject({ done: 'now' });
});
