// Looks for pieces of footage, or private texts, in any bytes: as they are, or encoded.

/** Bytes of a piece: a chance match has the probability 2^-256. */
const PIECE_BYTES = 32;
/** A piece with fewer distinct bytes may be padding. */
const VARIETY_MIN = 12;

/** Up to `many` pieces of an MP4 file's `mdat`, evenly spread over it. Empty for a file without one. */
export function piecesOf(file: Uint8Array, many: number): Uint8Array[] {
  return piecesIn(mediaIn(file), many);
}

/** Up to `many` pieces of any bytes, evenly spread over them. */
export function piecesIn(media: Uint8Array, many: number): Uint8Array[] {
  const step = Math.max(PIECE_BYTES, Math.floor(media.length / many));
  const pieces: Uint8Array[] = [];
  for (let at = 0; at + PIECE_BYTES <= media.length; at += step) {
    const piece = media.subarray(at, at + PIECE_BYTES);
    if (new Set(piece).size >= VARIETY_MIN) pieces.push(piece);
  }
  return pieces;
}

/** The content of the largest `mdat` box (ISO/IEC 14496-12 §8.1.1). */
function mediaIn(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  let media = new Uint8Array();
  for (let at = 0; at + 16 <= file.length; ) {
    const short = view.getUint32(at);
    const headBytes = short === 1 ? 16 : 8;
    const bytes = short === 0 ? file.length - at : short === 1 ? Number(view.getBigUint64(at + 8)) : short;
    if (bytes < headBytes) break;
    const isMedia = view.getUint32(at + 4) === 0x6d64_6174;
    if (isMedia && bytes - headBytes > media.length) media = file.slice(at + headBytes, at + bytes);
    at += bytes;
  }
  return media;
}

/** How many of `secrets` are in `traffic`: as they are, in base64 or base64url at any of the three alignments, or in hex. */
export function countFound(secrets: readonly Uint8Array[], traffic: readonly Uint8Array[]): number {
  return foundIn(secrets, traffic).length;
}

/** Those of `secrets` that `countFound` counts. */
export function foundIn(secrets: readonly Uint8Array[], traffic: readonly Uint8Array[]): Uint8Array[] {
  const texts = traffic.map((bytes) => Buffer.from(bytes).toString('latin1'));
  const plain = texts.map((text) => text.replaceAll('-', '+').replaceAll('_', '/'));
  return secrets.filter((secret) => {
    const [asIs = '', hex = '', ...base64] = formsOf(secret);
    return (
      texts.some((text) => text.includes(asIs) || text.includes(hex) || text.includes(hex.toUpperCase())) ||
      plain.some((text) => base64.some((form) => text.includes(form)))
    );
  });
}

function formsOf(secret: Uint8Array): string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((skipped) => {
    const whole = skipped + 3 * Math.floor((bytes.length - skipped) / 3);
    return bytes.subarray(skipped, whole).toString('base64');
  });
  return [bytes.toString('latin1'), bytes.toString('hex'), ...base64];
}
