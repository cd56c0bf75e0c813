// Lowers a wired camera's frame rate when the board is too slow, before frames are lost, and raises it again after a long time without
// trouble. hardware/board-power.ts knows whether the board is slowed.
import type { Clock } from '@doorsill/base/clock';
import { type Failure, failure } from '@doorsill/contract/errors';

/** A frame that arrives this late shows that frames pile up before ffmpeg; the kernel's buffers hold only some seconds of them. */
const LATE_US = 3_000_000;
/** Late GOPs in a row that lower the rate: a single one may be a hiccup. */
const LATE_GOPS = 3;
/** Time that a start or a change of the rate needs to take effect. */
const SETTLE_MS = 20_000;
/** Time without trouble before the rate is raised. */
const WELL_MS = 600_000;
const DIVISOR_MAX = 4;
/** Motion detection needs five frames a second. */
const RATE_MIN = 5;

export interface PaceState {
  /** The configured rate is divided by this. */
  readonly divisor: number;
  readonly lateGops: number;
  /** Monotonic times at which this divisor or run began, and of the last trouble. */
  readonly sinceMs: number;
  readonly badMs: number;
}

export const FULL_PACE: PaceState = {
  divisor: 1,
  lateGops: 0,
  sinceMs: Number.NEGATIVE_INFINITY,
  badMs: Number.NEGATIVE_INFINITY,
};

/** The state after a GOP that arrived `lateUs` after its last frame was taken. */
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

/** The frame rate of one camera through all its runs. */
export class FramePace {
  private readonly clock: Clock;
  private readonly slowed: () => boolean;
  private state = FULL_PACE;

  /** `slowed`: whether the board has throttled its processor. */
  constructor(clock: Clock, slowed: () => boolean) {
    this.clock = clock;
    this.slowed = slowed;
  }

  /** Begins a run; returns the frames a second to ask for, at most `wished`. */
  begin(wished: number): number {
    const nowMs = this.clock.monotonicMs();
    this.state = { ...nextPace(this.state, { lateUs: 0, slowed: this.slowed() }, nowMs), sinceMs: nowMs };
    return this.rate(wished);
  }

  /** Takes in that a GOP has arrived whose last frame was taken at this wall time. */
  gop(endUs: number): void {
    const { clock } = this;
    this.state = nextPace(this.state, { lateUs: clock.wallUs() - endUs, slowed: this.slowed() }, clock.monotonicMs());
  }

  /** The frames a second to ask for now. */
  rate(wished: number): number {
    return Math.max(Math.min(wished, RATE_MIN), Math.round(wished / this.state.divisor));
  }
}

/** The rate to ask a camera for, `camera_rate_lowered` if it is below the configured one, and whether the rate has changed since. */
export function askedRate(
  source: { shown: string; rate: number },
  pace: FramePace | undefined,
): { rate: number; trouble: Failure | null; isOutdated: () => boolean } {
  const wished = source.rate;
  const rate = pace?.begin(wished) ?? wished;
  const trouble = rate < wished ? failure('camera_rate_lowered', { source: source.shown, rate, wished }) : null;
  return { rate, trouble, isOutdated: () => pace !== undefined && pace.rate(wished) !== rate };
}
