// Owns: the bytes of one file of a simulated disk, as programs read them, and what of them a power cut leaves. Not here: names, faults (memory-disk.ts).
import { integerBelow, type Random } from '../../device/index.ts';

/** What a disk writes as a whole. A write that is cut off may have reached some of its sectors, in any order. */
const SECTOR_BYTES = 512;

/** A change that is not durable yet: a range that was written, or a new length. */
type Pending = { readonly at: number; readonly length: number } | { readonly cutTo: number };

/** A file's bytes in a buffer that grows. */
class Bytes {
  private buffer: Uint8Array;
  size: number;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.buffer = bytes;
    this.size = bytes.length;
  }

  /** A copy of up to `length` bytes; shorter only at the end. */
  read(position: number, length: number): Uint8Array {
    return this.buffer.slice(Math.min(position, this.size), Math.min(position + length, this.size));
  }

  write(position: number, bytes: Uint8Array): void {
    this.grow(position + bytes.length);
    this.buffer.set(bytes, position);
  }

  resize(length: number): void {
    if (length < this.size) {
      // What is read there later, if the file grows again, is zero.
      this.buffer.fill(0, length, this.size);
      this.size = length;
    } else this.grow(length);
  }

  flip(bit: number): void {
    const at = bit >> 3;
    this.buffer[at] = (this.buffer[at] ?? 0) ^ (1 << (bit & 7));
  }

  private grow(size: number): void {
    if (size > this.buffer.length) {
      const larger = new Uint8Array(Math.max(size, this.buffer.length * 2));
      larger.set(this.buffer.subarray(0, this.size));
      this.buffer = larger;
    }
    this.size = Math.max(this.size, size);
  }
}

export class FileContent {
  private readonly live: Bytes;
  private readonly durable: Bytes;
  private pending: Pending[] = [];

  /** A file that holds `bytes`, durably. */
  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.live = new Bytes(bytes.slice());
    this.durable = new Bytes(bytes.slice());
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

  /** These bytes are durable at once, with whatever else waits for the same place. */
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

  /** Flips a bit as the medium does: whoever reads it next finds it so, before and after a power cut. */
  flipBit(bit: number): void {
    this.live.flip(bit);
    if (bit >> 3 < this.durable.size) this.durable.flip(bit);
  }

  durablyHolds(bytes: Uint8Array): boolean {
    return Buffer.from(this.durable.read(0, this.durable.size)).includes(Buffer.from(bytes));
  }

  copy(): FileContent {
    return new FileContent(this.live.read(0, this.live.size));
  }

  /** What is found after a power cut: all that was durable, and of each other write everything, nothing, or some of its sectors. */
  afterPowerCut(random: Random): FileContent {
    const found = new Bytes(this.durable.read(0, this.durable.size));
    for (const one of this.pending) {
      const fate = integerBelow(random, 3);
      if (fate === 0) continue;
      if ('cutTo' in one) found.resize(one.cutTo);
      else if (fate === 1) found.write(one.at, this.live.read(one.at, one.length));
      else this.tear(found, one, random);
    }
    return new FileContent(found.read(0, found.size));
  }

  private tear(into: Bytes, { at, length }: { at: number; length: number }, random: Random): void {
    for (let sector = at - (at % SECTOR_BYTES); sector < at + length; sector += SECTOR_BYTES) {
      if (random.fraction() < 0.5) continue;
      const from = Math.max(at, sector);
      const to = Math.min(at + length, sector + SECTOR_BYTES);
      into.write(from, this.live.read(from, to - from));
    }
  }

  /** Makes a change durable: a range as it is now, whatever was written there since. */
  private keep(one: Pending): void {
    if ('cutTo' in one) this.durable.resize(one.cutTo);
    else this.durable.write(one.at, this.live.read(one.at, one.length));
  }
}
