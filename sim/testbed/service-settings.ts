import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { BridgeConfigInput, RegistryConfigInput } from '@doorsill/cloud-bridge';
import { utf8 } from '@doorsill/contract/bytes';

/**
 * Writes the settings of registry and bridge, unless they exist. A testbed on one machine has no domains, so their proof is a file; and no
 * moderator, so only a request whose wording may concern a barred subject waits for one (`doorsill bridge moderate`). The registry is local
 * and can be polled often. Webhooks may be on this machine. `more`: settings of the bridge.
 */
export async function writeServiceSettings(
  disk: Disk,
  folders: { registry: string; bridge: string },
  more: Partial<BridgeConfigInput> = {},
): Promise<void> {
  const registry: Partial<RegistryConfigInput> = { domainProofs: ['local'] };
  const bridge: Partial<BridgeConfigInput> = {
    revocationsEveryS: 2,
    requests: { moderation: 'findings' },
    webhooks: { loopback: true },
    ...more,
  };
  const files = [
    [join(folders.registry, 'registry.json'), registry],
    [join(folders.bridge, 'bridge.json'), bridge],
  ] as const;
  for (const [path, settings] of files) {
    if ((await disk.sizeOf(path)) !== null) continue;
    await disk.replaceFile(path, utf8(`${JSON.stringify(settings, null, 2)}\n`));
  }
}
