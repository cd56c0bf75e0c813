// The frame number as a strip of black and white blocks along the picture's top edge; readable after encoding, scaling or conversion to
// gray.

/** Numbers wrap here: after 207 days at 15 frames a second. */
export const FRAME_NUMBERS = 2 ** 28;

const NUMBER_BITS = 28;
const CHECK_BITS = 8;
const START_MARK = [1, 0] as const;
const END_MARK = [0, 1] as const;

/** Blocks in the strip: 40, so that even a gray picture of 160 pixels has four pixels for each. */
const CELLS = START_MARK.length + NUMBER_BITS + CHECK_BITS + END_MARK.length;

/** Luma of black and white in limited range (ITU-R BT.601 §2.5.3). */
const BLACK = 16;
const WHITE = 235;

/** With less difference between the white and black marks there is no strip. */
const CONTRAST_MIN = 60;

/** Height of the strip: thin, so that motion detection hardly sees it, yet a macroblock high at 720 lines. */
export function stripHeight(height: number): number {
  return Math.max(2, Math.round(height / 45));
}

/** CRC-8 with the polynomial x^8+x^2+x+1 over a number's 28 bits. */
function checkOf(number: number): number {
  let check = 0xff;
  for (let bit = NUMBER_BITS - 1; bit >= 0; bit -= 1) {
    const feed = ((check >> 7) ^ (number >> bit)) & 1;
    check = ((check << 1) & 0xff) ^ (feed ? 0x07 : 0);
  }
  return check;
}

function cellsOf(number: number): number[] {
  const bits = (value: number, count: number) =>
    Array.from({ length: count }, (_, n) => (value >> (count - 1 - n)) & 1);
  return [...START_MARK, ...bits(number, NUMBER_BITS), ...bits(checkOf(number), CHECK_BITS), ...END_MARK];
}

/** Draws a frame number into a luma plane, one byte a pixel. */
export function drawFrameNumber(luma: Uint8Array, width: number, height: number, frame: number): void {
  const row = new Uint8Array(width);
  cellsOf(frame % FRAME_NUMBERS).forEach((cell, at) => {
    row.fill(cell ? WHITE : BLACK, Math.round((at * width) / CELLS), Math.round(((at + 1) * width) / CELLS));
  });
  for (let y = 0; y < stripHeight(height); y += 1) luma.set(row, y * width);
}

/** The number in a luma or gray plane of any size; null if there is none or it is damaged. */
export function readFrameNumber(luma: Uint8Array, width: number, height: number): number | null {
  if (width < CELLS * 2 || luma.length < width * height) return null;
  const levels = Array.from({ length: CELLS }, (_, at) => levelOf(luma, width, height, at));
  const level = (at: number) => levels[at] ?? 0;
  const [white, black] = [(level(0) + level(CELLS - 1)) / 2, (level(1) + level(CELLS - 2)) / 2];
  if (white - black < CONTRAST_MIN) return null;
  const bits = levels.map((value) => (value > (white + black) / 2 ? 1 : 0));
  const number = bits.slice(2, 2 + NUMBER_BITS).reduce<number>((value, bit) => value * 2 + bit, 0);
  const wanted = cellsOf(number);
  return bits.every((bit, at) => bit === wanted[at]) ? number : null;
}

/** Mean level of the middle of a block, away from edges, which scaling and encoding blur. */
function levelOf(luma: Uint8Array, width: number, height: number, at: number): number {
  const strip = stripHeight(height);
  const rows = { from: Math.floor(strip * 0.25), to: Math.max(Math.floor(strip * 0.25) + 1, Math.floor(strip * 0.7)) };
  const [left, right] = [((at + 0.3) * width) / CELLS, ((at + 0.7) * width) / CELLS];
  let [sum, count] = [0, 0];
  for (let y = rows.from; y < rows.to; y += 1) {
    for (let x = Math.floor(left); x < Math.max(Math.floor(left) + 1, Math.floor(right)); x += 1) {
      sum += luma[y * width + x] ?? 0;
      count += 1;
    }
  }
  return sum / count;
}
