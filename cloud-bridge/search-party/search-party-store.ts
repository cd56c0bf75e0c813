// Owns: what the bridge stores about searches for pets. Not here: how (sql-searches.ts). Its rows are not requests, and no agency's
// list reads them.

/** `open` until its poster ends it; from `expiresS` on it has ended, whatever its state says. */
export interface StoredSearch {
  search: string;
  /** The poster's home: limits are counted by it. Never published. */
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

/** Limits on the number of searches, at `nowS`. */
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
  /** Ends a search and deletes its photo. False when it was not open. */
  end(search: string): Promise<boolean>;
  /** Searches that have not expired, oldest first, ended ones too. */
  unexpired(nowS: number): Promise<StoredSearch[]>;
  /** Deletes the photos of searches that have ended, and the searches that had ended before `goneS`. */
  tidy(nowS: number, goneS: number): Promise<void>;
  /** Cells whose last document was not empty, with its number of parts. */
  publishedCells(): Promise<{ cell: string; parts: number }[]>;
  /** Allocates the next revision of a cell's document with `parts` parts; 0 parts for one which says that nothing is open any more. */
  nextRevision(cell: string, parts: number): Promise<number>;
}
