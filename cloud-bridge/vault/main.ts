// Owns: starting a vault with the seams of its process. Not here: command-line parsing and the folder's lock (sim/cli).
import type { VaultConfig } from './config.ts';
import { Vault, type VaultDeps } from './vault.ts';

/** A running vault on its data folder, which the caller has locked. Throws `state_damaged`, `port_in_use`. */
export async function startVault(config: VaultConfig, seams: Omit<VaultDeps, 'config'>): Promise<Vault> {
  const vault = new Vault({ ...seams, config });
  await vault.start();
  return vault;
}
