// Owns: what the bridge remembers of searches for pets. Not here: how (sql-searches.ts). No row of it is a request's, and no agency's
// list reads it.

/** `open` until its poster ends it; from `expiresS` on it is over, whatever its state says. */
export interface StoredSearch {
  search: string;
  /** The poster's home: what limits are counted by. Never published. */
  device: string;
  posterKey: string;
  token: string;
  tokenSha256: string;
  publication: string;
  /** Base64url; empty once the search is over. */
  photo: string;
  /** Where it is published: its own cell first, then those around it. */
  cells: string[];
  state: 'open' | 'ended';
  postedS: number;
  expiresS: number;
}

/** Limits on how many there may be, at `nowS`. */
export interface SearchLimits {
  openPerHomeMax: number;
  postsPerDayMax: number;
  openPerCellMax: number;
  nowS: number;
}

export type AddSearchOutcome = 'added' | 'same' | 'other-content' | 'too-many-open' | 'too-many-posts' | 'cell-full';

export interface SearchStore {
  /** Stores a search unless it breaks a limit, in one step. `same`: these very bytes are stored already. */
  add(search: StoredSearch, limits: SearchLimits): Promise<AddSearchOutcome>;
  find(search: string): Promise<StoredSearch | null>;
  /** Ends a search; its photo goes. False when it was not open. */
  end(search: string): Promise<boolean>;
  /** Searches that have not expired, oldest first, ended ones too. */
  unexpired(nowS: number): Promise<StoredSearch[]>;
  /** Removes the photos of searches that are over, and all of those that were over before `goneS`. */
  tidy(nowS: number, goneS: number): Promise<void>;
  /** Cells whose last document was not empty, with the number of its parts. */
  publishedCells(): Promise<{ cell: string; parts: number }[]>;
  /** Allots the next revision of a cell's document of `parts` parts; 0 for one that says that nothing is open any more. */
  nextRevision(cell: string, parts: number): Promise<number>;
}
