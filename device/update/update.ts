// The steps of an update, in an order in which one complete version can be started at every instant; and the rollback of a version
// that was never known to be healthy.
import { join } from 'node:path';
import type { Disk, LinkDisk } from '@doorsill/base/disk';
import { failure } from '@doorsill/contract/errors';
import { GateState } from '../consent/gate-state.ts';
import { unfinishedGrant } from '../consent/request-machine.ts';
import { walkLedger } from '../ledger/ledger.ts';
import { type MinisignKey, verifyMinisign } from './minisign.ts';
import { type ReleaseContent, readRelease } from './release-archive.ts';
import type { ReleaseManifest } from './release-manifest.ts';
import { versionOrder } from './version-order.ts';
import { type UpdateNote, VersionsFolder } from './versions-folder.ts';

/**
 * The copied files: settings and the folder's format. Ledger, marks and reserve hold decisions and must stay; footage, events and
 * clips are too large.
 */
const COPIED: Readonly<Record<string, number>> = {
  'device.json': 200_000,
  'enrolment.json': 20_000,
  // Put back last: until then an older doorsill refuses the folder.
  'format.json': 1_024,
};

/** Makes the folder `copy`, durable and complete, or not at all. */
async function copyData(disk: Disk, data: string, copy: string): Promise<void> {
  const fresh = `${copy}.copying`;
  await disk.remove(fresh);
  await disk.makeFolder(fresh);
  for (const [name, bytesMax] of Object.entries(COPIED)) {
    const bytes = await disk.readFile(join(data, name), bytesMax);
    if (bytes) await disk.replaceFile(join(fresh, name), bytes);
  }
  await disk.remove(copy);
  await disk.rename(fresh, copy);
}

