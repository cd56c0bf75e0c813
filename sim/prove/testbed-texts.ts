// The texts of the claims about the testbed. They depend on how this machine let the traffic be recorded.
import type { ClaimText } from './claim.ts';
import type { OtherTraffic } from './doorbell-watch.ts';

export type TestbedClaimId =
  | 'nothing-before-a-grant'
  | 'exactly-the-granted'
  | 'only-what-was-named'
  | 'revocation-wins'
  | 'verified-offline';

/** How other traffic was looked for, and what that leaves open. */
function recordingTexts(otherTraffic: OtherTraffic): { done: string; notShown: string } {
  if (otherTraffic.means === 'capture')
    return {
      done: 'It ran in its own network namespace with one link and a default route; every packet on that link was captured, from the first one on.',
      notShown: '',
    };
  if (otherTraffic.means === 'none') return { done: '', notShown: '' };
  return {
    done: `The sockets of its processes were looked at ${otherTraffic.looks} times, and its traffic to its broker and its bridge was recorded.`,
    notShown: ` A connection elsewhere that began and ended within ${otherTraffic.blindMs} ms could have been missed: the doorbell had no network namespace, because ${otherTraffic.why}. As root, with iproute2 and tcpdump, none can be missed.`,
  };
}

const NOT_EVERYWHERE =
  'It does not show the traffic of a doorbell on other hardware, with other settings, or in a longer time; nor the traffic of its operating system.';

/** `isAlone`: the verification of copies could reach no network. */
export function testbedTexts(otherTraffic: OtherTraffic, isAlone: boolean): Record<TestbedClaimId, ClaimText> {
  const { done, notShown } = recordingTexts(otherTraffic);
  return {
    'nothing-before-a-grant': {
      id: 'nothing-before-a-grant',
      title: 'Nothing leaves before a grant',
      done: `A doorbell was started, enrolled, recorded the drawn porch, and showed its owner an agency’s request. ${done} This claim is about the time until the owner’s grant was sent.`,
      shows:
        'Until its owner grants, the doorbell talks only to its broker and its bridge, and no footage is in its traffic.',
      notShown: `${NOT_EVERYWHERE} The search was for pieces of pictures as they are, in base64 and in hex: not changed ones. The broker’s operator sees that the doorbell is online, and when it sends.${notShown}`,
    },
    'exactly-the-granted': {
      id: 'exactly-the-granted',
      title: 'Exactly the granted pictures leave',
      done: 'The owner granted a span that begins and ends in the middle of a GOP. The clip was opened with the key of the agency’s vault and verified with its statement. Each of its pictures was decoded, and the number that the drawn porch shows in every picture was read.',
      shows:
        'The agency’s file holds all granted pictures and no others, hidden ones included; it was in the encrypted file that the doorbell sent, and nothing else of that size left.',
      notShown: `The porch is drawn: streams of other cameras are tested in the project’s own tests, not here. Nor does it show what an agency does with its copy.${notShown}`,
    },
    'only-what-was-named': {
      id: 'only-what-was-named',
      title: 'Only the named facts leave, and no sound',
      done: 'Of its name, address, e-mail and phone the home granted the address, and no sound. Everything that the agency received and all traffic to the bridge was searched for them, as they are, in base64 and in hex.',
      shows:
        'A clip takes along only the facts that the grant names, and sound only if it is named. Neither it nor they can be read on the way to the agency’s vault.',
      notShown:
        'The picture itself may show who lives there. The owner’s messages, which list the facts, travel through the home’s broker: its operator can read them, and without TLS so can others on the way.',
    },
    'revocation-wins': {
      id: 'revocation-wins',
      title: 'A revocation in the middle of an upload wins',
      done: 'The owner granted all of the footage. When a part of the clip was at the bridge, the link to the bridge was held, the owner revoked, and the link was released.',
      shows:
        'Once the doorbell has a revocation, it sends at most 256 KiB beyond what the bridge had acknowledged, and nobody is shown the clip.',
      notShown:
        'A clip that is in an agency’s vault already is not deleted this way: its recall is answered by the department’s policy. Nor does it show whether a dishonest bridge keeps its part of the clip.',
    },
    'verified-offline': {
      id: 'verified-offline',
      title: 'Anyone can verify a clip offline, and a changed copy is refused',
      done: `\`doorsill verify\` was run on the clip with its statement, the bridge’s receipt and the proof that it is in the bridge’s log${isAlone ? ', in a process without a network' : ''}; then on a copy of each with one change.`,
      shows: `With only the bridge’s public key anybody can verify that the clip is the granted one and that the bridge logged it${isAlone ? ', offline' : ''}.`,
      notShown: `Whose bridge has that key must be known from elsewhere, and a scene that was staged in front of the camera verifies, too.${isAlone ? '' : ' This user may not run a process without a network here, so it was not shown that none was used.'}`,
    },
  };
}
