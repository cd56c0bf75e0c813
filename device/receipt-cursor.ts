// Owns: how far the ledger's receipts have reached the owner's broker, across restarts: receipts lost in a long outage or a crash
// are sent again. Not here: their content (consent/effect-runner.ts), sending them (home-link/).
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';

const TOLD_FILE = 'told.json';
const TOLD_BYTES_MAX = 1_024;
const toldSchema = z.strictObject({ entries: z.int().nonnegative() });

export class ReceiptCursor {
  private readonly disk: Disk;
  private readonly log: Log;
  private readonly path: string;
  private stored = 0;
  /** Number of ledger entries at the newest receipt that has arrived. */
  private arrived = 0;
  private underWay = 0;
  /** Receipts from this count of entries on may not have reached the broker; null when all have. */
  private missedFrom: number | null = null;
  private saving: Promise<void> = Promise.resolve();

  constructor(disk: Disk, folder: string, log: Log) {
    this.disk = disk;
    this.log = log;
    this.path = join(folder, TOLD_FILE);
  }

  /** Reads the file. If it is missing or damaged, the whole ledger is reported again: duplicates are harmless. */
  async start(): Promise<void> {
    const bytes = await this.disk.readFile(this.path, TOLD_BYTES_MAX).catch(() => null);
    const told = toldSchema.safeParse(parseJson((bytes && fromUtf8(bytes)) ?? ''));
    this.stored = told.success ? told.data.entries : 0;
    this.arrived = this.stored;
    this.missedFrom = this.stored + 1;
  }

  /** The count of ledger entries from which on the caller must send receipts again; null: none. */
  takeMissed(): number | null {
    const missed = this.missedFrom;
    this.missedFrom = null;
    return missed;
  }

  /** A receipt made when the ledger had `entries` entries is on its way; `sent` resolves when the broker has it. */
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
        // Then it is sent once more after the next start.
        this.stored = 0;
        this.log.warn('it could not be stored what the owner has been told', { error: String(thrown) });
      });
  }
}
