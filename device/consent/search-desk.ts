// Owns: taking in what the area link brings of Search Party, and what the owner is told of a sighting.
// Not here: what is believed (search-view.ts), likeness (search-party/), whether the home takes part (gate-state.ts).
import { cellOf } from '../protocol/area.ts';
import { DISCLOSURE_PROFILES } from '../protocol/claims.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { SightingNotice } from '../protocol/home.ts';
import type { SearchDocument } from '../protocol/search.ts';
import { CellDocuments } from './cell-documents.ts';
import type { GateDeps } from './gate-effects.ts';
import type { Pins } from './gate-state.ts';
import type { HighWaterMarks } from './high-water-marks.ts';
import { type SearchNews, SearchView } from './search-view.ts';
import { openSearchDocument } from './verify-area.ts';

export class SearchDesk {
  readonly view: SearchView;
  private readonly deps: Pick<GateDeps, 'device' | 'values'>;
  private readonly documents: CellDocuments<SearchDocument>;

  constructor(deps: GateDeps, marks: HighWaterMarks) {
    this.deps = deps;
    this.view = new SearchView(deps.clock);
    const { clock, log, place } = deps;
    this.documents = new CellDocuments({
      ...{ clock, log, marks, cell: cellOf(place), markKind: '/searches', open: openSearchDocument },
    });
  }

  /** Opens a part of the cell's document; null when it is the one already taken in. `consent_too_many`: too fast. */
  openDocument(onPart: number, token: string, pins: Pins): SearchDocument | ErrorCode | null {
    return this.documents.open(onPart, token, pins);
  }

  /** Believes an opened document. */
  async takeDocument(document: SearchDocument, token: string, pins: Pins): Promise<SearchNews> {
    if (!(await this.documents.accept(document, token, pins))) return { ended: [], refused: ['consent_too_old'] };
    return this.view.takeDocument(document, pins);
  }

  /** What the owner is told of a search that may have been seen here; null when it was not. */
  noticeOf(id: string): SightingNotice | null {
    const found = this.view.sighted(id);
    if (!found) return null;
    const values = this.deps.values();
    const asked = DISCLOSURE_PROFILES[found.search.request.profile];
    const held = asked.flatMap((key) => (values[key] === undefined ? [] : [[key, values[key]] as const]));
    return {
      device: this.deps.device.id,
      papers: found.search.papers,
      sighted: [...found.sighted],
      wouldDisclose: Object.fromEntries(held),
    };
  }

  clear(): void {
    this.documents.clear();
    this.view.clear();
  }
}
