// Whether a JPEG holds nothing but a picture: no EXIF (place, time, serial numbers), no comment, no profile, nothing after its end. By its
// structure alone (ITU-T T.81 Annex B), so that bridge and device judge alike; whether it decodes is not checked.
const MARKER = 0xff;
const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const SOF0 = 0xc0;
const APP0 = 0xe0;
const JFIF = [0x4a, 0x46, 0x49, 0x46, 0x00];
/** A JFIF segment without a thumbnail: length, `JFIF`, version, units, densities, 0 x 0. */
const JFIF_LENGTH = 16;

/** Tables and the frame header of a baseline picture: DQT, DHT, DRI, SOF0. */
const PLAIN = new Set([0xdb, 0xc4, 0xdd, SOF0]);

/** Width and height of a plain baseline JPEG; null for anything else. */
export function plainJpegSize(bytes: Uint8Array): { width: number; height: number } | null {
  if (bytes[0] !== MARKER || bytes[1] !== SOI) return null;
  let size: { width: number; height: number } | null = null;
  for (let at = 2; ; ) {
    const marker = bytes[at + 1] ?? 0;
    const length = u16(bytes, at + 2);
    if (bytes[at] !== MARKER || length < 2 || at + 2 + length > bytes.length) return null;
    const content = bytes.subarray(at + 4, at + 2 + length);
    if (marker === SOS) return size && endsWith(bytes, at + 2 + length) ? size : null;
    if (marker === APP0 ? !isBareJfif(content, length) : !PLAIN.has(marker)) return null;
    if (marker === SOF0) {
      if (size) return null;
      size = { height: u16(content, 1), width: u16(content, 3) };
    }
    at += 2 + length;
  }
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function isBareJfif(content: Uint8Array, length: number): boolean {
  return length === JFIF_LENGTH && JFIF.every((byte, at) => content[at] === byte);
}

/** Whether the scan from `at` runs to the end of the file, with no marker in it but restarts (§B.1.1.2), then EOI. */
function endsWith(bytes: Uint8Array, at: number): boolean {
  const last = bytes.length - 2;
  for (let here = at; here < last; here += 1) {
    if (bytes[here] !== MARKER) continue;
    const next = bytes[here + 1] ?? 0;
    if (next !== 0 && (next < 0xd0 || next > 0xd7)) return false;
  }
  return bytes[last] === MARKER && bytes[last + 1] === EOI;
}
