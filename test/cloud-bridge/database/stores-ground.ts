// Owns: what the contracts of stores stand on: fresh databases of one kind, and what somebody with the database could do to it.
// Not here: the contracts.
import type { Database } from '../../../cloud-bridge/database/database.ts';
import type { VaultDatabase } from '../../../cloud-bridge/vault/database/vault-database.ts';

export interface StoresGround {
  /** An empty one, or again the one that was closed last. */
  bridge(): Promise<Database>;
  vault(): Promise<VaultDatabase>;
  /** Runs statements that both kinds understand on the bridge's, or the vault's, tables, past the program. */
  tamper(part: 'bridge' | 'vault', ...statements: string[]): Promise<void>;
  /** From now on every new row of a table is refused with `no row`; returns what takes that back. */
  refuseRows(table: string): Promise<() => Promise<void>>;
}
