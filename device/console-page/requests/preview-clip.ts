import { toHex } from '@doorsill/contract/bytes';
import type { Preview } from '@doorsill/contract/console-messages';
import { failure } from '@doorsill/contract/errors';
import { sha256 } from '@noble/hashes/sha2.js';

/**
 * Fetches a preview's clip and checks it against the hash that the grant will name; `report` gets the received share. Throws
 * `preview_changed` if the bytes differ, `preview_ended` if they end early, the device's refusal, `unreachable`.
 */
export async function fetchedClip(
  fetch: (path: string, signal: AbortSignal) => Promise<Response>,
  { preview, sha256: named, bytes }: Preview,
  report: (share: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const answer = await fetch(`/api/v1/previews/${preview}/clip.mp4`, signal);
  const hash = sha256.create();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  const reader = answer.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read().catch((thrown: unknown) => gone(thrown, signal))) ?? NOTHING;
    if (done || !value) break;
    const part = new Uint8Array(value);
    hash.update(part);
    parts.push(part);
    received += part.length;
    report(Math.min(1, received / bytes));
  }
  signal.throwIfAborted();
  if (received < bytes) throw failure('preview_ended', { detail: 'the clip was received only in part' });
  if (received > bytes || toHex(hash.digest()) !== named) throw failure('preview_changed');
  return new Blob(parts, { type: 'video/mp4' });
}

const NOTHING = { done: true, value: undefined };

/** Throws `unreachable` for a broken connection, or the signal's reason if this page ended it. */
function gone(thrown: unknown, signal: AbortSignal): never {
  signal.throwIfAborted();
  throw failure('unreachable', { what: 'the doorbell', where: 'its own server', detail: String(thrown) });
}
