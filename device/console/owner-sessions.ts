// Owners' sessions in the device's console. A session is opened by a signature over a fresh challenge, and identified by a cookie and a
// header together, because all ports of a machine share its cookies. Sessions are kept in memory: a restart ends them.

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
  /** Aborted when the session ends. */
  signal: AbortSignal;
}

export interface OwnerSessionsDeps {
  clock: Clock;
  random: Random;
  device: string;
  owners(): readonly { key: string; name: string }[];
}

const SECRET_BYTES = 16;
/** How long a challenge is valid. Two minutes are plenty, because browsers sign it at once. */
const CHALLENGE_MS_MAX = 120_000;
/** So many that one address needs over a minute to displace the others' challenges: local-router.ts limits its calls a minute. */
const CHALLENGES_MAX = 4_096;
/** Enough for several owners with two phones and a laptop each. */
const SESSIONS_MAX = 32;
/** A session unused for this long ends: a phone may lie unused for a week. */
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
  /** Issued challenges with their time of issue, in milliseconds of the monotonic clock. */
  private readonly challenges = new Map<string, number>();
  /** By the SHA-256 of the cookie's secret; least recently used first. */
  private readonly sessions = new Map<string, Held>();

  constructor(deps: OwnerSessionsDeps) {
    this.deps = deps;
  }

  /** A fresh text to sign; valid once, for two minutes. At the limit, the oldest is dropped. */
  challenge(): string {
    const { clock, random } = this.deps;
    const [oldest] = this.challenges.keys();
    if (this.challenges.size >= CHALLENGES_MAX && oldest !== undefined) this.challenges.delete(oldest);
    const challenge = toBase64url(random.bytes(SECRET_BYTES));
    this.challenges.set(challenge, clock.monotonicMs());
    return challenge;
  }

  /** Uses up a challenge; throws `console_session_refused` unless it is one of ours and still valid. */
  take(challenge: string): void {
    const givenMs = this.challenges.get(challenge);
    this.challenges.delete(challenge);
    if (givenMs === undefined || this.deps.clock.monotonicMs() - givenMs > CHALLENGE_MS_MAX) {
      throw failure('console_session_refused', { detail: 'the challenge is unknown, used or too old' });
    }
  }

  /**
   * Opens a session for an owner's key. `origin`: the server's address in the browser; it is signed, so a signature made for a page of
   * another origin is useless here. Returns the two secrets, which are not stored. Throws `console_session_refused`.
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

  /** The session with both secrets; null if there is none, it was idle for too long, or its key is not an owner's any more. */
  find(cookie: string, header: string): OwnerSession | null {
    const { clock } = this.deps;
    const name = sha256Hex(cookie);
    const held = this.sessions.get(name);
    // Compares hashes, so that the timing reveals nothing about the secrets.
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

  /** Ends the sessions, and thereby the live views, of keys that are not owners' any more. Call it when owners change. */
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
