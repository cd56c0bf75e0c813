// One record of the ring file: a header that authenticates itself, then the sealed body, in whole blocks.

import {
  deriveSealKey,
  openWithNonce,
  SEAL_KEY_BYTES,
  SEAL_NONCE_BYTES,
  SEAL_TAG_BYTES,
  type SealKey,
  sealedBytesOf,
  sealInto,
  sealKeyId,
} from '@doorsill/base/seal';
import { assert } from '@doorsill/contract/assert';
import { equalBytes, toHex, utf8 } from '@doorsill/contract/bytes';

/** Records start at multiples of this: disks write the header's block atomically. */
export const BLOCK_BYTES = 4096;

const SALT_BYTES = 16;
const CLEAR_BYTES = 44;
const HIDDEN_BYTES = 88;
const HEADER_BYTES = CLEAR_BYTES + HIDDEN_BYTES + SEAL_TAG_BYTES;
const NONCE_KIND_BODY = 3;

/**
 * Header: fields in the clear (magic 8, key id 8, salt 16, kind 1, zeros 3, sequence 8), then the sealed rest. The position in the file
 * is authenticated, too, though not stored, so a moved record fails. The body follows at once. Records of format 1, whose body starts
 * in a block of its own, are read and never written.
 */
const FORMATS = [
  { magic: utf8('DSRING02'), bodyAt: HEADER_BYTES },
  { magic: utf8('DSRING01'), bodyAt: BLOCK_BYTES },
] as const;
const [FORMAT] = FORMATS;
/** Offset of the body in a record of the current format. */
export const BODY_AT = FORMAT.bodyAt;

/** `live`: a segment follows. `erased`: its key is destroyed, the body unreadable. `skip`: the unused end of the file. */
const RECORD_KINDS = ['live', 'erased', 'skip'] as const;
type RecordKind = (typeof RECORD_KINDS)[number];

export interface RecordHeader {
  kind: RecordKind;
  /** Position of the header in the file. */
  position: number;
  /** Grows with every record written; never used twice. */
  sequence: number;
  /** Blocks from this header to the next one. */
  blocks: number;
  /** Offset of the body from the start of the header. */
  bodyAt: number;
  /** Bytes of the body before sealing; 0 without one. */
  bodyBytes: number;
  /** The record written before this one; null for the first of a ring. It exposes a record replayed from an older lap. */
  previous: { sequence: number; position: number } | null;
  startUs: number;
  endUs: number;
  /** `Segment.clockTrusted` of the body. */
  clockTrusted: boolean;
  /** Wall time of writing; null if the clock was not set. */
  writtenUs: number | null;
}

/** Result of opening a block. */
export type Opened =
  | { what: 'header'; header: RecordHeader; bodyKey: SealKey }
  /** No header: the inside of a body, or never written. */
  | { what: 'nothing' }
  /** A header of this ring that does not authenticate. */
  | { what: 'damaged' }
  /** A header sealed under another ring key, named by its id. */
  | { what: 'foreign'; keyId: string };

/** Header keys of earlier starts kept while a file is scanned. */
const SALTS_MAX = 1_024;

/**
 * Seals and opens the records of one ring key. Headers are sealed under a key derived at each start from a random salt, so that no nonce
 * repeats even if the whole file is put back to an older state. Each body has a random key that exists only in its header: overwriting
 * the header destroys the body.
 */
export class RecordSeal {
  readonly keyId: string;
  private readonly key: SealKey;
  private readonly keyIdBytes: Uint8Array;
  private readonly salt: Uint8Array;
  private readonly headerKeys = new Map<string, SealKey>();

  /** `salt`: 16 random bytes, new at every start. */
  constructor(key: SealKey, salt: Uint8Array) {
    this.key = key;
    this.salt = salt;
    this.keyId = sealKeyId(key);
    this.keyIdBytes = Uint8Array.from({ length: 8 }, (_, at) =>
      Number.parseInt(this.keyId.slice(2 * at, 2 * at + 2), 16),
    );
  }

