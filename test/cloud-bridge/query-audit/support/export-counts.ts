// The sixteen counts of each agency of a synthetic export, for the oracle (misuse-oracle.ts).

import { CsvRows } from '../../../../cloud-bridge/persistence/csv-rows.ts';
import { searchCounts, Tallies } from '../../../../cloud-bridge/query-audit/agency-counts.ts';
import { SearchTimes } from '../../../../cloud-bridge/query-audit/audit.ts';
import { readHeader } from '../../../../cloud-bridge/query-audit/export-columns.ts';
import { Reader } from '../../../../cloud-bridge/query-audit/match-word-rules.ts';

export interface CountedAgency {
  name: string;
  queries: number;
  /** As `searchCounts` of agency-counts.ts has them. */
  counts: readonly number[];
}

export const CELLS = 16;

/** Reads an export with the usual columns; broken rows are left out, which are 4 in 10,000. */
export async function countRows(pieces: AsyncIterable<Uint8Array>): Promise<CountedAgency[]> {
  const tallies = new Tallies(20_000);
  const reader = new Reader();
  const times = new SearchTimes('UTC');
  const rows = new CsvRows();
  const decoder = new TextDecoder();
  let header: ReturnType<typeof readHeader> | null = null;
  for await (const piece of pieces) {
    for (const { cells, fault, line } of rows.push(decoder.decode(piece, { stream: true }))) {
      if (!header) {
        header = readHeader(cells);
        continue;
      }
      if (fault || cells.length !== header.width) continue;
      const { positions } = header;
      const cell = (at: number | undefined) => cells[at ?? -1] ?? '';
      const [reason, caseNumber] = [cell(positions.reason), cell(positions.caseNumber)];
      const hour = times.localHour(cell(positions.time));
      tallies.add({
        line,
        agency: cell(positions.agency),
        reason,
        caseNumber,
        reading: reader.read({ reason, caseNumber, prompt: cell(positions.prompt), offense: '' }),
        isOffHours: hour === null ? null : hour >= 22 || hour < 6,
        networks: Number(cell(positions.networks)),
      });
    }
  }
  return [...tallies.byName.values()].map((tally) => ({
    name: tally.agency,
    queries: tally.queries,
    counts: searchCounts(tally, tallies.wideFrom),
  }));
}
