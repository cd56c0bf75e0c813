// Owns: owners' sessions at the device's own server: opened by a signature of the owner's key over a fresh challenge, named by a
// cookie and a header together, because all ports of a machine share its cookies. In memory: a restart ends them.
// Not here: who is an owner (consent/), where requests may come from (request-origin.ts).

import type { Clock } from '@doorsill/base/clock';
import { sha256Hex, verifySignature } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import { fromBase64url, toBase64url } from '@doorsill/contract/bytes';
import { sessionProofInput } from '@doorsill/contract/console-messages';
import { failure } from '@doorsill/contract/errors';

export interface OwnerSession {
  /** The owner's public key. */
  key: string;
  name: string;
  /** Aborted when the session ends, for whatever reason. */
  signal: AbortSignal;
}

export interface OwnerSessionsDeps {
  clock: Clock;
  random: Random;
  device: string;
  owners(): readonly { key: string; name: string }[];
}

const SECRET_BYTES = 16;
/** A challenge is for a browser that signs at once. */
const CHALLENGE_MS_MAX = 120_000;
/** More than one address may ask for in that time (local-router.ts): no single one can push out the challenge of another. */
const CHALLENGES_MAX = 4_096;
/** Two phones and a laptop of each owner. */
const SESSIONS_MAX = 32;
/** A session that is not used for this long ends: a week of a phone that is not looked at. */
const IDLE_MS_MAX = 7 * 24 * 3_600_000;

interface Held {
  key: string;
  /** SHA-256 of the header's secret. */
  header: string;
  usedMs: number;
  end: AbortController;
}

export class OwnerSessions {
  private readonly deps: OwnerSessionsDeps;
  /** Challenges that were given out, and when (monotonic). */
  private readonly challenges = new Map<string, number>();
  /** By the SHA-256 of the cookie's secret; the one used longest ago comes first. */
  private readonly sessions = new Map<string, Held>();

  constructor(deps: OwnerSessionsDeps) {
    this.deps = deps;
  }

  /** A fresh text to sign; valid for two minutes, once. When too many wait, the oldest is dropped. */
  challenge(): string {
    const { clock, random } = this.deps;
    const [oldest] = this.challenges.keys();
    if (this.challenges.size >= CHALLENGES_MAX && oldest !== undefined) this.challenges.delete(oldest);
    const challenge = toBase64url(random.bytes(SECRET_BYTES));
    this.challenges.set(challenge, clock.monotonicMs());
    return challenge;
  }

  /** Uses a challenge up; throws `console_session_refused` unless it is one of ours that is still valid. */
  take(challenge: string): void {
    const givenMs = this.challenges.get(challenge);
    this.challenges.delete(challenge);
    if (givenMs === undefined || this.deps.clock.monotonicMs() - givenMs > CHALLENGE_MS_MAX) {
      throw failure('console_session_refused', { detail: 'the challenge is unknown, used or too old' });
    }
  }

  /**
   * Opens a session for an owner's key. `origin`: where the server was called; it is signed, so a signature made for a page of another
   * origin is of no use here. Returns the two secrets, which are not kept. Throws `console_session_refused`.
   */
  open(
    { key, challenge, proof }: { key: string; challenge: string; proof: string },
    origin: string,
  ): { cookie: string; header: string } {
    const { clock, random, device } = this.deps;
    this.take(challenge);
    const signature = fromBase64url(proof);
    const isOwner = this.deps.owners().some((owner) => owner.key === key);
    if (!isOwner || !signature || !verifySignature(key, sessionProofInput(device, origin, challenge, key), signature)) {
      throw failure('console_session_refused', { detail: 'the key is not an owner’s, or did not sign the challenge' });
    }
    const [idlest] = this.sessions.keys();
    if (this.sessions.size >= SESSIONS_MAX && idlest !== undefined) this.drop(idlest);
    const [cookie, header] = [toBase64url(random.bytes(SECRET_BYTES)), toBase64url(random.bytes(SECRET_BYTES))];
    const usedMs = clock.monotonicMs();
    this.sessions.set(sha256Hex(cookie), { key, header: sha256Hex(header), usedMs, end: new AbortController() });
    return { cookie, header };
  }

  /** The session that both secrets name; null when there is none, it was idle for too long, or its key is no owner's any more. */
  find(cookie: string, header: string): OwnerSession | null {
    const { clock } = this.deps;
    const name = sha256Hex(cookie);
    const held = this.sessions.get(name);
    // Hashes are compared: how long that takes tells nothing of the secrets.
    if (!held || held.header !== sha256Hex(header)) return null;
    const owner = this.deps.owners().find((one) => one.key === held.key);
    const nowMs = clock.monotonicMs();
    if (!owner || nowMs - held.usedMs > IDLE_MS_MAX) {
      this.drop(name);
      return null;
    }
    this.sessions.delete(name);
    this.sessions.set(name, { ...held, usedMs: nowMs });
    return { key: owner.key, name: owner.name, signal: held.end.signal };
  }

  close(cookie: string): void {
    this.drop(sha256Hex(cookie));
  }

  /** Ends the sessions of keys that are no owners' any more, and what they are watching. To be called when owners change. */
  sweep(): void {
    const keys = new Set(this.deps.owners().map(({ key }) => key));
    for (const [name, { key }] of this.sessions) if (!keys.has(key)) this.drop(name);
  }

  /** Ends all sessions. */
  stop(): void {
    for (const name of [...this.sessions.keys()]) this.drop(name);
    this.challenges.clear();
  }

  private drop(name: string): void {
    this.sessions.get(name)?.end.abort(failure('console_session_refused', { detail: 'the session has ended' }));
    this.sessions.delete(name);
  }
}