  /** Seals a record with a body into `record`, of its blocks' length. `bodyKey`: 32 random bytes, used only here. */
  sealRecordInto(header: RecordHeader, bodyKey: Uint8Array, body: readonly Uint8Array[], record: Uint8Array): void {
    assert(record.length === header.blocks * BLOCK_BYTES, 'a record fills its blocks');
    this.sealHeaderInto(header, bodyKey, record);
    const clear = record.subarray(0, CLEAR_BYTES);
    const nonce = nonceOf(NONCE_KIND_BODY, header.sequence);
    const sealKey = { cipher: this.key.cipher, secret: bodyKey };
    const sealed = sealInto(sealKey, nonce, body, clear, record, BODY_AT);
    record.fill(0, BODY_AT + sealed);
  }

  /** The block of a record without a body: erased or skipped. Equal headers make equal blocks. */
  sealHeader(header: RecordHeader): Uint8Array {
    const block = new Uint8Array(BLOCK_BYTES);
    this.sealHeaderInto(header, new Uint8Array(SEAL_KEY_BYTES), block);
    return block;
  }

  private sealHeaderInto(header: RecordHeader, bodyKey: Uint8Array, target: Uint8Array): void {
    const view = new DataView(target.buffer, target.byteOffset, CLEAR_BYTES);
    const kind = RECORD_KINDS.indexOf(header.kind);
    target.set(FORMAT.magic, 0);
    target.set(this.keyIdBytes, 8);
    target.set(this.salt, 16);
    view.setUint8(32, kind);
    view.setBigUint64(36, BigInt(header.sequence));
    const clear = target.subarray(0, CLEAR_BYTES);
    const nonce = nonceOf(kind, header.sequence);
    const associated = associatedOf(clear, header.position);
    sealInto(this.headerKey(this.salt), nonce, [hiddenOf(header, bodyKey)], associated, target, CLEAR_BYTES);
  }

  /** Opens the block at `position`. Everything in the result is authenticated. */
  openHeader(block: Uint8Array, position: number): Opened {
    const format = FORMATS.find(({ magic }) => equalBytes(block.subarray(0, magic.length), magic));
    if (!format || block.length < HEADER_BYTES) return { what: 'nothing' };
    const keyId = toHex(block.subarray(8, 16));
    if (keyId !== this.keyId) return { what: 'foreign', keyId };
    const clear = block.subarray(0, CLEAR_BYTES);
    const view = new DataView(block.buffer, block.byteOffset, CLEAR_BYTES);
    const kindNumber = view.getUint8(32);
    const kind = RECORD_KINDS[kindNumber];
    const sequence = Number(view.getBigUint64(36));
    if (!kind || !Number.isSafeInteger(sequence)) return { what: 'damaged' };
    const sealed = block.subarray(CLEAR_BYTES, CLEAR_BYTES + sealedBytesOf(HIDDEN_BYTES));
    const key = this.headerKey(block.subarray(16, 16 + SALT_BYTES));
    const hidden = openWithNonce(key, nonceOf(kindNumber, sequence), sealed, associatedOf(clear, position));
    if (!hidden) return { what: 'damaged' };
    const secret = hidden.slice(HIDDEN_BYTES - SEAL_KEY_BYTES);
    const header = { kind, position, sequence, bodyAt: format.bodyAt, ...readHidden(hidden) };
    return { what: 'header', header, bodyKey: { cipher: this.key.cipher, secret } };
  }

  /** Bytes to read for `openBody`: the header and the sealed body. */
  recordBytes(header: RecordHeader): number {
    return header.bodyAt + sealedBytesOf(header.bodyBytes);
  }

