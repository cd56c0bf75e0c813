// Caches signature verifications across runs: the same key, bytes and signature always have the same result, and every part of every run
// verifies the same documents.
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** Beyond this the cache is cleared; longer data is always verified. */
const REMEMBERED_MAX = 4_000;
const DATA_BYTES_MAX = 16_384;
/** RFC 8032 §5.1.6. */
const SIGNATURE_BYTES = 64;

type Outcomes = Map<string, boolean>;

/** Lets the whole process verify each Ed25519 signature once, until the returned function is called. */
export function rememberSignatures(): () => void {
  const { verify } = crypto;
  let count = 0;
  let known = new WeakMap<object, Outcomes>();
  const outcomesUnder = (key: object): Outcomes => {
    const outcomes = known.get(key) ?? new Map();
    known.set(key, outcomes);
    return outcomes;
  };
  const remembering = (...asked: unknown[]): unknown => {
    const [algorithm, data, key, signature, then] = asked;
    const isKnown = algorithm === null && then === undefined && key instanceof crypto.KeyObject;
    if (!isKnown || !isBytes(data, 0, DATA_BYTES_MAX) || !isBytes(signature, SIGNATURE_BYTES, SIGNATURE_BYTES))
      return Reflect.apply(verify, crypto, asked);
    const outcomes = outcomesUnder(key);
    const name = `${lettersOf(signature)} ${lettersOf(data)}`;
    const before = outcomes.get(name);
    if (before !== undefined) return before;
    const outcome: unknown = Reflect.apply(verify, crypto, asked);
    if (count === REMEMBERED_MAX) {
      known = new WeakMap();
      count = 0;
    }
    outcomesUnder(key).set(name, outcome === true);
    count += 1;
    return outcome;
  };
  Object.assign(crypto, { verify: remembering });
  syncBuiltinESMExports();
  return () => {
    Object.assign(crypto, { verify });
    syncBuiltinESMExports();
  };
}

function isBytes(value: unknown, least: number, most: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length >= least && value.length <= most;
}

/** One letter for each byte. */
function lettersOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
