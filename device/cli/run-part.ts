// Runs one part in this process: locks its folder, reports `ready`, and stops it by a signal.
import { type FolderLock, lockFolder } from '@doorsill/base/folder-lock';
import { failure } from '../terminal/errors.ts';
import { serveUntilStopped } from '../terminal/stop-signal.ts';
import type { Context } from './context.ts';

/** Locks a part's folder for this process until the lock is released. Throws `data_folder_locked`. */
export function holdFolder(folder: string): FolderLock {
  const lock = lockFolder(folder);
  if ('heldBy' in lock) throw failure('data_folder_locked', { folder, pid: lock.heldBy });
  return lock;
}

/** Runs a part while its data folder is locked. */
export async function runPart(
  context: Context,
  folder: string,
  start: () => Promise<{ part: { stop(): Promise<void> }; ready: object; text: string }>,
): Promise<void> {
  const lock = holdFolder(folder);
  try {
    await serveUntilStopped(async () => {
      const { part, ready, text } = await start();
      context.output.result({ event: 'ready', pid: process.pid, ...ready }, `${text}\nCtrl-C ends it.`);
      return part;
    });
  } finally {
    lock.release();
  }
}
