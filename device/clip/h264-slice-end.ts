// Finds the end of a slice, as far as possible without decoding its entropy-coded data, and whether other data seems to follow it.

/** A NAL unit has two zeros in a row only before the byte 03 (ITU-T H.264 §7.4.1). */
const TWO_ZEROS = Uint8Array.of(0, 0);

/** Bytes at a slice's end that are searched for text. */
const TAIL_BYTES = 128;

/** In coded pictures, 18 printable characters in a row occur in the last 128 bytes of one slice in half a million. */
const TEXT_LENGTH_MIN = 18;

export interface SliceEnd {
  /** Length of the slice without trailing `cabac_zero_words`, zeros, and start codes with all bytes after them. */
  length: number;
  /** Whether it may still contain other data, which only encoding the picture anew removes. */
  doubtful: boolean;
}

/**
 * Finds the end of a slice. A decoder reads no further than a start code or three zeros (§B.1.1, §7.4.1), and nothing but
 * zeros follows `cabac_zero_words` (§7.3.2.10), which an encoder writes as 00 00 03.
 */
export function findSliceEnd(unit: Uint8Array): SliceEnd {
  const bytes = Buffer.from(unit.buffer, unit.byteOffset, unit.byteLength);
  let length = bytes.length;
  let doubtful = false;
  for (let at = bytes.indexOf(TWO_ZEROS); at >= 0; at = bytes.indexOf(TWO_ZEROS, at + 2)) {
    const third = bytes[at + 2];
    if (third !== undefined && third < 3) {
      length = at;
      break;
    }
    // The byte after an emulation prevention byte is at most 03, if there is one.
    if (third === 3 && (bytes[at + 3] ?? 0) > 3) doubtful = true;
  }
  length = withoutZeroWords(bytes, length);
  return { length, doubtful: doubtful || endsWithText(bytes.subarray(0, length)) };
}

function withoutZeroWords(bytes: Uint8Array, length: number): number {
  let end = length;
  for (;;) {
    if (end > 0 && bytes[end - 1] === 0) end -= 1;
    else if (end > 2 && bytes[end - 1] === 3 && bytes[end - 2] === 0 && bytes[end - 3] === 0) end -= 3;
    else return end;
  }
}

/** Whether there is a run of printable ASCII near the end, as some cameras append without hiding it. */
function endsWithText(bytes: Uint8Array): boolean {
  let run = 0;
  for (let at = Math.max(0, bytes.length - TAIL_BYTES); at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    run = byte >= 0x20 && byte < 0x7f ? run + 1 : 0;
    if (run >= TEXT_LENGTH_MIN) return true;
  }
  return false;
}
