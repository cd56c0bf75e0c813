// Holds: a record opens to exactly what was sealed, under the same key, nonce and associated data, or not at all.
import { describe, expect, it } from 'vitest';
import { ManualClock, SystemClock } from '../../../device/base/clock.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import {
  deriveSealKey,
  fittingCipher,
  generateSealKey,
  open,
  openWithNonce,
  SEAL_CIPHERS,
  seal,
  sealedBytesOf,
  sealKeyId,
  sealTo,
  sealWithNonce,
  triedCipher,
  wipeSealKey,
} from '../../../device/base/seal.ts';
import { utf8 } from '../../../device/contract/bytes.ts';

const random = new SystemRandom();
const nonce = new Uint8Array(12);
const plain = utf8('a visitor at the door');
const associated = utf8('record 7');
/** `toEqual` compares texts at once, and arrays byte by byte. */
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe.each(SEAL_CIPHERS)('sealing with %s', (cipher) => {
  it('opens to what was sealed, also for an empty record', () => {
    const key = generateSealKey(random, cipher);
    for (const bytes of [plain, new Uint8Array(0), random.bytes(100_000)]) {
      const sealed = [sealWithNonce(key, nonce, bytes, associated), seal(key, bytes, associated, random)] as const;
      const opened = [openWithNonce(key, nonce, sealed[0], associated), open(key, sealed[1], associated)];
      expect(opened.map((found) => found && hex(found))).toEqual([hex(bytes), hex(bytes)]);
    }
  });

  it('does not open after any single bit was flipped or cut off', () => {
    const key = generateSealKey(random, cipher);
    const sealed = seal(key, plain, associated, random);
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Uint8Array.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(open(key, changed, associated)).toBeNull();
    }
    for (let length = 0; length < sealed.length; length += 1) {
      expect(open(key, sealed.subarray(0, length), associated)).toBeNull();
    }
  });

  it('does not open under another key, for another purpose, or after its key was destroyed', () => {
    const key = generateSealKey(random, cipher);
    const sealed = seal(key, plain, associated, random);
    expect(open(generateSealKey(random, cipher), sealed, associated)).toBeNull();
    expect(open(key, sealed, utf8('record 8'))).toBeNull();
    wipeSealKey(key);
    expect(open(key, sealed, associated)).toBeNull();
  });

  it('never seals a text to the same bytes twice', () => {
    const key = generateSealKey(random, cipher);
    const sealed = new Set(Array.from({ length: 50 }, () => seal(key, plain, associated, random).join()));
    expect(sealed.size).toBe(50);
  });

  it('derives keys that differ by salt and purpose and are always the same for both', () => {
    const key = generateSealKey(random, cipher);
    const derived = deriveSealKey(key, utf8('salt'), 'one');
    expect(deriveSealKey(key, utf8('salt'), 'one')).toEqual(derived);
    expect(deriveSealKey(key, utf8('salt'), 'two').secret).not.toEqual(derived.secret);
    expect(deriveSealKey(key, utf8('pepper'), 'one').secret).not.toEqual(derived.secret);
    expect(sealKeyId(derived)).toMatch(/^[0-9a-f]{16}$/);
    expect(sealKeyId(derived)).not.toBe(sealKeyId(key));
  });
});

describe('sealing piece by piece', () => {
  const long = Uint8Array.from({ length: 100_000 }, (_, at) => at % 253);
  const key = generateSealKey(random);

  it('writes the same bytes as sealing at once', () => {
    const pieces: Uint8Array[] = [];
    sealTo(key, nonce, [long.subarray(0, 7), long.subarray(7)], associated, (bytes) => pieces.push(bytes.slice()));
    expect(hex(Buffer.concat(pieces))).toBe(hex(sealWithNonce(key, nonce, long, associated)));
    expect(Buffer.concat(pieces)).toHaveLength(sealedBytesOf(long.length));
  });

  it('frees the memory of each piece at once, where the runtime can', () => {
    const ofRuntime = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'transfer');
    const given: number[] = [];
    const transfer = function (this: ArrayBuffer, bytes: number) {
      expect(bytes).toBe(0);
      given.push(this.byteLength);
    };
    Object.defineProperty(ArrayBuffer.prototype, 'transfer', { value: transfer, configurable: true, writable: true });
    try {
      sealTo(key, nonce, [long], associated, () => undefined);
    } finally {
      if (ofRuntime) Object.defineProperty(ArrayBuffer.prototype, 'transfer', ofRuntime);
      else Reflect.deleteProperty(ArrayBuffer.prototype, 'transfer');
    }
    expect(given.length).toBeGreaterThan(1);
    expect(given.reduce((sum, bytes) => sum + bytes, 0)).toBe(long.length);
  });
});

describe('the choice of cipher', () => {
  it('falls on AES where the CPU is as fast at it, or where time stands still', () => {
    expect(SEAL_CIPHERS).toContain(triedCipher(new SystemClock()));
    expect(triedCipher(new ManualClock(0))).toBe('aes-256-gcm');
  });

  it('falls on ChaCha20 where AES takes clearly longer', () => {
    const { clock } = clockOfSlowAes();
    expect(triedCipher(clock)).toBe('chacha20-poly1305');
  });

  it('is made once in a process, at the first call', () => {
    // Another file's tests may have called it before, in the same process.
    const first = fittingCipher(new ManualClock(0));
    const slow = clockOfSlowAes();
    expect(fittingCipher(slow.clock)).toBe(first);
    expect(slow.readings()).toBe(0);
  });
});

/** Eight readings time the four AES trials, eight the ChaCha20 ones: AES takes 10 ms, ChaCha20 1 ms. */
function clockOfSlowAes(): { clock: ManualClock; readings(): number } {
  const clock = new ManualClock(0);
  let reading = 0;
  clock.monotonicMs = () => {
    const pair = Math.floor(reading / 2);
    const tookMs = pair < 4 ? 10 : 1;
    return 1000 * pair + (reading++ % 2) * tookMs;
  };
  return { clock, readings: () => reading };
}
