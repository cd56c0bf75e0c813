// Owns: what the rest of the project may use of the bridge and the registry. Not here: anything inside them.
export { Bridge, type BridgeDeps, startBridge } from './bridge.ts';
export { type BridgeConfig, type BridgeConfigInput, bridgeConfigSchema, parseConfig } from './config.ts';
export { type AuditReport, auditQueries } from './query-audit/audit.ts';
export { EXPORT_COLUMNS, WIDER_COLUMNS } from './query-audit/columns.ts';
export { httpRegistryDesk } from './query-audit/registry-admin-client.ts';
export { reportHtml } from './query-audit/report-html.ts';
export { reportText } from './query-audit/report-text.ts';
export { makeRevocations, planRevocations, type RevocationPlan, reinstateAgency } from './query-audit/revoking.ts';
export { type AuditSettings, parseAuditSettings } from './query-audit/settings.ts';
export type { FlaggedRow } from './query-audit/tally.ts';
export type { AuditFinding } from './query-audit/verdict.ts';
export { type RegistryConfig, type RegistryConfigInput, registryConfigSchema } from './registry/config.ts';
export type { RegistryDeps } from './registry/decisions.ts';
export { Registry, startRegistry } from './registry/registry.ts';
export { readAdminToken } from './signing/server-secrets.ts';
export { type VaultConfig, type VaultConfigInput, vaultConfigSchema } from './vault/config.ts';
export { startVault, Vault, type VaultDeps } from './vault/vault.ts';
export { Witness, type WitnessDeps } from './witness/witness.ts';
