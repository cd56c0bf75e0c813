// A sample proof, for tests of its page.
import { type Check, judged, leftOut } from '../../../../sim/prove/claim.ts';
import type { Proof } from '../../../../sim/prove/run-proof.ts';
import { testbedTexts } from '../../../../sim/prove/testbed-texts.ts';

/** `isFalse`: a packet went elsewhere. */
export function sampleProof({ isFalse = false } = {}): Proof {
  const texts = testbedTexts({ means: 'capture', packets: [], sent: 0 }, true);
  const check = (what: string, seen: string, holds = true): Check => ({ what, seen, holds });
  const elsewhere = isFalse ? '1 elsewhere: tcp 203.0.113.9:443' : '0 elsewhere';
  return {
    format: 'doorsill-proof-1',
    tool: 'doorsill 1.0.0',
    startedAt: '2026-11-27T18:40:12.345Z',
    durationMs: 41_300,
    machine: 'linux x64, 2 processors, Node v22.11.0',
    claims: [
      judged(texts['nothing-before-a-grant'], [
        check('The doorbell had footage', '13 s recorded, 3.4 MB'),
        check('Every packet of the doorbell went to its broker or its bridge', `214 packets: ${elsewhere}`, !isFalse),
        check('No packet escaped the capture', '902 captured, 902 counted by the kernel, in the whole run'),
      ]),
      judged(texts['exactly-the-granted'], [
        check('No picture is hidden in the file', 'a player shows 45, the file holds 45'),
      ]),
      leftOut(texts['only-what-was-named'], 'this system does not show the sockets of a process'),
      judged(texts['revocation-wins'], [check('Nobody is shown the clip', 'not listed, not in the vault')]),
      judged(texts['verified-offline'], [
        check(
          'Refused: one bit of the clip is flipped',
          'Verification failed: the clip is not the one its manifest names.',
        ),
      ]),
    ],
  };
}
