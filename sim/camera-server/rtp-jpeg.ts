// JPEGs as payloads of RTP packets (RFC 2435).
import { concatBytes } from '@doorsill/contract/bytes';

/** The kind of JPEG that RFC 2435 can send: one scan of three components, 4:2:0, with the standard's Huffman tables. */
interface Jpeg {
  readonly width: number;
  readonly height: number;
  /** Quantization tables of luma and of chroma, 64 bytes each. */
  readonly tables: Uint8Array;
  readonly scan: Uint8Array;
}

/** The header has one byte for each side, in blocks of 8 pixels (§3.1.5). */
export const JPEG_PIXELS_MAX = 2_040;
const BLOCK = 8;

/** Markers of ITU-T T.81 Table B.1. */
const MARKERS = { start: 0xd8, end: 0xd9, tables: 0xdb, frame: 0xc0, scan: 0xda } as const;
const TABLE_BYTES = 64;
/** Sampling factors of luma and of chroma: 4:2:0, type 1 of RFC 2435 (§4.1). */
const LUMA = 0x22;
const CHROMA = 0x11;
const TYPE = 1;

const HEAD_BYTES = 8;
/** Quantization tables are in the picture's first packet (§3.1.8). */
const OWN_TABLES = 255;

/** The payloads of a JPEG, each at most `bytesMax` long; none if RFC 2435 cannot send it. */
export function jpegPayloads(bytes: Uint8Array, bytesMax: number): Uint8Array[] {
  const jpeg = readJpeg(bytes);
  if (!jpeg) return [];
  const { scan, tables } = jpeg;
  const payloads: Uint8Array[] = [];
  for (let at = 0; at < scan.length; ) {
    const said = at === 0 ? [Uint8Array.of(0, 0, tables.length >> 8, tables.length & 255), tables] : [];
    const head = concatBytes([headOf(jpeg, at), ...said]);
    const part = scan.subarray(at, at + bytesMax - head.length);
    payloads.push(concatBytes([head, part]));
    at += part.length;
  }
  return payloads;
}

function headOf({ width, height }: Jpeg, offset: number): Uint8Array {
  const blocks = (pixels: number) => Math.ceil(pixels / BLOCK);
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  view.setUint32(0, offset);
  head.set([TYPE, OWN_TABLES, blocks(width), blocks(height)], 4);
  return head;
}

/** Null for a kind of JPEG that RFC 2435 cannot send. */
function readJpeg(bytes: Uint8Array): Jpeg | null {
  if (bytes[0] !== 0xff || bytes[1] !== MARKERS.start) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tables = new Map<number, Uint8Array>();
  let frame: Pick<Jpeg, 'width' | 'height'> | null = null;
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1] ?? 0;
    const end = at + 2 + view.getUint16(at + 2);
    const content = bytes.subarray(at + 4, end);
    if (marker === MARKERS.tables) readTables(content, tables);
    else if (marker === MARKERS.frame) frame = readFrame(content);
    else if (marker === MARKERS.scan) return frame && whole(frame, tables, bytes.subarray(end));
    // Restart intervals, and extended or progressive JPEGs.
    else if (marker === 0xdd || (marker > 0xc0 && marker <= 0xc3)) return null;
    at = end;
  }
  return null;
}

function readTables(content: Uint8Array, tables: Map<number, Uint8Array>): void {
  for (let at = 0; at + 1 + TABLE_BYTES <= content.length; at += 1 + TABLE_BYTES)
    tables.set((content[at] ?? 0) & 15, content.subarray(at + 1, at + 1 + TABLE_BYTES));
}

function readFrame(content: Uint8Array): Pick<Jpeg, 'width' | 'height'> | null {
  if (content.length < 15) return null;
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const [height, width] = [view.getUint16(1), view.getUint16(3)];
  const isSampled = content[5] === 3 && content[7] === LUMA && content[10] === CHROMA && content[13] === CHROMA;
  const fits = Math.max(width, height) <= JPEG_PIXELS_MAX && Math.min(width, height) > 0;
  return isSampled && fits ? { width, height } : null;
}

function whole(
  frame: Pick<Jpeg, 'width' | 'height'>,
  tables: ReadonlyMap<number, Uint8Array>,
  rest: Uint8Array,
): Jpeg | null {
  const luma = tables.get(0);
  if (!luma) return null;
  const hasEnd = rest.at(-2) === 0xff && rest.at(-1) === MARKERS.end;
  const scan = hasEnd ? rest.subarray(0, -2) : rest;
  return { ...frame, tables: concatBytes([luma, tables.get(1) ?? luma]), scan };
}
