// Fingerprints of secrets (footage, sealed or plain, keys, private texts), and the search for any piece of them in any bytes.
import { type Layer, unfold } from './unfold.ts';

/** Bytes of one fingerprint. Any 31 consecutive bytes of a secret contain a whole one. */
export const BLOCK_BYTES = 16;
const WORDS = BLOCK_BYTES / 4;
/** A block with fewer different bytes is padding or structure, which occurs in many files. */
const VARIETY_MIN = 9;
/**
 * The same holds for nearly uniform bits: the loudest sound is encoded as long runs of ones with a moving zero. Of random blocks one in 60
 * million is like that.
 */
const ALIKE_BITS_MAX = 96;
const SLOTS_FIRST = 2 ** 12;
/** A disk is mostly zeros, which are no block. */
const ZEROS = Buffer.alloc(4_096);
/** How often the search looks for so many zeros at once, in bytes. */
const ZEROS_EVERY = 1_024;

/** The name of blocks that occur in more than one secret. */
export const SEVERAL_SECRETS = 'several';
const SEVERAL = 1;

/** A piece of a secret that was found. */
export interface Finding {
  /** Its name, e.g. `segment 12 plain`. */
  secret: string;
  /** Its encodings, outermost first; empty if plain. */
  under: string[];
  position: number;
}

export function describeFinding({ secret, under }: Finding, where: string): string {
  return `${secret}${under.map((how) => ` under ${how}`).join('')} in ${where}`;
}

/** A set of secrets that are searched for together. */
export class Fingerprints {
  private slots = SLOTS_FIRST;
  private words = new Uint32Array(SLOTS_FIRST * WORDS);
  private owners = new Uint32Array(SLOTS_FIRST);
  private filter = new Uint8Array(2 ** 19);
  private readonly names: string[] = ['', SEVERAL_SECRETS];
  private readonly numbers = new Map<string, number>();
  private readonly texts: { name: string; needles: Buffer[] }[] = [];
  /** The first two bytes of each spelling of a text, and the names of those that begin so. */
  private readonly beginnings = new Map<number, Set<string>>();
  private readonly begins = new Uint8Array(2 ** 16);
  private held = 0;
  /** Number of blocks added, and of those ignored as too uniform. */
  offered = 0;
  skipped = 0;

  /** Blocks that are searched for. */
  get size(): number {
    return this.held;
  }

  /** Names of all secrets. */
  get secrets(): string[] {
    return [...this.names.slice(2), ...this.texts.map(({ name }) => name)];
  }

  /** Adds footage or any long secret: every whole block of it. */
  add(name: string, bytes: Uint8Array): void {
    this.addBlocks(name, bytes, BLOCK_BYTES);
  }

  /** Adds a short secret such as a key: a block at every offset, so that any 16 consecutive bytes are found. */
  addKey(name: string, bytes: Uint8Array): void {
    this.addBlocks(name, bytes, 1);
  }

  /** Adds a private text: plain, in UTF-16, percent-encoded and in JSON's spellings. */
  addText(name: string, text: string): void {
    const escaped = [...text].map((letter) =>
      letter > '~' ? `\\u${(letter.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}` : letter,
    );
    const spellings = [
      text,
      encodeURIComponent(text),
      text.replaceAll(' ', '+'),
      JSON.stringify(text).slice(1, -1),
      escaped.join(''),
    ];
    const needles = [...new Set(spellings)].map((spelling) => Buffer.from(spelling));
    this.addNeedles(name, [...needles, Buffer.from(text, 'utf16le')]);
  }

  /** Adds a few bytes that are searched for as a whole. */
  addBytes(name: string, bytes: Uint8Array): void {
    this.addNeedles(name, [Buffer.from(bytes)]);
  }

  private addNeedles(name: string, needles: Buffer[]): void {
    this.texts.push({ name, needles });
    for (const needle of needles) {
      if (needle.length < 2) throw new Error(`${name} is too short to be searched for`);
      const beginning = needle.readUInt16LE(0);
      this.begins[beginning] = 1;
      this.beginnings.set(beginning, (this.beginnings.get(beginning) ?? new Set()).add(name));
    }
  }

  /** Every secret with a piece in `bytes`, at its first place; plain or under any encoding. */
  find(bytes: Uint8Array): Finding[] {
    return this.findIn(unfold(bytes));
  }

  /** The same in bytes that are decoded already, for a search for several sets of secrets. */
  findIn(layers: readonly Layer[]): Finding[] {
    const found = new Map<string, Finding>();
    for (const { under, bytes: layer } of layers) {
      this.scan(layer, (owner, position) => {
        const secret = this.names[owner] ?? '';
        if (!found.has(secret)) found.set(secret, { secret, under, position });
      });
      const begun = this.begunIn(layer);
      if (begun === null) continue;
      const buffer = Buffer.from(layer.buffer, layer.byteOffset, layer.length);
      for (const { name, needles } of this.texts) {
        if (found.has(name) || !begun.has(name)) continue;
        const position = Math.max(...needles.map((needle) => buffer.indexOf(needle)));
        if (position >= 0) found.set(name, { secret: name, under, position });
      }
    }
    return [...found.values()];
  }

