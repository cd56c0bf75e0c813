// The append-only file of decisions and effects: hash chain, durability, signed head, recovery after a crash. A restore of both
// files from an old copy is detected by the heads in the owners' receipts, not here.
import { join } from 'node:path';
import type { Clock, Timer } from '@doorsill/base/clock';
import { type Disk, type DiskFile, isNoSpace, systemCode } from '@doorsill/base/disk';
import { type SigningKey, sha256Hex, verifySignature } from '@doorsill/base/keys';
import { assert } from '@doorsill/contract/assert';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from '@doorsill/contract/bytes';
import { failure, isFailure } from '@doorsill/contract/errors';
import { sha256Schema } from '@doorsill/contract/ids';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';
import { LedgerBody, type LedgerEntry, ledgerPlaceSchema } from './ledger-entry.ts';

/** The number of entries and the hash of the last one. */
export interface LedgerHead {
  entries: number;
  hash: string;
}

interface LedgerDeps {
  disk: Disk;
  clock: Clock;
  folder: string;
  device: { id: string; key: SigningKey };
  boot: string;
  /** Maximum size of the file; its last `LEDGER_RESERVE_BYTES` are for entries that end or report something. */
  bytesMax?: number;
}

const LEDGER_BYTES_MAX = 32 * 1024 * 1024;
/** New grants, owners and orders may not use this space: a full ledger can still record denials, revocations and their effects. */
export const LEDGER_RESERVE_BYTES = 1024 * 1024;
/** Maximum share of the ledger for `looked` entries, so that decisions keep room; beyond it no picture is shown. */
const LOOKS_SHARE = 0.5;
const LINE_BYTES_MAX = 131_072;
const CHUNK_BYTES = 262_144;
const HEAD_BYTES_MAX = 1_024;
const NEWLINE = 10;

/** Delay before another attempt to remove a refused entry from the file; doubled after each up to the longest. */
const RETRY_FIRST_MS = 1_000;
const RETRY_MOST_MS = 30_000;

/** Types of entries that may use the reserve: they end something or report on running work. */
const CLOSING_TYPES: readonly LedgerBody['type'][] = [
  ...(['denied', 'revoked', 'owner-removed', 'viewer-removed', 'restored', 'ended', 'failed', 'forgot'] as const),
  ...(['sealed', 'token-presented', 'delivered', 'deleted', 'recalled'] as const),
];

/** Hash of the entry before the first: binds the chain to its device. */
function genesisHash(deviceId: string): string {
  return sha256Hex(deviceId);
}

const headSchema = z.strictObject({
  entries: z.int().nonnegative(),
  hash: sha256Schema,
  signature: z.string().length(86),
});

function headSigningInput(deviceId: string, head: LedgerHead): Uint8Array {
  return utf8(`doorsill-ledger-head\n${deviceId}\n${head.entries}\n${head.hash}`);
}

/** An entry as a line: the hash of its exact JSON text, then that text. */
function lineOf(entry: LedgerEntry): { line: Uint8Array; hash: string } {
  const text = JSON.stringify(entry);
  const hash = sha256Hex(text);
  return { line: utf8(`${hash} ${text}\n`), hash };
}

/** Reads one line at its position in the chain; null when it does not chain there. */
function readLine(line: string, before: LedgerHead): { entry: LedgerEntry; hash: string } | null {
  const hash = line.slice(0, 64);
  const text = line.slice(65);
  if (line.charAt(64) !== ' ' || sha256Hex(text) !== hash) return null;
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null) return null;
  const { type, body, ...rest }: Record<string, unknown> = { ...value };
  const place = ledgerPlaceSchema.safeParse(rest);
  const content = LedgerBody.safeParse({ type, body });
  if (!place.success || !content.success) return null;
  if (place.data.sequence !== before.entries || place.data.previousHash !== before.hash) return null;
  return { entry: { ...place.data, ...content.data }, hash };
}

interface WalkedLedger {
  head: LedgerHead;
  /** Bytes of whole, chained lines; anything behind is a torn write. */
  goodBytes: number;
  bytes: number;
  /** Whether a crash made the last entry durable but not its head. */
  unsigned: boolean;
}

