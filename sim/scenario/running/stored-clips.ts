// Verified clips at the vault of a scenario's world, or at the owner of a lost pet.
import { dirname, join } from 'node:path';
import type { Receipt } from '@doorsill/contract/home-messages';
import type { Manifest, Statement } from '@doorsill/contract/manifest';
import type { DisclosedValues } from '@doorsill/contract/shared-claims';
import { verifyClip } from '@doorsill/device/clip/verify-clip';
import { evidenceId } from '../../officer/evidence-client.ts';
import { fetchClip, type GrantedClip, grantedClips, type PetOwner } from '../../pet-owner/pet-owner.ts';
import { CLIP_NAME, readVaultClip } from '../../testbed/vault-clip.ts';
import type { ScenarioHome } from './scenario-home.ts';
import type { KnownRequest, ScenarioWorld } from './scenario-world.ts';

/** The receipt for a granted clip's arrival at the bridge, or null. */
export function sentReceipt({ home, grant }: KnownRequest): Receipt | null {
  for (const message of home.messages) {
    if (message.kind !== 'receipt' || message.receipt.outcome !== 'sent') continue;
    if (message.receipt.grant === grant?.jti) return message.receipt;
  }
  return null;
}

/** Whether this home has sent clips, and all have reached their recipient. */
export async function isStored(world: ScenarioWorld, home: ScenarioHome): Promise<boolean> {
  const sent = home.messages.flatMap((message) =>
    message.kind === 'receipt' && message.receipt.outcome === 'sent' && message.receipt.clip
      ? [{ clip: message.receipt.clip.id, petOwner: world.withId(message.receipt.request)?.petOwner }]
      : [],
  );
  if (sent.length === 0) return false;
  for (const { clip, petOwner } of sent) {
    const place = petOwner ? await clipOf(petOwner, clip) : await clipFile(world, clip);
    if (place === null) return false;
  }
  return true;
}

/** A clip that was granted to the owner of a lost pet, or null. */
async function clipOf(petOwner: PetOwner, clip: string): Promise<GrantedClip | null> {
  return (await grantedClips(petOwner)).find((granted) => granted.clip === clip) ?? null;
}

/** The vault's file of a clip of the bridge, or null. */
export async function clipFile(world: ScenarioWorld, clip: string): Promise<string | null> {
  const { bridge, vault } = world.services;
  const path = join(vault.folder, 'blobs', evidenceId(bridge.id, clip), CLIP_NAME);
  return (await world.disk.sizeOf(path)) === null ? null : path;
}

export async function storedCount(world: ScenarioWorld): Promise<number> {
  const blobs = join(world.services.vault.folder, 'blobs');
  let count = 0;
  for (const item of await world.disk.list(blobs))
    if ((await world.disk.list(join(blobs, item))).includes(CLIP_NAME)) count += 1;
  return count;
}

export interface StoredClip {
  /** The recipient's statement; its signature and the clip's bytes are verified. */
  statement: Statement | Manifest;
  /** The disclosed facts, read from the clip if it was encrypted. */
  disclosed: DisclosedValues;
  receipt: Receipt;
  /** Its bytes, read anew each time. */
  read(): Uint8Array | AsyncIterable<Uint8Array>;
}

/** The clip of a request at the agency or the pet's owner, verified. Null if it never arrived or is gone. Throws `verify_failed`. */
export async function storedClip(world: ScenarioWorld, request: KnownRequest): Promise<StoredClip | null> {
  const receipt = sentReceipt(request);
  if (!receipt?.clip || receipt.intake === undefined) return null;
  const { petOwner } = request;
  if (petOwner) {
    const granted = await clipOf(petOwner, receipt.clip.id);
    if (!granted) return null;
    const { manifest, disclosed, bytes } = await fetchClip(petOwner, granted);
    return { statement: manifest, disclosed, receipt, read: () => bytes };
  }
  const path = await clipFile(world, receipt.clip.id);
  const trust = [...request.home.trusts()][0];
  if (path === null || !trust) return null;
  const item = { folder: dirname(path), keyFolders: [world.services.vault.folder] };
  const { token, disclosed, read } = await readVaultClip(world.disk, item);
  const { bridgeKey } = trust;
  const { manifest } = await verifyClip(read(), token, { receipt: receipt.intake, bridgeKey });
  return { statement: manifest, disclosed, receipt, read };
}
