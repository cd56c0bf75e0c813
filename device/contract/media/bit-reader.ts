// Reads the bits of H.264 and AAC headers (ITU-T H.264 §7.2, §7.4.1, §9.1).

/** The raw byte sequence payload: the unit without emulation prevention bytes (§7.4.1); the same array if it has none. */
export function unescapeNal(nal: Uint8Array): Uint8Array {
  if (!isEscaped(nal)) return nal;
  const out = new Uint8Array(nal.length);
  let length = 0;
  let zeros = 0;
  // By index: an iterator costs more than a short header itself.
  for (let at = 0; at < nal.length; at += 1) {
    const byte = nal[at] ?? 0;
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}

/** A camera sends many short headers, and hardly any holds such a byte: those are not copied. */
function isEscaped(nal: Uint8Array): boolean {
  for (let at = 2; at < nal.length; at += 1) if (nal[at] === 3 && nal[at - 1] === 0 && nal[at - 2] === 0) return true;
  return false;
}

/** Makes the error to throw for bits that cannot be read, so that the caller chooses its code. */
export type BitFault = (detail: string) => Error;

/** Reads the bits of an unescaped payload (§7.2, §9.1). A read beyond its end throws the error that `fault` makes. */
export class BitReader {
  private readonly bytes: Uint8Array;
  private readonly fault: BitFault;
  private at = 0;

  constructor(bytes: Uint8Array, fault: BitFault) {
    this.bytes = bytes;
    this.fault = fault;
  }

  /** An unsigned number of `count` bits, at most 32. */
  bits(count: number): number {
    if (this.at + count > this.bytes.length * 8) throw this.fault('a header ends too early');
    let value = 0;
    for (let left = count; left > 0; left -= 1) {
      value = value * 2 + (((this.bytes[this.at >> 3] ?? 0) >> (7 - (this.at & 7))) & 1);
      this.at += 1;
    }
    return value;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** ue(v): an unsigned Exp-Golomb number, at most `most`. */
  unsigned(most = 2 ** 32): number {
    let zeros = 0;
    while (!this.flag()) {
      zeros += 1;
      if (zeros > 32) throw this.fault('a header holds a number out of range');
    }
    const value = 2 ** zeros - 1 + this.bits(zeros);
    if (value > most) throw this.fault('a header holds a number out of range');
    return value;
  }

  /** se(v): a signed Exp-Golomb number. */
  signed(): number {
    const code = this.unsigned();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }

  /** Bits read so far. */
  get position(): number {
    return this.at;
  }

  /** Whether only rbsp_trailing_bits are left: one 1 and zeros to the end of the last byte (§7.3.2.11). */
  atTrailingBits(): boolean {
    const leftBits = this.bytes.length * 8 - this.at;
    if (leftBits < 1 || leftBits > 8) return false;
    const byte = this.bytes[this.bytes.length - 1] ?? 0;
    return (byte & (2 ** leftBits - 1)) === 2 ** (leftBits - 1);
  }

  /** Whether syntax follows before the trailing bits: more_rbsp_data() (§7.2). */
  moreData(): boolean {
    let last = this.bytes.length - 1;
    while (last >= 0 && this.bytes[last] === 0) last -= 1;
    if (last < 0) return false;
    const byte = this.bytes[last] ?? 0;
    const lowestOne = Math.log2(byte & -byte);
    return this.at < last * 8 + (7 - lowestOne);
  }
}