/** Result of a walk over the file. */
interface Walk {
  head: LedgerHead;
  /** By head to compare: the chain's hash after as many entries as it names; null if the file has fewer. */
  hashesAt: Map<LedgerHead, string | null>;
  /** Bytes of whole, chained lines; anything behind is a torn write. */
  goodBytes: number;
}

/**
 * Checks a ledger against its signed head and passes every entry to `each`, in order. It needs only the public key, so auditors can
 * use it, too. `kept`: an earlier head that must be on the chain as well, such as one in a receipt that the owner kept.
 * Throws `consent_ledger_damaged`, and the disk's error when it cannot be read.
 */
export async function walkLedger(
  disk: Disk,
  folder: string,
  device: { id: string; key: string },
  each: (entry: LedgerEntry) => void,
  kept: LedgerHead | null = null,
): Promise<WalkedLedger> {
  const signed = await readHead(disk, folder, device);
  const path = join(folder, LEDGER_FILE);
  const bytes = await disk.sizeOf(path);
  const heads = [signed, kept].flatMap((head) => (head ? [head] : []));
  if (bytes === null) {
    if (heads.some(({ entries }) => entries > 0)) throw damaged('the file is missing');
    return { head: { entries: 0, hash: genesisHash(device.id) }, goodBytes: 0, bytes: 0, unsigned: false };
  }
  const file = await disk.open(path, { create: false });
  try {
    const walk = await walkLines(file, bytes, device.id, heads, each);
    for (const [head, hash] of walk.hashesAt) {
      if (hash === null) throw damaged(`${walk.head.entries} of ${head.entries} entries are left`);
      const what = head === signed ? 'its signed head names' : 'the kept receipt names';
      if (hash !== head.hash) throw damaged(`it is not the chain that ${what}`);
    }
    // Appends run one at a time, so at most one durable entry can lack its head.
    if (walk.head.entries > (signed?.entries ?? 0) + 1) throw damaged('entries follow that no signed head covers');
    const unsigned = walk.head.entries > (signed?.entries ?? 0);
    return { head: walk.head, goodBytes: walk.goodBytes, bytes, unsigned };
  } finally {
    await file.close();
  }
}

async function walkLines(
  file: DiskFile,
  bytes: number,
  deviceId: string,
  heads: readonly LedgerHead[],
  each: (entry: LedgerEntry) => void,
): Promise<Walk> {
  const walk: Walk = { head: { entries: 0, hash: genesisHash(deviceId) }, hashesAt: new Map(), goodBytes: 0 };
  const reached = () => {
    for (const head of heads) if (head.entries === walk.head.entries) walk.hashesAt.set(head, walk.head.hash);
  };
  for (const head of heads) walk.hashesAt.set(head, null);
  reached();
  let rest: Uint8Array = new Uint8Array();
  for (let position = 0; position < bytes; position += CHUNK_BYTES) {
    const chunk = await file.read(position, Math.min(CHUNK_BYTES, bytes - position));
    let at = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, at)) {
      const line = joined(rest, chunk.subarray(at, end));
      rest = new Uint8Array();
      at = end + 1;
      const text = fromUtf8(line);
      const read = text === null ? null : readLine(text, walk.head);
      if (!read) {
        // Only the last write can be torn; the caller compares the head to learn whether it had been acknowledged.
        if (position + at === bytes) return walk;
        throw damaged(`entry ${walk.head.entries} does not chain`);
      }
      walk.head = { entries: walk.head.entries + 1, hash: read.hash };
      walk.goodBytes += line.length + 1;
      reached();
      each(read.entry);
    }
    rest = joined(rest, chunk.subarray(at));
    if (rest.length > LINE_BYTES_MAX) throw damaged(`entry ${walk.head.entries} is too long`);
  }
  return walk;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

