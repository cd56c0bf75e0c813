// Opens every view of pictures: checks the caller's right and privacy, records who looks before the first picture, reports whether anybody
// looks now, and ends all views at once.

import type { Clock, Timer } from '@doorsill/base/clock';
import { assert } from '@doorsill/contract/assert';
import type { ViewRight } from '@doorsill/contract/console-messages';
import { failure } from '@doorsill/contract/errors';
import type { Caller } from './callers.ts';

export interface PictureAccessDeps {
  clock: Clock;
  privacyOn(): boolean;
  /** `ConsentGate.looked`: records the look, durably when it resolves. */
  looked(by: string, what: ViewRight): Promise<void>;
  /** Called when the first view opens, and some time after the last one was closed. */
  watched(isWatched: boolean): void;
}

/** How long a caller still counts as looking after a view: many ask for single pictures one after the other. */
const LINGER_MS = 10_000;

/** Views of one caller and kind with pauses up to this long are one session, which is one entry in the ledger. */
const PAUSE_MS_MAX = 10 * 60_000;
const SESSIONS_MAX = 256;

interface Watching {
  /** The caller's signal. Once it is aborted, a new login under the same id begins a new session. */
  signal: AbortSignal;
  lastMs: number;
  /** Number of open views: there is no pause while one is open. */
  open: number;
}

export class PictureAccess {
  private readonly deps: PictureAccessDeps;
  private readonly watching = new Map<string, Watching>();
  /** Sessions whose entry is being written: views that open meanwhile belong to them. */
  private readonly noting = new Map<string, Promise<Watching>>();
  private blackout = new AbortController();
  /** Open views. */
  private readonly views = new Set<object>();
  private lingering: Timer | null = null;

  constructor(deps: PictureAccessDeps) {
    this.deps = deps;
  }

  /**
   * Opens a view. Its signal is aborted with a coded failure at the moment when nothing more may be shown; call `close` when the view ends
   * by itself. Throws `console_privacy_on`, `console_right_missing`, and the error of recording the look: nothing may be shown then.
   */
  async open(caller: Caller | null, what: ViewRight): Promise<{ signal: AbortSignal; close(): void }> {
    assert(caller !== null, 'pictures are shown on no public route');
    if (!caller.rights.includes(what)) throw failure('console_right_missing', { right: what });
    this.assertNoPrivacy();
    const signal = AbortSignal.any([this.blackout.signal, caller.signal]);
    const session = await this.note(caller, what);
    // Privacy may have been turned on, or the caller removed, while the look was being recorded.
    this.assertNoPrivacy();
    signal.throwIfAborted();
    session.open += 1;
    let isOpen = true;
    const view = {};
    this.opened(view);
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      session.open -= 1;
      session.lastMs = this.deps.clock.monotonicMs();
      this.closed(view);
    };
    return { signal, close };
  }

  private opened(view: object): void {
    this.views.add(view);
    if (this.lingering === null && this.views.size === 1) this.deps.watched(true);
    this.lingering?.cancel();
    this.lingering = null;
  }

  private closed(view: object): void {
    if (!this.views.delete(view) || this.views.size > 0) return;
    this.lingering = this.deps.clock.after(LINGER_MS, () => this.unwatched());
  }

  private unwatched(): void {
    this.lingering?.cancel();
    this.lingering = null;
    this.deps.watched(false);
  }

  /** Privacy was turned on: ends every open view. */
  privacyTurnedOn(): void {
    this.blackout.abort(failure('console_privacy_on'));
    this.blackout = new AbortController();
    this.views.clear();
    this.unwatched();
  }

  /** Cancels the timer after the last view. */
  stop(): void {
    this.lingering?.cancel();
    this.lingering = null;
  }

  private assertNoPrivacy(): void {
    if (this.deps.privacyOn()) throw failure('console_privacy_on');
  }

  private async note(caller: Caller, what: ViewRight): Promise<Watching> {
    const name = `${caller.id} ${what}`;
    const nowMs = this.deps.clock.monotonicMs();
    const known = this.watching.get(name);
    if (known && !known.signal.aborted && (known.open > 0 || nowMs - known.lastMs <= PAUSE_MS_MAX)) {
      known.lastMs = nowMs;
      return known;
    }
    const underWay = this.noting.get(name) ?? this.begin(name, caller, what);
    this.noting.set(name, underWay);
    return underWay.finally(() => this.noting.delete(name));
  }

  private async begin(name: string, caller: Caller, what: ViewRight): Promise<Watching> {
    await this.deps.looked(caller.id, what);
    const session = { signal: caller.signal, lastMs: this.deps.clock.monotonicMs(), open: 0 };
    this.watching.delete(name);
    const [oldest] = this.watching.keys();
    if (this.watching.size >= SESSIONS_MAX && oldest !== undefined) this.watching.delete(oldest);
    this.watching.set(name, session);
    return session;
  }
}
