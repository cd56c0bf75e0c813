// Owns: what opening a full manifest needs of the database. Not here: how (database/manifests.ts).
import type { FactsOf } from '../../device/protocol/custody.ts';
import type { GrantKey } from '../intake/store.ts';

export interface DisputeStore {
  /** The sealed full manifest of a grant; null when none is kept. */
  sealed(key: GrantKey): Promise<Uint8Array | null>;
  /** Writes into the log of custody that it is opened; durable when it resolves. Returns the leaf's number. */
  note(about: GrantKey, facts: FactsOf<'dispute'>): Promise<number>;
}
