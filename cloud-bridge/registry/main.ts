// Owns: starting a registry with the seams of its process. Not here: command-line parsing and the folder's lock (sim/cli).
import type { RegistryConfig } from './config.ts';
import { Registry, type RegistryDeps } from './registry.ts';

/** A running registry on its data folder, which the caller has locked. Throws `state_damaged`, `port_in_use`. */
export async function startRegistry(config: RegistryConfig, seams: Omit<RegistryDeps, 'config'>): Promise<Registry> {
  const registry = new Registry({ ...seams, config });
  await registry.start();
  return registry;
}