async function readHead(disk: Disk, folder: string, device: { id: string; key: string }): Promise<LedgerHead | null> {
  const bytes = await disk.readFile(join(folder, HEAD_FILE), HEAD_BYTES_MAX).catch((thrown: unknown) => {
    if (systemCode(thrown) !== 'EFBIG') throw thrown;
    throw damaged('its head is too long', thrown);
  });
  if (!bytes) return null;
  const head = headSchema.safeParse(parseJson(fromUtf8(bytes) ?? ''));
  const signature = head.success ? fromBase64url(head.data.signature) : null;
  if (!head.success || !signature || !verifySignature(device.key, headSigningInput(device.id, head.data), signature)) {
    throw damaged('its head is not signed by this device');
  }
  return { entries: head.data.entries, hash: head.data.hash };
}

const damaged = (detail: string, cause?: unknown) => failure('consent_ledger_damaged', { detail }, cause);

/**
 * Why a device's records cannot be used in this boot, and whether they were altered. Records that are incomplete might lack a
 * denial or revocation. Rethrows our own bugs.
 */
export function recordsFault(thrown: unknown): { detail: string; isTamper: boolean } {
  if (isFailure(thrown)) return { detail: String(thrown.facts['detail'] ?? thrown.message), isTamper: true };
  const disk = systemCode(thrown);
  if (disk === null) throw thrown;
  return { detail: `the disk says ${disk}`, isTamper: false };
}

/** Without a free file descriptor replacing the head never started, and the head cannot be read either. */
const OUT_OF_FILES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE']);

/** The ledger's file in the device's folder. */
export const LEDGER_FILE = 'ledger.jsonl';
const HEAD_FILE = 'ledger-head.json';

/** The device's ledger. One append at a time: the gate's queue ensures it, and `append` asserts it. */
export class Ledger {
  private readonly deps: LedgerDeps;
  private file: DiskFile | null = null;
  private current: LedgerHead;
  private bytes = 0;
  private busy = false;
  /** Whether a refused entry may still be in the file; it is removed before anything else is written. */
  private broken = false;
  private removing: Promise<boolean> | null = null;
  private retry: Timer | null = null;
  private retryMs = RETRY_FIRST_MS;
  private refusing: 'full' | 'failed' | null = null;

  constructor(deps: LedgerDeps) {
    this.deps = deps;
    this.current = { entries: 0, hash: genesisHash(deps.device.id) };
  }

  get head(): LedgerHead {
    return this.current;
  }

  /** Whether the last entry could be stored; else the reason: no space, or a disk error. */
  get storage(): 'ok' | 'full' | 'failed' {
    return this.refusing ?? 'ok';
  }

  /** Verifies the file, drops a torn last write, passes every entry to `each`. Throws `consent_ledger_damaged`. */
  async start(each: (entry: LedgerEntry) => void): Promise<void> {
    const { disk, folder, device } = this.deps;
    await disk.makeFolder(folder);
    const walk = await walkLedger(disk, folder, { id: device.id, key: device.key.publicKey }, each);
    this.file = await disk.open(join(folder, LEDGER_FILE), { create: true });
    this.current = walk.head;
    this.bytes = walk.goodBytes;
    // Repairs a torn tail or an entry without its head, now or as soon as the disk permits.
    if (walk.goodBytes < walk.bytes || walk.unsigned) await this.removeRefused(this.file);
  }

  /** Closes the file, after one more attempt to remove a refused entry. */
  async stop(): Promise<void> {
    const file = this.file;
    this.file = null;
    if (file && this.broken) await this.removeRefused(file);
    this.retry?.cancel();
    await file?.close();
  }

  /**
   * Writes one entry; resolves when entry and head are durable, and the entry takes effect only then.
   * Throws `consent_storage_failed`, or `look_log_full` for a `looked` entry: then the entry is not in the ledger.
   */
  async append(content: LedgerBody): Promise<LedgerEntry> {
    assert(!this.busy, 'one append at a time');
    this.busy = true;
    try {
      return await this.appendAlone(content);
    } finally {
      this.busy = false;
    }
  }