  /** The plain body of a record as read from the file; null unless header and body authenticate and have this `sequence`. */
  openBody(record: Uint8Array, position: number, sequence: number): Uint8Array | null {
    const opened = this.openHeader(record.subarray(0, BLOCK_BYTES), position);
    if (opened.what !== 'header' || opened.header.kind !== 'live' || opened.header.sequence !== sequence) return null;
    const body = record.subarray(opened.header.bodyAt, this.recordBytes(opened.header));
    if (body.length !== sealedBytesOf(opened.header.bodyBytes)) return null;
    return openWithNonce(opened.bodyKey, nonceOf(NONCE_KIND_BODY, sequence), body, record.subarray(0, CLEAR_BYTES));
  }

  private headerKey(salt: Uint8Array): SealKey {
    const name = toHex(salt);
    const known = this.headerKeys.get(name);
    if (known) return known;
    const made = deriveSealKey(this.key, salt, 'ring headers');
    if (this.headerKeys.size >= SALTS_MAX) this.headerKeys.clear();
    this.headerKeys.set(name, made);
    return made;
  }
}

/** Blocks of a record whose body has `plainBytes` before sealing. */
export function recordBlocks(plainBytes: number): number {
  return Math.ceil((BODY_AT + sealedBytesOf(plainBytes)) / BLOCK_BYTES);
}

function nonceOf(kind: number, sequence: number): Uint8Array {
  const nonce = new Uint8Array(SEAL_NONCE_BYTES);
  const view = new DataView(nonce.buffer);
  view.setUint8(0, kind);
  view.setBigUint64(4, BigInt(sequence));
  return nonce;
}

function associatedOf(clear: Uint8Array, position: number): Uint8Array {
  const associated = new Uint8Array(CLEAR_BYTES + 8);
  associated.set(clear);
  new DataView(associated.buffer).setBigUint64(CLEAR_BYTES, BigInt(position));
  return associated;
}

const FLAG_WRITTEN = 1;
const FLAG_CLOCK_TRUSTED = 2;

/** Blocks 4, body bytes 4, previous sequence and position 8 + 8, start, end, written 3 x 8, flags 1, zeros 7, body key 32. */
function hiddenOf(header: RecordHeader, bodyKey: Uint8Array): Uint8Array {
  const hidden = new Uint8Array(HIDDEN_BYTES);
  const view = new DataView(hidden.buffer);
  view.setUint32(0, header.blocks);
  view.setUint32(4, header.bodyBytes);
  view.setBigUint64(8, BigInt(header.previous?.sequence ?? 0));
  view.setBigUint64(16, BigInt(header.previous?.position ?? 0));
  view.setBigInt64(24, BigInt(header.startUs));
  view.setBigInt64(32, BigInt(header.endUs));
  view.setBigInt64(40, BigInt(header.writtenUs ?? 0));
  view.setUint8(48, (header.writtenUs === null ? 0 : FLAG_WRITTEN) | (header.clockTrusted ? FLAG_CLOCK_TRUSTED : 0));
  hidden.set(bodyKey, HIDDEN_BYTES - SEAL_KEY_BYTES);
  return hidden;
}

/** The bytes are authenticated, so they are not checked. Sequence numbers start at 1; 0 means no predecessor. */
function readHidden(hidden: Uint8Array): Omit<RecordHeader, 'kind' | 'position' | 'sequence' | 'bodyAt'> {
  const view = new DataView(hidden.buffer, hidden.byteOffset, HIDDEN_BYTES);
  const sequence = Number(view.getBigUint64(8));
  const flags = view.getUint8(48);
  return {
    blocks: view.getUint32(0),
    bodyBytes: view.getUint32(4),
    previous: sequence === 0 ? null : { sequence, position: Number(view.getBigUint64(16)) },
    startUs: Number(view.getBigInt64(24)),
    endUs: Number(view.getBigInt64(32)),
    clockTrusted: (flags & FLAG_CLOCK_TRUSTED) !== 0,
    writtenUs: (flags & FLAG_WRITTEN) === 0 ? null : Number(view.getBigInt64(40)),
  };
}
