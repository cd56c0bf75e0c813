// Owns: which format a device's folder has, and bringing one of an older doorsill up to date before anything is opened.
// Not here: what is in the files (each part's own), moving a device to another machine (backup.ts).
import { join } from 'node:path';
import { z } from 'zod';
import { fromUtf8, utf8 } from './base/bytes.ts';
import type { Disk } from './base/disk.ts';
import { parseJson } from './base/json.ts';
import { failure } from './protocol/errors.ts';

/** One step from a format to the next. It may be interrupted anywhere and is then run again from its beginning. */
export type FormatUpgrade = (disk: Disk, folder: string) => Promise<void>;

const FORMAT_FILE = 'format.json';
const FORMAT_BYTES_MAX = 1_024;
const formatSchema = z.object({ kind: z.literal('doorsill-device'), format: z.int().positive() });

/**
 * The steps, the first from format 1. Format 1 (doorsill up to 0.1) had no number; its ring, ledger, outbox and settings
 * are read as they are; since format 2 the ring's records are packed closer (ring/record.ts), which 0.1 cannot read.
 */
const UPGRADES: readonly FormatUpgrade[] = [async () => undefined];

/** The format that this doorsill writes. */
export const DEVICE_FORMAT = UPGRADES.length + 1;

/**
 * Makes a device's folder one of the present format, stepping up from an older one; each step is durable before its number
 * is. Throws `data_newer` for a folder of a later doorsill, of which nothing is touched, and `state_damaged`.
 */
export async function bringUpToDate(disk: Disk, folder: string, upgrades = UPGRADES): Promise<void> {
  const path = join(folder, FORMAT_FILE);
  const newest = upgrades.length + 1;
  const stored = await disk.readFile(path, FORMAT_BYTES_MAX);
  const parsed = stored && formatSchema.safeParse(parseJson(fromUtf8(stored) ?? ''));
  if (parsed && !parsed.success) throw failure('state_damaged', { file: path, detail: 'it does not name a format' });
  const isUsed = (await disk.sizeOf(join(folder, 'device.key'))) !== null;
  const format = parsed ? parsed.data.format : isUsed ? 1 : newest;
  if (format > newest) throw failure('data_newer', { folder, format, known: newest });
  if (format === newest && parsed) return;
  await disk.makeFolder(folder);
  for (const upgrade of upgrades.slice(format - 1)) await upgrade(disk, folder);
  await disk.replaceFile(path, utf8(`${JSON.stringify({ kind: 'doorsill-device', format: newest })}\n`));
}
