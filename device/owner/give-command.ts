// Owns: giving a device an order and awaiting its receipt: sign, send, and sign again when another order was accepted first.
// Not here: consent to clips, which names its request instead (sign-owner-messages.ts); judging an order (consent/command-handler.ts).

import type { Receipt } from '@doorsill/contract/home-messages';
import type { CommandAction } from '@doorsill/contract/owner-orders';
import type { OwnerSession } from './owner-session.ts';
import { refusalInReceipt } from './read-receipt.ts';
import { makeCommand, type Signer } from './sign-owner-messages.ts';

/** How often an order is signed before its refusal is returned: other owners may give orders at the same time. */
export const ORDER_SIGNINGS_MAX = 5;

/**
 * Signs an order, sends it, and resolves with the device's receipt once it is carried out. If the device answers that it has
 * accepted another order since, the order is signed again, naming that one. Only a receipt signed by the device in answer to
 * this order leads to another signature. `withinMs` bounds the wait for each answer. Throws the refusal that the
 * receipt names, `timed_out`, `interrupted`, the signal's reason.
 */
export async function giveOrder(
  session: OwnerSession,
  signer: Signer,
  action: CommandAction,
  withinMs: number,
  signal?: AbortSignal,
): Promise<Receipt> {
  let after = await session.lastOrder();
  for (let signings = 1; ; signings += 1) {
    const command = makeCommand(signer, session.home.device, action, after);
    const receipt = await session.waitFor<Receipt>(
      "the device's receipt",
      withinMs,
      (found) => ({ receipt: (heard) => heard.answers === command.jti && found(heard) }),
      () => session.command(command.token),
      signal,
    );
    if (receipt.outcome === 'command-done') return receipt;
    if (receipt.code !== 'consent_order_stale' || signings >= ORDER_SIGNINGS_MAX) throw refusalInReceipt(receipt);
    after = receipt.lastOrder;
  }
}
