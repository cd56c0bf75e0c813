// Owns: what handing over needs remembered. Not here: how (sql-hand-overs.ts).
import type { RecallDecision } from '../../device/protocol/vault.ts';
import type { GrantKey, Intake, OwnersWord, RevokedGrant } from '../intake/store.ts';

/**
 * Where a clip stands between bridge and vault. `offered`: the vault may hold bytes, and the clip is the bridge's.
 * `handed-over`: it is the vault's, which has yet to hear so. `withdrawing`, `recalling`: the owner took it back before, or
 * after, and the vault has yet to answer.
 */
export type HandOverState =
  | 'offered'
  | 'handed-over'
  | 'confirmed'
  | 'withdrawing'
  | 'withdrawn'
  | 'recalling'
  | 'recalled';

/** What is to be said to the vault about a clip; `null`: nothing was yet. */
export interface HandOverJob {
  intake: Intake;
  state: Extract<HandOverState, 'offered' | 'handed-over' | 'withdrawing' | 'recalling'> | null;
  /** The owner's word to pass on, where it is to be recalled. */
  word: OwnersWord | null;
}

export interface HandOverStore {
  /** Clips whose receipts name this vault and about which it has yet to hear something, oldest first. */
  jobs(vault: string, most: number): Promise<HandOverJob[]>;
  /** The grant's job; null when there is nothing to say. */
  job(key: GrantKey): Promise<HandOverJob | null>;
  /** Durable before the vault hears of the clip; false when it is not the bridge's to hand over (any more). */
  offered(key: GrantKey, item: string): Promise<boolean>;
  /**
   * The hand-over: in one step the clip is the vault's, and its manifest is forgotten here. False when it was revoked
   * first, which then wins.
   */
  handedOver(key: GrantKey, item: string, acknowledgement: string, atS: number): Promise<boolean>;
  confirmed(key: GrantKey): Promise<void>;
  withdrawn(key: GrantKey): Promise<void>;
  /** The vault has answered a recall: the revocation is remembered for good, with its receipt. */
  recalled(revoked: RevokedGrant, answer: { decision: RecallDecision; token: string }, atS: number): Promise<void>;
}
