// Gives a device an order: signs, sends, awaits the receipt, and signs again when another order was accepted first.
import type { Receipt } from '@doorsill/contract/home-messages';
import type { CommandAction } from '@doorsill/contract/owner-orders';
import type { OwnerSession } from './owner-session.ts';
import { refusalInReceipt } from './read-receipt.ts';
import { makeCommand, type Signer } from './sign-owner-messages.ts';

/** Maximum number of signatures of one order: other owners may give orders at the same time. */
export const ORDER_SIGNINGS_MAX = 5;

/**
 * Signs an order, sends it, and resolves with the device's receipt once it is carried out. If the device has accepted another order
 * since, the order is signed again and names that one; only a receipt signed by the device in answer to this order leads to that.
 * `withinMs` bounds the wait for each answer. Throws the refusal in the receipt, `timed_out`, `interrupted`, the signal's reason.
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
