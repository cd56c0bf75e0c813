// A replay's output folder, which only this user can open: events, stills and clips, the log. Its footage is not encrypted.

import { appendFileSync } from 'node:fs';
import { appendFile, chmod, open, readdir, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Disk, systemCode } from '@doorsill/base/disk';
import { type Log, openLogFile } from '@doorsill/base/log';
import type { Window } from '@doorsill/contract/shared-claims';
import { failure } from '../errors.ts';
import { refusePairedFolder } from './footage.ts';
import type { ReplayedDoorbell } from './replayed-doorbell.ts';
import type { NoticedEvent } from './run-replay.ts';

/** A stored picture; `file` is relative to the folder. */
export interface KeptStill {
  camera: string;
  atUs: number;
  caption: string;
  file: string;
}

const STILL_WIDTH = 640;
/** A run with more events keeps footage as clips only. */
const STILLS_MAX = 1_000;

export class ReplayFolder {
  readonly path: string;
  readonly stills: KeptStill[] = [];
  private readonly disk: Disk;
  private kept = 0;

  private constructor(path: string, disk: Disk) {
    this.path = path;
    this.disk = disk;
  }

  /** Creates the folder. Throws `replay_folder_taken`, `replay_folder_paired`, and disk errors. */
  static async make(word: string, disk: Disk): Promise<ReplayFolder> {
    const path = await makeKeptFolder(word, disk);
    const folder = new ReplayFolder(path, disk);
    // Claimed at once, so that a second run into the same folder is refused.
    await folder.claim('events.jsonl').catch((thrown: unknown) => {
      throw systemCode(thrown) === 'EEXIST' ? failure('replay_folder_taken', { folder: path }) : thrown;
    });
    return folder;
  }

  /** The doorbells' log, next to the events. */
  openLog(): Log {
    return openLogFile(join(this.path, 'log.jsonl'));
  }

  /** Appends an event, synchronously. */
  event(record: object): void {
    appendFileSync(join(this.path, 'events.jsonl'), `${JSON.stringify(record)}\n`, { mode: 0o600 });
  }

  /** Stores an event's picture or footage. */
  async keep(doorbell: ReplayedDoorbell, { camera, event }: NoticedEvent, atS: number): Promise<void> {
    if (event.type !== 'event-window') return this.still(doorbell, { atUs: event.atUs, atS, type: event.type });
    await this.clip(doorbell, event.window, join(camera, `${this.nextName(atS, event.type)}.mp4`));
  }

  /** Stores the picture at a time. */
  async still(
    doorbell: ReplayedDoorbell,
    { atUs, atS, type }: { atUs: number; atS: number; type: string },
  ): Promise<void> {
    if (this.stills.length >= STILLS_MAX) return;
    const camera = doorbell.name;
    // There is none for a press while nothing is recorded.
    const jpeg = await doorbell.session.still({ atUs, width: STILL_WIDTH, isExact: true }).catch(() => null);
    if (!jpeg) return;
    const file = join(camera, `${this.nextName(atS, type)}.jpg`);
    await this.disk.makeFolder(join(this.path, camera));
    await this.disk.replaceFile(join(this.path, file), jpeg);
    this.stills.push({ camera, atUs, caption: `${type} at ${atS.toFixed(1)} s`, file });
  }

  private nextName(atS: number, type: string): string {
    this.kept += 1;
    return `${String(this.kept).padStart(4, '0')}-${atS.toFixed(3)}s-${type}`;
  }

  private async clip(doorbell: ReplayedDoorbell, window: Window, file: string): Promise<void> {
    const footage = await doorbell.session.footage(window).catch(() => null);
    if (!footage) return;
    await this.disk.makeFolder(dirname(join(this.path, file)));
    const path = join(this.path, file);
    await this.claim(file);
    for await (const part of footage) await appendFile(path, part);
  }

  private async claim(file: string): Promise<void> {
    const handle = await open(join(this.path, file), 'wx', 0o600);
    await handle.close();
  }
}

/**
 * Creates a folder for plain footage: new or empty, and not inside a doorbell that keeps its footage. Returns its absolute path. Throws
 * `replay_folder_taken`, `replay_folder_paired`, and disk errors.
 */
export async function makeKeptFolder(word: string, disk: Disk): Promise<string> {
  const path = resolve(word);
  const names = await readdir(path).catch(() => []);
  if (names.length > 0) throw failure('replay_folder_taken', { folder: path });
  await refusePairedFolder(await nearestRealPath(path));
  await disk.makeFolder(path);
  // An existing folder may be open to others.
  await chmod(path, 0o700);
  return path;
}

/** The real path of the nearest existing parent folder. */
async function nearestRealPath(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const real = await realpath(folder).catch(() => null);
    if (real !== null || dirname(folder) === folder) return real ?? folder;
  }
}
