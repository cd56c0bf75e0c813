// Saves the clip of an item of evidence as a file, once it is checked against its statement. A clip that comes encrypted is opened first.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { innerClip, type SealedContents } from '@doorsill/contract/sealing';
import { partsOf } from '@doorsill/device/clip/open-with-content-key';
import { verifyClip } from '@doorsill/device/clip/verify-clip';
import { newPrivateFile, writePrivateFile } from '@doorsill/device/terminal/private-output';
import type { OfficerDeps } from './agency-client.ts';
import { withClipFile } from './clip-file.ts';
import type { EvidenceClient } from './evidence-client.ts';
import { type ClipRecipient, openSealedClip, peekStatement } from './open-sealed-clip.ts';
import type { Who } from './service-client.ts';

/** The media type of a clip that the vault could not open. */
const ENCRYPTED = 'application/octet-stream';

export interface SavedEvidence {
  /** The clip, and its statement beside it. */
  clip: string;
  statement: string;
  /** What was in an encrypted clip; null: the vault sent the clip itself. */
  contents: Pick<SealedContents, 'disclosed' | 'zones'> | null;
  /** Whether the bridge recorded that an encrypted clip is as granted. */
  isReported: boolean;
}

/**
 * Downloads an item's clip and writes it with its statement into `folder`, which exists: `<item>.mp4` and `<item>.statement.jws`. Throws
 * `verify_failed`, `clip_unopened`, `output_taken`, the vault's refusals, and what `openSealedClip` does; then there is no new file.
 */
export async function saveEvidence(
  deps: Pick<OfficerDeps, 'clock' | 'random'>,
  vault: EvidenceClient,
  of: { item: string; who: Who; folder: string; recipient: ClipRecipient },
): Promise<SavedEvidence> {
  const { item, who, folder, recipient } = of;
  const { manifest: token } = await vault.call('readStatement', who, { item });
  const stated = peekStatement(token);
  const clip = join(folder, `${item}.mp4`);
  const largest = Math.max(stated.clipBytes, innerClip(stated).clipBytes);
  const { type, parts } = await vault.clip(item, who, largest);
  const opened = type === ENCRYPTED ? await saveOpened(deps, parts, { clip, token, recipient }) : null;
  if (!opened) await saveVerified(parts, clip, token);
  const statement = join(folder, `${item}.statement.jws`);
  await writePrivateFile(statement, [token]);
  return { clip, statement, contents: opened?.contents ?? null, isReported: opened?.isReported ?? false };
}

async function saveOpened(
  deps: Pick<OfficerDeps, 'clock' | 'random'>,
  parts: AsyncIterable<Uint8Array>,
  { clip, token, recipient }: { clip: string; token: string; recipient: ClipRecipient },
): Promise<Pick<SavedEvidence, 'contents' | 'isReported'>> {
  const encrypted = `${clip}.encrypted`;
  await writePrivateFile(encrypted, parts);
  try {
    return await withClipFile(encrypted, async (file) => {
      const { contents, clip: bytes, isReported } = await openSealedClip(deps, file, token, recipient);
      await writePrivateFile(clip, partsOf(bytes));
      return { contents, isReported };
    });
  } finally {
    await rm(encrypted, { force: true });
  }
}

/** Writes a clip under a temporary name while it is verified. */
async function saveVerified(parts: AsyncIterable<Uint8Array>, path: string, token: string): Promise<void> {
  const file = await newPrivateFile(path);
  async function* written() {
    for await (const part of parts) {
      await file.handle.writeFile(part);
      yield part;
    }
  }
  try {
    await verifyClip(written(), token);
  } catch (thrown) {
    await file.drop();
    throw thrown;
  }
  await file.keep();
}
