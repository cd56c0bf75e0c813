// Owns: what the clip's side would report of a clip. Not here: a gate to report it to (gate-rig.ts); it stands alone so that the test of
// the request's machine need not load a gate for each mutant.
import { sha256Hex } from '../../../device/base/keys.ts';
import type { ReceiptClip } from '../../../device/contract/home-messages.ts';
import type { Window } from '../../../device/contract/shared-claims.ts';

/** Clip facts as the clip's side would report them. */
export function clipFacts(name: string, window: Window = { startUs: 1, endUs: 2 }): ReceiptClip {
  return {
    id: `clip-${name}`,
    sha256: sha256Hex(`clip ${name}`),
    bytes: 4_096,
    frames: 15,
    window,
    method: 'copy',
    disclosed: ['address', 'email'],
    manifestSha256: sha256Hex(`manifest ${name}`),
  };
}
