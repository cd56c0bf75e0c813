// Owns: what a fleet told second after second, kept small enough for one page however long it ran. Pure. Not here: the figures themselves
// (fleet.ts), how they are drawn (fleet-curves.ts).
import type { FleetLine } from './fleet.ts';

/** Points of a curve: more would be finer than what a screen shows. Even, since points are joined in pairs. */
const POINTS_MAX = 300;

/** The worst of what seconds that become one point had: most of these, fewest doorbells up. Anything else only grows, and its last value stays. */
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

  /** Lines that one point stands for. */
  get linesEach(): number {
    return this.each;
  }

  /** From the first second to the last. Where a point stands for several, it is the worst of each figure. */
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
