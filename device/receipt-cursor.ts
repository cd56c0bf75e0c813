// Remembers across restarts up to which ledger entry receipts have reached the home broker, so that receipts lost in a long outage
// or a crash are sent again.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';

const CURSOR_FILE = 'told.json';
const CURSOR_BYTES_MAX = 1_024;
const cursorSchema = z.strictObject({ entries: z.int().nonnegative() });

export class ReceiptCursor {
  private readonly disk: Disk;
  private readonly log: Log;
  private readonly path: string;
  private stored = 0;
  /** How many entries the ledger had when the newest receipt that reached the broker was made. */
  private arrived = 0;
  private underWay = 0;
  /** Receipts from this count of entries on may not have reached the broker; null when all have. */
  private missedFrom: number | null = null;
  private saving: Promise<void> = Promise.resolve();

  constructor(disk: Disk, folder: string, log: Log) {
    this.disk = disk;
    this.log = log;
    this.path = join(folder, CURSOR_FILE);
  }

  /** Reads the file. If it is missing or damaged, the whole ledger is reported again: duplicates are harmless. */
  async start(): Promise<void> {
    const bytes = await this.disk.readFile(this.path, CURSOR_BYTES_MAX).catch(() => null);
    const cursor = cursorSchema.safeParse(parseJson((bytes && fromUtf8(bytes)) ?? ''));
    this.stored = cursor.success ? cursor.data.entries : 0;
    this.arrived = this.stored;
    this.missedFrom = this.stored + 1;
  }

  /** The number of the ledger entry from which on the caller must send receipts again; null: none. */
  takeMissed(): number | null {
    const missed = this.missedFrom;
    this.missedFrom = null;
    return missed;
  }

  /** Follows a receipt that was made when the ledger had `entries` entries; `sent` resolves when the broker has it. */
  follow(entries: number, sent: Promise<void>): void {
    this.underWay += 1;
    sent
      .then(
        () => {
          this.arrived = Math.max(this.arrived, entries);
        },
        () => {
          this.missedFrom = Math.min(this.missedFrom ?? entries, entries);
        },
      )
      .then(() => {
        this.underWay -= 1;
        this.save();
      });
  }

  /** Resolves when everything recorded so far is on disk. */
  async idle(): Promise<void> {
    await this.saving;
  }

  private save(): void {
    const isWhole = this.underWay === 0 && this.missedFrom === null;
    if (!isWhole || this.arrived <= this.stored) return;
    this.stored = this.arrived;
    const text = `${JSON.stringify({ entries: this.arrived })}\n`;
    this.saving = this.saving
      .then(() => this.disk.replaceFile(this.path, utf8(text)))
      .catch((thrown: unknown) => {
        // The next receipt makes it try again. After a restart before that, these are sent again.
        this.stored = 0;
        this.log.warn('it could not be stored which receipts were delivered; a restart may send some again', {
          error: String(thrown),
        });
      });
  }
}
