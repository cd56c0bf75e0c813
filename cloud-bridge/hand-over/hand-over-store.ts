// Owns: what handing over must store. Not here: how (sql-hand-overs.ts).
import type { RecallDecision } from '@doorsill/contract/hand-over-documents';
import type { GrantKey, Intake, OwnersWord, RevokedGrant } from '../intake/intake-store.ts';

/**
 * Where a clip stands between bridge and vault. `offered`: the vault may hold bytes, but the clip is the bridge's.
 * `handed-over`: it is the vault's, which has not been told yet. `withdrawing`, `recalling`: the owner revoked it before, or
 * after, the hand-over, and the vault has not answered yet.
 */
export type HandOverState =
  | 'offered'
  | 'handed-over'
  | 'confirmed'
  | 'withdrawing'
  | 'withdrawn'
  | 'recalling'
  | 'recalled';

/** What the vault must be told about a clip; `null`: it was told nothing yet. */
export interface HandOverJob {
  intake: Intake;
  state: Extract<HandOverState, 'offered' | 'handed-over' | 'withdrawing' | 'recalling'> | null;
  /** The owner's signed revocation to pass on, if the clip is to be recalled. */
  word: OwnersWord | null;
}

export interface HandOverStore {
  /** Clips whose receipts name this vault and about which it must still be told something, oldest first. */
  jobs(vault: string, most: number): Promise<HandOverJob[]>;
  /** The grant's job; null when there is nothing to tell. */
  job(key: GrantKey): Promise<HandOverJob | null>;
  /** Durable before the vault hears of the clip; false when the bridge may not hand it over (any more). */
  offered(key: GrantKey, item: string): Promise<boolean>;
  /**
   * The hand-over: in one step the clip becomes the vault's, and its manifest is deleted here. False when it was revoked
   * first: the revocation wins.
   */
  handedOver(key: GrantKey, item: string, acknowledgement: string, atS: number): Promise<boolean>;
  confirmed(key: GrantKey): Promise<void>;
  withdrawn(key: GrantKey): Promise<void>;
  /** The vault has answered a recall: stores the revocation for good, with its receipt. */
  recalled(revoked: RevokedGrant, answer: { decision: RecallDecision; token: string }, atS: number): Promise<void>;
}
