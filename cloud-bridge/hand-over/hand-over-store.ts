import type { RecallDecision } from '@doorsill/contract/hand-over-documents';
import type { GrantKey, Intake, OwnerRevocation, RevokedGrant } from '../intake/intake-store.ts';
import type { SignedVerdict } from '../intake/verdict-check.ts';

/**
 * State of a clip between bridge and vault. `offered`: the vault may hold bytes, but the clip is the bridge's. `handed-over`: it is the
 * vault's, but the vault has not been told. `withdrawing`, `recalling`: the owner revoked it before, or after, the hand-over, and the vault
 * has not answered yet.
 */
export type HandOverState =
  | 'offered'
  | 'handed-over'
  | 'confirmed'
  | 'withdrawing'
  | 'withdrawn'
  | 'recalling'
  | 'recalled';

/** A clip about which the vault must be sent the next message; state `null`: none was sent yet. */
export interface HandOverJob {
  intake: Intake;
  state: Extract<HandOverState, 'offered' | 'handed-over' | 'withdrawing' | 'recalling'> | null;
  /** The owner's signed revocation to pass on, if the clip is to be recalled. */
  ownerRevocation: OwnerRevocation | null;
}

/** The vault's answer by which it has taken a clip over. */
export interface TakenOver {
  item: string;
  acknowledgement: string;
  /** On an encrypted clip that the vault has opened. */
  verdict: SignedVerdict | null;
}

export interface HandOverStore {
  /** Unfinished jobs of clips whose receipts name this vault, oldest first. */
  jobs(vault: string, most: number): Promise<HandOverJob[]>;
  /** The grant's job; null when it is finished or there is none. */
  job(key: GrantKey): Promise<HandOverJob | null>;
  /** Must be durable before the offer is sent; false when the bridge may not hand the clip over (any more). */
  offered(key: GrantKey, item: string): Promise<boolean>;
  /**
   * The hand-over: in one step the clip becomes the vault's, its verdict is recorded, and its statement is deleted here. False when it was
   * revoked first: the revocation wins.
   */
  handedOver(key: GrantKey, taken: TakenOver, atS: number): Promise<boolean>;
  confirmed(key: GrantKey): Promise<void>;
  withdrawn(key: GrantKey): Promise<void>;
  /** The vault has answered a recall: stores the revocation for good, with its receipt. */
  recalled(revoked: RevokedGrant, answer: { decision: RecallDecision; token: string }, atS: number): Promise<void>;
}
