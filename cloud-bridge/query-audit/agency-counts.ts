// Counts and sample rows of each agency, collected while an export is streamed, in bounded memory.
import { failure } from '@doorsill/contract/errors';
import type { Match } from './match-word-rules.ts';
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
}

export interface Observation {
  line: number;
  agency: string;
  reason: string;
  caseNumber: string;
  matches: readonly Match[];
}

const SAMPLES_MAX = 8;
const SAMPLE_CHARS_MAX = 160;
const NAME_CHARS_MAX = 160;

/** All agencies of one export, by name. */
export class Tallies {
  readonly byName = new Map<string, Tally>();
  private readonly agenciesMax: number;

  constructor(agenciesMax: number) {
    this.agenciesMax = agenciesMax;
  }

  /** Adds a row; returns it if it is flagged, or null. Throws `query_export_invalid` beyond the limit on agencies. */
  add(seen: Observation): FlaggedRow | null {
    const tally = this.tallyOf(seen.agency);
    tally.queries += 1;
    return seen.matches.length > 0 ? this.addFlagged(tally, seen) : null;
  }

  private addFlagged(tally: Tally, seen: Observation): FlaggedRow {
    const { matches } = seen;
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
      byRule: new Map(),
      samples: [],
    };
    this.byName.set(own, tally);
    return tally;
  }
}
