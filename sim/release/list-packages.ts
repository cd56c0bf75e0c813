// The list of packages that a release brings (CycloneDX), as npm makes it, with nothing of the machine or the hour in it.
import { sha256Hex } from '@doorsill/base/keys';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';
import { order, run } from './release-source.ts';

const npmListSchema = z.looseObject({
  metadata: z.looseObject({}),
  components: z.array(z.looseObject({ 'bom-ref': z.string() })),
  dependencies: z.array(z.looseObject({ ref: z.string(), dependsOn: z.array(z.string()).optional() })),
});

/**
 * The packages installed below `folder`, without those for development, as JSON of CycloneDX 1.5. `args` go to npm; `madeS` is the time of
 * the commit, and the list's id comes from `subject`, the bytes that it is about. Throws `release_unmade`.
 */
export function listPackages(folder: string, args: readonly string[], madeS: number, subject: Uint8Array): string {
  const bill = parseJson(run('npm', ['sbom', '--sbom-format=cyclonedx', '--omit=dev', ...args], folder));
  const { metadata, components, dependencies, ...rest } = npmListSchema.parse(bill);
  const list = {
    ...rest,
    serialNumber: `urn:uuid:${uuidOf(sha256Hex(subject))}`,
    metadata: { ...metadata, timestamp: new Date(madeS * 1_000).toISOString() },
    components: components.sort((a, b) => order(a['bom-ref'], b['bom-ref'])),
    dependencies: dependencies
      .map(({ dependsOn, ...entry }) => ({ ...entry, ...(dependsOn ? { dependsOn: dependsOn.sort(order) } : {}) }))
      .sort((a, b) => order(a.ref, b.ref)),
  };
  return `${JSON.stringify(list, null, 2)}\n`;
}

/** A UUID of version 8, with custom bits (RFC 9562 §5.8). */
function uuidOf(hex: string): string {
  const bits = `${hex.slice(0, 12)}8${hex.slice(13, 16)}8${hex.slice(17, 32)}`;
  return bits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
