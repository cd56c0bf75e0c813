// Owns: what the claims about the testbed say: what was done, what it shows, what it does not show, by how this machine let us look.
// Not here: the checks (judge-leaving.ts, verify-copies.ts).
import type { ClaimText } from './claim.ts';
import type { Beside } from './doorbell-watch.ts';

export type TestbedClaimId =
  | 'nothing-before-a-grant'
  | 'exactly-the-granted'
  | 'only-what-was-named'
  | 'revocation-wins'
  | 'verified-offline';

/** How it was heard, and what that leaves open. */
function hearing(beside: Beside): { done: string; notShown: string } {
  if (beside.means === 'capture')
    return {
      done: 'It ran in a network namespace of its own with one link and a way to everywhere; every packet on that link was captured, from before its first.',
      notShown: '',
    };
  if (beside.means === 'none') return { done: '', notShown: '' };
  return {
    done: `The sockets of its processes were looked at ${beside.looks} times, and what it said to its broker and its bridge was kept on the way.`,
    notShown: ` A connection elsewhere that began and ended within ${beside.blindMs} ms could have been missed: it had no network of its own, because ${beside.why}. As root, with iproute2 and tcpdump, none can be.`,
  };
}

const NOT_EVERYWHERE =
  'It does not show what a doorbell says on other hardware, with other settings, or in a longer time; nor what its operating system says beside it.';

/** `isAlone`: nothing could reach a network while copies were verified. */
export function testbedTexts(beside: Beside, isAlone: boolean): Record<TestbedClaimId, ClaimText> {
  const { done, notShown } = hearing(beside);
  return {
    'nothing-before-a-grant': {
      id: 'nothing-before-a-grant',
      title: 'Nothing leaves before a grant',
      done: `A doorbell was started, enrolled, recorded the drawn porch, and showed its owner an agency’s request. ${done} All of this is about the time until the owner’s grant was sent.`,
      shows:
        'Until its owner grants, the doorbell talks to its broker and its bridge alone, and nothing of its footage is in what it says.',
      notShown: `${NOT_EVERYWHERE} Pieces of pictures were looked for as they are, in base64 and in hex: not encrypted or changed. Whoever runs the broker sees that the doorbell is there, and when it speaks.${notShown}`,
    },
    'exactly-the-granted': {
      id: 'exactly-the-granted',
      title: 'Exactly the granted pictures leave',
      done: 'The owner granted a span that begins and ends in the middle of a group of pictures. The clip in the agency’s vault was verified with its statement; besides, each of its pictures was decoded, and the number read that the drawn porch bears in every picture.',
      shows:
        'The agency’s file holds the granted pictures, all of them and no other, hidden ones included; it is what the doorbell sent, and nothing else of that size left.',
      notShown: `The porch is drawn: streams of other cameras are tried in the project’s own tests, not here. What an agency does with its copy cannot be seen from here.${notShown}`,
    },
    'only-what-was-named': {
      id: 'only-what-was-named',
      title: 'Only the named facts leave, and no sound',
      done: 'Of its name, address, e-mail and phone the home’s grant named the address, and no sound. All that the agency received and all that the bridge heard in the whole run was searched for the other three, as they are, in base64 and in hex.',
      shows: 'With a clip go the facts that the grant names, and sound goes only if it is named.',
      notShown:
        'The picture itself may tell who lives there. The owner’s own messages, which show what would be told, travel through the home’s broker: whoever runs that can read them unless it speaks TLS. In this version the bridge can read the clips that it takes.',
    },
    'revocation-wins': {
      id: 'revocation-wins',
      title: 'A revocation in the middle of an upload wins',
      done: 'The owner granted all of the footage. When a part of the clip was at the bridge, the way there was made to stand still, and the owner revoked; then it went on.',
      shows:
        'Once the doorbell has a revocation, it sends at most 256 KiB beyond what the bridge had acknowledged, and nobody is shown the clip.',
      notShown:
        'A clip that an agency’s vault has already is not taken back this way: its recall is answered by the department’s policy. What a bridge that cheats keeps of the part that it has cannot be seen from outside.',
    },
    'verified-offline': {
      id: 'verified-offline',
      title: 'Anyone can verify a clip offline, and a changed copy is refused',
      done: `\`doorsill verify\` was run on the clip with its statement, the bridge’s receipt and the proof that it is in the bridge’s log${isAlone ? ', in a process that no network reaches' : ''}; then on a copy of each with one change.`,
      shows: `With the bridge’s public key alone anybody can tell that the clip is the granted one and that the bridge logged it${isAlone ? ', without asking anybody' : ''}.`,
      notShown: `Whose bridge that key belongs to must be known from elsewhere, and a picture that was staged in front of the camera verifies, too.${isAlone ? '' : ' This user may not take the network away from a process here, so that none was used was not seen.'}`,
    },
  };
}
