// Decodes bytes in every way that may hide others: base64, base64url, hex, lists of numbers, deflate; nested.
import { constants, gunzipSync, inflateSync } from 'node:zlib';

/** One decoding. `under`: the encodings, outermost first. */
export interface Layer {
  under: string[];
  bytes: Uint8Array;
}

/** A JWS in a document in a JWS in a notice has four levels. */
const DEPTH_MAX = 5;
const INFLATED_BYTES_MAX = 16_777_216;

/** Shorter pieces are no piece of a secret. */
const PIECE_BYTES_MIN = 8;

const BASE64 = /[A-Za-z0-9+/_-]{14,}/g;
/** Hex may be split by the length bytes of DNS labels, or by the spaces of a dump. */
const HEX = /(?:[0-9a-fA-F]{2}[^0-9a-zA-Z]{0,2}){8,}[0-9a-fA-F]?/g;
const NUMBERS = /(?:\d{1,3}\s*,\s*){7,}\d{1,3}/g;

/** The bytes themselves, then everything encoded in them. */
export function unfold(bytes: Uint8Array): Layer[] {
  const layers: Layer[] = bytes.length > 0 ? [{ under: [], bytes }] : [];
  for (const { under, bytes: outer } of layers) {
    if (under.length >= DEPTH_MAX) continue;
    if (under.length > 0 && !isText(outer)) {
      // In noise only a compressed stream that starts at its beginning.
      const plain = inflatedAtOnce(outer);
      if (plain && plain.length >= PIECE_BYTES_MIN) layers.push({ under: [...under, 'deflate'], bytes: plain });
      continue;
    }
    // As Latin-1, one letter a byte; a line break that a log wrote as `\n` is restored.
    const text = lettersOf(outer).replaceAll('\\n', '\n');
    const inside = (how: string, found: Uint8Array) => {
      if (found.length >= PIECE_BYTES_MIN) layers.push({ under: [...under, how], bytes: found });
    };
    for (const plain of inflated(outer, text)) inside('deflate', plain);
    for (const [run] of text.matchAll(BASE64)) {
      // A secret inside a longer text may begin at any of four offsets.
      for (let phase = 0; phase < 4; phase += 1) inside('base64', Buffer.from(run.slice(phase), 'base64'));
    }
    for (const [run] of text.matchAll(HEX)) {
      const digits = run.replaceAll(/[^0-9a-fA-F]/g, '');
      for (let phase = 0; phase < 2; phase += 1) inside('hex', Buffer.from(digits.slice(phase), 'hex'));
    }
    for (const [run] of text.matchAll(NUMBERS)) inside('numbers', Uint8Array.from(run.split(','), Number));
  }
  return layers;
}

function lettersOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** Whether a decoded piece should be decoded again: random text decodes to noise. */
function isText(bytes: Uint8Array): boolean {
  let [letters, readable] = [0, 0];
  for (let at = 0; letters < SAMPLE_LETTERS && at < bytes.length; at += 1, letters += 1) {
    const letter = bytes[at] ?? 0;
    // A written line break, `\n`, is one letter, and not a readable one.
    if (letter === 0x5c && bytes[at + 1] === 0x6e) at += 1;
    else if (letter >= 0x20 && letter <= 0x7e) readable += 1;
  }
  return readable >= 0.9 * letters;
}

/** How many letters tell a text from noise. */
const SAMPLE_LETTERS = 64;

/** The first bytes of gzip and zlib streams (RFC 1952 §2.3.1, RFC 1950 §2.2). */
const GZIP = '\x1f\x8b\x08';
const ZLIB = ['x\x01', 'x^', 'x\x9c', 'x\xda'];

/** Every compressed stream inside. */
function inflated(bytes: Uint8Array, text: string): Uint8Array[] {
  const plain: Uint8Array[] = [];
  for (const magic of [GZIP, ...ZLIB]) {
    for (let at = text.indexOf(magic); at >= 0; at = text.indexOf(magic, at + 1)) {
      const found = inflate(bytes.subarray(at), magic);
      if (found) plain.push(found);
    }
  }
  return plain;
}

/** The compressed stream at the beginning; null if there is none. */
function inflatedAtOnce(bytes: Uint8Array): Uint8Array | null {
  // Most noise begins with another byte.
  if (bytes[0] !== 0x1f && bytes[0] !== 0x78) return null;
  const text = lettersOf(bytes.subarray(0, GZIP.length));
  const magic = [GZIP, ...ZLIB].find((each) => text.startsWith(each));
  return magic === undefined ? null : inflate(bytes, magic);
}

function inflate(bytes: Uint8Array, magic: string): Uint8Array | null {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: INFLATED_BYTES_MAX };
  try {
    return magic === GZIP ? gunzipSync(bytes, options) : inflateSync(bytes, options);
  } catch {
    // Random bytes that look like the start of a compressed stream.
    return null;
  }
}
