// Disk space reserved for revocations: one preallocated file that is written in place, so that a revocation is durable even when the
// disk is full and the ledger cannot grow. It is a copy; the ledger stays the record.
import { join } from 'node:path';
import type { Disk, DiskFile } from '@doorsill/base/disk';
import { sha256Hex } from '@doorsill/base/keys';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';

const RESERVE_FILE = 'revocations.reserve';
/** One page, so that writing a slot never needs another block. A revocation token is less than half that size. */
const SLOT_BYTES = 4_096;
/** Twice the number of grants that may be unfinished at once. */
const SLOTS = 32;
export const RESERVE_BYTES = SLOTS * SLOT_BYTES;
const SUM_LETTERS = 64;

export class RevocationReserve {
  private readonly disk: Disk;
  private readonly folder: string;
  private file: DiskFile | null = null;
  private isRead = false;
  private readonly slots: (string | null)[] = Array.from({ length: SLOTS }, () => null);

  constructor(disk: Disk, folder: string) {
    this.disk = disk;
    this.folder = folder;
  }

  /**
   * Returns the tokens in the file, without half-written ones, which were never reported as durable. Rejects with the disk's error
   * when the file exists but cannot be read; it is not overwritten then.
   */
  async start(): Promise<string[]> {
    const path = join(this.folder, RESERVE_FILE);
    const bytes = await this.disk.readFile(path, RESERVE_BYTES);
    for (let slot = 0; slot < SLOTS; slot += 1) {
      this.slots[slot] = readSlot((bytes ?? new Uint8Array(0)).subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES));
    }
    this.isRead = true;
    return this.slots.filter((token) => token !== null);
  }

  /** Preallocates the file at full length with real blocks. Rejects with the disk's error. */
  async makeRoom(): Promise<void> {
    await this.open();
  }

  async stop(): Promise<void> {
    const { file } = this;
    this.file = null;
    await file?.close();
  }

  /** Stores a token; returns whether it is durable. */
  async keep(token: string): Promise<boolean> {
    if (this.slots.includes(token)) return true;
    const slot = this.slots.indexOf(null);
    const bytes = utf8(`${sha256Hex(token)}${token}\n`);
    if (!this.isRead || slot < 0 || bytes.length > SLOT_BYTES) return false;
    try {
      await this.write(slot, bytes);
    } catch {
      return false;
    }
    this.slots[slot] = token;
    return true;
  }

  /** Frees a token's slot. If overwriting fails, the token is found again at the next start, which is harmless. */
  async drop(token: string): Promise<void> {
    const slot = this.slots.indexOf(token);
    if (slot < 0) return;
    this.slots[slot] = null;
    await this.write(slot, new Uint8Array(0)).catch(() => undefined);
  }

  private async write(slot: number, bytes: Uint8Array): Promise<void> {
    const page = new Uint8Array(SLOT_BYTES);
    page.set(bytes);
    const file = await this.open();
    await file.write(slot * SLOT_BYTES, page);
    await file.sync();
  }

  /** Opens the file, and preallocates it at full length if it is shorter. */
  private async open(): Promise<DiskFile> {
    if (this.file) return this.file;
    const file = await this.disk.open(join(this.folder, RESERVE_FILE), { create: true });
    try {
      const bytes = await file.size();
      if (bytes < RESERVE_BYTES) {
        await file.write(bytes, new Uint8Array(RESERVE_BYTES - bytes));
        await file.sync();
      }
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
    this.file = file;
    return file;
  }
}

function readSlot(page: Uint8Array): string | null {
  const end = page.indexOf(0);
  const text = fromUtf8(page.subarray(0, end < 0 ? page.length : end));
  if (!text?.endsWith('\n')) return null;
  const token = text.slice(SUM_LETTERS, -1);
  return sha256Hex(token) === text.slice(0, SUM_LETTERS) ? token : null;
}
