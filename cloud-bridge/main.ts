// Owns: starting a bridge with the seams of its process. Not here: command-line parsing and the folder's lock (sim/cli).
import { Bridge, type BridgeDeps } from './bridge.ts';
import type { BridgeConfig } from './config.ts';

/** A running bridge on its data folder, which the caller has locked. Throws `state_damaged`, `database_...`, `port_in_use`. */
export async function startBridge(config: BridgeConfig, seams: Omit<BridgeDeps, 'config'>): Promise<Bridge> {
  const bridge = new Bridge({ ...seams, config });
  await bridge.start();
  return bridge;
}
