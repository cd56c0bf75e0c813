// Owns: drawing wall time and frame number into a picture for people, with a built-in bitmap font.
// Not here: the number for machines (frame-number.ts).

/** Letters of 5 by 7 dots, row by row, five bits each from the left. */
const LETTERS: Readonly<Record<string, readonly number[]>> = {
  '0': [14, 17, 19, 21, 25, 17, 14],
  '1': [4, 12, 4, 4, 4, 4, 14],
  '2': [14, 17, 1, 2, 4, 8, 31],
  '3': [31, 2, 4, 2, 1, 17, 14],
  '4': [2, 6, 10, 18, 31, 2, 2],
  '5': [31, 16, 30, 1, 1, 17, 14],
  '6': [6, 8, 16, 30, 17, 17, 14],
  '7': [31, 1, 2, 4, 8, 8, 8],
  '8': [14, 17, 17, 14, 17, 17, 14],
  '9': [14, 17, 17, 15, 1, 2, 12],
  '-': [0, 0, 0, 31, 0, 0, 0],
  ':': [0, 4, 4, 0, 4, 4, 0],
  '.': [0, 0, 0, 0, 0, 12, 12],
  '#': [10, 10, 31, 10, 31, 10, 10],
  T: [31, 4, 4, 4, 4, 4, 4],
  Z: [31, 1, 2, 4, 8, 16, 31],
  U: [17, 17, 17, 17, 17, 17, 14],
  C: [14, 17, 16, 16, 16, 17, 14],
  ' ': [0, 0, 0, 0, 0, 0, 0],
};

const LETTER_WIDTH = 6;
const LETTER_HEIGHT = 9;
const INK = 235;
const GROUND = 16;

/** What is written: e.g. `2026-11-25 00:27:56.133 UTC #000042`. */
export function stampText(wallUs: number, frame: number): string {
  const iso = new Date(Math.floor(wallUs / 1000)).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)} UTC #${String(frame).padStart(6, '0')}`;
}

/** Writes a text into the lower left corner of a luma plane, white on black. Letters it does not know are left blank. */
export function drawStamp(luma: Uint8Array, width: number, height: number, text: string): void {
  const scale = Math.max(1, Math.floor(height / 300));
  const shown = text.slice(0, Math.floor(width / (LETTER_WIDTH * scale)) - 1);
  const top = height - (LETTER_HEIGHT + 3) * scale;
  const left = 3 * scale;
  for (let y = 0; y < LETTER_HEIGHT * scale; y += 1) {
    const from = (top + y) * width + left;
    luma.fill(GROUND, from, from + (shown.length * LETTER_WIDTH + 1) * scale);
    const bits = Math.floor(y / scale) - 1;
    if (bits < 0 || bits > 6) continue;
    for (let n = 0; n < shown.length; n += 1) {
      const row = LETTERS[shown.charAt(n)]?.[bits] ?? 0;
      for (let dot = 0; dot < 5; dot += 1) {
        if (((row >> (4 - dot)) & 1) === 0) continue;
        const at = from + (n * LETTER_WIDTH + 1 + dot) * scale;
        luma.fill(INK, at, at + scale);
      }
    }
  }
}
