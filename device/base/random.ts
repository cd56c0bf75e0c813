// The only file of the project that may draw random numbers.
import { randomBytes } from 'node:crypto';
import { toHex } from '@doorsill/contract/bytes';

/** The program's only source of random numbers, so that a simulation can seed it. */
export interface Random {
  /** `length` random bytes. */
  bytes(length: number): Uint8Array;
  /** A number in [0, 1). */
  fraction(): number;
}

/** The operating system's generator: fit for keys. */
export class SystemRandom implements Random {
  bytes(length: number): Uint8Array {
    return new Uint8Array(randomBytes(length));
  }

  fraction(): number {
    return randomBytes(4).readUInt32LE(0) / 2 ** 32;
  }
}

/** A repeatable generator (mulberry32) for simulations and tests; never for keys that protect something. */
export class SeededRandom implements Random {
  private state: number;

  /** Equal integer seeds draw equal sequences. */
  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  fraction(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 1) bytes[at] = Math.floor(this.fraction() * 256);
    return bytes;
  }
}

/** A new id of the contract's form with 128 random bits, e.g. `grant-3f2a...`. */
export function freshId(random: Random, prefix: string): string {
  return `${prefix}-${toHex(random.bytes(16))}`;
}

/** An integer in [0, limit). */
export function integerBelow(random: Random, limit: number): number {
  return Math.floor(random.fraction() * limit);
}
