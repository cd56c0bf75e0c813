// A device's folder as doorsill 0.1 left it: it recorded, was granted one clip and delivered it. Its secrets are nobody's.
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';

const packedSchema = z.looseObject({ 'ring bytes': z.int() });

/** Unpacks it into a folder that is there. */
export async function unpackFormerDevice(folder: string): Promise<void> {
  const packed = await readFile(join(import.meta.dirname, 'former-device.json.gz'));
  const { 'ring bytes': ringBytes, ...files } = packedSchema.parse(JSON.parse(gunzipSync(packed).toString()));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true, mode: 0o700 });
    await writeFile(join(folder, name), Buffer.from(z.string().parse(text), 'base64'), { mode: 0o600 });
  }
  await truncate(join(folder, 'ring'), ringBytes);
}
