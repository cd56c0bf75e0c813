// Owns: the clips that reached the vault of a scenario's world, as plain files, verified. Not here: what must be in them (judge-clips.ts).
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { type Manifest, type Receipt, type Statement, verifyClip } from '../../../device/index.ts';
import { evidenceId } from '../../officer/evidence-desk.ts';
import type { ScenarioHome } from './scenario-home.ts';
import type { KnownRequest, ScenarioWorld } from './scenario-world.ts';

const STATEMENT_BYTES_MAX = 65_536;

/** The receipt that a granted clip has arrived at the bridge; null while none came. */
export function sentReceipt({ home, grant }: KnownRequest): Receipt | null {
  for (const told of home.told) {
    if (told.kind !== 'receipt' || told.receipt.outcome !== 'sent') continue;
    if (told.receipt.grant === grant?.jti) return told.receipt;
  }
  return null;
}

/** Whether the vault has every clip that this home has sent, and there is one. */
export async function isStored(world: ScenarioWorld, home: ScenarioHome): Promise<boolean> {
  const sent = home.told.flatMap((told) =>
    told.kind === 'receipt' && told.receipt.outcome === 'sent' && told.receipt.clip ? [told.receipt.clip.id] : [],
  );
  if (sent.length === 0) return false;
  for (const clip of sent) if ((await clipFile(world, clip)) === null) return false;
  return true;
}

/** Where the vault keeps a clip of the bridge; null when it does not. */
export async function clipFile(world: ScenarioWorld, clip: string): Promise<string | null> {
  const { bridge, vault } = world.services;
  const path = join(vault.folder, 'blobs', evidenceId(bridge.id, clip), 'clip.mp4');
  return (await world.disk.sizeOf(path)) === null ? null : path;
}

/** How many clips the vault holds. */
export async function storedCount(world: ScenarioWorld): Promise<number> {
  const blobs = join(world.services.vault.folder, 'blobs');
  let count = 0;
  for (const item of await world.disk.list(blobs))
    if ((await world.disk.list(join(blobs, item))).includes('clip.mp4')) count += 1;
  return count;
}

export interface StoredClip {
  path: string;
  /** What the agency got with it; its signature and the clip's bytes are verified. */
  statement: Statement | Manifest;
  receipt: Receipt;
}

/** The clip of a request, verified. Null when it never arrived or is gone. Throws `verify_failed`. */
export async function storedClip(world: ScenarioWorld, request: KnownRequest): Promise<StoredClip | null> {
  const receipt = sentReceipt(request);
  if (!receipt?.clip || receipt.intake === undefined) return null;
  const path = await clipFile(world, receipt.clip.id);
  const trust = [...request.home.trusts()][0];
  if (path === null || !trust) return null;
  const token = await world.disk.readFile(join(path, '..', 'manifest.jws'), STATEMENT_BYTES_MAX);
  const { manifest } = await verifyClip(createReadStream(path), new TextDecoder().decode(token ?? undefined).trim(), {
    receipt: receipt.intake,
    bridgeKey: trust.bridgeKey,
  });
  return { path, statement: manifest, receipt };
}
