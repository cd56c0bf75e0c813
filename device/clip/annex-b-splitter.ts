// Owns: cutting an H.264 byte stream (ITU-T H.264 Annex B), as an encoder writes it, into NAL units. Not here: the units (contract/media/nal.ts).

const START_CODE = Buffer.from([0, 0, 1]);

/** Cuts an Annex B stream that arrives in parts into NAL units (§B.1). Holds at most one unit. */
export class AnnexBSplitter {
  /** From the start code of the unit that is still open. */
  private held: Buffer = Buffer.alloc(0);

  /** Takes the next part; returns the units it completed. */
  push(part: Uint8Array): Uint8Array[] {
    // What is held was searched before; a start code may straddle the join by two bytes.
    const open = this.held.indexOf(START_CODE) === 0;
    const search = open ? Math.max(START_CODE.length, this.held.length - 2) : 0;
    const all = Buffer.concat([this.held, part]);
    const units: Uint8Array[] = [];
    let from = open ? 0 : -1;
    for (let next = all.indexOf(START_CODE, search); next >= 0; next = all.indexOf(START_CODE, next + 3)) {
      if (from >= 0) addUnit(units, all, from + 3, next);
      from = next;
    }
    this.held = from >= 0 ? all.subarray(from) : all.subarray(Math.max(0, all.length - 2));
    return units;
  }

  /** The last unit, after the end of the stream. */
  end(): Uint8Array[] {
    const units: Uint8Array[] = [];
    if (this.held.indexOf(START_CODE) === 0) addUnit(units, this.held, 3, this.held.length);
    this.held = Buffer.alloc(0);
    return units;
  }
}

function addUnit(units: Uint8Array[], bytes: Uint8Array, from: number, to: number): void {
  // trailing_zero_8bits and the zero_byte of a four-byte start code belong to no unit (§B.1.1).
  let end = to;
  while (end > from && bytes[end - 1] === 0) end -= 1;
  if (end > from) units.push(Uint8Array.from(bytes.subarray(from, end)));
}
