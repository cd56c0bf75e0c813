// Owns: how many pictures a wired camera is asked for when the board cannot take as many as were wished for: fewer before any is lost, and
// all again once it has been well for long. Not here: whether the board is slowed (hardware/board-power.ts), asking the camera (source-*.ts).
import type { Clock } from '@doorsill/base/clock';
import { type Failure, failure } from '@doorsill/contract/errors';

/** Pictures that come so long after they were taken pile up before ffmpeg; a kernel's buffers hold no more than some seconds of them. */
const LATE_US = 3_000_000;
/** One late GOP may be a hiccup. */
const LATE_GOPS = 3;
/** What a change or a start brings shows only after this. */
const SETTLE_MS = 20_000;
/** How long it must have been well before more pictures are asked for. */
const WELL_MS = 600_000;
const DIVISOR_MAX = 4;
/** Motion is looked for five times a second. */
const RATE_MIN = 5;

export interface PaceState {
  /** So many times fewer pictures than were wished for. */
  readonly divisor: number;
  readonly lateGops: number;
  /** Monotonic milliseconds: when this divisor or run began, and when something was last wrong. */
  readonly sinceMs: number;
  readonly badMs: number;
}

export const FULL_PACE: PaceState = {
  divisor: 1,
  lateGops: 0,
  sinceMs: Number.NEGATIVE_INFINITY,
  badMs: Number.NEGATIVE_INFINITY,
};

/** What follows from a GOP that came `lateUs` after its last picture was taken, on a board that is slowed or not. */
export function nextPace(state: PaceState, gop: { lateUs: number; slowed: boolean }, nowMs: number): PaceState {
  const isLate = gop.lateUs > LATE_US;
  const lateGops = isLate ? state.lateGops + 1 : 0;
  const badMs = isLate || gop.slowed ? nowMs : state.badMs;
  const at = (divisor: number): PaceState => ({ divisor, lateGops: 0, sinceMs: nowMs, badMs });
  if (gop.slowed && state.divisor === 1) return at(2);
  if (nowMs - state.sinceMs >= SETTLE_MS && lateGops >= LATE_GOPS && state.divisor < DIVISOR_MAX)
    return at(state.divisor * 2);
  const isWell = nowMs - Math.max(badMs, state.sinceMs) >= WELL_MS;
  if (isWell && state.divisor > 1) return at(state.divisor / 2);
  return { ...state, lateGops, badMs };
}

/** The pace of one camera through all its runs. */
export class FramePace {
  private readonly clock: Clock;
  private readonly slowed: () => boolean;
  private state = FULL_PACE;

  /** `slowed`: whether the board has slowed its processor down. */
  constructor(clock: Clock, slowed: () => boolean) {
    this.clock = clock;
    this.slowed = slowed;
  }

  /** A run begins: the frames a second to ask for where `wished` are wished for. */
  begin(wished: number): number {
    const nowMs = this.clock.monotonicMs();
    this.state = { ...nextPace(this.state, { lateUs: 0, slowed: this.slowed() }, nowMs), sinceMs: nowMs };
    return this.rate(wished);
  }

  /** A GOP is in hand whose last picture was taken at this wall time. */
  gop(endUs: number): void {
    const { clock } = this;
    this.state = nextPace(this.state, { lateUs: clock.wallUs() - endUs, slowed: this.slowed() }, clock.monotonicMs());
  }

  /** The frames a second to ask for now. */
  rate(wished: number): number {
    return Math.max(Math.min(wished, RATE_MIN), Math.round(wished / this.state.divisor));
  }
}

/** What a run asks a camera for: the rate, what that lacks, and whether another rate is due by now. No pace: all that is wished for. */
export function askedRate(
  source: { shown: string; rate: number },
  pace: FramePace | undefined,
): { rate: number; trouble: Failure | null; isOutdated: () => boolean } {
  const wished = source.rate;
  const rate = pace?.begin(wished) ?? wished;
  const trouble = rate < wished ? failure('camera_rate_lowered', { source: source.shown, rate, wished }) : null;
  return { rate, trouble, isOutdated: () => pace !== undefined && pace.rate(wished) !== rate };
}
