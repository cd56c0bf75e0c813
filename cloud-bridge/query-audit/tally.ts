// Owns: what is kept of each agency while an export streams by: counts, and a few flagged rows as samples. Bounded.
// Not here: the rules (flags.ts), what follows (behaviour.ts, verdict.ts).
import { failure } from '../../device/protocol/errors.ts';
import type { Match, Reading } from './flags.ts';
import { ownCopy } from './wording.ts';

/** A flagged row: where it is, what was typed, what matched. */
export interface FlaggedRow {
  line: number;
  agency: string;
  reason: string;
  caseNumber: string;
  matches: readonly Match[];
}

/** Counts of one agency. */
export interface Tally {
  agency: string;
  queries: number;
  /** Rows with a grave or serious flag, each counted once. */
  flagged: number;
  byRule: Map<string, number>;
  samples: FlaggedRow[];
  vague: number;
  /** Rows whose time could be read, and those of them off hours. */
  timed: number;
  offHours: number;
  /** Rows that say how many networks they reached, and the sum of the logarithms of that. */
  reaching: number;
  logReachSum: number;
  /** Vague rows and all rows by their reach: how wide is wide shows only when all has been read. */
  vagueByReach: Uint32Array;
  rowsByReach: Uint32Array;
}

/** What one row adds. */
export interface Observation {
  line: number;
  agency: string;
  reason: string;
  caseNumber: string;
  reading: Reading;
  isOffHours: boolean | null;
  networks: number | null;
}

/** Reaches are powers of two of networks. */
const REACHES = 18;

function reachOf(networks: number): number {
  return Math.min(REACHES - 1, Math.floor(Math.log2(networks + 1)));
}

const SAMPLES_MAX = 8;
const SAMPLE_CHARS_MAX = 160;
const NAME_CHARS_MAX = 160;

/** All agencies of one export, by name. */
export class Tallies {
  readonly byName = new Map<string, Tally>();
  private readonly agenciesMax: number;
  private readonly rowsByReach = new Float64Array(REACHES);

  constructor(agenciesMax: number) {
    this.agenciesMax = agenciesMax;
  }

  /** Adds a row; returns it as a flagged one, or null. Throws `query_export_invalid` beyond the number of agencies. */
  add(seen: Observation): FlaggedRow | null {
    const tally = this.tallyOf(seen.agency);
    const { reading } = seen;
    tally.queries += 1;
    if (reading.isVague) tally.vague += 1;
    if (seen.isOffHours !== null) {
      tally.timed += 1;
      if (seen.isOffHours) tally.offHours += 1;
    }
    if (seen.networks !== null) {
      tally.reaching += 1;
      tally.logReachSum += Math.log(seen.networks + 1);
      const reach = reachOf(seen.networks);
      this.rowsByReach[reach] = (this.rowsByReach[reach] ?? 0) + 1;
      tally.rowsByReach[reach] = (tally.rowsByReach[reach] ?? 0) + 1;
      if (reading.isVague) tally.vagueByReach[reach] = (tally.vagueByReach[reach] ?? 0) + 1;
    }
    return reading.matches.length > 0 ? this.addFlagged(tally, seen) : null;
  }

  /** The reach that a tenth of all rows have or exceed. */
  get wideFrom(): number {
    const all = this.rowsByReach.reduce((sum, count) => sum + count, 0);
    let wider = 0;
    for (let reach = REACHES - 1; reach > 0; reach -= 1) {
      wider += this.rowsByReach[reach] ?? 0;
      if (wider >= all / 10) return reach;
    }
    return 0;
  }

  private addFlagged(tally: Tally, seen: Observation): FlaggedRow {
    const { matches } = seen.reading;
    for (const { rule } of matches) tally.byRule.set(rule, (tally.byRule.get(rule) ?? 0) + 1);
    const row = {
      line: seen.line,
      agency: tally.agency,
      reason: ownCopy(seen.reason.slice(0, SAMPLE_CHARS_MAX)),
      caseNumber: ownCopy(seen.caseNumber.slice(0, 40)),
      matches,
    };
    if (!matches.some(({ severity }) => severity !== 'minor')) return row;
    tally.flagged += 1;
    if (tally.samples.length < SAMPLES_MAX) tally.samples.push(row);
    return row;
  }

  private tallyOf(name: string): Tally {
    const agency = name.length > NAME_CHARS_MAX ? name.slice(0, NAME_CHARS_MAX) : name;
    const known = this.byName.get(agency);
    if (known) return known;
    if (this.byName.size >= this.agenciesMax) {
      throw failure('query_export_invalid', { detail: `it names more than ${this.agenciesMax} agencies` });
    }
    const own = ownCopy(agency);
    const counts = { queries: 0, flagged: 0, vague: 0, timed: 0, offHours: 0, reaching: 0, logReachSum: 0 };
    const tally: Tally = {
      agency: own,
      ...counts,
      vagueByReach: new Uint32Array(REACHES),
      rowsByReach: new Uint32Array(REACHES),
      byRule: new Map(),
      samples: [],
    };
    this.byName.set(own, tally);
    return tally;
  }
}
