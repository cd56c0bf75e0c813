/** Counts frames in ffmpeg's framecrc output: the non-empty lines that do not begin with #. */
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
