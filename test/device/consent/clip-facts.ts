// The facts of a clip that clip/ would report. Apart from gate-rig.ts, so that the test of the request's machine need not load a gate
// for each mutant.
import { sha256Hex } from '../../../device/base/keys.ts';
import type { ReceiptClip } from '../../../device/contract/home-messages.ts';
import type { Window } from '../../../device/contract/shared-claims.ts';

/** Clip facts as clip/ would report them. */
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
