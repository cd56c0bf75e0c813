import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Receipt } from '@doorsill/contract/home-messages';
import type { Manifest, Statement } from '@doorsill/contract/manifest';
import { innerClip } from '@doorsill/contract/sealing';
import type { Window } from '@doorsill/contract/shared-claims';
import { verifyClip } from '@doorsill/device/clip/verify-clip';
import type { PairedDevice } from '@doorsill/device/owner/paired-devices';
import { failure } from '../errors.ts';
import { evidenceId } from '../officer/evidence-client.ts';
import { whenHandedOver } from '../story/when-handed-over.ts';
import { CLIP_NAME, readVaultClip, STATEMENT_NAME, vaultItem, writeVaultClip } from '../testbed/vault-clip.ts';

/** A granted clip as the agency gets it. */
export interface DeliveredClip {
  /** The MP4 file, which is removed with the doorbell's folder unless that is kept. */
  path: string;
  /** The signed statement as the agency gets it. */
  manifestPath: string;
  /** The claims of that statement; its signature and the clip's bytes are verified. */
  manifest: Statement | Manifest;
  sha256: string;
  frames: number;
  /** The granted window: frames with startUs <= time < endUs. */
  window: Window;
  /** Exactly the granted facts. A statement about an encrypted clip has only their names. */
  disclosed: Statement['disclosed'];
}

/** Where to find a clip, and where to put it. */
export interface ClipRoute {
  /** The testbed's folder. */
  testbed: string;
  bridge: { id: string };
  home: PairedDevice;
  /** Folder for the plain files. */
  into: string;
}

/**
 * Waits until the vault has the clip of a receipt with outcome `sent`, copies it with its statement and verifies both against the bridge's
 * receipt. Throws `timed_out`, `verify_failed`, the signal's reason.
 */
export async function fetchDeliveredClip(
  deps: { clock: Clock; disk: Disk },
  route: ClipRoute,
  receipt: Receipt,
  withinMs: number,
  signal: AbortSignal,
): Promise<DeliveredClip> {
  const { clip, intake } = receipt;
  const { testbed, bridge, home, into } = route;
  if (!clip || intake === undefined || !home.trust) throw failure('internal', { detail: 'the receipt names no clip' });
  const item = evidenceId(bridge.id, clip.id);
  if (!(await whenHandedOver(deps, testbed, { item, clip: clip.id }, withinMs, signal)))
    throw failure('timed_out', { what: 'the hand-over to the vault', seconds: withinMs / 1_000 });
  const folder = join(into, clip.id);
  const vaulted = await readVaultClip(deps.disk, vaultItem(testbed, item));
  await writeVaultClip(deps.disk, vaulted, folder);
  const [path, manifestPath] = [join(folder, CLIP_NAME), join(folder, STATEMENT_NAME)];
  const { bridgeKey } = home.trust;
  const { manifest } = await verifyClip(createReadStream(path), vaulted.token, { receipt: intake, bridgeKey });
  const { frames, window } = manifest;
  const { clipSha256: sha256 } = innerClip(manifest);
  return { path, manifestPath, manifest, sha256, frames, window, disclosed: vaulted.disclosed };
}
