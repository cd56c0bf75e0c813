// Counts and sample rows of each agency, collected while an export is streamed, in bounded memory.
import { failure } from '@doorsill/contract/errors';
import type { Match, Reading } from './match-word-rules.ts';
import { ownCopy } from './normalize-text.ts';

/** A flagged row of an export: its line, its text, and the rule that matched. */
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
  /**
   * Rows with known reach and reason, eight counts for each reach: 4 is set if a row is wordless, 2 if it has no case, 1 if it was made off
   * hours. Which reaches are wide is known only at the end of the export.
   */
  rowsByReach: Uint32Array;
}

export interface Observation {
  line: number;
  agency: string;
  reason: string;
  caseNumber: string;
  reading: Reading;
  isOffHours: boolean | null;
  networks: number | null;
}

/** A reach is a class of numbers of searched networks: powers of two. */
const REACHES = 18;

function reachOf(networks: number): number {
  return Math.min(REACHES - 1, Math.floor(Math.log2(networks + 1)));
}

/**
 * An agency's rows as `SearchCounts`; `wideFrom`: the first reach that counts as wide.
 */
export function searchCounts({ rowsByReach }: Tally, wideFrom: number): number[] {
  const counts = new Array<number>(16).fill(0);
  for (const [at, rows] of rowsByReach.entries()) {
    const cell = (at >> 3 >= wideFrom ? 8 : 0) + (at & 7);
    counts[cell] = (counts[cell] ?? 0) + rows;
  }
  return counts;
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

  /** Adds a row; returns it if it is flagged, or null. Throws `query_export_invalid` beyond the limit on agencies. */
  add(seen: Observation): FlaggedRow | null {
    const tally = this.tallyOf(seen.agency);
    const { reading } = seen;
    tally.queries += 1;
    if (seen.networks !== null) {
      const reach = reachOf(seen.networks);
      this.rowsByReach[reach] = (this.rowsByReach[reach] ?? 0) + 1;
      if (reading.isWordless !== null) {
        const hasCase = /[\p{L}\p{N}]/u.test(seen.caseNumber);
        const at = reach * 8 + (reading.isWordless ? 4 : 0) + (hasCase ? 0 : 2) + (seen.isOffHours ? 1 : 0);
        tally.rowsByReach[at] = (tally.rowsByReach[at] ?? 0) + 1;
      }
    }
    return reading.matches.length > 0 ? this.addFlagged(tally, seen) : null;
  }

  /** The first reach that counts as wide: one in ten of all rows has it or a larger one. */
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
    const tally: Tally = {
      agency: own,
      queries: 0,
      flagged: 0,
      rowsByReach: new Uint32Array(8 * REACHES),
      byRule: new Map(),
      samples: [],
    };
    this.byName.set(own, tally);
    return tally;
  }
}
