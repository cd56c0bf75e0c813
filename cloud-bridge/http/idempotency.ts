// A call repeated with the same `Idempotency-Key` gets its earlier answer and changes nothing
// (draft-ietf-httpapi-idempotency-key-header-07).

import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import { assert } from '@doorsill/contract/assert';
import { failure } from '@doorsill/contract/errors';

export interface KeptAnswer {
  /** SHA-256 of the call's body, as hex. */
  bodySha256: string;
  status: number;
  /** The answer as JSON. */
  answer: string;
}

/** Stores answers across restarts. */
export interface AnswerStore {
  /** The answer under a key, unless it has expired. */
  find(key: string, nowS: number): Promise<KeptAnswer | null>;
  /** Stores an answer for a caller; deletes what has expired, and a caller's oldest answers beyond `perCallerMax`. */
  keep(key: string, caller: string, kept: KeptAnswer, life: AnswerLife): Promise<void>;
}

export interface AnswerLife {
  nowS: number;
  expiresS: number;
  perCallerMax: number;
}

/** Runs work of one name in one server process at a time, of several that share the store. */
export interface CallTurns {
  run(name: string, work: () => Promise<void>): Promise<void>;
}

const LIFE_S = 24 * 3600;
const PER_CALLER_MAX = 1_000;
/** A structured string (RFC 9651 §3.3.3), or the same without its quotes. */
const KEY = /^"?([\x21\x23-\x5b\x5d-\x7e]{1,128})"?$/;

export class IdempotentCalls {
  private readonly clock: Clock;
  private readonly store: AnswerStore;
  private readonly turns: CallTurns | null;
  /** Running calls, by key: a repeat waits for the first. */
  private readonly underWay = new Map<string, Promise<unknown>>();

  /** `turns`: for several processes on the same store. */
  constructor(clock: Clock, store: AnswerStore, turns: CallTurns | null = null) {
    this.clock = clock;
    this.store = store;
    this.turns = turns;
  }

  /**
   * Does `work`, or returns its earlier result under this key for this body. Only success is stored: a refused caller may correct the call.
   * One of the processes that share the store does it. `caller`: the caller's identity, proven once `work` has succeeded; two callers' keys
   * never collide. Throws `idempotency_key_reused`, `http_body_invalid`, and what `work` throws.
   */
  async run(
    call: { header: string; caller: string; body: unknown; status: number },
    work: () => Promise<unknown>,
  ): Promise<{ answer: unknown; isRepeat: boolean }> {
    const said = KEY.exec(call.header)?.[1];
    if (said === undefined)
      throw failure('http_body_invalid', { detail: 'idempotency-key: 1 to 128 letters of ASCII' });
    const key = sha256Hex(`${call.caller}\n${said}`);
    // One after the other: the second call finds the stored answer of the first.
    for (let other = this.underWay.get(key); other; other = this.underWay.get(key)) await other.catch(() => undefined);
    const turn = this.inTurn(key, () => this.once(key, call, work));
    this.underWay.set(key, turn);
    try {
      return await turn;
    } finally {
      this.underWay.delete(key);
    }
  }

  private async inTurn<Result>(key: string, once: () => Promise<Result>): Promise<Result> {
    if (!this.turns) return once();
    const done: Result[] = [];
    await this.turns.run(`call ${key}`, async () => void done.push(await once()));
    const [result] = done;
    assert(result !== undefined, 'a turn that ended was taken');
    return result;
  }

  private async once(
    key: string,
    { caller, body, status }: { caller: string; body: unknown; status: number },
    work: () => Promise<unknown>,
  ): Promise<{ answer: unknown; isRepeat: boolean }> {
    const nowS = wallSeconds(this.clock);
    const bodySha256 = sha256Hex(JSON.stringify(body ?? null));
    const kept = await this.store.find(key, nowS);
    if (kept && kept.bodySha256 !== bodySha256) throw failure('idempotency_key_reused');
    if (kept) return { answer: JSON.parse(kept.answer), isRepeat: true };
    const answer = await work();
    const life = { nowS, expiresS: nowS + LIFE_S, perCallerMax: PER_CALLER_MAX };
    await this.store.keep(key, caller, { bodySha256, status, answer: JSON.stringify(answer) }, life);
    return { answer, isRepeat: false };
  }
}
