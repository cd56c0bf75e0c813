// What an owner reads about a clip: who can read it, before it is granted and once it has left; its size and hash.
import type { ReceiptClip } from '@doorsill/contract/home-messages';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import type { VerifiedSighting } from '@doorsill/contract/read-sighting';
import { sealingOf } from '@doorsill/contract/request-or-search';
import { type ClipReaders, clipReaders } from '@doorsill/contract/sealing';
import { printBytes, printFrames } from './format-units.ts';

/** Who can read a clip, by `clipReaders`. */
export const READERS: Record<ClipReaders, string> = {
  bridge: 'its recipient, you, and the bridge that carries it',
  vault: 'only the agency’s vault and officers, and you: nobody on the way, not even the bridge',
  officers: 'only the agency’s officers, and you: nobody on the way, not even the bridge',
  neighbor: 'only the neighbour who searches, and you: nobody on the way, not even the bridge',
};

/** Who could read a clip that is granted now. */
export function readersOf(notice: VerifiedNotice | VerifiedSighting): string {
  const kind = 'sighted' in notice ? 'neighbor' : 'agency';
  return READERS[clipReaders(kind, sealingOf(notice)?.keeper)];
}

/** A sent clip as text for an owner: the clip itself and, if it was encrypted, the file that was sent. */
export function showClip({ frames, bytes, sha256, method, sealed }: ReceiptClip): string {
  const clip = `${printFrames(frames)}, ${printBytes(sealed?.clipBytes ?? bytes)}, ${method}`;
  if (!sealed) return `${clip}, sha256 ${sha256}`;
  return `${clip}, sha256 ${sealed.clipSha256}; sent encrypted: ${printBytes(bytes)}, sha256 ${sha256}`;
}
