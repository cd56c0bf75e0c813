// Owns: fetching the clip of a preview, and making sure that it is the one whose hash a grant will name. Not here: making it (the device),
// playing it (clip-preview.tsx).

import { toHex } from '@doorsill/contract/bytes';
import type { Preview } from '@doorsill/contract/console-messages';
import { failure } from '@doorsill/contract/errors';
import { sha256 } from '@noble/hashes/sha2.js';

/**
 * The clip's bytes; `tell` gets the share that has come. Throws `preview_changed` when they are not those that the device named, the
 * refusal when the preview has ended, `unreachable`.
 */
export async function fetchedClip(
  fetch: (path: string, signal: AbortSignal) => Promise<Response>,
  { preview, sha256: named, bytes }: Preview,
  tell: (share: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const answer = await fetch(`/api/v1/previews/${preview}/clip.mp4`, signal);
  const hash = sha256.create();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let come = 0;
  const reader = answer.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read().catch((thrown: unknown) => gone(thrown, signal))) ?? NOTHING;
    if (done || !value) break;
    const part = new Uint8Array(value);
    hash.update(part);
    parts.push(part);
    come += part.length;
    tell(Math.min(1, come / bytes));
  }
  signal.throwIfAborted();
  if (come < bytes) throw failure('preview_ended', { detail: 'it came only in part' });
  if (come > bytes || toHex(hash.digest()) !== named) throw failure('preview_changed');
  return new Blob(parts, { type: 'video/mp4' });
}

const NOTHING = { done: true, value: undefined };

/** A connection that broke, unless it is this page that has left. */
function gone(thrown: unknown, signal: AbortSignal): never {
  signal.throwIfAborted();
  throw failure('unreachable', { what: 'the doorbell', where: 'its own server', detail: String(thrown) });
}
