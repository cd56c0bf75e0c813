import type { Receipt } from '@doorsill/contract/home-messages';
import type { ConsentAction } from '@doorsill/contract/topics';
import type { OwnerSession } from '@doorsill/device/owner/owner-session';
import type { Signed } from '@doorsill/device/owner/sign-owner-messages';
import { answered } from '@doorsill/device/terminal/owner-requests';

/** Outcomes of receipts by which a decision has taken effect. */
const IN_EFFECT: Record<ConsentAction, readonly Receipt['outcome'][]> = {
  grant: ['granted', 'sealed', 'sent'],
  deny: ['denied'],
  revoke: ['revoked', 'deleted', 'recalled'],
};

/**
 * Sends an owner's signed decision; resolves with the first receipt with an outcome of `until`. Throws the device's refusal, `timed_out`.
 */
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
