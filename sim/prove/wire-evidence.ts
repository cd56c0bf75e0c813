// Owns: reading what was said at a door: the requests in it, what a bridge has acknowledged, and whether pieces of footage or private texts
// are in it, as they are or encoded. Not here: recording it (doorbell-watch.ts), what may be there (judge-leaving.ts).

/** A request in what was said on one connection. */
export interface SaidRequest {
  method: string;
  path: string;
  /** The body as far as it came. */
  body: Uint8Array;
  /** `Upload-Offset` (tus 1.0.0 §PATCH): where the body belongs in the upload; null without one. */
  offset: number | null;
}

const HEAD_END = '\r\n\r\n';
const BODY_LENGTH = /^content-length: *(\d{1,12})\r?$/im;
const OFFSET = /^upload-offset: *(\d{1,15})\r?$/im;

/** The requests of one connection, one after the other (RFC 9112 §2.1). What does not begin with one is a request without a name. */
export function requestsIn(connection: Uint8Array): SaidRequest[] {
  const bytes = Buffer.from(connection.buffer, connection.byteOffset, connection.length);
  const found: SaidRequest[] = [];
  for (let at = 0; at < bytes.length; ) {
    const headEnd = bytes.indexOf(HEAD_END, at);
    const head = bytes.toString('latin1', at, headEnd < 0 ? bytes.length : headEnd);
    const [, method = '', path = ''] = /^([A-Z]+) (\S+) HTTP\/1\.1\r?$/m.exec(head.split('\n', 1)[0] ?? '') ?? [];
    const bodyAt = headEnd < 0 ? bytes.length : headEnd + HEAD_END.length;
    // Without a length, what follows cannot be told from the body; then all of it is.
    const length = BODY_LENGTH.exec(head)?.[1];
    const end = length === undefined ? bytes.length : bodyAt + Number(length);
    const offset = OFFSET.exec(head)?.[1];
    found.push({
      method,
      path,
      body: bytes.subarray(bodyAt, end),
      offset: offset === undefined ? null : Number(offset),
    });
    at = end;
  }
  return found;
}

/** The most bytes of an upload that a bridge has acknowledged in its answers. */
export function acknowledgedBytes(answers: readonly Uint8Array[]): number {
  const offsets = answers.flatMap((each) =>
    [...Buffer.from(each).toString('latin1').matchAll(new RegExp(OFFSET, 'gim'))].map((match) => Number(match[1])),
  );
  return Math.max(0, ...offsets);
}

/** Bytes of a piece. A piece that is not footage is in a document by chance once in 2^256 times. */
const PIECE_BYTES = 32;
/** A piece with fewer different bytes may be padding. */
const VARIETY_MIN = 12;

/** Up to `many` pieces of an MP4 file's pictures (its `mdat`), evenly spread over it. Empty for a file without one. */
export function piecesOf(file: Uint8Array, many: number): Uint8Array[] {
  const media = mediaIn(file);
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

/** How many of `secrets` are somewhere in `said`: as they are, in base64 or base64url at any of its three places, or in hex. */
export function countFound(secrets: readonly Uint8Array[], said: readonly Uint8Array[]): number {
  const texts = said.map((bytes) => Buffer.from(bytes).toString('latin1'));
  const plain = texts.map((text) => text.replaceAll('-', '+').replaceAll('_', '/'));
  return secrets.filter((secret) => {
    const [asIs = '', hex = '', ...base64] = formsOf(secret);
    return (
      texts.some((text) => text.includes(asIs) || text.includes(hex) || text.includes(hex.toUpperCase())) ||
      plain.some((text) => base64.some((form) => text.includes(form)))
    );
  }).length;
}

function formsOf(secret: Uint8Array): string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((skipped) => {
    const whole = skipped + 3 * Math.floor((bytes.length - skipped) / 3);
    return bytes.subarray(skipped, whole).toString('base64');
  });
  return [bytes.toString('latin1'), bytes.toString('hex'), ...base64];
}
