// Owns: the copy of what a new version may migrate in a doorbell's folder, kept until that version is healthy, and putting it back.
// Not here: migrating (folder-format.ts). Decisions are never copied: an old copy of one would take back what an owner said since.
import { join } from 'node:path';
import type { Disk } from '../base/disk.ts';

/**
 * The form of the folder, and settings. Ledger, marks and reserve hold decisions, and stay as they are; footage, events and clips
 * are too large.
 */
const COPIED: Readonly<Record<string, number>> = {
  'device.json': 200_000,
  'enrolment.json': 20_000,
  // Last: until it is put back, an older doorsill refuses the folder.
  'format.json': 1_024,
};

/** Copies into `copy`, a folder that is there, whole and durable, or not at all. */
export async function copyData(disk: Disk, data: string, copy: string): Promise<void> {
  const fresh = `${copy}.copying`;
  await disk.remove(fresh);
  await disk.makeFolder(fresh);
  for (const [name, bytesMax] of Object.entries(COPIED)) {
    const bytes = await disk.readFile(join(data, name), bytesMax);
    if (bytes) await disk.replaceFile(join(fresh, name), bytes);
  }
  await disk.remove(copy);
  await disk.rename(fresh, copy);
}

/** Puts the copy back; it stays, so that this may be interrupted and done again. Files keep their owner: they are written in place. */
export async function putBackData(disk: Disk, copy: string, data: string): Promise<void> {
  for (const [name, bytesMax] of Object.entries(COPIED)) {
    const bytes = await disk.readFile(join(copy, name), bytesMax);
    if (!bytes) continue;
    const now = await disk.readFile(join(data, name), bytesMax);
    if (now && Buffer.compare(now, bytes) === 0) continue;
    const file = await disk.open(join(data, name), { create: true });
    try {
      await file.write(0, bytes);
      await file.truncate(bytes.length);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}
