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
  const layers: Layer[] = [{ under: [], bytes }];
  for (const { under, bytes: outer } of layers) {
    if (under.length >= DEPTH_MAX) continue;
    // As Latin-1, one letter a byte; a line break that a log wrote as `\n` is restored.
    const text = Buffer.from(outer.buffer, outer.byteOffset, outer.length).toString('latin1').replaceAll('\\n', '\n');
    const inside = (how: string, found: Uint8Array) => {
      if (found.length >= PIECE_BYTES_MIN) layers.push({ under: [...under, how], bytes: found });
    };
    const isNoise = under.length > 0 && !isText(text);
    for (const plain of inflated(outer, text, isNoise)) inside('deflate', plain);
    if (isNoise) continue;
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

/** Whether a decoded piece should be decoded again: random text decodes to noise. */
function isText(text: string): boolean {
  const sample = text.slice(0, 64);
  return [...sample].filter((letter) => letter >= ' ' && letter <= '~').length >= 0.9 * sample.length;
}

/** The first bytes of gzip and zlib streams (RFC 1952 §2.3.1, RFC 1950 §2.2). */
const GZIP = '\x1f\x8b\x08';
const ZLIB = ['x\x01', 'x^', 'x\x9c', 'x\xda'];

/** Every compressed stream inside; in noise only one that starts at its beginning. */
function inflated(bytes: Uint8Array, text: string, isNoise: boolean): Uint8Array[] {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: INFLATED_BYTES_MAX };
  const plain: Uint8Array[] = [];
  for (const magic of [GZIP, ...ZLIB]) {
    for (let at = text.indexOf(magic); at >= 0; at = text.indexOf(magic, at + 1)) {
      if (isNoise && at > 0) break;
      try {
        const rest = bytes.subarray(at);
        plain.push(magic === GZIP ? gunzipSync(rest, options) : inflateSync(rest, options));
      } catch {
        // Random bytes that look like the start of a compressed stream.
      }
    }
  }
  return plain;
}
