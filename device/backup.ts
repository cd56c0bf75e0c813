// A backup holds identity key, enrolment, settings, ledger, and revocations not yet in the ledger; never footage, clips, their keys, or
// past events.
import { join } from 'node:path';
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { passphraseKey } from '@doorsill/base/keys';
import { freshId, type Random } from '@doorsill/base/random';
import { open, seal } from '@doorsill/base/seal';
import { assert } from '@doorsill/contract/assert';
import { concatBytes, equalBytes, fromBase64url, fromUtf8, toBase64url, utf8 } from '@doorsill/contract/bytes';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { CLOCK_SKEW_S_MAX } from '@doorsill/contract/owner-orders';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';
import { GateState } from './consent/gate-state.ts';
import { next, unfinishedGrant } from './consent/request-machine.ts';
import { openRevocation } from './consent/verify-owner.ts';
import { bringUpToDate, DEVICE_FORMAT } from './folder-format.ts';
import { deviceIdOf, loadDeviceKey, loadOrCreateDeviceKey } from './identity.ts';
import { Ledger } from './ledger/ledger.ts';
import type { LedgerBody } from './ledger/ledger-entry.ts';
import { RESERVE_BYTES, RevocationReserve } from './ledger/revocation-reserve.ts';

/** Shorter passphrases could be guessed offline from the file. */
const PASSPHRASE_LETTERS_MIN = 12;
/** Largest backup in bytes. */
export const BACKUP_BYTES_MAX = 64 * 1024 * 1024;

const MAGIC = utf8('DSBACKUP');
const VERSION = 1;
const SALT_BYTES = 16;
const HEAD_BYTES = MAGIC.length + 1 + SALT_BYTES;
const PURPOSE = utf8('doorsill device backup');

/** Files in a backup, by path in the device's folder, with the largest size in bytes. The first is required. */
const KEPT: Readonly<Record<string, number>> = {
  'device.key': 1_024,
  'device.json': 200_000,
  'enrolment.json': 20_000,
  'consent/ledger.jsonl': 33 * 1024 * 1024,
  'consent/ledger-head.json': 1_024,
  'consent/marks.json': 16_384,
  'consent/revocations.reserve': RESERVE_BYTES,
};

const contentSchema = z.strictObject({
  kind: z.literal('doorsill-device-backup'),
  format: z.int().positive(),
  device: z.string().max(63),
  madeUs: z.int(),
  files: z.record(z.string().max(60), z.string()),
});

interface BackupDeps {
  disk: Disk;
  clock: Clock;
  random: Random;
  /** Absent: `passphraseKey`. */
  keyOf?: typeof passphraseKey;
}

/**
 * The identity of the device in `folder`, which must not be running, sealed under a passphrase (scrypt, AES-256-GCM).
 * Throws `usage` for a short passphrase or a folder without a device, `data_newer`.
 */
export async function makeBackup(deps: BackupDeps, folder: string, passphrase: string): Promise<Uint8Array> {
  const { disk, clock, random, keyOf = passphraseKey } = deps;
  if ((await disk.sizeOf(join(folder, 'device.key'))) === null) {
    throw failure('usage', { detail: `${folder} holds no device` });
  }
  checkPassphrase(passphrase);
  // A card that can no longer be written is a reason to make a backup, so an unwritten format number is ignored.
  await bringUpToDate(disk, folder).catch((thrown: unknown) => {
    if (!isFailure(thrown) || thrown.code !== 'format_unwritten') throw thrown;
  });
  const device = deviceIdOf(await loadOrCreateDeviceKey(disk, random, folder));
  const files: Record<string, string> = {};
  for (const [name, bytesMax] of Object.entries(KEPT)) {
    const bytes = await disk.readFile(join(folder, name), bytesMax);
    // An empty reserve is not backed up: it is created again.
    if (bytes?.some((byte) => byte !== 0)) files[name] = toBase64url(bytes);
  }
  const content = { kind: 'doorsill-device-backup', format: DEVICE_FORMAT, device, madeUs: clock.wallUs(), files };
  const head = concatBytes([MAGIC, Uint8Array.of(VERSION), random.bytes(SALT_BYTES)]);
  const key = { cipher: 'aes-256-gcm' as const, secret: keyOf(passphrase, head.subarray(-SALT_BYTES)) };
  return concatBytes([head, seal(key, utf8(JSON.stringify(content)), concatBytes([PURPOSE, head]), random)]);
}

/** Result of a restore. */
export interface Restored {
  device: string;
  /** When the backup was made, wall time in microseconds. */
  madeUs: number;
  /** Unfinished grants of the backup, ended by the restore. */
  endedGrants: string[];
}

/**
 * Restores the device of a backup into `folder`, which must be empty or missing. Decisions made after the backup are unknown,
 * so nothing signed before the restore is accepted: unfinished grants end, owners must pair again, and what they signed
 * before now is refused; all of this is recorded in the ledger. Only revocations continue: those on their way to the bridge,
 * and those that waited for room in the ledger, which are now recorded.
 * Throws `usage`, `backup_unreadable`, `backup_device_foreign`, `data_folder_foreign`, `data_newer`, `consent_clock_untrusted`,
 * `consent_ledger_damaged`.
 */
