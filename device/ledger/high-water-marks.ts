// Values that must never go backwards across restarts: the latest wall time the device has seen, and the revisions of the documents
// it has accepted. One small file, replaced atomically.
import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import { type Disk, systemCode } from '@doorsill/base/disk';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';

const MARKS_FILE = 'marks.json';
const MARKS_BYTES_MAX = 32_768;
/** Parts of the cell's documents: 99 of requests, 99 of searches. */
const PARTS_MAX = 198;

/** Time synchronisation may set the clock back this much without making it untrusted. */
export const CLOCK_BACKSTEP_US_MAX = 2_000_000;
/** The mark on disk may lag this much behind the one in memory, to spare the flash card. */
const SAVE_STEP_US = 600_000_000;

const marksSchema = z.strictObject({
  /** Number of the ledger's reset-clock-mark orders that this file reflects. */
  clockResets: z.int().nonnegative(),
  wallUs: z.int().nonnegative(),
  revocations: z.int().nonnegative(),
  /** Highest revision by part of the cell's documents: `<bridge>/<cell>/<part>` and `<bridge>/<cell>/searches/<part>`. */
  areas: z.record(z.string().max(200), z.int().positive()),
});
type Marks = z.infer<typeof marksSchema>;

/** The values in memory may be ahead of the file. */
export class HighWaterMarks {
  private readonly disk: Disk;
  private readonly clock: Clock;
  private readonly path: string;
  private marks: Marks = { clockResets: 0, wallUs: 0, revocations: 0, areas: {} };
  private savedWallUs = 0;

  constructor(disk: Disk, clock: Clock, folder: string) {
    this.disk = disk;
    this.clock = clock;
    this.path = join(folder, MARKS_FILE);
  }

  /**
   * Reads the file. `ledger`: the latest wall time in the ledger since the last reset order, and the number of such orders. If the
   * file lacks an order, because of a crash in between, its wall time is ignored.
   * Throws `state_damaged`, and the disk's error when the file cannot be read.
   */
  async start(ledger: { wallFloorUs: number; clockResets: number }): Promise<void> {
    const damaged = (detail: string) => failure('state_damaged', { file: this.path, detail });
    const bytes = await this.disk.readFile(this.path, MARKS_BYTES_MAX).catch((thrown: unknown) => {
      if (systemCode(thrown) !== 'EFBIG') throw thrown;
      throw damaged(String(thrown));
    });
    if (bytes) {
      const marks = marksSchema.safeParse(parseJson(fromUtf8(bytes) ?? ''));
      if (!marks.success) throw damaged('it does not hold marks');
      this.marks = marks.data;
      this.savedWallUs = marks.data.wallUs;
    }
    const isVoid = this.marks.clockResets !== ledger.clockResets;
    this.marks.wallUs = isVoid ? ledger.wallFloorUs : Math.max(this.marks.wallUs, ledger.wallFloorUs);
    this.marks.clockResets = ledger.clockResets;
  }

  /** Whether windows and expiries can be judged now: the clock is set and is not behind the mark. */
  clockTrusted(): boolean {
    return this.clock.synchronised() && this.clock.wallUs() >= this.marks.wallUs - CLOCK_BACKSTEP_US_MAX;
  }

  /** The latest wall time that is known to be past, in microseconds. */
  get latestUs(): number {
    return this.marks.wallUs;
  }

  /** Moves the mark to now; the file follows in steps. Rejects with the disk's error, after which the mark in memory has moved. */
  async advance(): Promise<void> {
    if (!this.clock.synchronised()) return;
    this.marks.wallUs = Math.max(this.marks.wallUs, this.clock.wallUs());
    if (this.marks.wallUs - this.savedWallUs >= SAVE_STEP_US) await this.save();
  }

  /** Sets the mark back to now, by an owner's order. The ledger already has the order, so writing the file may fail. */
  async resetClock(): Promise<void> {
    this.marks.wallUs = this.clock.wallUs();
    this.marks.clockResets += 1;
    await this.save();
  }

  get revocations(): number {
    return this.marks.revocations;
  }

  area(name: string): number {
    return this.marks.areas[name] ?? 0;
  }

  /**
   * Raises the mark of the revocation list; await it before accepting the list, so that a restart cannot bring an older one back.
   * Rejects with the disk's error; the mark has not moved then, so the next attempt stores it.
   */
  async raiseRevocations(revision: number): Promise<void> {
    if (revision <= this.marks.revocations) return;
    await this.save({ ...this.marks, revocations: revision });
    this.marks.revocations = revision;
  }

  async raiseArea(name: string, revision: number): Promise<void> {
    if (revision <= this.area(name)) return;
    const others = Object.entries(this.marks.areas).filter(([other]) => other !== name);
    this.marks.areas = Object.fromEntries([...others.slice(-(PARTS_MAX - 1)), [name, revision]]);
    await this.save();
  }

  /** Removes the revisions of a former registry and bridge. */
  async forgetRevisions(): Promise<void> {
    this.marks.revocations = 0;
    this.marks.areas = {};
    await this.save();
  }

  private async save(marks = this.marks): Promise<void> {
    await this.disk.replaceFile(this.path, utf8(`${JSON.stringify(marks)}\n`));
    this.savedWallUs = marks.wallUs;
  }
}
