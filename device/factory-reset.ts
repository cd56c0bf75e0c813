// Owns: resetting a device's folder to unused, except for the settings. Not here: deleting footage (ring/).
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { Random } from '@doorsill/base/random';
import { EVENT_FILES } from './events/event-files.ts';
import { LEDGER_FILE } from './ledger/ledger.ts';

/** Files with secrets; each is overwritten before it is removed. The first decrypts all others, so it goes first. */
const SECRETS = [
  ...['wrapping.key', 'ring.key', 'outbox.key', 'device.key', 'enrolment.json'],
  // An owner may have put a certificate of their own domain there.
  join('console', 'server.key.pem'),
];

/** Overwritten in the same way: these are not sealed, and tell when people were at the door, and what was disclosed about the home. */
const TELLING = [...EVENT_FILES.map((name) => join('events', name)), join('consent', LEDGER_FILE)];

/** Files that cannot be read without the secrets, and what else is left. */
const REMOVED = ['ring', 'outbox', 'previews', 'consent', 'events', 'console'] as const;

/** Says that a reset was begun: whoever finds it at a start does the rest first. */
const BEGUN = 'factory-reset.begun';

/** Notes durably that the folder is to be reset, for the time that it takes to end the device. */
export function beginFactoryReset(disk: Disk, folder: string): Promise<void> {
  return disk.replaceFile(join(folder, BEGUN), new Uint8Array(0));
}

/** Does what is left of a reset that was begun and not finished; returns whether there was one. */
export async function finishFactoryReset(disk: Disk, random: Random, folder: string): Promise<boolean> {
  if ((await disk.sizeOf(join(folder, BEGUN))) === null) return false;
  await factoryReset(disk, random, folder);
  return true;
}

/**
 * Destroys keys, footage, past events, clips, owners, ledger, enrolment and the console's certificate of a device that is not running.
 * `device.json` stays, and the note of what Home Assistant was told (home-link/home-assistant.ts), by which the next start takes
 * that back; it also replaces the account at the home broker (home-account.ts). Keys, events and ledger are overwritten in place before anything is removed (a flash controller may keep a copy even so).
 * Repeatable, and finished by the next start when it is cut off.
 */
export async function factoryReset(disk: Disk, random: Random, folder: string): Promise<void> {
  await beginFactoryReset(disk, folder);
  for (const name of [...SECRETS, ...TELLING]) {
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