  private async appendAlone(content: LedgerBody): Promise<LedgerEntry> {
    const file = this.file;
    if (!file || (this.broken && !(await this.removeRefused(file)))) throw failure('consent_storage_failed');
    // One unreadable entry would make the whole ledger unusable.
    assert(LedgerBody.safeParse(content).success, `a ${content.type} entry fits its schema`);
    const entry = this.numbered(content);
    const { line, hash } = lineOf(entry);
    const bytesMax = this.deps.bytesMax ?? LEDGER_BYTES_MAX;
    if (content.type === 'looked' && this.bytes + line.length > bytesMax * LOOKS_SHARE) throw failure('look_log_full');
    const room = CLOSING_TYPES.includes(content.type) ? bytesMax : bytesMax - LEDGER_RESERVE_BYTES;
    if (this.bytes + line.length > room || line.length > LINE_BYTES_MAX) throw failure('consent_storage_failed');
    try {
      await file.write(this.bytes, line);
      await file.sync();
      const head = { entries: this.current.entries + 1, hash };
      await this.writeHead(head);
      this.current = head;
      this.bytes += line.length;
      this.refusing = null;
      return entry;
    } catch (thrown) {
      this.refusing = isNoSpace(thrown) ? 'full' : 'failed';
      await this.removeRefused(file, OUT_OF_FILES.has(systemCode(thrown) ?? ''));
      throw failure('consent_storage_failed', {}, thrown);
    }
  }

  private numbered(content: LedgerBody): LedgerEntry {
    const { clock, boot } = this.deps;
    const place = { sequence: this.current.entries, previousHash: this.current.hash, atUs: clock.wallUs(), boot };
    return { ...place, ...content };
  }

  private async writeHead(head: LedgerHead): Promise<void> {
    const { disk, folder } = this.deps;
    await disk.replaceFile(join(folder, HEAD_FILE), utf8(`${this.signedHead(head)}\n`));
  }

  private signedHead(head: LedgerHead): string {
    const { device } = this.deps;
    const signature = toBase64url(device.key.sign(headSigningInput(device.id, head)));
    return JSON.stringify({ entries: head.entries, hash: head.hash, signature });
  }

  /** Writes the head in place where a full disk has no room for a new file. A head is smaller than a sector. */
  private async overwriteHead(head: LedgerHead): Promise<void> {
    const { disk, folder } = this.deps;
    const file = await disk.open(join(folder, HEAD_FILE), { create: false });
    try {
      await file.write(0, utf8(`${this.signedHead(head).padEnd((await file.size()) - 1)}\n`));
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /**
   * After a failed append or a crash, removes the invalid entry from head and file; returns whether that succeeded. If not, it is
   * retried later and before the next append: an owner was told that the entry is not stored, and a restart must not find it.
   */
  private removeRefused(file: DiskFile, headIsUntouched = false): Promise<boolean> {
    this.removing ??= this.removeRefusedAlone(file, headIsUntouched).finally(() => {
      this.removing = null;
    });
    return this.removing;
  }

  /**
   * Writes the head first: a crash in between then leaves an entry without a head, as a crash inside `append` does; the other order
   * would look like a truncated ledger.
   */
  private async removeRefusedAlone(file: DiskFile, headIsUntouched: boolean): Promise<boolean> {
    const { disk, folder, device } = this.deps;
    this.retry?.cancel();
    try {
      const known = { id: device.id, key: device.key.publicKey };
      const onDisk = headIsUntouched ? this.current : await readHead(disk, folder, known);
      const isCurrent = onDisk?.entries === this.current.entries && onDisk.hash === this.current.hash;
      const isEmpty = onDisk === null && this.current.entries === 0;
      // Written only when needed: on a full disk the write could fail, and the refused entry would stay.
      if (!isCurrent && !isEmpty) await this.writeHead(this.current).catch(() => this.overwriteHead(this.current));
      await file.truncate(this.bytes);
      await file.sync();
      this.broken = false;
      this.retryMs = RETRY_FIRST_MS;
    } catch {
      this.broken = true;
      this.removeRefusedLater(file);
    }
    return !this.broken;
  }

  private removeRefusedLater(file: DiskFile): void {
    const delayMs = this.retryMs;
    this.retryMs = Math.min(2 * delayMs, RETRY_MOST_MS);
    this.retry = this.deps.clock.after(delayMs, () => void this.removeRefused(file));
  }
}