export async function restoreBackup(
  deps: BackupDeps,
  backup: Uint8Array,
  folder: string,
  passphrase: string,
): Promise<Restored> {
  const { disk, clock, keyOf = passphraseKey } = deps;
  checkPassphrase(passphrase);
  if ((await disk.list(folder)).length > 0)
    throw await whyTaken(disk, folder, () => openBackup(backup, passphrase, keyOf).device);
  // Everything signed before the time of the restore is refused, so the clock must be right.
  if (!clock.synchronised()) throw failure('consent_clock_untrusted');
  const content = openBackup(backup, passphrase, keyOf);
  if (content.format > DEVICE_FORMAT) {
    throw failure('data_newer', { folder: 'of the backup', format: content.format, known: DEVICE_FORMAT });
  }
  const fresh = `${folder}.restoring`;
  await disk.remove(fresh);
  await disk.makeFolder(join(fresh, 'consent'));
  for (const [name, bytes] of content.files) await disk.replaceFile(join(fresh, name), bytes);
  const endedGrants = await endAll(deps, fresh, content.device);
  await bringUpToDate(disk, fresh);
  await disk.remove(folder);
  await disk.rename(fresh, folder);
  return { device: content.device, madeUs: content.madeUs, endedGrants };
}

/** Why a folder that is not empty cannot be restored into; names the device whose folder it is, if there is one. */
async function whyTaken(disk: Disk, folder: string, deviceOfBackup: () => string): Promise<Failure> {
  const advice = 'Name a new or empty folder, or move this one away first.';
  const key = await loadDeviceKey(disk, folder).catch(() => null);
  if (!key) return failure('data_folder_foreign', { folder, detail: 'it is not empty', advice });
  const [held, device] = [deviceIdOf(key), deviceOfBackup()];
  if (held !== device) return failure('backup_device_foreign', { device, folder, held });
  return failure('data_folder_foreign', { folder, detail: 'it holds the device of this backup already', advice });
}

function checkPassphrase(passphrase: string): void {
  if ([...passphrase].length < PASSPHRASE_LETTERS_MIN) {
    throw failure('usage', { detail: `the passphrase needs at least ${PASSPHRASE_LETTERS_MIN} letters` });
  }
}

function openBackup(backup: Uint8Array, passphrase: string, keyOf: typeof passphraseKey) {
  const unreadable = (detail: string) => failure('backup_unreadable', { detail });
  if (backup.length > BACKUP_BYTES_MAX || backup.length < HEAD_BYTES) throw unreadable('its size is impossible');
  const head = backup.subarray(0, HEAD_BYTES);
  if (!equalBytes(head.subarray(0, MAGIC.length), MAGIC)) throw unreadable('it is not a backup of a device');
  if (head[MAGIC.length] !== VERSION) throw unreadable('it was made by a newer doorsill');
  const key = { cipher: 'aes-256-gcm' as const, secret: keyOf(passphrase, head.subarray(-SALT_BYTES)) };
  const plain = open(key, backup.subarray(HEAD_BYTES), concatBytes([PURPOSE, head]));
  if (!plain) throw unreadable('the passphrase is wrong, or the file was altered');
  const parsed = contentSchema.safeParse(parseJson(fromUtf8(plain) ?? ''));
  if (!parsed.success) throw unreadable('its content is invalid');
  const files = Object.entries(parsed.data.files).map(([name, text]): [string, Uint8Array] => {
    const bytes = fromBase64url(text);
    const bytesMax = Object.hasOwn(KEPT, name) ? KEPT[name] : undefined;
    if (!bytes || bytesMax === undefined || bytes.length > bytesMax)
      throw unreadable(`the file ${name} in it is not allowed`);
    return [name, bytes];
  });
  return { ...parsed.data, files };
}

/** Records in the restored ledger that all unfinished grants have ended and that there are no owners any more. */
async function endAll({ disk, clock, random }: BackupDeps, folder: string, device: string): Promise<string[]> {
  const key = await loadOrCreateDeviceKey(disk, random, folder);
  if (deviceIdOf(key) !== device) throw failure('backup_unreadable', { detail: 'its key is not that of its device' });
  const boot = freshId(random, 'boot');
  const ledger = new Ledger({ disk, clock, folder: join(folder, 'consent'), device: { id: device, key }, boot });
  const state = new GateState(device);
  await ledger.start((entry) => {
    const wrong = state.apply(entry);
    if (wrong !== null) throw failure('consent_ledger_damaged', { detail: `entry ${entry.sequence}: ${wrong}` });
  });
  const record = async (body: LedgerBody) => {
    const wrong = state.apply(await ledger.append(body));
    assert(wrong === null, `a ${body.type} entry follows from the state: ${wrong}`);
  };
  try {
    await recordKept(new RevocationReserve(disk, join(folder, 'consent')), state, device, record);
    const ended: string[] = [];
    for (const [request, { state: standing }] of state.requests) {
      const grant = unfinishedGrant(standing)?.id;
      if (grant === undefined) continue;
      await record({ type: 'ended', body: { request, grant, reason: 'restored' } });
      ended.push(grant);
    }
    await record({ type: 'restored', body: { floorS: wallSeconds(clock) + CLOCK_SKEW_S_MAX } });
    return ended;
  } finally {
    await ledger.stop();
  }
}

/** Records revocations that the ledger had no room for before the owners are removed: afterwards they could not be verified. */
async function recordKept(
  reserve: RevocationReserve,
  state: GateState,
  device: string,
  record: (body: LedgerBody) => Promise<void>,
): Promise<void> {
  try {
    for (const token of await reserve.start()) {
      const order = openRevocation(token, { device, owners: [...state.owners.keys()] });
      if (order) {
        const { request, grant, jti, grantSha256 } = order.claims;
        const input = { type: 'revoke', grant: { id: grant, sha256: grantSha256 } } as const;
        const { effects } = next(state.record(request).state, input);
        const body = { request, grant, jti, token };
        if (effects.some((effect) => effect.do === 'record')) await record({ type: 'revoked', body });
        else if (!state.requestOf.has(grant)) await record({ type: 'revoked-ahead', body });
      }
      await reserve.drop(token);
    }
  } finally {
    await reserve.stop();
  }
}
