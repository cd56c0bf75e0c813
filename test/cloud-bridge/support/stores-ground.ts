// What the contracts of the stores are run on: fresh databases of one kind, and access to them past the program.
import type { Database } from '../../../cloud-bridge/bridge-database.ts';
import type { RegistryStore } from '../../../cloud-bridge/registry/registry-store.ts';
import type { VaultDatabase } from '../../../cloud-bridge/vault/vault-database.ts';

export type Part = 'bridge' | 'vault' | 'registry';

export interface StoresGround {
  /** An empty database, or again the one that was closed last. */
  bridge(): Promise<Database>;
  vault(): Promise<VaultDatabase>;
  registry(): Promise<RegistryStore>;
  /** Stores a text where the registry's book was before it had rows. */
  writeFormerBook(text: string): Promise<void>;
  /** Runs statements in SQL of both kinds on a part's tables, past the program. */
  tamper(part: Part, ...statements: string[]): Promise<void>;
  /** From now on every new row of a part's table is refused with `no row`; returns a function that ends that. */
  refuseRows(part: Part, table: string): Promise<() => Promise<void>>;
}
