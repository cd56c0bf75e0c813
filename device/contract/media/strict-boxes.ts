// Reads a finished clip's boxes strictly: they come in a fixed order, and every field is either read or must have a fixed value.
import { toHex } from '../bytes.ts';
import { failure } from '../errors.ts';
import { FieldReader, malformed, readBox } from './read-boxes.ts';

/** The failure of every check of a finished clip. `detail` contains no footage. */
export function clipFault(detail: string): Error {
  return failure('clip_check_failed', { detail });
}

/** A cursor over the content of one box. */
export class Fields {
  readonly name: string;
  private readonly bytes: Uint8Array;
  private readonly fields: FieldReader;
  private readonly stop: number;

  constructor(bytes: Uint8Array, name = 'file', start = 0, stop = bytes.length) {
    this.bytes = bytes;
    this.name = name;
    this.stop = stop;
    this.fields = new FieldReader(bytes, start, stop);
  }

  get left(): number {
    return this.stop - this.fields.at;
  }

  /** The type of the next box; undefined where there is none. */
  next(): string | undefined {
    return readBox(this.bytes, this.fields.at, this.stop)?.type;
  }

  /** Steps over the next box, which must have this type, and returns a cursor over its content. */
  box(type: string): Fields {
    const box = readBox(this.bytes, this.fields.at, this.stop);
    if (box?.type !== type || box.end > this.stop)
      throw clipFault(`a ${box?.type ?? 'missing'} box where ${type} belongs`);
    if (box.contentStart !== box.start + 8) throw malformed(`a ${type} box with a long header`);
    this.fields.at = box.end;
    return new Fields(this.bytes, type, box.contentStart, box.end);
  }

  u16(): number {
    return this.fields.u16();
  }

  u32(): number {
    return this.fields.u32();
  }

  u64(): number {
    return this.fields.i64();
  }

  u8(): number {
    return this.fields.u8();
  }

  i32(): number {
    return this.fields.i32();
  }

  take(length: number): Uint8Array {
    return this.fields.take(length);
  }

  /** Throws unless the next bytes are these, in hexadecimal digits; spaces are ignored. */
  expect(hex: string): void {
    const digits = hex.replaceAll(' ', '');
    if (toHex(this.take(digits.length / 2)) !== digits) throw clipFault(`unexpected bytes in ${this.name}`);
  }

  /** Version and flags of a full box; returns the version. */
  version(flags: string, most: 0 | 1 = 0): number {
    const version = this.u8();
    if (version > most) throw clipFault(`an unknown version of ${this.name}`);
    this.expect(flags);
    return version;
  }

  /** Creation and modification time, which must be zero, then `middle` 32-bit numbers and the duration. */
  times(version: number, middle: number): { numbers: number[]; duration: number } {
    this.expect('00'.repeat(version === 1 ? 16 : 8));
    const numbers = Array.from({ length: middle }, () => this.u32());
    return { numbers, duration: version === 1 ? this.u64() : this.u32() };
  }

  /** A number of entries, which must fill the rest of this box. */
  count(entryBytes: number): number {
    const count = this.u32();
    if (count * entryBytes !== this.left) throw clipFault(`${this.name} is not as long as it says`);
    return count;
  }

  /** Throws unless the whole box was read. */
  end(): void {
    if (this.left !== 0) throw clipFault(`data behind what belongs into ${this.name}`);
  }
}
