// Owns: what a witness keeps across restarts: whose log it watches, the newest head, and an alarm. Not here: checking heads.
import { join } from 'node:path';
import { z } from 'zod';
import { fromUtf8, utf8 } from '../../device/base/bytes.ts';
import type { Disk } from '../../device/base/disk.ts';
import { parseJson } from '../../device/base/parse-json.ts';
import { failure } from '../../device/protocol/errors.ts';
import { publicKeySchema } from '../../device/protocol/ids.ts';

const headSchema = z.string().max(1_024);

const memorySchema = z.strictObject({
  bridgeKey: publicKeySchema,
  /** The newest head that was accepted, as the bridge signed it. */
  head: headSchema.nullable(),
  /** Two heads that contradict each other. Stays until a person removes it. */
  alarm: z
    .strictObject({
      code: z.enum(['custody_rollback', 'custody_fork']),
      detail: z.string().max(600),
      heads: z.tuple([headSchema, headSchema]),
    })
    .nullable(),
});
export type Memory = z.infer<typeof memorySchema>;

const FILE_BYTES_MAX = 16_384;

export const memoryPath = (folder: string) => join(folder, 'memory.json');

/** The stored memory; null at the first start. Throws `state_damaged`: a witness without memory would cosign everything. */
export async function loadMemory(disk: Disk, folder: string): Promise<Memory | null> {
  const bytes = await disk.readFile(memoryPath(folder), FILE_BYTES_MAX);
  if (!bytes) return null;
  const memory = memorySchema.safeParse(parseJson(fromUtf8(bytes) ?? ''));
  if (!memory.success)
    throw failure('state_damaged', { file: memoryPath(folder), detail: 'it is not a witness’s memory' });
  return memory.data;
}

/** Durable when it resolves. */
export async function storeMemory(disk: Disk, folder: string, memory: Memory): Promise<void> {
  await disk.replaceFile(memoryPath(folder), utf8(`${JSON.stringify(memorySchema.parse(memory), null, 1)}\n`));
}
