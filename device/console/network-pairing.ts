// Owns: pairing with the device's own server: the token that the device draws as a code, the lock after failures, and new owners
// that wait until somebody at the device confirms them. Not here: who becomes an owner (consent/gate.ts, passed in), pairing over
// the socket of this machine (owner/pairing-server.ts).

import type { Clock } from '@doorsill/base/clock';
import { sha256, sha256Hex, verifySignature } from '@doorsill/base/keys';
import { freshId, type Random } from '@doorsill/base/random';
import { fromBase64url, toBase64url } from '@doorsill/contract/bytes';
import { type PairingOffer, type PairingState, pairingProofInput } from '@doorsill/contract/console-messages';
import { failure } from '@doorsill/contract/errors';

export interface NetworkPairingDeps {
  clock: Clock;
  random: Random;
  device: string;
  /** `ConsentGate.pair`: the statement for a key whose possession was proven. */
  pair(key: string, name: string): Promise<string>;
}

const TOKEN_BYTES = 16;
const FAILURES_MAX = 10;
/** Long enough to walk to the door. */
const WAIT_MS_MAX = 180_000;
const WAITING_MAX = 3;
/** Answers about finished pairings are kept for the browser that polls. */
const FINISHED_MAX = 16;

interface Waiting {
  key: string;
  name: string;
  code: string;
  sinceMs: number;
  /** Whether no other key has waited at the same time: only then can it be meant by a press of the button. */
  isOnly: boolean;
}

export class NetworkPairing {
  private readonly deps: NetworkPairingDeps;
  private drawn: string;
  private failures = 0;
  private readonly waiting = new Map<string, Waiting>();
  private readonly finished = new Map<string, PairingState>();

  constructor(deps: NetworkPairingDeps) {
    this.deps = deps;
    this.drawn = this.freshToken();
  }

  /** The token to draw; another one after each pairing, also one that failed. */
  get token(): string {
    return this.drawn;
  }

  get locked(): boolean {
    return this.failures >= FAILURES_MAX;
  }

  /**
   * Takes a new owner's offer. `challenge` was given out by this server and is used up. `atThisMachine`: the browser runs on the
   * device's own machine, where the token alone proves who can see its terminal; elsewhere somebody at the device confirms.
   * Throws `pairing_locked`, `pairing_token_refused`, `pairing_refused`, and what `pair` throws.
   */
  async offer(offer: PairingOffer, atThisMachine: boolean): Promise<PairingState> {
    if (this.locked) throw failure('pairing_locked');
    if (sha256Hex(offer.token) !== sha256Hex(this.drawn)) {
      this.failures += 1;
      throw failure('pairing_token_refused');
    }
    const signature = fromBase64url(offer.proof);
    const input = pairingProofInput(this.deps.device, offer.challenge, offer.key, offer.name);
    if (!signature || !verifySignature(offer.key, input, signature)) {
      this.failures += 1;
      throw failure('pairing_refused', { detail: 'the key was not proven' });
    }
    const pairing = freshId(this.deps.random, 'pairing');
    if (atThisMachine) return this.finish(pairing, offer);
    return this.wait(pairing, offer);
  }

  /** What became of an offer. An unknown one, or one that nobody confirmed in time, is refused. */
  stateOf(pairing: string): PairingState {
    this.dropLate();
    const waiting = this.waiting.get(pairing);
    if (waiting) return { state: 'waiting', pairing, code: waiting.code };
    return this.finished.get(pairing) ?? { state: 'refused', pairing };
  }

  /** Somebody at the device typed the code that a browser shows. Throws `pairing_code_unknown`, and what `pair` throws. */
  async confirm(code: string): Promise<{ key: string; name: string }> {
    this.dropLate();
    const found = [...this.waiting].find(([, one]) => one.code === code);
    if (!found) throw failure('pairing_code_unknown');
    const [pairing, { key, name }] = found;
    // It waits until it is paired: a browser that asks meanwhile must not hear that it was refused.
    await this.finish(pairing, { key, name }).finally(() => this.waiting.delete(pairing));
    return { key, name };
  }

  /**
   * A real button was pressed: unlocks pairing, and confirms the new owner who waits, if no other one has waited since it came. Somebody
   * who has the token could else wait until the one who is meant has given up, and be confirmed in their place.
   */
  async buttonPressed(): Promise<void> {
    this.failures = 0;
    this.dropLate();
    const [only] = this.waiting.values();
    if (only?.isOnly && this.waiting.size === 1) await this.confirm(only.code);
  }

  private wait(pairing: string, { key, name }: PairingOffer): PairingState {
    this.dropLate();
    // A browser that was loaded again offers the same key again.
    const [again, before] = [...this.waiting].find(([, one]) => one.key === key) ?? [];
    if (again !== undefined) this.waiting.delete(again);
    const [oldest] = this.waiting.keys();
    if (this.waiting.size >= WAITING_MAX && oldest !== undefined) this.waiting.delete(oldest);
    for (const one of this.waiting.values()) one.isOnly = false;
    const isOnly = this.waiting.size === 0 && before?.isOnly !== false;
    const code = this.codeFor(key);
    this.waiting.set(pairing, { key, name, code, sinceMs: this.deps.clock.monotonicMs(), isOnly });
    return { state: 'waiting', pairing, code };
  }

  /** The token is used up before anything is awaited: nobody else who has it can be paired, neither at once nor by waiting. */
  private async finish(pairing: string, { key, name }: { key: string; name: string }): Promise<PairingState> {
    this.drawn = this.freshToken();
    for (const other of this.waiting.keys()) if (other !== pairing) this.waiting.delete(other);
    const statement = await this.deps.pair(key, name);
    this.failures = 0;
    const state: PairingState = { state: 'paired', pairing, statement };
    const [oldest] = this.finished.keys();
    if (this.finished.size >= FINISHED_MAX && oldest !== undefined) this.finished.delete(oldest);
    this.finished.set(pairing, state);
    return state;
  }

  /** Six digits that depend on the key and on what only this device knew before it had the key. */
  private codeFor(key: string): string {
    const drawn = this.deps.random.bytes(TOKEN_BYTES);
    for (let turn = 0; ; turn += 1) {
      const hash = sha256(Buffer.concat([drawn, Buffer.from(`${turn}\n${key}`)]));
      const code = String(new DataView(hash.buffer).getUint32(0) % 1_000_000).padStart(6, '0');
      if (![...this.waiting.values()].some((one) => one.code === code)) return code;
    }
  }

  private dropLate(): void {
    const nowMs = this.deps.clock.monotonicMs();
    for (const [pairing, { sinceMs }] of this.waiting) {
      if (nowMs - sinceMs > WAIT_MS_MAX) this.waiting.delete(pairing);
    }
  }

  private freshToken(): string {
    return toBase64url(this.deps.random.bytes(TOKEN_BYTES));
  }
}
