// The lines of a fleet's run, joined so that a run of any length fits one page.
import type { FleetLine } from './fleet.ts';

/** Most points of a curve: a screen shows no more. Even, since points are joined in pairs. */
const POINTS_MAX = 300;

/**
 * Seconds that become one point keep their maximum of these, and the fewest doorbells up. Other figures only grow: the last value is kept.
 */
const MOST = [
  'clipsUnderWay',
  'latenessP50Ms',
  'latenessP99Ms',
  'cores',
  'memoryBytes',
  'descriptors',
  'timers',
] as const;

export class FleetHistory {
  private joined: FleetLine[] = [];
  /** Seconds that do not make a whole point yet. */
  private waiting: FleetLine[] = [];
  private each = 1;

  add(line: FleetLine): void {
    this.waiting.push(line);
    if (this.waiting.length < this.each) return;
    this.joined.push(worstOf(this.waiting));
    this.waiting = [];
    if (this.joined.length < POINTS_MAX) return;
    const pairs = this.joined;
    this.joined = pairs.flatMap((first, at) => (at % 2 === 0 ? [worstOf([first, pairs[at + 1] ?? first])] : []));
    this.each *= 2;
  }

  /** Lines in one point. */
  get linesEach(): number {
    return this.each;
  }

  /** From the first second to the last; a point of several lines has the worst of each figure. */
  get points(): readonly FleetLine[] {
    return this.waiting.length === 0 ? this.joined : [...this.joined, worstOf(this.waiting)];
  }
}

function worstOf(lines: readonly FleetLine[]): FleetLine {
  const [first, ...others] = lines as [FleetLine, ...FleetLine[]];
  return others.reduce((worst, line) => {
    const joined = { ...line, up: Math.min(worst.up, line.up) };
    for (const name of MOST) {
      const [one, other] = [worst[name], line[name]];
      if (one !== null && (other === null || one > other)) Object.assign(joined, { [name]: one });
    }
    return joined;
  }, first);
}
