// Owns: an update's steps, in an order in which one whole version can be started at every instant, and taking back what was never
// known to be healthy. Not here: signatures, archives, links (beside this file), how a doorbell is stopped and started (sim/cli).
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
 * The form of the folder, and settings. Ledger, marks and reserve hold decisions, and stay as they are; footage, events and clips
 * are too large.
 */
const COPIED: Readonly<Record<string, number>> = {
  'device.json': 200_000,
  'enrolment.json': 20_000,
  // Last: until it is put back, an older doorsill refuses the folder.
  'format.json': 1_024,
};

/** Copies into `copy`, a folder that is there, whole and durable, or not at all. */
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

/** Puts the copy back; it stays, so that this may be interrupted and done again. Files keep their owner: they are written in place. */
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

/** How long a new version may take until it is healthy. */
const HEALTHY_WITHIN_MS = 60_000;

/** The doorbell whose programs are replaced. */
export interface UpdatedDoorbell {
  /** Its folder, absolute. */
  data: string;
  /** The id and public key that the ledger in a doorbell's folder is checked by; null before its first start. */
  identity(data: string): Promise<{ id: string; key: string } | null>;
  /** The format that its folder names; null where it names none, as in format 1. Throws `state_damaged`. */
  format(data: string): Promise<number | null>;
  /** Resolves when it no longer runs; does nothing when it does not. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Whether it becomes ready within this time after `start`, and stays so. */
  isHealthy(withinMs: number): Promise<boolean>;
}

/** What an update stands on, and the machine that it is for. */
export interface UpdateDeps {
  /** The programs are read by the user that runs them; the copy of the doorbell's files by nobody else. */
  programs: LinkDisk;
  private: Disk;
  folder: string;
  machine: { platform: string; arch: string; node: string };
}

/** A release as it was given: nothing of it is believed yet. */
export interface GivenRelease {
  archive: Uint8Array;
  /** The file .minisig beside it; null when there is none. */
  signature: Uint8Array | null;
}

interface Updated {
  from: string;
  to: string;
}

/**
 * Makes a folder of programs with its first release, and pins the key for all that follow. Throws as `updateDoorbell`, and
 * `update_folder_taken`.
 */
export async function installFirst(deps: UpdateDeps, key: MinisignKey, release: GivenRelease): Promise<string> {
  const versions = new VersionsFolder(deps.programs, deps.folder);
  const { manifest, ...content } = await judge(deps, key, release);
  if ((await versions.current()) !== null) throw failure('update_folder_taken', { folder: deps.folder });
  await versions.pin(key);
  await versions.expectRoom({ manifest, ...content });
  await versions.unpack(release.archive, manifest.version);
  await versions.keep(manifest.version);
  await versions.startFrom(manifest.version);
  return manifest.version;
}

/**
 * Replaces the doorbell's programs by a release; null when it runs that version already. What was left by an interrupted update is taken
 * back first. Whatever it throws, the version from before runs, but for `update_irreversible`. Throws `update_unsigned`,
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

/** Before the note, nothing is there to take back; after it, `settleUpdate` takes back whatever was done. */
async function tryOut(
  deps: UpdateDeps,
  versions: VersionsFolder,
  doorbell: UpdatedDoorbell,
  note: UpdateNote,
): Promise<void> {
  try {
    await doorbell.stop();
    // Now that it is stopped, no grant can come before the new version runs.
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

/** Stops the doorbell, takes back what is to be, and starts it whatever comes of that. */
async function settleStopped(deps: UpdateDeps, doorbell: UpdatedDoorbell): Promise<void> {
  await doorbell.stop();
  try {
    await settleUpdate(deps, doorbell);
  } finally {
    await doorbell.start();
  }
}

/**
 * Ends an update that was interrupted, of a doorbell that does not run: a version that was never known to be healthy is
 * taken back, with the data that it migrated. May be interrupted and called again. Returns what it took back, or null. Throws
 * `update_irreversible` when the version before could not read what was decided since: the new one stays then.
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
  if (current !== null && (await versions.keeper()) !== current) await versions.keep(current);
  await deps.private.remove(copyOf(deps));
  await versions.prune([current, note.from]);
}

function copyOf({ folder }: UpdateDeps): string {
  return join(folder, 'before-update');
}

/** Everything about a release that can be judged without writing a byte. */
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

/** A clip that is being made or sent is not interrupted; a grant lasts for a limited time. */
async function expectNoGrant(disk: Disk, doorbell: UpdatedDoorbell): Promise<void> {
  const state = await readLedger(disk, doorbell);
  for (const { state: standing } of state?.requests.values() ?? []) {
    const grant = unfinishedGrant(standing);
    if (grant) throw failure('update_grant_under_way', { grant: grant.id });
  }
}

/** What was decided, as this version understands it. Throws `consent_ledger_damaged`. */
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
