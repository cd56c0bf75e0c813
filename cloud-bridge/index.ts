// Owns: what the rest of the project may use of the bridge and the registry. Not here: anything inside them.
export { Bridge, type BridgeDeps } from './bridge.ts';
export { type BridgeConfig, type BridgeConfigInput, bridgeConfigSchema, parseConfig } from './config.ts';
export { readAdminToken } from './key-file.ts';
export { startBridge } from './main.ts';
export { type RegistryConfig, type RegistryConfigInput, registryConfigSchema } from './registry/config.ts';
export { startRegistry } from './registry/main.ts';
export { Registry, type RegistryDeps } from './registry/registry.ts';
export { type VaultConfig, type VaultConfigInput, vaultConfigSchema } from './vault/config.ts';
export { startVault } from './vault/main.ts';
export { Vault, type VaultDeps } from './vault/vault.ts';
export { Witness, type WitnessDeps } from './witness/witness.ts';
