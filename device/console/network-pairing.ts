// Pairing over the network: the token in the device's pairing code, the lock after failures, and new owners who wait for a confirmation at
// the device.

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
  /** `ConsentGate.pair`: returns the device's signed statement for a key whose possession was proven. */
  pair(key: string, name: string): Promise<string>;
}

const TOKEN_BYTES = 16;
const FAILURES_MAX = 10;
/** Long enough to walk to the door. */
const WAIT_MS_MAX = 180_000;
const WAITING_MAX = 3;
/** Finished pairings are kept for the browser that polls their state. */
const FINISHED_MAX = 16;

interface Waiting {
  key: string;
  name: string;
  code: string;
  sinceMs: number;
  /** Whether no other key has waited at the same time: only then does a press of the button mean this one. */
  isOnly: boolean;
}

export class NetworkPairing {
  private readonly deps: NetworkPairingDeps;
  private currentToken: string;
  private failures = 0;
  private readonly waiting = new Map<string, Waiting>();
  private readonly finished = new Map<string, PairingState>();

  constructor(deps: NetworkPairingDeps) {
    this.deps = deps;
    this.currentToken = this.freshToken();
  }

  /** The token of the pairing code; replaced after each pairing, even a failed one. */
  get token(): string {
    return this.currentToken;
  }

  get locked(): boolean {
    return this.failures >= FAILURES_MAX;
  }

  /**
   * Accepts a new owner's offer. Its challenge is one of this server's, used up by the caller. `atThisMachine`: the browser runs on the
   * device's machine, where the token alone is enough, because only who sees the terminal has it; elsewhere somebody at the device must
   * confirm. Throws `pairing_locked`, `pairing_token_refused`, `pairing_refused`, and `pair`'s errors.
   */
  async offer(offer: PairingOffer, atThisMachine: boolean): Promise<PairingState> {
    if (this.locked) throw failure('pairing_locked');
    if (sha256Hex(offer.token) !== sha256Hex(this.currentToken)) {
      this.failures += 1;
      throw failure('pairing_token_refused');
    }
    const signature = fromBase64url(offer.proof);
    const input = pairingProofInput(this.deps.device, offer.challenge, offer.key, offer.name);
    if (!signature || !verifySignature(offer.key, input, signature)) {
      this.failures += 1;
      throw failure('pairing_refused', { detail: 'the signature does not prove the key' });
    }
    const pairing = freshId(this.deps.random, 'pairing');
    if (atThisMachine) return this.finish(pairing, offer);
    return this.wait(pairing, offer);
  }

  /** The state of an offer. An unknown or expired one is `refused`. */
  stateOf(pairing: string): PairingState {
    this.dropLate();
    const waiting = this.waiting.get(pairing);
    if (waiting) return { state: 'waiting', pairing, code: waiting.code };
    return this.finished.get(pairing) ?? { state: 'refused', pairing };
  }

  /** Confirms the offer whose code was typed at the device. Throws `pairing_code_unknown`, and `pair`'s errors. */
  async confirm(code: string): Promise<{ key: string; name: string }> {
    this.dropLate();
    const found = [...this.waiting].find(([, one]) => one.code === code);
    if (!found) throw failure('pairing_code_unknown');
    const [pairing, { key, name }] = found;
    // Stays in `waiting` until paired: a browser that polls meanwhile must not see `refused`.
    await this.finish(pairing, { key, name }).finally(() => this.waiting.delete(pairing));
    return { key, name };
  }

  /**
   * A real button was pressed: unlocks pairing, and confirms the waiting offer if no other has waited since it arrived. Otherwise somebody
   * else with the token could wait until the intended owner gives up, and be confirmed instead.
   */
  async buttonPressed(): Promise<void> {
    this.failures = 0;
    this.dropLate();
    const [only] = this.waiting.values();
    if (only?.isOnly && this.waiting.size === 1) await this.confirm(only.code);
  }

  private wait(pairing: string, { key, name }: PairingOffer): PairingState {
    this.dropLate();
    // A reloaded page may offer the same key again.
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

  /** Uses up the token: replaces it and drops all other offers at once, before any `await`, so that one token pairs one key only. */
  private async finish(pairing: string, { key, name }: { key: string; name: string }): Promise<PairingState> {
    this.currentToken = this.freshToken();
    for (const other of this.waiting.keys()) if (other !== pairing) this.waiting.delete(other);
    const statement = await this.deps.pair(key, name);
    this.failures = 0;
    const state: PairingState = { state: 'paired', pairing, statement };
    const [oldest] = this.finished.keys();
    if (this.finished.size >= FINISHED_MAX && oldest !== undefined) this.finished.delete(oldest);
    this.finished.set(pairing, state);
    return state;
  }

  /** Six digits from the key and a random value drawn after the key was received, so that no key can be chosen for its code. */
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
