// Resets a device's folder to unused, except for its settings.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { Random } from '@doorsill/base/random';
import { EVENT_FILES } from './events/event-files.ts';
import { LEDGER_FILE } from './ledger/ledger.ts';

/** Files with secrets; each is overwritten before it is removed. The first is the key of the others, so it goes first. */
const SECRETS = [
  ...['wrapping.key', 'ring.key', 'outbox.key', 'device.key', 'enrolment.json'],
  // An owner may have put a certificate of their own domain there.
  join('console', 'server.key.pem'),
];

/** Overwritten too: these files are not sealed, and hold when people were at the door and what was disclosed about the home. */
const PRIVATE_RECORDS = [...EVENT_FILES.map((name) => join('events', name)), join('consent', LEDGER_FILE)];

/** Removed without overwriting: sealed under the secrets, or not private. */
const REMOVED = ['ring', 'outbox', 'previews', 'consent', 'events', 'console'] as const;

/** Marks an unfinished reset, which the next start finishes first. */
const BEGUN = 'factory-reset.begun';

/** Notes durably that the folder must be reset, before the device is stopped. */
export function beginFactoryReset(disk: Disk, folder: string): Promise<void> {
  return disk.replaceFile(join(folder, BEGUN), new Uint8Array(0));
}

/** Finishes a reset that was interrupted; returns whether there was one. */
export async function finishFactoryReset(disk: Disk, random: Random, folder: string): Promise<boolean> {
  if ((await disk.sizeOf(join(folder, BEGUN))) === null) return false;
  await factoryReset(disk, random, folder);
  return true;
}

/**
 * Destroys keys, footage, past events, clips, owners, ledger, enrolment and the console's certificate of a device that is not running.
 * `device.json` stays; so does the list of published discovery documents (home-link/home-assistant.ts), which the next start
 * withdraws. The next start also replaces the account at the home broker (home-account.ts). Keys, events and ledger are overwritten
 * in place before anything is removed (a flash controller may still keep copies). Repeatable; if interrupted, the next start finishes it.
 */
export async function factoryReset(disk: Disk, random: Random, folder: string): Promise<void> {
  await beginFactoryReset(disk, folder);
  for (const name of [...SECRETS, ...PRIVATE_RECORDS]) {
    const path = join(folder, name);
    const bytes = await disk.sizeOf(path);
    if (bytes === null) continue;
    const file = await disk.open(path, { create: false });
    try {
      await file.write(0, random.bytes(bytes));
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.remove(path);
  }
  for (const name of [...REMOVED, BEGUN]) await disk.remove(join(folder, name));
}
