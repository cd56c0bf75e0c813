// Owns: what the bridge remembers of requests and of what it published. Not here: how (database/).

/** A request this bridge countersigned. */
export interface StoredRequest {
  request: string;
  agency: string;
  agencyKey: string;
  token: string;
  tokenSha256: string;
  publication: string;
  /** The investigation code in its one spelling, for counting. */
  investigation: string;
  cells: string[];
  state: 'published' | 'resolved';
  publishedS: number;
  /** Seconds since 1970; from then on the request is expired, whatever its state says. */
  expiresS: number;
}

export type AddOutcome = 'added' | 'same' | 'other-content' | 'too-many-posts' | 'cell-full';

export interface RequestStore {
  /** Stores a request unless it breaks a limit on numbers, in one step. `same`: these very bytes are stored already. */
  add(request: StoredRequest, limits: { postsMax: number; openPerCellMax: number; nowS: number }): Promise<AddOutcome>;
  find(request: string): Promise<StoredRequest | null>;
  /** Marks a request as resolved; false when there is none that is published. */
  resolve(request: string): Promise<boolean>;
  /** Requests that have not expired, oldest first. */
  unexpired(nowS: number): Promise<StoredRequest[]>;
  /** Cells whose last document was not empty, with the number of its parts. */
  publishedCells(): Promise<{ cell: string; parts: number }[]>;
  /** Allots the next revision of a cell's document of `parts` parts; 0 for one that says that nothing is open any more. */
  nextRevision(cell: string, parts: number): Promise<number>;
}
