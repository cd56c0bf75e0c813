// Settings that `doorsill bridge deploy` prints for several instances, with what its steps have an operator fill in: keys of registry and
// vault, and the ids of the buckets' keys; read by the part's own schema.
import { BridgeConfig, parseConfig } from '../../cloud-bridge/bridge-config.ts';
import { RegistryConfig } from '../../cloud-bridge/registry/registry-config.ts';
import { VaultConfig } from '../../cloud-bridge/vault/vault-config.ts';

const KEY = 'A'.repeat(43);
const SCHEMAS = { registry: RegistryConfig, vault: VaultConfig, bridge: BridgeConfig };
type Part = keyof typeof SCHEMAS;

/** Reads a part's printed settings as they are. Throws what the part refuses to start with. */
export function asPrinted(part: Part, text: string): unknown {
  return parseConfig(SCHEMAS[part], { dataFolder: '/d', ...JSON.parse(text) }, part);
}

/** Reads them once they are filled in. Throws the same. */
export function filledIn(part: Part, text: string): unknown {
  const printed = JSON.parse(text);
  const s3 = (has: object | undefined) => (has ? { s3: { ...has, keyId: 'k' } } : {});
  const instance = { ...printed.instance, ...s3(printed.instance.s3) };
  const keys =
    part === 'bridge' ? { registry: { ...printed.registry, key: KEY }, vault: { ...printed.vault, key: KEY } } : {};
  return parseConfig(SCHEMAS[part], { dataFolder: '/d', ...printed, instance, ...s3(printed.s3), ...keys }, part);
}