  /** Names of texts of which a spelling may begin in `bytes`; null: of none. One pass is faster than a search for each spelling. */
  private begunIn(bytes: Uint8Array): Set<string> | null {
    if (this.texts.length === 0) return null;
    const { begins } = this;
    let begun: Set<string> | null = null;
    let last = bytes[0] ?? 0;
    for (let at = 1; at < bytes.length && begun?.size !== this.texts.length; at += 1) {
      const next = bytes[at] ?? 0;
      const beginning = last | (next << 8);
      last = next;
      if (begins[beginning] === 0) continue;
      begun ??= new Set();
      for (const name of this.beginnings.get(beginning) ?? []) begun.add(name);
    }
    return begun;
  }

  /** Every secret with a plain block in `bytes`; for data that is too large to be decoded. */
  findBare(bytes: Uint8Array): string[] {
    const found = new Set<string>();
    this.scan(bytes, (owner) => found.add(this.names[owner] ?? ''));
    return [...found];
  }

  /** After all are added: blocks that also occur in another of these secrets cannot identify one. (Pictures of a still porch are alike.) */
  tellApart(secrets: Iterable<{ name: string; bytes: Uint8Array }>): void {
    for (const { name, bytes } of secrets) {
      const own = this.numbers.get(name);
      this.scan(bytes, (owner, _position, slot) => {
        if (owner !== own) this.owners[slot] = SEVERAL;
      });
    }
  }

  private addBlocks(name: string, bytes: Uint8Array, step: number): void {
    const owner = this.numbers.get(name) ?? this.names.push(name) - 1;
    this.numbers.set(name, owner);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + BLOCK_BYTES <= bytes.length; at += step) {
      this.offered += 1;
      if (isStructure(bytes, at)) {
        this.skipped += 1;
        continue;
      }
      if (2 * this.held >= this.slots) this.grow();
      const word = (number: number) => view.getUint32(at + 4 * number, true);
      this.insert(word(0), word(1), word(2), word(3), owner);
    }
  }

  private grow(): void {
    const { words, owners, slots } = this;
    this.slots = slots * 2;
    this.words = new Uint32Array(this.slots * WORDS);
    this.owners = new Uint32Array(this.slots);
    this.held = 0;
    for (let slot = 0; slot < slots; slot += 1) {
      const owner = owners[slot] ?? 0;
      const word = (number: number) => words[slot * WORDS + number] ?? 0;
      if (owner > 0) this.insert(word(0), word(1), word(2), word(3), owner);
    }
  }

  private insert(a: number, b: number, c: number, d: number, owner: number): void {
    const { words, owners, slots } = this;
    for (let slot = mix(a, b) & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
      const at = slot * WORDS;
      const same = words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d;
      if (owners[slot] !== 0 && same) {
        // A block of several secrets is still found, but names none of them.
        if (owners[slot] !== owner) owners[slot] = SEVERAL;
        return;
      }
      if (owners[slot] !== 0) continue;
      words[at] = a;
      words[at + 1] = b;
      words[at + 2] = c;
      words[at + 3] = d;
      owners[slot] = owner;
      this.held += 1;
      const bit = mix(a, b) >>> 10;
      this.filter[bit >>> 3] = (this.filter[bit >>> 3] ?? 0) | (1 << (bit & 7));
      return;
    }
  }

  private scan(bytes: Uint8Array, hit: (owner: number, position: number, slot: number) => void): void {
    if (this.held === 0 || bytes.length < BLOCK_BYTES) return;
    const { filter, words, owners, slots } = this;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + BLOCK_BYTES <= bytes.length; at += 1) {
      const a = view.getUint32(at, true);
      const b = view.getUint32(at + 4, true);
      if (a === 0 && b === 0 && at % ZEROS_EVERY === 0) at = afterZeros(bytes, at);
      const mixed = mix(a, b);
      const bit = mixed >>> 10;
      if (((filter[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) continue;
      for (let slot = mixed & (slots - 1); owners[slot] !== 0; slot = (slot + 1) & (slots - 1)) {
        const word = slot * WORDS;
        if (words[word] !== a || words[word + 1] !== b) continue;
        if (words[word + 2] !== view.getUint32(at + 8, true) || words[word + 3] !== view.getUint32(at + 12, true))
          continue;
        hit(owners[slot] ?? 0, at, slot);
        break;
      }
    }
  }
}

/** The last place from `at` on whose block is in a run of whole `ZEROS`; `at` itself if there is none. */
function afterZeros(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end + ZEROS.length <= bytes.length && ZEROS.equals(bytes.subarray(end, end + ZEROS.length)))
    end += ZEROS.length;
  return end > at ? end - BLOCK_BYTES : at;
}

/** Ones in the bits of each byte. */
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);
/** The number of the block that had each byte last. */
const seenIn = new Float64Array(256);
let blocks = 0;

/** Whether the block at `at` is structure. */
function isStructure(bytes: Uint8Array, at: number): boolean {
  blocks += 1;
  let [ones, variety] = [0, 0];
  for (let each = at; each < at + BLOCK_BYTES; each += 1) {
    const byte = bytes[each] ?? 0;
    ones += ONES[byte] ?? 0;
    if (seenIn[byte] !== blocks) variety += 1;
    seenIn[byte] = blocks;
  }
  return variety < VARIETY_MIN || Math.max(ones, BLOCK_BYTES * 8 - ones) > ALIKE_BITS_MAX;
}

/** Hashes 64 bits to 32 (the finalizer of MurmurHash3). */
function mix(a: number, b: number): number {
  let mixed = Math.imul(a ^ ((b << 13) | (b >>> 19)), 0x85ebca6b);
  mixed = Math.imul(mixed ^ b ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