/** Restores the copy, which stays, so that this may be interrupted and repeated. Files are written in place, so they keep their owner. */
async function putBackData(disk: Disk, copy: string, data: string): Promise<void> {
  for (const [name, bytesMax] of Object.entries(COPIED)) {
    const bytes = await disk.readFile(join(copy, name), bytesMax);
    if (!bytes) continue;
    const now = await disk.readFile(join(data, name), bytesMax);
    if (now && Buffer.compare(now, bytes) === 0) continue;
    const file = await disk.open(join(data, name), { create: true });
    try {
      await file.write(0, bytes);
      await file.truncate(bytes.length);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

/** Maximum time until a new version is healthy. */
const HEALTHY_WITHIN_MS = 60_000;

/** The doorbell that is updated. */
export interface UpdatedDoorbell {
  /** Its folder, absolute. */
  data: string;
  /** The id and public key that verify the ledger in a doorbell's folder; null before its first start. */
  identity(data: string): Promise<{ id: string; key: string } | null>;
  /** The format named in the folder; null where none is, as in format 1. Throws `state_damaged`. */
  format(data: string): Promise<number | null>;
  /** Stops the doorbell if it runs; resolves when it has ended. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Whether the doorbell becomes ready within this time after `start`, and stays so. */
  isHealthy(withinMs: number): Promise<boolean>;
}

export interface UpdateDeps {
  /** Writes programs, which the user that runs them can read; `private` writes files that only this process's user can read. */
  programs: LinkDisk;
  private: Disk;
  folder: string;
  machine: { platform: string; arch: string; node: string };
}

/** A release that is not verified yet. */
export interface GivenRelease {
  archive: Uint8Array;
  /** The .minisig file; null when there is none. */
  signature: Uint8Array | null;
}

interface Updated {
  from: string;
  to: string;
}

/**
 * Makes a folder of programs with its first release, and pins the key of all later ones. Throws as `updateDoorbell`, and
 * `update_folder_taken`.
 */
export async function installFirst(deps: UpdateDeps, key: MinisignKey, release: GivenRelease): Promise<string> {
  const versions = new VersionsFolder(deps.programs, deps.folder);
  const { manifest, ...content } = await judge(deps, key, release);
  if ((await versions.current()) !== null) throw failure('update_folder_taken', { folder: deps.folder });
  await versions.pin(key);
  await versions.expectRoom({ manifest, ...content });
  await versions.unpack(release.archive, manifest.version);
  await versions.setLastHealthy(manifest.version);
  await versions.startFrom(manifest.version);
  return manifest.version;
}

/**
 * Replaces the doorbell's programs by a release; null when it runs that version already. First rolls back an interrupted update.
 * After any failure but `update_irreversible` the previous version runs. Throws `update_unsigned`,
 * `update_key_foreign`, `update_altered`, `update_malformed`, `update_machine_foreign`, `update_node_old`, `update_older`,
 * `update_format_older`, `update_disk_full`, `update_grant_under_way`, `update_unhealthy`, `update_irreversible`,
 * `update_folder_foreign`, `consent_ledger_damaged`, `state_damaged`, and the disk's errors.
 */
export async function updateDoorbell(
  deps: UpdateDeps,
  doorbell: UpdatedDoorbell,
  release: GivenRelease,
  { downgrade }: { downgrade: boolean },
): Promise<Updated | null> {
  const versions = new VersionsFolder(deps.programs, deps.folder);
  const left = await versions.note();
  if (left?.state === 'trial') await settleStopped(deps, doorbell);
  const content = await judge(deps, await versions.pinnedKey(), release);
  const { version: to, format } = content.manifest;
  const from = await versions.current();
  if (from === null) throw failure('update_folder_foreign', { folder: deps.folder });
  const order = versionOrder(to, from);
  if (order === 0) return null;
  if (order < 0 && !downgrade) throw failure('update_older', { version: to, current: from });
  const held = (await doorbell.format(doorbell.data)) ?? 1;
  if (held > format) throw failure('update_format_older', { version: to, format, held });
  await versions.expectRoom(content);
  await expectNoGrant(deps.private, doorbell);
  await versions.unpack(release.archive, to);
  await tryOut(deps, versions, doorbell, { from, to, data: doorbell.data, state: 'trial' });
  return { from, to };
}

/** Starts the new version, and rolls it back unless it is healthy. `settleUpdate` rolls back only once the note is written. */
async function tryOut(
  deps: UpdateDeps,
  versions: VersionsFolder,
  doorbell: UpdatedDoorbell,
  note: UpdateNote,
): Promise<void> {
  try {
    await doorbell.stop();
    // The doorbell is stopped, so no grant can arrive before the new version runs.
    await expectNoGrant(deps.private, doorbell);
    await copyData(deps.private, note.data, copyOf(deps));
    await versions.setNote(note);
    await versions.startFrom(note.to);
    await doorbell.start();
    if (!(await doorbell.isHealthy(HEALTHY_WITHIN_MS))) {
      throw failure('update_unhealthy', { version: note.to, from: note.from });
    }
  } catch (thrown) {
    await settleStopped(deps, doorbell);
    throw thrown;
  }
  await versions.setNote({ ...note, state: 'settled' });
  await cleanUp(deps, versions, note);
}

/** Stops the doorbell, rolls back an unfinished update, and starts the doorbell even if that fails. */
async function settleStopped(deps: UpdateDeps, doorbell: UpdatedDoorbell): Promise<void> {
  await doorbell.stop();
  try {
    await settleUpdate(deps, doorbell);
  } finally {
    await doorbell.start();
  }
}

/**
 * Ends an interrupted update of a stopped doorbell: rolls back a version that was never known to be healthy, and the data that it
 * migrated. May be interrupted and repeated. Returns the versions of a rollback, or null. Throws `update_irreversible` when the
 * previous version could not read the decisions made since: then the new one stays.
 */
export async function settleUpdate(
  deps: UpdateDeps,
  { identity }: Pick<UpdatedDoorbell, 'identity'>,
): Promise<Updated | null> {
  const versions = new VersionsFolder(deps.programs, deps.folder);
  const note = await versions.note();
  if (!note) return null;
  if (note.state === 'settled') {
    await cleanUp(deps, versions, note);
    return null;
  }
  const isReadable = await readLedger(deps.private, { identity, data: note.data }).then(
    () => true,
    () => false,
  );
  if (isReadable) {
    await putBackData(deps.private, copyOf(deps), note.data);
    await versions.startFrom(note.from);
  }
  await versions.setNote({ ...note, state: 'settled' });
  await cleanUp(deps, versions, note);
  if (!isReadable) throw failure('update_irreversible', { version: note.to, from: note.from });
  return { from: note.from, to: note.to };
}

async function cleanUp(deps: UpdateDeps, versions: VersionsFolder, note: UpdateNote): Promise<void> {
  const current = await versions.current();
  if (current !== null && (await versions.lastHealthy()) !== current) await versions.setLastHealthy(current);
  await deps.private.remove(copyOf(deps));
  await versions.prune([current, note.from]);
}

function copyOf({ folder }: UpdateDeps): string {
  return join(folder, 'before-update');
}

/** Verifies a release without writing a byte. */
async function judge(deps: UpdateDeps, key: MinisignKey, release: GivenRelease): Promise<ReleaseContent> {
  verifyMinisign(release.archive, release.signature, key);
  const content = await readRelease(release.archive);
  expectMachine(content.manifest, deps.machine);
  return content;
}

function expectMachine({ platform, arch, node }: ReleaseManifest, machine: UpdateDeps['machine']): void {
  if (platform !== machine.platform || arch !== machine.arch) {
    const facts = { release: `${platform}-${arch}`, machine: `${machine.platform}-${machine.arch}` };
    throw failure('update_machine_foreign', facts);
  }
  if (versionOrder(machine.node, node) < 0) throw failure('update_node_old', { needed: node, node: machine.node });
}

/** Refuses an update while a grant is unfinished, so that no clip is interrupted; every grant expires. */
async function expectNoGrant(disk: Disk, doorbell: UpdatedDoorbell): Promise<void> {
  const state = await readLedger(disk, doorbell);
  for (const { state: standing } of state?.requests.values() ?? []) {
    const grant = unfinishedGrant(standing);
    if (grant) throw failure('update_grant_under_way', { grant: grant.id });
  }
}

/** The ledger's state as this version reads it. Throws `consent_ledger_damaged`. */
async function readLedger(disk: Disk, doorbell: Pick<UpdatedDoorbell, 'identity' | 'data'>): Promise<GateState | null> {
  const device = await doorbell.identity(doorbell.data);
  if (!device) return null;
  const state = new GateState(device.id);
  await walkLedger(disk, join(doorbell.data, 'consent'), device, (entry) => {
    const wrong = state.apply(entry);
    if (wrong !== null) throw failure('consent_ledger_damaged', { detail: `entry ${entry.sequence}: ${wrong}` });
  });
  return state;
}
