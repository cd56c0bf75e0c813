// Owns: sending an owner's signed decision until the device's receipt tells what came of it. Not here: what an owner decides, signing it
// (device/owner), owners of many homes who do not wait for receipts (sim/fleet/fleet-owner.ts).

import type { Receipt } from '@doorsill/contract/home-messages';
import type { ConsentAction } from '@doorsill/contract/topics';
import type { OwnerSession } from '@doorsill/device/owner/owner-session';
import type { Signed } from '@doorsill/device/owner/sign-owner-messages';
import { answered } from '@doorsill/device/terminal/owner-requests';

/** Outcomes in receipts that tell that a decision has taken effect. */
const IN_EFFECT: Record<ConsentAction, readonly Receipt['outcome'][]> = {
  grant: ['granted', 'sealed', 'sent'],
  deny: ['denied'],
  revoke: ['revoked', 'deleted', 'recalled'],
};

/** Resolves with the first receipt that has one of the outcomes `until`. Throws the device's refusal, `timed_out`. */
export async function sendDecision(
  session: OwnerSession,
  action: ConsentAction,
  { jti, token, claims: { request } }: Signed<{ request: string }>,
  withinMs: number,
  until = IN_EFFECT[action],
): Promise<Receipt> {
  const order = { jti, request, send: () => session.answer(request, action, token) };
  return (await answered(session, order, withinMs, ({ outcome }) => until.includes(outcome))).receipt;
}
