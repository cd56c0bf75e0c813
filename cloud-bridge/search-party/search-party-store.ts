// Searches have tables of their own: no list of an agency reads them.

/** `open` until its poster ends it; it also ends at `expiresS`, whatever its state says. */
export interface StoredSearch {
  search: string;
  /** The poster's home, by which limits are counted. Never published. */
  device: string;
  posterKey: string;
  token: string;
  tokenSha256: string;
  publication: string;
  /** Base64url; empty once the search is over. */
  photo: string;
  /** Cells in which it is published: its own first, then those around it. */
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
  /** Searches that have not expired, ended ones included, oldest first. */
  unexpired(nowS: number): Promise<StoredSearch[]>;
  /** Deletes the photos of expired searches, and the searches that expired before `goneS`. */
  tidy(nowS: number, goneS: number): Promise<void>;
  /** Cells with a non-empty last document, and the number of its parts. */
  publishedCells(): Promise<{ cell: string; parts: number }[]>;
  /** Allocates the next revision of a cell's document with `parts` parts; 0 parts for an empty one. */
  nextRevision(cell: string, parts: number): Promise<number>;
}
