// Steps from frame to frame by the frames' recorded times, which it fetches in pieces, and skips gaps.
import type { Window } from '@doorsill/contract/shared-claims';
import { SECOND_US } from '../kit/time-spans.ts';
import { type TrimEnd, withEnd } from './trim-window.ts';

export interface FrameStepsDeps {
  /** Fetches the frame times of a span, ascending. */
  frames(window: Window): Promise<readonly number[]>;
  /** The footage of the request's window. */
  coverage(): readonly Window[];
}

/** Frame times are fetched and cached in pieces of this length. */
const PIECE_US = 8 * SECOND_US;
const PIECES_MAX = 64;
/** No frame lasts longer than this many pieces: frames further apart have a gap between them. */
const LOOK_PIECES = 2;

export class FrameSteps {
  private readonly deps: FrameStepsDeps;
  private readonly pieces = new Map<number, Promise<readonly number[]>>();

  constructor(deps: FrameStepsDeps) {
    this.deps = deps;
  }

  /** The last frame at or before a moment; null if there is none. */
  async atOrBefore(atUs: number): Promise<number | null> {
    for (let looked = 0, us = atUs; looked < LOOK_PIECES; looked += 1) {
      const found = (await this.piece(us)).findLast((frame) => frame <= atUs);
      if (found !== undefined) return found;
      us = this.startOf(us) - 1;
    }
    const before = this.deps.coverage().findLast(({ endUs }) => endUs <= atUs);
    return before ? ((await this.piece(before.endUs - 1)).findLast((frame) => frame < before.endUs) ?? null) : null;
  }

  /** The first frame after a moment; null if there is none. */
  async after(atUs: number): Promise<number | null> {
    for (let looked = 0, us = atUs; looked < LOOK_PIECES; looked += 1) {
      const found = (await this.piece(us)).find((frame) => frame > atUs);
      if (found !== undefined) return found;
      us = this.startOf(us) + PIECE_US;
    }
    const next = this.deps.coverage().find(({ startUs }) => startUs > atUs);
    return next ? ((await this.piece(next.startUs)).find((frame) => frame > atUs) ?? null) : null;
  }

  /**
   * The window with one end moved a frame earlier (-1) or later (1). A window starts at a frame's time; it ends at the time of the first
   * frame outside it, or where the footage ends.
   */
  async stepped(window: Window, end: TrimEnd, direction: -1 | 1, limits: Window): Promise<Window> {
    const { startUs, endUs } = window;
    if (end === 'start') {
      const to = direction === 1 ? await this.after(startUs) : await this.atOrBefore(startUs - 1);
      return to === null ? window : withEnd(window, 'start', to, limits);
    }
    if (direction === -1) {
      const last = await this.atOrBefore(endUs - 1);
      return last === null ? window : withEnd(window, 'end', last, limits);
    }
    const outside = await this.after(endUs - 1);
    const next = outside === null ? null : await this.after(outside);
    return withEnd(window, 'end', next ?? limits.endUs, limits);
  }

  /** The window with one end snapped to a frame. */
  async snapped(window: Window, end: TrimEnd, limits: Window): Promise<Window> {
    if (end === 'start') return withEnd(window, end, (await this.atOrBefore(window.startUs)) ?? window.startUs, limits);
    const outside = (await this.after(window.endUs - 1)) ?? limits.endUs;
    const part = this.deps.coverage().find(({ startUs, endUs }) => startUs < window.endUs && endUs >= window.endUs);
    return withEnd(window, end, Math.min(outside, part?.endUs ?? outside), limits);
  }

  private startOf(atUs: number): number {
    return Math.floor(atUs / PIECE_US) * PIECE_US;
  }

  private piece(atUs: number): Promise<readonly number[]> {
    const startUs = this.startOf(atUs);
    const known = this.pieces.get(startUs);
    if (known) return known;
    const asked = this.deps.frames({ startUs: Math.max(0, startUs), endUs: startUs + PIECE_US });
    this.pieces.set(startUs, asked);
    asked.catch(() => this.pieces.delete(startUs));
    const [oldest] = this.pieces.keys();
    if (this.pieces.size > PIECES_MAX && oldest !== undefined) this.pieces.delete(oldest);
    return asked;
  }
}
