// Owns: counting frames in the output of ffmpeg's framecrc: one line per frame, comments begin with #.
// Not here: running ffmpeg (encode-frames.ts, hidden-frame-count.ts).

/** Counts the lines of a byte stream that do not begin with #. */
export class LineCounter {
  lines = 0;
  private atStart = true;

  push(part: Uint8Array): void {
    for (const byte of part) {
      if (this.atStart && byte !== HASH && byte !== NEWLINE) this.lines += 1;
      this.atStart = byte === NEWLINE;
    }
  }
}

const HASH = 0x23;
const NEWLINE = 0x0a;
