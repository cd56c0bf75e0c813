// The bytes of one file on a simulated disk, and what a power cut leaves of them.
import { integerBelow, type Random } from '@doorsill/base/random';

/** Unit of atomic writes. An interrupted write may have reached some of its sectors, in any order. */
const SECTOR_BYTES = 512;

/** A change that is not durable yet: a written range, or a new length. */
type Pending = { readonly at: number; readonly length: number } | { readonly cutTo: number };

/** Page size of the stored bytes. */
const PAGE_BYTES = 4_096;
const ZEROS = new Uint8Array(PAGE_BYTES);

/** A page, or null for zeros. Pages are immutable: files and their copies share equal ones. */
type Page = Uint8Array | null;

/** A file's bytes in pages. */
class Bytes {
  private pages: Page[] = [];
  size = 0;

  /** A copy on write. */
  copy(): Bytes {
    const copy = new Bytes();
    copy.pages = this.pages.slice();
    copy.size = this.size;
    return copy;
  }

  /** A copy of up to `length` bytes; shorter only at the end. */
  read(position: number, length: number): Uint8Array {
    const from = Math.min(position, this.size);
    const bytes = new Uint8Array(Math.min(position + length, this.size) - from);
    for (const { page, at, inPage, length: part } of parts(from, bytes.length)) {
      const kept = this.pages[page];
      if (kept) bytes.set(kept.subarray(inPage, inPage + part), at);
    }
    return bytes;
  }

  write(position: number, bytes: Uint8Array): void {
    this.size = Math.max(this.size, position + bytes.length);
    for (const { page, at, inPage, length } of parts(position, bytes.length))
      this.pages[page] = changed(this.pages[page], inPage, bytes.subarray(at, at + length));
  }

  /** Copies a range of other bytes into this file, up to their end. */
  take(from: Bytes, position: number, length: number): void {
    const taken = Math.max(0, Math.min(length, from.size - position));
    this.size = Math.max(this.size, position + taken);
    for (const { page, inPage, length: part } of parts(position, taken)) {
      const other = from.pages[page] ?? null;
      this.pages[page] =
        part === PAGE_BYTES
          ? other
          : changed(this.pages[page], inPage, (other ?? ZEROS).subarray(inPage, inPage + part));
    }
  }

  resize(length: number): void {
    if (length < this.size) {
      // If the file grows again, the bytes beyond this length must be zero.
      const [last, inPage] = [Math.floor(length / PAGE_BYTES), length % PAGE_BYTES];
      this.pages.length = Math.min(this.pages.length, inPage === 0 ? last : last + 1);
      if (inPage > 0 && this.pages[last]) this.pages[last] = changed(this.pages[last], inPage, ZEROS.subarray(inPage));
    }
    this.size = length;
  }

  flip(bit: number): void {
    const at = bit >> 3;
    const byte = (this.read(at, 1)[0] ?? 0) ^ (1 << (bit & 7));
    this.write(at, Uint8Array.of(byte));
  }
}

/** Splits a range by pages: the offset in the range and in the page. */
function* parts(position: number, length: number) {
  for (let at = 0; at < length; ) {
    const inPage = (position + at) % PAGE_BYTES;
    const part = Math.min(PAGE_BYTES - inPage, length - at);
    yield { page: Math.floor((position + at) / PAGE_BYTES), at, inPage, length: part };
    at += part;
  }
}

/** A page with `bytes` written into it. */
function changed(page: Page | undefined, inPage: number, bytes: Uint8Array): Page {
  if (bytes.length === PAGE_BYTES) return Buffer.compare(bytes, ZEROS) === 0 ? null : new Uint8Array(bytes);
  const fresh = page ? page.slice() : new Uint8Array(PAGE_BYTES);
  fresh.set(bytes, inPage);
  return fresh;
}

export class FileContent {
  private readonly live: Bytes;
  private readonly durable: Bytes;
  private pending: Pending[] = [];

  /** Empty, or with durable `bytes`. */
  constructor(bytes: Bytes = new Bytes()) {
    this.live = bytes;
    this.durable = bytes.copy();
  }

  get size(): number {
    return this.live.size;
  }

  read(position: number, length: number): Uint8Array {
    return this.live.read(position, length);
  }

  write(position: number, bytes: Uint8Array): void {
    this.live.write(position, bytes);
    this.pending.push({ at: position, length: bytes.length });
  }

  /** Makes these bytes durable at once, along with pending writes to the same range. */
  writeDurably(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length;
    const isSame = (one: Pending) => 'cutTo' in one || (one.at < end && position < one.at + one.length);
    for (const one of this.pending.filter(isSame)) this.keep(one);
    this.pending = this.pending.filter((one) => !isSame(one));
    this.live.write(position, bytes);
    this.durable.write(position, bytes);
  }

  truncate(length: number): void {
    this.live.resize(length);
    this.pending.push({ cutTo: length });
  }

  sync(): void {
    for (const one of this.pending) this.keep(one);
    this.pending = [];
  }

  /** Flips a bit on the medium: it reads as flipped, also after a power cut. */
  flipBit(bit: number): void {
    this.live.flip(bit);
    if (bit >> 3 < this.durable.size) this.durable.flip(bit);
  }

  durablyHolds(bytes: Uint8Array): boolean {
    return Buffer.from(this.durable.read(0, this.durable.size)).includes(Buffer.from(bytes));
  }

  copy(): FileContent {
    return new FileContent(this.live.copy());
  }

  /** The content after a power cut: everything durable, and of each pending write everything, nothing, or some sectors. */
  afterPowerCut(random: Random): FileContent {
    const found = this.durable.copy();
    for (const one of this.pending) {
      const fate = integerBelow(random, 3);
      if (fate === 0) continue;
      if ('cutTo' in one) found.resize(one.cutTo);
      else if (fate === 1) found.take(this.live, one.at, one.length);
      else this.tear(found, one, random);
    }
    return new FileContent(found);
  }

  private tear(into: Bytes, { at, length }: { at: number; length: number }, random: Random): void {
    for (let sector = at - (at % SECTOR_BYTES); sector < at + length; sector += SECTOR_BYTES) {
      if (random.fraction() < 0.5) continue;
      const from = Math.max(at, sector);
      const to = Math.min(at + length, sector + SECTOR_BYTES);
      into.take(this.live, from, to - from);
    }
  }

  /** Makes a change durable: the range as it is now, including later writes. */
  private keep(one: Pending): void {
    if ('cutTo' in one) this.durable.resize(one.cutTo);
    else this.durable.take(this.live, one.at, one.length);
  }
}
